"""Removal: takes faces, people, objects, text, the background or any named region out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, partial
from memlab.errors import MemlabError
from memlab.imaging import fills
from memlab.imaging.fills import Computed, Fill
from memlab.imaging.harmonic import harmonic
from memlab.imaging.morphology import blobs, dilated, feathered, pixels_of
from memlab.types import Context, Donors

FACE_ORACLES = ("oracle_face_chroma", "oracle_face_luminance")
"""Closed-form models that read nothing but faces."""


class Remove(Ablation):
    """Take a region out: what is filled in is computed from the pixels around it alone.

    Compared with the same hole elsewhere. What is left of the region's outline is a blurred hole:
    look at several fills, and trust what they agree on.

    Args:
        amount: share of the way from the image to the fill, 0 to 1.
        region: what is taken out: NAME, `not NAME` or `NAME without NAME`; by default what the
            ablation is named after, of `remove` faces.
        fill: harmonic (the edge carried smoothly inwards, with noise like the surroundings'), mean
            (colour within 10 % of the width around it), blur (of the surroundings, sigma 10 % of
            the width), donor (another image's pixels of the same place) or grey (mid grey).
        margin: how far beyond the region the hole reaches, fading out, in % of the width.
    """

    family = "region"
    unit = "of the way to the fill"
    target = "likeness"
    control = "placed"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    moves: ClassVar[tuple[str, ...]] = (*FACE_ORACLES, "oracle_redness")
    own: ClassVar[str] = "faces"
    """The region by default."""
    same_as = "remove_faces"

    def __init__(
        self,
        amount: float = 1.0,
        region: str | None = None,
        fill: Fill = "harmonic",
        margin: float = 3.0,
    ) -> None:
        super().__init__(dose=amount, region=region or self.own)
        if self.place.name == "all":
            raise MemlabError(f"{self.name}: region 'all' leaves nothing to fill from; name a part")
        if not 0 <= margin <= 25:
            raise MemlabError(f"{self.name}: margin {margin:g} % of the width is outside 0 to 25")
        if fill == "donor" and (self.place.inverted or self.place.name == "background"):
            raise MemlabError(
                f"{self.name}: fill 'donor' cannot take the place of {self.region!r}: "
                "use swap_background"
            )
        self.fill = fill
        self.margin = margin
        self.needs_donors = fill == "donor"

    def eligible(self, context: Context) -> Tensor:
        """Images that have the region, and something around its margin: (B,) bool, on the CPU."""
        eligible = super().eligible(context)
        mask, pixels = self._mask(context.masks)
        if mask is None:
            return torch.zeros_like(eligible)
        return eligible & partial(dilated(mask, pixels))

    def within(self, context: Context) -> Tensor | None:
        """1 on the region, 0 beyond the margin, fading in between: (B, 1, H, W).

        Regions that are cut out of it keep their own margin.
        """
        return self._weights(context.masks) if context.where is None else context.where

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Go the share `dose` of the way to the fill, everywhere."""
        weights = self.within(context)
        if weights is None:
            raise MemlabError(f"{self.name}: no masks of {self.place.name!r}")
        hole = (weights > 0).to(images)
        filled = self._filled(images, hole, context)
        return torch.lerp(images, filled, dose).clamp(0, 1)  # its noise may go beyond

    def _filled(self, images: Tensor, hole: Tensor, context: Context) -> Tensor:
        if self.fill == "donor":
            return self._lent(images, context.donors)
        # only the noise of the harmonic fill is random
        drawn = context.generators(self.name) if self.fill == "harmonic" else ()
        return fills.filled(self.fill, images, hole, drawn)

    def _lent(self, images: Tensor, donors: Donors | None) -> Tensor:
        """The donors, without the region: where they have it, its edge is carried inwards."""
        if donors is None:
            raise MemlabError(f"{self.name}: fill 'donor' needs donors")
        weights = self._weights(donors.masks)
        return (
            donors.images if weights is None else harmonic(donors.images, (weights > 0).to(images))
        )

    def _weights(self, masks: Mapping[str, Tensor]) -> Tensor | None:
        mask, pixels = self._mask(masks)
        return None if mask is None else feathered(mask, pixels)

    def _mask(self, masks: Mapping[str, Tensor]) -> tuple[Tensor | None, int]:
        """The region without its margin, and how wide that is in pixels."""
        width = next(iter(masks.values())).shape[-1] if masks else 0
        pixels = pixels_of(self.margin, width)
        return self.place.mask(masks, apart=pixels), pixels


class RemoveFaces(Remove):
    """Take faces out. See `remove`."""


class RemovePeople(Remove):
    """Take people out, but for their faces, which keep a margin of their own. See `remove`.

    `region: people` takes them out whole.
    """

    own = "people without faces"
    moves = ("oracle_redness",)
    spares = FACE_ORACLES


class RemoveObjects(Remove):
    """Take objects out, but for people. See `remove`."""

    own = "objects without people"
    moves = ("oracle_redness",)
    spares = FACE_ORACLES


class RemoveText(Remove):
    """Take text out. See `remove`."""

    own = "text"
    moves = ("oracle_redness",)
    spares = FACE_ORACLES


class RemoveBackground(Remove):
    """Take the background out: all that no other region has, where there are no masks of it.

    A control of its area would cover annotated regions, so there is none: the effect is compared
    with the nuisance baseline. The hole has hard edges: what stays is whole. Grey by default,
    because the other fills carry the colours of what stays into the background, where it then
    disappears. So it gives the numbers of `foreground_only`: one question from two sides, which
    `all` asks once.
    """

    family = "context"
    own = "background"
    moves = ("oracle_chroma", "oracle_redness")
    spares = FACE_ORACLES

    def __init__(
        self,
        amount: float = 1.0,
        region: str | None = None,
        fill: Fill = "grey",
        margin: float = 0.0,
    ) -> None:
        super().__init__(amount, region, fill, margin)


class Occlude(Ablation):
    """Cover random smooth blobs: what covering that much area does, whatever is there.

    The response to area that effects of large regions are read against. A larger dose covers what
    the smaller ones cover, and more.

    Args:
        area: covered, % of the image's area.
        fill: harmonic, mean, blur or grey, as of `remove`.
    """

    family = "region"
    unit = "% of area"
    target = "unchanged"
    control = "floor"
    ladder = (5.0, 10.0, 20.0, 40.0, 60.0, 80.0)
    maximum = 95.0

    def __init__(self, area: float = 20.0, fill: Computed = "harmonic") -> None:
        super().__init__(dose=area)
        self.fill = fill

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Cover `dose` % of the area, with hard edges."""
        areas = torch.full((len(images),), dose / 100, device=images.device)
        hole = blobs(
            areas, (images.shape[2], images.shape[3]), context.generators(f"{self.name} shape")
        )
        drawn = context.generators(self.name) if self.fill == "harmonic" else ()
        filled = fills.filled(self.fill, images, hole, drawn)
        return torch.where(hole > 0, filled, images).clamp(0, 1)
