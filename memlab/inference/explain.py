"""Attribution maps of loose images, without a data set or a Trainer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from memlab import registry
from memlab.analysis.layer_choice import LayerChoice
from memlab.attributions.base import Attribution, Given, by_branch, explain_branches
from memlab.attributions.reference import MOST, reference_for
from memlab.attributions.texts import map_table
from memlab.data.inputs import Images, Inputs
from memlab.errors import DataError, MemlabError
from memlab.files import make_folder, replacing, write_text
from memlab.imaging.decode import size_of_file
from memlab.imaging.pixels import to_bytes
from memlab.inference.chosen_layer import asks_for_layer, layer_for
from memlab.inference.predict import device_named
from memlab.paths import short_name
from memlab.progress import Advance
from memlab.progress import progress as bar
from memlab.scorer import Scorer, with_unscored
from memlab.types import Batch, Context


@dataclass(frozen=True)
class Maps:
    """Attribution maps of images by one method.

    Args:
        method: name of the method.
        unit: unit of the maps' values.
        image: paths, or indices from 0, as in the table of `predict`.
        maps: (n, h, w) float32, signed, at the method's own resolution.
        images: (n, 3, H, W) uint8, as the model saw them.
        predicted: (n,) scores.
        errors: unreadable files with the reason; they have no map.
        branches: `maps_NAME` to (n, h, w) for each branch of the model; `maps` is their sum.
        columns: figures of each map by name, (n,), such as `residual`.
        compared_with: what a contrast compares with, in words; empty for other methods.
        layer: how the layer was chosen; None if it was given.
    """

    method: str
    unit: str
    image: list[str]
    maps: NDArray[np.float32]
    images: NDArray[np.uint8]
    predicted: NDArray[np.float32]
    errors: dict[str, str]
    branches: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    compared_with: str = ""
    layer: LayerChoice | None = None

    def __len__(self) -> int:
        return len(self.image)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of `maps/METHOD.npz`; `score` is NaN, because there are no labels."""
        return {
            "id": np.array(self.image),
            "index": np.arange(len(self)),
            "maps": self.maps,
            **self.branches,
            **self.columns,
            "images": self.images,
            "predicted": self.predicted,
            "score": np.full(len(self), np.nan, dtype=np.float32),
            "size": np.array([size_of_file(Path(name)) for name in self.image]).reshape(-1, 2),
        }

    def save(self, folder: str | Path) -> list[Path]:
        """Write the maps, one overlay per image, and a sheet of the first 16, with colour bars.

        All overlays share one scale: the largest absolute value of all the maps.

        Args:
            folder: output folder; receives `maps/METHOD.npz`, `.csv` and `.png`, and
                `overlays/METHOD/NUMBER-NAME.png`, the figures as PDF, too.

        Returns:
            The files written.
        """
        from memlab.attributions.overlays import full_colour, map_overlays, single_overlay
        from memlab.drawing import also_as

        folder = Path(folder)
        path = make_folder(folder / "maps") / f"{self.method}.npz"
        arrays = self.arrays()
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, unit=np.array(self.unit), **arrays)  # type: ignore[arg-type]
        table = path.with_suffix(".csv")
        write_text(table, map_table(arrays).to_csv(index=False))
        limit = full_colour(self.maps)
        digits = len(str(len(self) - 1))
        names = []
        with also_as(("pdf",)):
            names += map_overlays(arrays, self.method, self.unit, folder, limit)
            for place, name in enumerate(self.image):
                named = f"overlays/{self.method}/{place:0{digits}d}-{short_name(Path(name).stem)}"
                names += single_overlay(arrays, place, self.method, self.unit, limit, folder, named)
        return [path, table, *(folder / name for name in names)]


def explain(
    model: Scorer,
    images: Images,
    method: str | Attribution = "grad_cam",
    *,
    reference: Images | None = None,
    batch_size: int = 32,
    num_workers: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Maps:
    """Explain the scores of images by position.

    The images are kept in memory at the model's size, as bytes: 150 kB each at 224 pixels.

    Args:
        model: a model that the method supports; for `memlab.explain` also a reference that
            `memlab.load` accepts.
        images: as for `memlab.inference.predict.predict`.
        method: a plugin's name, or an attribution.
        reference: images whose mean a contrast compares with, and on which a layer `auto` is
            chosen; by default the explained images. At most 512 of them are read.
        batch_size: number of images per batch.
        num_workers: number of processes that decode files.
        device: device to run on; by default the model's device.
        progress: whether to show a progress bar on a terminal.

    Raises:
        MemlabError: if the method does not support the model, or no image can be read.
    """
    attribution: Attribution = (
        registry.load("attributions", method)() if isinstance(method, str) else method
    )
    errors: dict[str, str] = {}
    found: dict[str, list[NDArray[Any]]] = {}
    names: list[str] = []
    inputs = Inputs(images, model.input_size, resampler=model.resampler)
    given, compared, layer = Given(), "", None
    kind, others = "explained", inputs
    if reference is not None and (attribution.contrasts or asks_for_layer(attribution)):
        kind = "reference"
        others = Inputs(reference, model.input_size, resampler=model.resampler)
    model.to(device_named(device) if device is not None else model.device)
    if asks_for_layer(attribution):
        attribution, layer = layer_for(
            attribution, model, others, f"{kind} images", batch_size, num_workers, progress
        )
    if attribution.contrasts:
        with bar("Reference", min(len(others), MOST), shown=progress) as advance:
            drawn = others.batches(batch_size, num_workers, seed=0)
            mean = reference_for(attribution, model, _counted(drawn, advance))
        if reference is None and mean.count < 2:
            raise MemlabError(
                "one image has no mean to be compared with: give other images as the reference"
            )
        given, compared = Given(mean), f"the mean of {mean.count} {kind} images"
    with bar("Explaining", len(inputs), shown=progress) as advance:
        for batch in _counted(inputs.batches(batch_size, num_workers), advance):
            explained = _explained(attribution, model, batch, given)
            errors |= explained.errors
            names += explained.names
            for name, values in explained.arrays.items():
                found.setdefault(name, []).append(values)
    if not names:
        raise DataError(f"no image could be explained: {next(iter(errors.values()))}")
    joined = {name: np.concatenate(parts) for name, parts in found.items()}
    branches = {name: joined.pop(name) for name in list(joined) if name.startswith("maps_")}
    own = {name: joined.pop(name) for name in ("maps", "images", "predicted")}
    return Maps(
        attribution.name,
        attribution.unit,
        names,
        errors=errors,
        branches=branches,
        columns=joined,
        compared_with=compared,
        layer=layer,
        **own,
    )


@dataclass(frozen=True)
class _Explained:
    """What was found of a batch: ids of the explained images, arrays by name, errors by id."""

    names: list[str]
    arrays: dict[str, NDArray[Any]]
    errors: dict[str, str]


def _explained(attribution: Attribution, model: Scorer, batch: Batch, given: Given) -> _Explained:
    """Return the maps of a batch's images and their scores, which the method computes anyway.

    Images that cannot be read, or have no finite score, are left out.
    """
    readable = batch["valid"].nonzero().flatten()
    arrays: dict[str, NDArray[Any]] = {}
    predicted = torch.full(batch["valid"].shape, torch.nan)
    if len(readable):
        pixels = batch["images"][readable].to(model.device)
        masks = {region: mask.to(model.device) for region, mask in batch["masks"].items()}
        context = Context(batch["ids"], masks=masks).select(readable)
        found = explain_branches(attribution, model, pixels, replace(given, context=context))
        assert found.scores is not None
        predicted[readable] = found.scores.float().cpu()
        arrays = by_branch(model, found)
        arrays |= {
            "images": to_bytes(pixels).cpu().numpy(),
            "predicted": predicted[readable].numpy(),
        }
    named = with_unscored(batch, predicted)
    kept = named["valid"][readable].numpy()
    return _Explained(
        [batch["ids"][place] for place in readable[kept].tolist()],
        {name: values[kept] for name, values in arrays.items()},
        {name: error for name, error in zip(batch["ids"], named["errors"], strict=True) if error},
    )


def _counted(batches: Iterator[Batch], advance: Advance) -> Iterator[Batch]:
    """Yield batches, and report the progress."""
    for batch in batches:
        yield batch
        advance(len(batch["ids"]))
