"""The one engine that scores changed pictures: pure torch, bounded memory, every batch paired.

The test callback calls `evaluate`, `memlab ablate` the `changed_pictures` below it; no other place
scores, or makes, a changed picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from memlab.ablations.base import Context
from memlab.ablations.donors import DonorList
from memlab.ablations.placement import Placements, placements
from memlab.ablations.plan import Condition
from memlab.errors import PluginError
from memlab.models.precision import single_precision


@dataclass(frozen=True)
class ConditionScores:
    """What one condition did to the pictures of a batch.

    Args:
        condition: the condition.
        draw: which repetition.
        eligible: (B,) bool; pictures that lack what the ablation needs, and controls that cannot be
            placed, are not scored.
        predicted: (B,) memorability scores, NaN where not eligible; both on the CPU.
        donors: ids of the donors, None where there is none.
        measures: `area`, `eccentricity`, `gradient_energy`, `luminance_sd` of what was changed, or
            of where a control was placed, (B,); empty where no region is compared.
    """

    condition: Condition
    draw: int
    eligible: Tensor
    predicted: Tensor
    donors: Sequence[str | None]
    measures: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """Pictures with all that a condition's draw needs.

    Args:
        context: of the pictures, with role, draw, donors and the place of a control.
        eligible: (B,) bool, on the CPU.
        measures: as in `ConditionScores`.
    """

    context: Context
    eligible: Tensor
    measures: dict[str, Tensor]


class Preparation:
    """Gives conditions of one batch their donors and places; looks for each place once.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        context: ids, seed and all masks of the same pictures.
        conditions: the plan.
        donors: where ablations take theirs from.
    """

    def __init__(
        self,
        images: Tensor,
        context: Context,
        conditions: Sequence[Condition],
        donors: DonorList | None = None,
    ) -> None:
        self.images = images
        self.context = context
        self.conditions = conditions
        self.donors = donors
        self._placements: dict[tuple[str, float], Placements] = {}

    def prepare(self, condition: Condition, draw: int) -> Prepared:
        """What one draw of a condition needs."""
        ablation = condition.ablation
        context = replace(self.context, draw=draw, role=condition.role)
        found = torch.ones(len(context.ids), dtype=torch.bool)
        if ablation.needs_donors and self.donors is not None:
            device = self.images.device
            given = self.donors.take(context.ids, draw, ablation.donor_regions, device)
            context, found = replace(context, donors=given.donors), given.found
        eligible = ablation.eligible(context) & found
        measures: dict[str, Tensor] = {}
        if ablation.compared_with == "placed" and eligible.any():
            places = self._placed(condition, context)
            if places is not None and condition.role == "control":
                context = replace(context, where=places.where(draw))
                eligible &= places.found[:, draw]
                measures = {name: values[:, draw] for name, values in places.placed.items()}
            elif places is not None:
                measures = places.own
        return Prepared(context, eligible, measures)

    def _placed(self, condition: Condition, context: Context) -> Placements | None:
        alike = [one for one in self.conditions if _place_key(one) == _place_key(condition)]
        draws = max((one.draws for one in alike if one.role == "control"), default=0)
        weights = condition.ablation.within(context)
        if draws == 0 or weights is None:
            return None
        key = _place_key(condition)
        if key not in self._placements:
            labelled = torch.zeros_like(weights)
            for name, mask in context.masks.items():
                if name != "background":
                    labelled = labelled.maximum((mask > 0).to(labelled))
            self._placements[key] = placements(
                self.images, weights, labelled, self.context, draws, key[0]
            )
        return self._placements[key]


def _place_key(condition: Condition) -> tuple[str, float]:
    """Conditions of one key share their places: same region, same margin around it."""
    return condition.ablation.region, condition.ablation.margin


@torch.no_grad()
def changed_pictures(
    images: Tensor, prepared: Prepared, condition: Condition, micro_batch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `(places, pictures)` for the eligible pictures, at most `micro_batch` at a time.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        prepared: what the condition's draw needs, of the same pictures.
        condition: how to change them.
        micro_batch: the most pictures changed at once; bounds the memory.

    Raises:
        PluginError: if the ablation returns another shape, NaN or values out of range; names it
            and the picture.
    """
    for places in torch.split(prepared.eligible.nonzero().flatten(), micro_batch):
        some = images[places.to(images.device)]
        part = prepared.context.select(places)
        changed = condition.ablation(some, part, condition.dose)
        _check(changed, some, part, condition)
        yield places, changed


def evaluate(
    score: Callable[[Tensor, Context], Tensor],
    images: Tensor,
    context: Context,
    conditions: Sequence[Condition],
    micro_batch: int = 64,
    donors: DonorList | None = None,
) -> Iterator[ConditionScores]:
    """Change the pictures in every way of a plan and score them, in single precision.

    Args:
        score: (b, 3, H, W) in [0, 1], and the context of the unchanged pictures, to (b,)
            memorability scores: `MemorabilityModel.scores`.
        images: (B, 3, H, W) float in [0, 1], on the device of the model.
        context: ids, seed and all masks of the same pictures.
        conditions: the plan.
        micro_batch: the most changed pictures that exist at once.
        donors: where ablations that need donors take theirs from.

    Yields:
        One `ConditionScores` for each condition and draw.
    """
    preparation = Preparation(images, context, conditions, donors)
    for condition in conditions:
        for draw in range(condition.draws):
            with torch.no_grad(), single_precision(images.device.type):
                prepared = preparation.prepare(condition, draw)
                predicted = torch.full((len(images),), torch.nan)
                for places, changed in changed_pictures(images, prepared, condition, micro_batch):
                    clean = context.select(places)
                    predicted[places] = score(changed, clean).detach().float().cpu()
            lent = prepared.context.donors
            ids = [None] * len(images) if lent is None else list(lent.ids)
            yield ConditionScores(
                condition, draw, prepared.eligible, predicted, ids, prepared.measures
            )


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
