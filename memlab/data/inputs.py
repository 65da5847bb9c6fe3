"""Pictures as people hand them over in Python: files, arrays, tensors, PIL pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from memlab.data.dataset import PictureDataset, collate, looked_for, to_float
from memlab.data.geometry import Geometry, Resampler
from memlab.errors import DataError
from memlab.image_files import find_pictures
from memlab.imaging.decode import pixels_of
from memlab.imaging.pixels import to_unit
from memlab.masks.base import MaskSource, require_fit
from memlab.masks.given import Masks, masks_of
from memlab.types import Batch, Sample

Pictures = Any
"""A path (file or folder), a picture (array, tensor or PIL), a batch of pictures, or a list of one
of these kinds; `pixels_from` says what arrays mean."""

_SLACK = 1e-6  # the grain of single precision, as left by somebody's resizing
_CHANNELS = (1, 3, 4)


class Inputs:
    """Pictures ready to be batched: each is read when its batch is due, and then forgotten.

    Args:
        pictures: see `Pictures`. Arrays and PIL pictures are called `0`, `1`, ...; files by their
            paths, and folders are searched whole.
        size: side in pixels that they are brought to, as files of a data set are.
        masks: of the pictures; none by default.
        resampler: who brings them there; see `Geometry`.

    Raises:
        DataError: if there are none, a path does not exist, kinds are mixed, or masks are not of
            these pictures; one line.
    """

    def __init__(
        self,
        pictures: Pictures,
        size: int,
        masks: Masks | None = None,
        resampler: Resampler = "torch",
    ) -> None:
        geometry = Geometry(size, resampler)
        self.dataset: Dataset[Sample]
        if isinstance(pictures, str | Path | Image.Image):
            pictures = [pictures]
        several: Sequence[Any] = _separate(pictures)
        kinds = {_kind(one) for one in several}
        if len(several) == 0:
            raise DataError("no pictures given")
        if len(kinds) > 1:
            raise DataError(f"{' and '.join(sorted(kinds))} mixed: give pictures of one kind")
        self.length = len(several)
        self.ids = [str(place) for place in range(len(several))]
        if kinds == {"paths"}:
            # one by one: a file given twice is two rows, so that rows stay beside what was given
            paths = [path for one in several for path in find_pictures([Path(one)])]
            if not paths:
                raise DataError("no pictures given")
            self.length = len(paths)
            names = self.ids = [str(path) for path in paths]
            rows = pd.DataFrame({"id": names, "image": names, "score": np.nan})
        self.files = kinds == {"paths"}
        source = None if masks is None else masks_of(masks, self.ids, self.files)
        self.regions = () if source is None else source.regions
        if self.files:
            known = {} if source is None else dict.fromkeys(self.regions, source)
            self.dataset = PictureDataset(rows, Path(), geometry, known, strict=True)
        else:
            self.dataset = _Pictures(several, geometry, source)

    def __len__(self) -> int:
        return self.length

    def batches(self, batch_size: int = 32, num_workers: int = 0) -> Iterator[Batch]:
        """Yield batches with float pictures in [0, 1].

        A file that cannot be read is there as a black picture, not `valid`, with its error.

        Args:
            batch_size: pictures at once.
            num_workers: processes that decode files.

        Raises:
            DataError: if an array is not a picture; see `pixels_from`.
        """
        if batch_size < 1 or num_workers < 0:
            raise DataError("batch_size is at least 1, num_workers at least 0")
        loader = DataLoader(
            self.dataset,
            batch_size=batch_size,
            num_workers=num_workers if self.files else 0,
            collate_fn=collate,
        )
        for batch in loader:
            yield to_float(batch) if self.files else batch


class _Pictures(Dataset[Sample]):
    """Pictures in memory as samples: float, because those given as floats lie between bytes."""

    def __init__(
        self, pictures: Sequence[Any], geometry: Geometry, source: MaskSource | None
    ) -> None:
        self.pictures = pictures
        self.geometry = geometry
        self.source = source
        names = [str(place) for place in range(len(pictures))]
        regions = () if source is None else source.regions
        self.looked = {
            region: looked_for(source, region, names) for region in regions if source is not None
        }

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        try:
            given = pixels_from(self.pictures[index])
            pixels = self.geometry.picture(given)
        except (DataError, OSError) as error:  # OSError: a PIL picture that is read only now
            raise DataError(f"picture {index}: {error}") from error
        image = pixels if pixels.is_floating_point() else to_unit(pixels)
        masks = {} if self.source is None else self._masks(self.source, index, given)
        return Sample(
            index=index,
            id=str(index),
            image=image,
            score=float("nan"),
            masks=masks,
            error="",
            looked={region: looked[index] for region, looked in self.looked.items()},
        )

    def _masks(self, source: MaskSource, index: int, pixels: Tensor) -> dict[str, Tensor]:
        height, width = pixels.shape[1:]
        size = self.geometry.size
        masks = {region: torch.zeros(1, size, size, dtype=torch.uint8) for region in source.regions}
        for region, mask in source.read(str(index), source.regions).items():
            require_fit(mask, f"number {index}", (width, height), pixels)
            masks[region] = self.geometry.mask(mask.inside)
        return masks


def pixels_from(picture: Any) -> Tensor:
    """One picture of somebody's as pixels, or a DataError that says in a line what to give.

    uint8 is 0 to 255; floats of any width must lie in [0, 1]; other types have no agreed range and
    are refused. Channels are where 3 of them are: (H, W, 3) or (3, H, W); greys are (H, W),
    (H, W, 1) or (1, H, W). With a fourth channel uint8 is RGBA and laid over white, as in files.

    Args:
        picture: a PIL picture, an array or a tensor.

    Returns:
        (3, H, W), RGB: uint8 as given, or float32 in [0, 1].
    """
    if isinstance(picture, Image.Image):
        return pixels_of(picture)
    values = picture.detach().cpu() if isinstance(picture, Tensor) else _tensor(picture)
    values = _channels_first(values)
    channels = values.shape[0]
    if values.dtype == torch.uint8:
        if channels == 4:
            return pixels_of(Image.fromarray(values.permute(1, 2, 0).numpy()))
        return values.expand(3, -1, -1).contiguous()
    if not values.is_floating_point():
        raise DataError(
            f"{_type(values)} pixels have no agreed range: give uint8 (0 to 255) or floats (0 to 1)"
        )
    if channels == 4:
        raise DataError("four channels of floats: lay them over white first, or give uint8 (RGBA)")
    values = values.float()
    low, high = (float(end) for end in values.aminmax())
    if not np.isfinite([low, high]).all():  # NaN spreads to both ends
        raise DataError("NaN or infinite pixels: repair it, or leave it out")
    if low < -_SLACK or high > 1 + _SLACK:
        remedy = (
            "divide by 255, or give uint8"
            if low >= 0 and high > 2
            else "give it as it was before normalisation, which the model does inside"
        )
        raise DataError(f"floats are taken as 0 to 1; found {low:g} to {high:g}: {remedy}")
    return values.expand(3, -1, -1).clamp(0, 1)


def _separate(pictures: Any) -> Sequence[Any]:
    """A batch or a list as a sequence of single pictures."""
    if isinstance(pictures, list | tuple):
        return pictures
    shape = getattr(pictures, "shape", None)
    if shape is None:
        raise DataError(
            f"{type(pictures).__name__} is not a picture: give a path, an array, a tensor, a PIL "
            "picture, or a list of these"
        )
    if len(shape) == 1:  # a column of paths, say
        return list(pictures)
    return pictures if len(shape) == 4 else [pictures]


def _kind(picture: Any) -> str:
    if isinstance(picture, str | Path):
        return "paths"
    if isinstance(picture, Image.Image):
        return "PIL pictures"
    if hasattr(picture, "shape"):
        return "arrays"
    raise DataError(f"a {type(picture).__name__} among the pictures: give paths, arrays or PIL")


def _tensor(array: Any) -> Tensor:
    values = np.asarray(array)
    try:
        return torch.tensor(values)
    except TypeError as error:
        raise DataError(
            f"{values.dtype} pixels have no agreed range: give uint8 (0 to 255) or floats (0 to 1)"
        ) from error


def _channels_first(values: Tensor) -> Tensor:
    shape = tuple(values.shape)
    if values.numel() == 0:
        raise DataError(f"shape {shape} holds no pixel")
    if values.ndim == 2:
        return values[None]
    first, last = (values.ndim == 3 and shape[end] in _CHANNELS for end in (0, -1))
    if first and last:
        raise DataError(
            f"shape {shape} may have its channels first or last: give it as a PIL picture"
        )
    if not (first or last):
        raise DataError(
            f"shape {shape} is not a picture: give (H, W, 3), (3, H, W) or (H, W), a batch as "
            "(n, H, W, 3) or (n, 3, H, W)"
        )
    return values if first else values.permute(2, 0, 1)


def _type(values: Tensor) -> str:
    return str(values.dtype).removeprefix("torch.")
