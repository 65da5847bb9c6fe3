"""Conditions of a protocol: its operators as ablations of memlab, with roles, doses and draws."""

from __future__ import annotations

from collections.abc import Iterable

from memlab.ablations.base import Ablation
from memlab.ablations.plan import Condition
from memlab.audit.protocol import Feature, Operator, Protocol
from memlab.errors import MemlabError
from memlab.registry import load
from memlab.roles import Role


def ablation_of(operator: Operator) -> Ablation:
    """Return the ablation that an operator names; it is one of memlab's own.

    Raises:
        MemlabError: if its constructor does not take the arguments; names operator and argument.
    """
    cls = load("ablations", f"memlab:{operator.ablation}")
    try:
        made: Ablation = cls(**operator.arguments)
    except TypeError as error:
        said = str(error).partition("__init__() ")[2] or str(error)
        raise MemlabError(
            f"protocol: {operator.ablation} with {operator.arguments}: {said}; see memlab ablate "
            "--help for its arguments"
        ) from error
    return made


def conditions_of(protocol: Protocol, feature: Feature) -> list[Condition]:
    """Return the conditions of a feature at the primary doses, with their controls.

    Removals come first, in the order of the fills, then the swap, then the insertion.

    Raises:
        MemlabError: if an operator's arguments are wrong.
    """
    made: list[Condition] = []
    for operator in feature.removals:
        made += _pair(operator, "target", "control", protocol.target_draws, protocol.draws)
    if feature.swap is not None:
        made += _pair(feature.swap, "swap", "round-trip", protocol.swap_draws, protocol.swap_draws)
    if feature.insertion is not None:
        # the controls are patches at the place of the first insertion
        made += _pair(feature.insertion, "target", "control", 1, protocol.draws)
    return made


def ladder_of(protocol: Protocol, feature: Feature) -> list[Condition]:
    """Return the conditions of a feature's other doses: of its primary fill, or of its swap."""
    draws = protocol.draws_elsewhere
    if feature.removals:
        of_target = protocol.target_draws
        return _others(feature.removals[0], "target", "control", of_target, draws)
    return [] if feature.swap is None else _others(feature.swap, "swap", "round-trip", draws, draws)


def nuisance_of(protocol: Protocol) -> list[Condition]:
    """Return the conditions of the nuisance baseline."""
    made = [ablation_of(one) for one in protocol.nuisance]
    return [Condition(one, one.dose, "nuisance", in_baseline=True) for one in made]


def sufficiency_of(protocol: Protocol) -> list[Condition]:
    """Return the conditions that reduce images to one kind of information; they have no control."""
    made = [ablation_of(one) for one in protocol.sufficiency]
    return [Condition(one, one.dose) for one in made]


def unique(conditions: Iterable[Condition]) -> list[Condition]:
    """Return each condition once, in order."""
    return list({one.key: one for one in reversed(list(conditions))}.values())[::-1]


def _pair(
    operator: Operator, role: Role, control: Role, draws: int, controls: int
) -> list[Condition]:
    ablation = ablation_of(operator)
    return [
        Condition(ablation, ablation.dose, role, draws),
        Condition(ablation, ablation.dose, control, controls),
    ]


def _others(
    operator: Operator, role: Role, control: Role, draws: int, controls: int
) -> list[Condition]:
    ablation = ablation_of(operator)
    doses = [dose for dose in ablation.ladder if dose != ablation.dose]
    return [
        condition
        for dose in doses
        for condition in (
            Condition(ablation, dose, role, draws),
            Condition(ablation, dose, control, controls),
        )
    ]
