"""Operators of a protocol found among the conditions that were run."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.ablations.record import ConditionRecord
from memlab.audit.protocol import Operator, Protocol
from memlab.roles import Role


def condition_of(
    operator: Operator,
    records: Sequence[ConditionRecord],
    protocol: Protocol,
    roles: Sequence[Role] = ("target", "swap"),
) -> ConditionRecord | None:
    """Return the condition of an operator at its primary dose; None if it was not run.

    A condition belongs to the operator that names most of its arguments: `swap_palette` without
    arguments is not the condition of `swap_palette` with region `background`, if the protocol has
    both.

    Args:
        operator: an operator of the protocol.
        records: records of all conditions; without parameters (a table that was read back), region
            and fill are compared alone.
        protocol: the protocol.
        roles: roles of the condition.
    """
    others = [one for one in _operators(protocol) if one.ablation == operator.ablation]
    for record in records:
        if not record.primary or record.role not in roles or not _matches(operator, record):
            continue
        rivals = [one for one in others if _matches(one, record)]
        if len(operator.arguments) >= max(len(one.arguments) for one in [operator, *rivals]):
            return record
    return None


def _operators(protocol: Protocol) -> list[Operator]:
    of_features = [
        one
        for feature in protocol.features
        for one in (*feature.removals, feature.swap, feature.insertion)
        if one is not None
    ]
    return [*of_features, *protocol.nuisance, *protocol.sufficiency]


def _matches(operator: Operator, record: ConditionRecord) -> bool:
    if record.ablation != operator.ablation:
        return False
    known = {"region": record.region, "fill": record.fill, **record.parameters}
    return all(known.get(name, value) == value for name, value in operator.arguments.items())
