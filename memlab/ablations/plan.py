"""Conditions: the changes made to every image, and their controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from memlab.ablations import INSTEAD
from memlab.ablations.base import Ablation
from memlab.ablations.record import ConditionRecord
from memlab.errors import MemlabError
from memlab.registry import load, plugins
from memlab.roles import Role
from memlab.spec import required_arguments
from memlab.stats.planning import TARGET_DRAWS

Doses = Literal["primary", "ladder"]

DRAWS = 8
"""Controls per image at the primary dose. More controls add little power."""
DRAWS_ELSEWHERE = 2
"""Controls per image at the other doses of a ladder."""


@dataclass(frozen=True)
class Condition:
    """Ablation at one dose, in one role.

    Args:
        ablation: the ablation, including its region.
        dose: in the unit of the ablation.
        role: the ablation itself (`target`), or the kind of control.
        draws: number of repetitions of a random condition.
        in_baseline: whether the condition belongs to the nuisance baseline: a nuisance change of
            memlab at its primary dose. Other conditions of role `nuisance` are reported only.
    """

    ablation: Ablation
    dose: float
    role: Role = "target"
    draws: int = 1
    in_baseline: bool = False

    @property
    def name(self) -> str:
        """Return ablation and dose, then parameters and region that differ from the defaults.

        The role is not included: `blur@2[faces]`, `remove_faces@1`, `remove_faces@1(fill=mean)`.
        """
        ablation, usual = self.ablation, self.ablation.usual
        others = list(ablation.spec["init_args"].items())[1:]  # the first argument is the dose
        rest = [
            f"{argument}={value}"
            for argument, value in others
            if argument != "region" and (argument not in usual or usual[argument] != value)
        ]
        return "".join(
            [
                f"{ablation.name}@{self.dose:.6g}",
                f"({','.join(rest)})" if rest else "",
                "" if ablation.region == usual["region"] else f"[{ablation.region}]",
            ]
        )

    @property
    def key(self) -> str:
        """Return a short unique key: `blur@2`, `blur@2[faces]`, `blur@2[faces]:control`."""
        return self.name if self.role == "target" else f"{self.name}:{self.role}"

    @property
    def primary(self) -> bool:
        """Return whether the dose is the primary dose, which is tested."""
        return self.dose == self.ablation.dose

    @property
    def record(self) -> ConditionRecord:
        """Return the condition as plain data, for results and tables."""
        ablation = self.ablation
        arguments = ablation.spec["init_args"]  # the first argument is the dose
        return ConditionRecord(
            condition=self.key,
            ablation=ablation.name,
            class_path=ablation.spec["class_path"],
            parameters={**arguments, next(iter(arguments)): self.dose},
            family=ablation.family,
            region=ablation.region,
            fill=arguments.get("fill"),
            dose=self.dose,
            unit=ablation.unit,
            dose_name=ablation.dose_name,
            primary=self.primary,
            role=self.role,
            in_baseline=self.in_baseline,
            compared_with=None if self.role == "nuisance" else ablation.compared_with,
        )


def plan(
    ablations: Sequence[Ablation], doses: Doses = "primary", controls: int = 0
) -> list[Condition]:
    """Return the conditions for a list of ablations, each condition once.

    Args:
        ablations: any number of ablations; duplicates count once.
        doses: `primary` for the primary dose alone, `ladder` for the ladder and the primary dose.
        controls: draws of each control at the primary dose; other doses get at most 2. With 0 the
            plan has no controls, and a swap has one draw. A target with matched controls is drawn
            `TARGET_DRAWS` times at every dose.
    """
    conditions: dict[str, Condition] = {}
    for ablation in ablations:
        ladder = ablation.ladder if doses == "ladder" else ()
        for dose in sorted({*ladder, ablation.dose}):
            draws = controls if dose == ablation.dose else min(controls, DRAWS_ELSEWHERE)
            for role, count in _roles(ablation, draws):
                condition = Condition(ablation, dose, role, count)
                other = conditions.setdefault(condition.key, condition)
                if condition.primary and not other.primary:  # primary wins over a ladder step
                    conditions[condition.key] = condition
    if controls and any(_needs_baseline(one.ablation) for one in conditions.values()):
        for condition in nuisance_baseline():
            there = conditions.get(condition.key, condition)  # the plan may contain it
            conditions[condition.key] = replace(there, in_baseline=True)
    return list(conditions.values())


def _needs_baseline(ablation: Ablation) -> bool:
    """Return whether effects are compared, or may have to be compared, with the nuisance baseline.

    The complement of annotated regions seldom leaves room for a matched control.
    """
    complement = ablation.place.inverted or ablation.place.name == "background"
    kind = ablation.compared_with
    return kind == "nuisance-baseline" or (kind == "matched-control" and complement)


def nuisance_baseline() -> list[Condition]:
    """Return memlab's own nuisance changes at their primary doses; plugins cannot add to them."""
    members = own_ablations("nuisance")
    return [Condition(one, one.dose, "nuisance", in_baseline=True) for one in members]


def own_ablations(family: str | None = None) -> list[Ablation]:
    """Return memlab's own ablations with default arguments, without those that require some.

    Args:
        family: only ablations of this family.
    """
    own = [one for one in plugins("ablations") if one.distribution == "memlab"]
    classes = [load("ablations", one.name) for one in own]
    return [
        cls() for cls in classes if family in (None, cls.family) and not required_arguments(cls)
    ]


def default_ablation(name: str) -> Ablation:
    """Return an ablation by plugin name, with default arguments.

    Raises:
        MemlabError: if there is no such plugin, or if its class requires an argument.
    """
    cls = load("ablations", name)
    needed = required_arguments(cls)
    if needed:
        example = ", ".join(f"{one}=..." for one in needed)
        raise MemlabError(
            f"ablation {name!r} has no default {' and '.join(needed)}: "
            f"give {cls.__module__}.{cls.__name__}({example}){INSTEAD.get(name, '')}"
        )
    ablation: Ablation = cls()
    return ablation


def _roles(ablation: Ablation, draws: int) -> Iterator[tuple[Role, int]]:
    if ablation.family == "nuisance":
        yield "nuisance", 1
    elif ablation.compared_with == "round-trip":
        yield "swap", max(draws, 1)
        if draws:
            yield "round-trip", draws
    else:
        matched = ablation.compared_with == "matched-control"
        yield "target", TARGET_DRAWS if draws and matched else 1
        if draws and ablation.compared_with != "nuisance-baseline":
            yield "control", draws
