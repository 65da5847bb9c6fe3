"""Images as users pass them in Python: files, arrays, tensors, PIL images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from memlab.data.dataset import ImageDataset, annotated_for, collate, to_float
from memlab.data.geometry import Geometry, Resampler
from memlab.errors import DataError
from memlab.image_files import find_images
from memlab.imaging.decode import pixels_of
from memlab.imaging.pixels import to_unit
from memlab.masks.base import MaskSource, require_fit
from memlab.masks.given import Masks, masks_of
from memlab.types import Batch, Sample

Images = Any
"""A path (file or folder), an image (array, tensor or PIL), a batch of images, or a list of one
of these kinds; see `pixels_from` for the meaning of arrays.
"""

_SLACK = 1e-6  # rounding error of single precision, as resizing leaves it
_CHANNELS = (1, 3, 4)


class Inputs:
    """Images ready to be batched. Each is read when its batch is made, and not kept.

    Args:
        images: see `Images`. Arrays and PIL images get the ids `0`, `1`, ...; files their paths.
            Folders are searched recursively.
        size: side in pixels that images are resized to, as files of a data set are.
        masks: masks of the images; none by default.
        resampler: library that resizes; see `Geometry`.

    Raises:
        DataError: if there are no images, a path does not exist, kinds are mixed, or masks do not
            belong to these images.
    """

    def __init__(
        self,
        images: Images,
        size: int,
        masks: Masks | None = None,
        resampler: Resampler = "torch",
    ) -> None:
        geometry = Geometry(size, resampler)
        self.dataset: Dataset[Sample]
        if isinstance(images, str | Path | Image.Image):
            images = [images]
        several: Sequence[Any] = separate(images)
        kinds = {_kind(one) for one in several}
        if len(several) == 0:
            raise DataError("no images given")
        if len(kinds) > 1:
            raise DataError(f"{' and '.join(sorted(kinds))} mixed: give images of one kind")
        self.length = len(several)
        self.ids = [str(place) for place in range(len(several))]
        if kinds == {"paths"}:
            # no deduplication: a file given twice is two rows, so that rows match the input
            paths = [path for one in several for path in find_images([Path(one)])]
            if not paths:
                raise DataError("no images given")
            self.length = len(paths)
            names = self.ids = [str(path) for path in paths]
            rows = pd.DataFrame({"id": names, "image": names, "score": np.nan})
        self.images = self.ids
        self.files = kinds == {"paths"}
        source = None if masks is None else masks_of(masks, self.ids, self.files)
        self.masks = {} if source is None else dict.fromkeys(source.regions, source)
        if self.files:
            self.dataset = ImageDataset(rows, Path(), geometry, self.masks, strict=True)
        else:
            self.dataset = _Images(several, geometry, source)

    def __len__(self) -> int:
        return self.length

    def batches(
        self, batch_size: int = 32, num_workers: int = 0, seed: int | None = None
    ) -> Iterator[Batch]:
        """Yield batches with float images in [0, 1].

        A file that cannot be read becomes a black image that is not `valid`, with its error.

        Args:
            batch_size: images per batch.
            num_workers: processes that decode files.
            seed: seed of a random order, so that the first images are a sample; by default the
                images keep their order.

        Raises:
            DataError: if an array is not an image; see `pixels_from`.
        """
        ordered = self.dataset
        if seed is not None:
            ordered = Subset(ordered, np.random.default_rng(seed).permutation(len(self)).tolist())
        yield from batches(ordered, batch_size, num_workers if self.files else 0)


def batches(dataset: Dataset[Sample], batch_size: int, num_workers: int) -> Iterator[Batch]:
    """Yield the samples of a data set in batches, as float images in [0, 1].

    Raises:
        DataError: if `batch_size` is below 1 or `num_workers` below 0; as the data set raises.
    """
    if batch_size < 1 or num_workers < 0:
        raise DataError("batch_size is at least 1, num_workers at least 0")
    loader = DataLoader(dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=collate)
    for batch in loader:
        yield batch if batch["images"].is_floating_point() else to_float(batch)


class _Images(Dataset[Sample]):
    """Images in memory as float samples: rounding floats to bytes would change them."""

    def __init__(
        self, images: Sequence[Any], geometry: Geometry, source: MaskSource | None
    ) -> None:
        self.images = images
        self.geometry = geometry
        self.source = source
        names = [str(place) for place in range(len(images))]
        regions = () if source is None else source.regions
        self.annotated = {
            region: annotated_for(source, region, names) for region in regions if source is not None
        }

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        try:
            given = pixels_from(self.images[index])
            pixels = self.geometry.image(given)
        except (DataError, OSError) as error:  # OSError: PIL may read lazily and fail here
            raise DataError(f"image {index}: {error}") from error
        image = pixels if pixels.is_floating_point() else to_unit(pixels)
        masks = {} if self.source is None else self._masks(self.source, index, given)
        return Sample(
            index=index,
            id=str(index),
            image=image,
            score=float("nan"),
            masks=masks,
            error="",
            annotated={region: annotated[index] for region, annotated in self.annotated.items()},
        )

    def _masks(self, source: MaskSource, index: int, pixels: Tensor) -> dict[str, Tensor]:
        height, width = pixels.shape[1:]
        size = self.geometry.size
        masks = {region: torch.zeros(1, size, size, dtype=torch.uint8) for region in source.regions}
        for region, mask in source.read(str(index), source.regions).items():
            require_fit(mask, f"number {index}", (width, height), pixels)
            masks[region] = self.geometry.mask(mask.inside)
        return masks


def pixels_from(image: Any) -> Tensor:
    """Convert an image that a user passed to pixels.

    uint8 means 0 to 255. Floats of any width must lie in [0, 1]. Other types have no agreed range
    and are refused. Colour images are (H, W, 3) or (3, H, W); grey images are (H, W), (H, W, 1) or
    (1, H, W). uint8 with a fourth channel is RGBA, composited over white, as in files.

    Args:
        image: a PIL image, an array or a tensor.

    Returns:
        (3, H, W), RGB: uint8 as given, or float32 in [0, 1].

    Raises:
        DataError: if it is not an image; the message says what to pass instead.
    """
    if isinstance(image, Image.Image):
        return pixels_of(image)
    values = image.detach().cpu() if isinstance(image, Tensor) else _tensor(image)
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
    if not np.isfinite([low, high]).all():  # NaN propagates to both ends
        raise DataError("NaN or infinite pixels: repair it, or leave it out")
    if low < -_SLACK or high > 1 + _SLACK:
        remedy = (
            "divide by 255, or give uint8"
            if low >= 0 and high > 2
            else "give it as it was before normalisation, which the model does inside"
        )
        raise DataError(f"floats are taken as 0 to 1; found {low:g} to {high:g}: {remedy}")
    return values.expand(3, -1, -1).clamp(0, 1)


def separate(images: Any) -> Sequence[Any]:
    """Return a batch or a list as a sequence of single images."""
    if isinstance(images, list | tuple):
        return images
    shape = getattr(images, "shape", None)
    if shape is None:
        raise DataError(
            f"{type(images).__name__} is not an image: give a path, an array, a tensor, a PIL "
            "image, or a list of these"
        )
    if len(shape) == 1:  # such as a column of paths
        return list(images)
    return images if len(shape) == 4 else [images]


def _kind(image: Any) -> str:
    if isinstance(image, str | Path):
        return "paths"
    if isinstance(image, Image.Image):
        return "PIL images"
    if hasattr(image, "shape"):
        return "arrays"
    raise DataError(f"a {type(image).__name__} among the images: give paths, arrays or PIL")


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
            f"shape {shape} may have its channels first or last: give it as a PIL image"
        )
    if not (first or last):
        raise DataError(
            f"shape {shape} is not an image: give (H, W, 3), (3, H, W) or (H, W), a batch as "
            "(n, H, W, 3) or (n, 3, H, W)"
        )
    return values if first else values.permute(2, 0, 1)


def _type(values: Tensor) -> str:
    return str(values.dtype).removeprefix("torch.")
