"""Images per second of memlab's loader, beside a plain torch Dataset; interleaved.

Usage: python benchmarks/loader.py [FOLDER of JPEGs]; without a folder it draws 200 images of 400 to
700 pixels. Both sides end with float tensors (32, 3, 224, 224), normalised. The peer works like the
Columbia student study: PIL, convert, Resize, ToTensor, Normalize, in torch's DataLoader. memlab
loads bytes, makes floats of a whole batch, and normalises as its model does. On both sides the
workers start before the clock, as in a long epoch. Before a first epoch the cache's slots are
emptied; later epochs find its file in the system's memory. Ratios are computed within a round.
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as memlab's command line does; for both sides

import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from memlab.data.cache import ImageCache
from memlab.data.dataset import ImageDataset, collate, to_float
from memlab.data.geometry import Geometry
from memlab.imaging.decode import decoder

ROUNDS = 5
PASSES = 1
BATCH = 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Plain(Dataset[tuple[torch.Tensor, float]]):
    """Data set of the Columbia student study: all work in the worker, one image at a time."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.transform = transforms.Compose(
            [
                transforms.Resize((224, 224)),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, float]:
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB")), 0.5


def consume_plain(loader: DataLoader[Any]) -> int:
    """Run one epoch; return the number of images."""
    return sum(len(images) for images, _ in loader)


def consume_memlab(loader: DataLoader[Any]) -> int:
    """Run one epoch, normalised as in MemorabilityRegressor."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return sum(len((to_float(batch)["images"] - mean).div_(std)) for batch in loader)


def empty(cache: ImageCache) -> None:
    """Mark all images as missing in place, because the workers keep the file open."""
    os.truncate(cache.path, 4096)
    os.truncate(cache.path, cache.size)


def rates(paths: list[Path], workers: int, folder: Path) -> dict[str, list[float]]:
    """Return the images per second of each way of loading, one value per round."""
    root = paths[0].parent
    names = [path.name for path in paths]
    rows = pd.DataFrame({"id": names, "image": names, "score": 0.5})
    caches = [
        ImageCache(folder / f"{workers}-{use}", root, names, Geometry(224)) for use in range(2)
    ]
    loaders: dict[str, DataLoader[Any]] = {"peer": DataLoader(Plain(paths), **_options(workers))}
    for name, cache in zip(
        ("no cache", "first epoch", "later epochs"), [None, *caches], strict=True
    ):
        images = ImageDataset(rows, root, Geometry(224), cache=cache)
        loaders[name] = DataLoader(images, collate_fn=collate, **_options(workers))
    found: dict[str, list[float]] = {name: [] for name in loaders}
    for round_ in range(ROUNDS + 1):  # the first starts the workers and fills the cache
        for name, loader in loaders.items():
            consume: Callable[[DataLoader[Any]], int]
            consume = consume_plain if name == "peer" else consume_memlab
            seconds, count = 0.0, 0
            for _ in range(PASSES):
                if name == "first epoch":
                    empty(caches[0])
                start = time.perf_counter()
                count += consume(loader)
                seconds += time.perf_counter() - start
            if round_:
                found[name].append(count / seconds)
    return found


def _options(workers: int) -> dict[str, Any]:
    return {"batch_size": BATCH, "num_workers": workers, "persistent_workers": workers > 0}


def quartiles(values: list[float], digits: int) -> dict[str, Any]:
    """Return the median and interquartile range."""
    low, middle, high = (round(float(x), digits) for x in np.percentile(values, (25, 50, 75)))
    return {"median": middle, "iqr": [low, high]}


def draw(folder: Path, n: int = 200) -> list[Path]:
    """Draw images with structure at several scales, of 400 to 700 pixels."""
    rng = np.random.default_rng(0)
    paths = []
    for place in range(n):
        width, height = (int(side) for side in rng.integers(400, 701, size=2))
        layers = [
            Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
            for side in (5, 40, 160)
        ]
        image = Image.blend(Image.blend(layers[0], layers[1], 0.35), layers[2], 0.15)
        paths.append(folder / f"{place:08d}.jpg")
        image.save(paths[-1], quality=90)
    return paths


def main() -> None:
    """Measure with no and with two workers, and write the results."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = sorted(Path(sys.argv[1]).glob("*.jpg")) if len(sys.argv) > 1 else draw(folder)
        sides = [Image.open(path).size for path in paths]
        figures = {}
        for workers in (0, 2):
            found = rates(paths, workers, folder)
            figures[f"{workers} workers"] = {
                way: {
                    "images_per_second": quartiles(values, 1),
                    "ratio_to_peer": quartiles(
                        [ours / peer for ours, peer in zip(values, found["peer"], strict=True)], 2
                    ),
                }
                for way, values in found.items()
            }
    result = {
        "rounds": ROUNDS,
        "images": f"{len(paths)} {'photos' if len(sys.argv) > 1 else 'drawn JPEGs'}",
        "median_pixels": int(np.median([width * height for width, height in sides])),
        "decoder": decoder(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "THP_MEM_ALLOC_ENABLE": os.environ["THP_MEM_ALLOC_ENABLE"],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("memlab", "torch", "torchvision", "pillow")},
        "loaders": figures,
    }
    path = Path(__file__).parent / "results" / "loader.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
