"""Removal of faces, people, objects, text, the background or any named region."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.checks import partial
from memlab.errors import MemlabError
from memlab.imaging import fills
from memlab.imaging.fills import Computed, Fill
from memlab.imaging.harmonic import harmonic
from memlab.imaging.morphology import blobs, dilated, feathered, pixels_of
from memlab.types import Context, Donors


class Removal(Ablation):
    """Removal of a region, filled from the pixels around it; compared with matched controls.

    The fill leaves a blurred outline of the region. Compare several fills, and rely on results that
    agree.

    Args:
        amount: share of the way from the image to the fill, 0 to 1.
        region: region to remove: NAME, `not NAME` or `NAME without NAME`; by default the region in
            the ablation's name.
        fill: harmonic (smooth interpolation from the edge, with noise like the surroundings'), mean
            (mean colour within 10 % of the width around the region), blur (of the surroundings,
            sigma 10 % of the width), donor (a donor's pixels at the same position) or grey (mid
            grey).
        margin: how far the fill extends beyond the region, fading out, in % of the width.
    """

    family = "region"
    unit = "of the way to the fill"
    target = "likeness"
    control = "matched-control"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    jitters = True
    least_margin: ClassVar[float] = 2 / 3
    """Smallest margin of a jittered draw, as a share of `margin`, which is the largest. The margin
    is drawn uniformly, in whole pixels."""
    most_feather: ClassVar[float] = 1 / 2
    """Largest share of the margin over which a jittered draw fades out; the smallest is 0, a hard
    edge. The share is drawn uniformly, in whole pixels. A single draw uses the largest."""
    own: ClassVar[str]
    """Default region."""

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
        """Return which images have the region and pixels beyond its margin: (B,), on the CPU."""
        eligible = super().eligible(context)
        mask, pixels = self._mask(context.masks)
        if mask is None:
            return torch.zeros_like(eligible)
        return eligible & partial(dilated(mask, pixels))

    def within(self, context: Context) -> Tensor | None:
        """Return weights that fall from 1 on the region to 0 beyond the margin: (B, 1, H, W).

        Regions that are cut out of it keep their own margin. Jittered draws have a smaller margin
        and a harder edge, within `least_margin` and `most_feather`.
        """
        if context.where is not None:
            return context.where
        return self._jittered(context) if context.jittered else self._weights(context.masks)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Move all pixels the share `dose` of the way to the fill."""
        weights = self.within(context)
        if weights is None:
            raise MemlabError(f"{self.name}: no masks of {self.place.name!r}")
        hole = (weights > 0).to(images)
        filled = self._filled(images, hole, context)
        return torch.lerp(images, filled, dose).clamp(0, 1)  # the noise may exceed the range

    def _filled(self, images: Tensor, hole: Tensor, context: Context) -> Tensor:
        if self.fill == "donor":
            return self._from_donors(images, context.donors)
        # only the noise of the harmonic fill is random
        drawn = context.generators(self.name) if self.fill == "harmonic" else ()
        return fills.filled(self.fill, images, hole, drawn)

    def _from_donors(self, images: Tensor, donors: Donors | None) -> Tensor:
        """Return the donors without the region, which is filled from its edge."""
        if donors is None:
            raise MemlabError(f"{self.name}: fill 'donor' needs donors")
        weights = self._weights(donors.masks)
        return (
            donors.images if weights is None else harmonic(donors.images, (weights > 0).to(images))
        )

    def _weights(self, masks: Mapping[str, Tensor]) -> Tensor | None:
        mask, pixels = self._mask(masks)
        return None if mask is None else feathered(mask, pixels)

    def _jittered(self, context: Context) -> Tensor | None:
        """Return the weights of a jittered draw; target and controls have jitters of their own."""
        generators = context.generators(f"margin {self.region} {context.role}")
        drawn = torch.stack([torch.rand(2, generator=one) for one in generators]).tolist()
        edges: dict[tuple[int, int], list[int]] = {}
        for index, (narrower, softer) in enumerate(drawn):
            share = 1 - narrower * (1 - self.least_margin)
            pixels = pixels_of(self.margin * share, _width(context.masks))
            blur = int(softer * (int(pixels * self.most_feather) + 1))
            edges.setdefault((pixels, blur), []).append(index)
        mask, _ = self._mask(context.masks)  # cut-out regions keep the full margin
        if mask is None:
            return None
        weights = torch.empty_like(mask)
        for (pixels, blur), alike in edges.items():
            chosen = torch.tensor(alike, device=mask.device)
            weights[chosen] = feathered(mask[chosen], pixels, blur)
        return weights

    def _mask(self, masks: Mapping[str, Tensor]) -> tuple[Tensor | None, int]:
        """Return the region without its margin, and the width of the margin in pixels."""
        pixels = pixels_of(self.margin, _width(masks))
        return self.place.mask(masks, apart=pixels), pixels


def _width(masks: Mapping[str, Tensor]) -> int:
    """Return the width of the images in pixels; 0 without masks."""
    return next(iter(masks.values())).shape[-1] if masks else 0


class Remove(Removal):
    """Removal of a region that you name, such as a logo; compared with matched controls.

    For faces, people, objects, text and the background, use `remove_faces`, `remove_people`,
    `remove_objects`, `remove_text` and `remove_background`: they have defaults that suit the
    region.

    Args:
        amount: share of the way from the image to the fill, 0 to 1.
        region: region to remove, required: NAME, `not NAME` or `NAME without NAME`.
        fill: harmonic, mean, blur, donor or grey, as in `remove_faces`.
        margin: how far the fill extends beyond the region, fading out, in % of the width.
    """

    def __init__(
        self, amount: float = 1.0, *, region: str, fill: Fill = "harmonic", margin: float = 3.0
    ) -> None:
        super().__init__(amount, region, fill, margin)

    @functools.cached_property
    def usual(self) -> dict[str, Any]:
        """Return the default arguments; the region has no default and is always named."""
        return {**type(self)(region="faces").spec["init_args"], "region": "all"}


class RemoveFaces(Removal):
    """Removal of faces."""

    own = "faces"


class RemovePeople(Removal):
    """Removal of people, except their faces, which keep their own margin.

    `region: people` removes faces too.
    """

    own = "people without faces"


class RemoveObjects(Removal):
    """Removal of objects, except people."""

    own = "objects without people"


class RemoveText(Removal):
    """Removal of text."""

    own = "text"


class RemoveBackground(Removal):
    """Removal of the background.

    Without background masks, the background is everything outside all other regions. A matched
    control of its area would cover annotated regions, so the effect is compared with the nuisance
    baseline. The default margin is 0, so the fill has hard edges and the foreground stays
    complete. The default fill is grey, because the other fills spread the foreground's colours into
    the background and the foreground becomes hard to see.
    """

    family = "context"
    own = "background"

    def __init__(
        self,
        amount: float = 1.0,
        region: str | None = None,
        fill: Fill = "grey",
        margin: float = 0.0,
    ) -> None:
        super().__init__(amount, region, fill, margin)


class Occlude(Ablation):
    """Occlusion by random smooth shapes, independent of content.

    Effects of large regions are interpreted against this response to area. A larger dose covers all
    pixels that the smaller doses cover.

    Args:
        area: covered area, % of the image's area.
        fill: harmonic, mean, blur or grey, as in `remove_faces`.
    """

    family = "region"
    unit = "% of area"
    target = "unchanged"
    control = "nuisance-baseline"
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
