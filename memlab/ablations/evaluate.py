"""The one engine that scores changed pictures: pure torch, bounded memory, every batch paired.

The test callback calls `evaluate`, `memlab ablate` the `changed_pictures` below it; no other place
scores, or makes, a changed picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from memlab.ablations import Role
from memlab.ablations.base import Ablation, Context
from memlab.errors import PluginError
from memlab.models.precision import single_precision

Doses = Literal["primary", "ladder"]


@dataclass(frozen=True)
class Condition:
    """One way in which every picture is changed: an ablation at a dose, in a role.

    Args:
        ablation: the ablation; its region says where.
        dose: in the ablation's unit.
        role: the ablation itself (`target`) or what it is compared with.
        draws: how often a random condition is repeated.
    """

    ablation: Ablation
    dose: float
    role: Role = "target"
    draws: int = 1

    @property
    def key(self) -> str:
        """Short and unique in a plan: `blur@2`, `blur@2[faces]`, `blur@2:control`."""
        others = list(self.ablation.spec["init_args"].items())[1:]  # the first is the dose
        rest = [f"{name}={value}" for name, value in others if name != "region"]
        return "".join(
            [
                f"{self.ablation.name}@{self.dose:.6g}",
                f"({','.join(rest)})" if rest else "",
                "" if self.ablation.region == "all" else f"[{self.ablation.region}]",
                "" if self.role == "target" else f":{self.role}",
            ]
        )

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
            "primary": self.dose == self.ablation.dose,
            "role": self.role,
        }


def plan(ablations: Sequence[Ablation], doses: Doses = "primary") -> list[Condition]:
    """The conditions that some ablations ask for, each once.

    Args:
        ablations: any number; the same one twice counts once.
        doses: `primary` for one dose each, `ladder` for the whole curve with the primary dose.
    """
    conditions: dict[str, Condition] = {}
    for ablation in ablations:
        ladder = ablation.ladder if doses == "ladder" else ()
        for dose in sorted({*ladder, ablation.dose}):
            condition = Condition(ablation, dose)
            conditions.setdefault(condition.key, condition)
    return list(conditions.values())


@dataclass(frozen=True)
class ConditionScores:
    """What one condition did to the pictures of a batch.

    Args:
        condition: the condition.
        draw: which repetition.
        eligible: (B,) bool; pictures that lack what the ablation needs are not scored.
        predicted: (B,) memorability scores, NaN where not eligible; both on the CPU.
    """

    condition: Condition
    draw: int
    eligible: Tensor
    predicted: Tensor


@torch.no_grad()
def changed_pictures(
    images: Tensor, context: Context, condition: Condition, micro_batch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `(places, pictures)` for the eligible pictures, at most `micro_batch` at a time.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        context: of the same pictures, with the draw set.
        condition: how to change them.
        micro_batch: the most pictures changed at once; bounds the memory.

    Raises:
        PluginError: if the ablation returns another shape, NaN or values out of range; names it
            and the picture.
    """
    eligible = condition.ablation.eligible(context)
    for places in torch.split(eligible.nonzero().flatten(), micro_batch):
        some = images[places.to(images.device)]
        part = context.select(places)
        changed = condition.ablation(some, part, condition.dose)
        _check(changed, some, part, condition)
        yield places, changed


def evaluate(
    score: Callable[[Tensor, Context], Tensor],
    images: Tensor,
    context: Context,
    conditions: Sequence[Condition],
    micro_batch: int = 64,
) -> Iterator[ConditionScores]:
    """Change the pictures in every way of a plan and score them, in single precision.

    Args:
        score: (b, 3, H, W) in [0, 1], and the context of the unchanged pictures, to (b,)
            memorability scores: `MemorabilityModel.scores`.
        images: (B, 3, H, W) float in [0, 1], on the device of the model.
        context: ids, seed and masks of the same pictures.
        conditions: the plan.
        micro_batch: the most changed pictures that exist at once.

    Yields:
        One `ConditionScores` for each condition and draw.
    """
    for condition in conditions:
        for draw in range(condition.draws):
            drawn = replace(context, draw=draw)
            predicted = torch.full((len(images),), torch.nan)
            eligible = torch.zeros(len(images), dtype=torch.bool)
            with torch.no_grad(), single_precision(images.device.type):
                for places, changed in changed_pictures(images, drawn, condition, micro_batch):
                    predicted[places] = score(changed, drawn.select(places)).detach().float().cpu()
                    eligible[places] = True
            yield ConditionScores(condition, draw, eligible, predicted)


def _check(changed: Tensor, images: Tensor, context: Context, condition: Condition) -> None:
    name = condition.ablation.name
    if changed.shape != images.shape or changed.dtype != images.dtype:
        raise PluginError(
            f"ablation {name!r} returned {tuple(changed.shape)} {changed.dtype}, "
            f"not {tuple(images.shape)} {images.dtype} (picture {context.ids[0]})"
        )
    # written so that NaN counts as bad; the slack is that of single precision
    bad = ~((changed >= -1e-6) & (changed <= 1 + 1e-6)).flatten(1).all(dim=1)
    if bad.any():
        picture = context.ids[int(bad.nonzero()[0])]
        raise PluginError(f"ablation {name!r} returned values outside [0, 1] for picture {picture}")
