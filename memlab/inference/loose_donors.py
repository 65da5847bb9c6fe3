"""Donors for loose images: rendered synthetic images, or the images of a folder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from memlab.data.donors import DonorList, with_background
from memlab.data.geometry import squashed, squashed_mask
from memlab.errors import DataError, MaskError
from memlab.inference.originals import Original
from memlab.seeds import seed_of
from memlab.synthetic.render import REGIONS, SIZES_DRAWN, render
from memlab.synthetic.sampling import sample
from memlab.types import Sample

RENDERED = 32
"""Number of rendered donors: enough that a draw seldom repeats within a few images."""


def loose_donors(
    size: tuple[int, int],
    evaluated: Sequence[str],
    seed: int = 0,
    originals: Sequence[Original] | None = None,
) -> DonorList:
    """Return donors for images without a data set; each donor is made when first requested.

    Args:
        size: height and width of the images in pixels; donors are squashed to this size.
        evaluated: ids of the images, in their order.
        seed: seed of the donor draws and of the rendered donors.
        originals: donor images; by default synthetic images are rendered, with exact masks of
            faces, people, objects, text and background.
    """
    having: dict[str, Sequence[int]]
    if originals is None:
        having = {region: range(RENDERED) for region in REGIONS}
        return DonorList(_Rendered(size, seed), having, RENDERED, evaluated, seed)
    regions = {region for one in originals for region in one.masks}
    having = {
        region: [place for place, one in enumerate(originals) if one.has(region)]
        for region in regions
    }
    annotated = {region: [one.annotated_for(region) for one in originals] for region in regions}
    having = with_background(having, annotated)
    return DonorList(
        _Files(originals, size, sorted(regions)), having, len(originals), evaluated, seed
    )


class _Rendered(Dataset[Sample]):
    """Rendered synthetic images with their masks."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self.size = size
        self.side = min(max(*size, SIZES_DRAWN[0]), SIZES_DRAWN[1])
        self.seed = seed_of(seed, "donor scenes") % 2**31  # the text is part of the seed

    def __len__(self) -> int:
        return RENDERED

    def __getitem__(self, index: int) -> Sample:
        rendered = render(sample(self.seed, index), self.side)
        masks = {
            region: squashed_mask(torch.from_numpy(mask)[None].byte(), self.size)
            for region, mask in rendered.masks.items()
        }
        pixels = torch.from_numpy(rendered.image).permute(2, 0, 1)
        return _donor(index, f"scene-{index}", squashed(pixels, self.size), masks)


class _Files(Dataset[Sample]):
    """Images of the user; `error` is set for an image that cannot be read."""

    def __init__(
        self, originals: Sequence[Original], size: tuple[int, int], regions: Sequence[str]
    ) -> None:
        self.originals = originals
        self.size = size
        self.regions = regions

    def __len__(self) -> int:
        return len(self.originals)

    def __getitem__(self, index: int) -> Sample:
        one = self.originals[index]
        empty = torch.zeros(1, *self.size, dtype=torch.uint8)
        masks = dict.fromkeys(self.regions, empty)
        try:
            pixels, found = one.read()
        except MaskError:  # a user error, not a damaged image
            raise
        except DataError as failure:
            black = torch.zeros(3, *self.size, dtype=torch.uint8)
            return _donor(index, one.name, black, masks, str(failure))
        masks |= {region: squashed_mask(mask, self.size) for region, mask in found.items()}
        return _donor(index, one.name, squashed(pixels, self.size), masks)


def _donor(
    index: int, name: str, image: Tensor, masks: dict[str, Tensor], error: str = ""
) -> Sample:
    return Sample(index=index, id=name, image=image, score=float("nan"), masks=masks, error=error)
