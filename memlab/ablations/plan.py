"""Which changes are made to every image: conditions, with what each is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from memlab.ablations.base import Ablation
from memlab.registry import load, plugins
from memlab.types import Role

Doses = Literal["primary", "ladder"]

DRAWS = 8
"""Controls per image at the primary dose: the power of a difference grows little beyond."""
DRAWS_ELSEWHERE = 2
"""Controls per image at the other doses of a ladder."""


@dataclass(frozen=True)
class Condition:
    """One way in which every image is changed: an ablation at a dose, in a role.

    Args:
        ablation: the ablation; its region says where.
        dose: in the ablation's unit.
        role: the ablation itself (`target`) or what it is compared with.
        draws: how often a random condition is repeated.
        yardstick: whether effects are compared with it: one of memlab's own nuisance changes, at
            its primary dose. Others of role `floor` are shown, but nothing is compared with them.
    """

    ablation: Ablation
    dose: float
    role: Role = "target"
    draws: int = 1
    yardstick: bool = False

    @property
    def name(self) -> str:
        """Ablation and dose, then other parameters and region where they are not the usual.

        Without the role: `blur@2[faces]`, `remove_faces@1`, `remove_faces@1(fill=mean)`.
        """
        ablation, usual = self.ablation, self.ablation.usual
        others = list(ablation.spec["init_args"].items())[1:]  # the first is the dose
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
        """Short and unique in a plan: `blur@2`, `blur@2[faces]`, `blur@2[faces]:control`."""
        return self.name if self.role == "target" else f"{self.name}:{self.role}"

    @property
    def primary(self) -> bool:
        """Whether this is the dose that was asked for, and is tested."""
        return self.dose == self.ablation.dose

    def describe(self) -> dict[str, Any]:
        """The condition as plain data, for results and tables."""
        arguments = self.ablation.spec["init_args"]  # the first is the dose
        return {
            "condition": self.key,
            "ablation": self.ablation.name,
            "class_path": self.ablation.spec["class_path"],
            "parameters": {**arguments, next(iter(arguments)): self.dose},
            "family": self.ablation.family,
            "region": self.ablation.region,
            "fill": arguments.get("fill"),
            "dose": self.dose,
            "unit": self.ablation.unit,
            "primary": self.primary,
            "role": self.role,
            "yardstick": self.yardstick,
            "compared_with": None if self.role == "floor" else self.ablation.compared_with,
        }


def plan(
    ablations: Sequence[Ablation], doses: Doses = "primary", controls: int = 0
) -> list[Condition]:
    """The conditions that some ablations ask for, each once.

    Args:
        ablations: any number; the same one twice counts once.
        doses: `primary` for one dose each, `ladder` for the whole curve with the primary dose.
        controls: draws of each control at the primary dose, at most 2 at the others; with 0 there
            is nothing to compare with, and a swap has one draw.
    """
    conditions: dict[str, Condition] = {}
    for ablation in ablations:
        ladder = ablation.ladder if doses == "ladder" else ()
        for dose in sorted({*ladder, ablation.dose}):
            draws = controls if dose == ablation.dose else min(controls, DRAWS_ELSEWHERE)
            for role, count in _roles(ablation, draws):
                condition = Condition(ablation, dose, role, count)
                other = conditions.setdefault(condition.key, condition)
                if condition.primary and not other.primary:  # a step of another's ladder gives way
                    conditions[condition.key] = condition
    if controls and any(_asks_for_floor(one.ablation) for one in conditions.values()):
        for condition in floor():
            there = conditions.get(condition.key, condition)  # somebody may have asked for it
            conditions[condition.key] = replace(there, yardstick=True)
    return list(conditions.values())


def _asks_for_floor(ablation: Ablation) -> bool:
    """Whether effects are compared with the nuisance baseline, or may have to be.

    Around the complement of annotated regions there is seldom room for a matched control.
    """
    complement = ablation.place.inverted or ablation.place.name == "background"
    kind = ablation.compared_with
    return kind == "floor" or (kind == "placed" and complement)


def floor() -> list[Condition]:
    """Memlab's own nuisance changes at their primary doses; plugins never add to them."""
    own = [one for one in plugins("ablations") if one.distribution == "memlab"]
    classes = [load("ablations", one.name) for one in own]
    members = [cls() for cls in classes if cls.family == "floor"]
    return [Condition(one, one.dose, "floor", yardstick=True) for one in members]


def _roles(ablation: Ablation, draws: int) -> Iterator[tuple[Role, int]]:
    if ablation.family == "floor":
        yield "floor", 1
    elif ablation.compared_with == "there-and-back":
        yield "swap", max(draws, 1)
        if draws:
            yield "there-and-back", draws
    else:
        yield "target", 1
        if draws and ablation.compared_with != "floor":
            yield "control", draws
