"""Donors for loose pictures: rendered scenes, or a folder of somebody's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import InterpolationMode, resize

from memlab.ablations.donors import DonorList
from memlab.data.dataset import Sample
from memlab.data.decode import decode
from memlab.errors import DataError
from memlab.files import find_pictures
from memlab.scenes.render import REGIONS, SIZES_DRAWN, render
from memlab.scenes.sampling import sample
from memlab.seeds import seed_of

SCENES = 32
"""Scenes that are rendered to lend: enough that a draw seldom repeats within a few pictures."""


def loose_donors(
    size: tuple[int, int], evaluated: Sequence[str], seed: int = 0, folder: Path | None = None
) -> DonorList:
    """Donors for pictures that belong to no data set; each is made when it is first asked for.

    Args:
        size: height and width of the pictures in pixels; donors are squashed to it.
        evaluated: ids of the pictures, in their order; a donor file among them does not lend to
            itself where the id is its path.
        seed: of who lends to whom, and of the scenes.
        folder: pictures that lend, without masks; by default scenes are rendered, with exact masks
            of faces, people, objects, text and background.

    Raises:
        DataError: if the folder does not exist, or holds no other pictures.
    """
    if folder is None:
        having = {region: range(SCENES) for region in REGIONS}
        return DonorList(_Scenes(size, seed), having, SCENES, evaluated, seed)
    own = {Path(name).resolve() for name in evaluated}
    paths = [path for path in find_pictures([Path(folder)]) if path.resolve() not in own]
    if not paths:
        raise DataError(f"{folder}: holds no pictures besides those that are changed; no donors")
    return DonorList(_Files(paths, size), {}, len(paths), evaluated, seed)


class _Scenes(Dataset[Sample]):
    """Rendered scenes with their masks."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self.size = size
        self.side = min(max(*size, SIZES_DRAWN[0]), SIZES_DRAWN[1])
        self.seed = seed_of(seed, "donor scenes") % 2**31

    def __len__(self) -> int:
        return SCENES

    def __getitem__(self, index: int) -> Sample:
        scene = render(sample(self.seed, index), self.side)
        masks = {
            region: (_squashed(torch.from_numpy(mask)[None].byte() * 255, self.size) >= 128).byte()
            for region, mask in scene.masks.items()
        }
        pixels = torch.from_numpy(scene.image).permute(2, 0, 1)
        return _lent(index, f"scene-{index}", _squashed(pixels, self.size), masks)


class _Files(Dataset[Sample]):
    """Files without masks; one that cannot be read has its `error` set."""

    def __init__(self, paths: Sequence[Path], size: tuple[int, int]) -> None:
        self.paths = paths
        self.size = size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        name = str(self.paths[index])
        try:
            return _lent(index, name, _squashed(decode(self.paths[index]), self.size), {})
        except DataError as failure:
            black = torch.zeros(3, *self.size, dtype=torch.uint8)
            return _lent(index, name, black, {}, str(failure))


def _lent(
    index: int, name: str, image: Tensor, masks: dict[str, Tensor], error: str = ""
) -> Sample:
    return Sample(index=index, id=name, image=image, score=float("nan"), masks=masks, error=error)


def _squashed(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    squashed: Tensor = resize(
        pixels, list(size), interpolation=InterpolationMode.BILINEAR, antialias=True
    )
    return squashed.contiguous()
