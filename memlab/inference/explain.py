"""Attribution maps of loose images, without a data set or a Trainer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from memlab import registry
from memlab.attributions.base import Attribution, by_branch, explain_branches
from memlab.data.inputs import Images, Inputs
from memlab.errors import DataError
from memlab.files import make_folder, replacing
from memlab.imaging.pixels import to_bytes
from memlab.inference.predict import scored
from memlab.paths import short_name
from memlab.scorer import Scorer

SHEET = 16
"""Number of images on the sheet with the colour bar; every image also gets its own overlay file."""


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
    """

    method: str
    unit: str
    image: list[str]
    maps: NDArray[np.float32]
    images: NDArray[np.uint8]
    predicted: NDArray[np.float32]
    errors: dict[str, str]
    branches: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.image)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of `maps/METHOD.npz`; `score` is NaN, because there are no labels."""
        return {
            "id": np.array(self.image),
            "index": np.arange(len(self)),
            "maps": self.maps,
            **self.branches,
            "images": self.images,
            "predicted": self.predicted,
            "score": np.full(len(self), np.nan, dtype=np.float32),
        }

    def save(self, folder: str | Path) -> list[Path]:
        """Write the maps, one overlay per image, and a sheet of the first 16 with a colour bar.

        All overlays share one scale: the largest absolute value of all the maps.

        Args:
            folder: output folder; receives `maps/METHOD.npz`, `maps/METHOD.png` and
                `overlays/NUMBER-NAME.png`.

        Returns:
            The files written.
        """
        from PIL import Image

        from memlab.attributions.overlays import map_overlays, overlay

        folder = Path(folder)
        path = make_folder(folder / "maps") / f"{self.method}.npz"
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, unit=np.array(self.unit), **self.arrays())  # type: ignore[arg-type]
        limit = float(np.abs(self.maps).max()) or 1.0
        first = {name: values[:SHEET] for name, values in self.arrays().items()}
        written = [path]
        written += [
            folder / name for name in map_overlays(first, self.method, self.unit, folder, limit)
        ]
        digits = len(str(len(self) - 1))
        for place, name in enumerate(self.image):
            image = self.images[place].transpose(1, 2, 0)
            drawn = overlay(image, self.maps[place], limit)
            path = folder / "overlays" / f"{place:0{digits}d}-{short_name(Path(name).stem)}.png"
            with replacing(path) as temporary:
                Image.fromarray((drawn * 255).round().astype(np.uint8)).save(temporary)
            written.append(path)
        return written


def explain(
    model: Scorer,
    images: Images,
    method: str | Attribution = "grad_cam",
    *,
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
    found: dict[str, list[NDArray[Any]]] = {"images": [], "predicted": []}
    names: list[str] = []
    inputs = Inputs(images, model.input_size, resampler=model.resampler)
    for batch, predicted in scored(
        model, inputs, batch_size, num_workers, device, progress, "Explaining"
    ):
        errors |= {
            name: error for name, error in zip(batch["ids"], batch["errors"], strict=True) if error
        }
        places = batch["valid"].nonzero().flatten()
        if len(places) == 0:
            continue
        pixels = batch["images"][places.to(batch["images"].device)]
        names += [batch["ids"][place] for place in places.tolist()]
        for name, values in by_branch(model, explain_branches(attribution, model, pixels)).items():
            found.setdefault(name, []).append(values)
        found["images"].append(to_bytes(pixels).cpu().numpy())
        found["predicted"].append(predicted[places].numpy())
    if not names:
        raise DataError(f"no image could be explained: {next(iter(errors.values()))}")
    joined = {name: np.concatenate(parts) for name, parts in found.items()}
    branches = {name: joined.pop(name) for name in list(joined) if name.startswith("maps_")}
    return Maps(
        attribution.name, attribution.unit, names, errors=errors, branches=branches, **joined
    )
