"""Inputs of one draw of a condition: donors, eligible images and control positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.checks import require_sizes
from memlab.ablations.eligibility import Reason, reasons
from memlab.ablations.labelled import labelled
from memlab.ablations.placement import Place, Placements, placements
from memlab.ablations.plan import Condition
from memlab.data.donors import DonorChooser, DonorList
from memlab.errors import Interrupted, MemlabError, PluginError
from memlab.imaging.morphology import pixels_of
from memlab.types import Context


@dataclass(frozen=True)
class Prepared:
    """Inputs of one draw of a condition.

    Args:
        context: context of the images, with role, draw, donors and the position of a control.
        eligible: (B,) bool, on the CPU.
        measures: as in `ConditionScores`.
        places: as in `ConditionScores`.
        reasons: as in `ConditionScores`.
    """

    context: Context
    eligible: Tensor
    measures: dict[str, Tensor]
    places: list[Place | None]
    reasons: list[Reason | None]


class Preparation:
    """Donors and control positions for the conditions of one batch; positions are cached.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        context: ids, seed and all masks of the same images.
        conditions: the plan.
        donors: list from which ablations take donors.

    Raises:
        MemlabError: if masks and images differ in size.
    """

    def __init__(
        self,
        images: Tensor,
        context: Context,
        conditions: Sequence[Condition],
        donors: DonorList | None = None,
    ) -> None:
        require_sizes(images, context.masks, context.ids, "masks")
        self.images = images
        self.context = context
        self.conditions = conditions
        self.donors = donors
        self._placements: dict[PlaceKey, Placements] = {}  # small: kept for all regions
        self._weights: tuple[PlaceKey, Tensor] | None = None  # large: kept for the last region only

    def prepare(self, condition: Condition, draw: int) -> Prepared:
        """Return the inputs of one draw of a condition."""
        ablation = condition.ablation
        # target and controls jitter alike, so that they are exchangeable without an effect
        jittered = condition.draws > 1 or condition.role == "control"
        context = replace(self.context, draw=draw, role=condition.role, jittered=jittered)
        found = torch.ones(len(context.ids), dtype=torch.bool)
        if ablation.needs_donors and self.donors is not None:
            device = self.images.device
            # a patch has the shape of the inserted region, whose donor is that of the first draw
            donor_draw = 0 if _is_patch(condition) else draw
            suits = None
            if isinstance(ablation, DonorChooser):
                with blamed(condition, context.ids):
                    suits = self.donors.chosen(_described(ablation), ablation, context)
            given = self.donors.take(context.ids, donor_draw, ablation.donor_regions, device, suits)
            if given is not None:
                context, found = replace(context, donors=given.donors), given.found
        with blamed(condition, context.ids):
            eligible = ablation.eligible(context) & found
        measures: dict[str, Tensor] = {}
        annotated: Tensor | None = None
        kinds: list[Place | None] = [None] * len(context.ids)
        if ablation.compared_with == "matched-control" and eligible.any():
            placed = self._placed(condition, context)
            if placed is not None and condition.role == "control":
                places, weights = placed
                if ablation.jitters:
                    with blamed(condition, context.ids):
                        of_draw = ablation.within(context)
                    weights = weights if of_draw is None else of_draw
                context = replace(context, where=places.where(weights, draw))
                # in an image that is not annotated, unlabelled pixels may show any region
                annotated = context.annotated_for(*context.masks)
                eligible &= places.found[:, draw] & annotated
                measures = {name: values[:, draw] for name, values in places.placed.items()}
                kinds = places.kinds(draw)
            elif placed is not None:
                measures, kinds = placed[0].own, ["own"] * len(context.ids)
            there = eligible.tolist()
            kinds = [kind if one else None for kind, one in zip(kinds, there, strict=True)]
            measures = {
                name: values.where(eligible, torch.nan) for name, values in measures.items()
            }
        why = reasons(ablation, context, eligible, found, annotated)
        return Prepared(context, eligible, measures, kinds, why)

    def _placed(self, condition: Condition, context: Context) -> tuple[Placements, Tensor] | None:
        """Return the control positions for a condition's region, and the region's weights."""
        key = _place_key(condition)
        alike = [one for one in self.conditions if _place_key(one) == key]
        draws = max((one.draws for one in alike if one.role == "control"), default=0)
        if draws == 0:
            return None
        if self._weights is None or self._weights[0] != key:
            with blamed(condition, context.ids):
                # positions have room for the largest extent, which is that without jitter
                plain = replace(context, where=None, jittered=False)
                weights = condition.ablation.within(plain)
            if weights is None:
                return None
            self._weights = key, weights
        weights = self._weights[1]
        if key not in self._placements:
            place = condition.ablation.place
            own = None if place.name == "all" else place.mask(context.masks)
            taken = ((weights if own is None else own) > 0).to(weights)
            taken = taken.maximum(labelled(context, weights))
            ablation = condition.ablation
            margin = pixels_of(ablation.margin, weights.shape[-1])
            self._placements[key] = placements(
                self.images, weights, taken, self.context, draws, ablation.region, margin
            )
        return self._placements[key], weights


def _is_patch(condition: Condition) -> bool:
    return condition.role == "control" and condition.ablation.compared_with == "patch"


def _described(ablation: Ablation) -> str:
    """Return the key of a chooser's descriptions of donors: they depend on the region alone."""
    return f"{ablation.name}:{ablation.region}"


PlaceKey = tuple[str, float, Callable[..., Tensor | None]]


def _place_key(condition: Condition) -> PlaceKey:
    """Return the cache key of control positions: region, margin and the method `within`."""
    ablation = condition.ablation
    return ablation.region, ablation.margin, type(ablation).within


@contextmanager
def blamed(condition: Condition, ids: Sequence[str]) -> Iterator[None]:
    """Turn unexpected errors of third-party code into a PluginError of one line."""
    try:
        yield
    except (MemlabError, Interrupted, torch.OutOfMemoryError):
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise PluginError(
            f"ablation {condition.ablation.name!r} failed on image {ids[0]} changed by "
            f"{condition.key}: {type(error).__name__}: {first}"
        ) from error
