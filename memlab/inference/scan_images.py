"""Blind scan of images: occludes a batch cell by cell, sums its pixels, and makes the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from memlab.ablations.evaluate import ConditionScores, evaluate
from memlab.ablations.plan import Condition
from memlab.ablations.scan import FREE, OccludeCell, labels
from memlab.analysis.blind_scan import LEVEL, PERMUTATIONS, scan, strongest
from memlab.analysis.results import Scan
from memlab.files import replacing
from memlab.imaging.cells import CELL, SIDE, ends
from memlab.imaging.filters import gaussian_blur
from memlab.scorer import Scorer
from memlab.seeds import seed_of
from memlab.shards import ShardWriter
from memlab.types import Batch, Context

KEY = ["row", "column", "index"]
"""Columns that make a row of the scan unique."""
SUMS = "sums-"
_COARSE = 4.0  # sigma in % of the width; structure coarser than this is not part of a mark


class BatchScan:
    """Scan of batches, with sums over the images that a killed process can go on with.

    Args:
        writer: writer of the rows.
        conditions: the cells.
        seed: seed of the two halves.
        micro_batch: maximum number of changed images that exist at once.
    """

    def __init__(
        self, writer: ShardWriter, conditions: Sequence[Condition], seed: int, micro_batch: int = 64
    ) -> None:
        self.writer = writer
        self.conditions = conditions
        self.seed = seed
        self.micro_batch = micro_batch
        self._path = writer.folder / f"{SUMS}{writer.rank:05d}.npz"
        self._images, self._summed = _read_sums(self._path)

    def has(self, number: int, indices: list[int]) -> bool:
        """Return whether a batch is scanned already."""
        return number in self._summed and self.writer.has(number, indices)

    def add(self, model: Scorer, batch: Batch, places: Sequence[int], number: int) -> None:
        """Occlude and score some images of a batch, and write their rows.

        Args:
            model: any model; the batch is on its device.
            batch: images with their masks.
            places: positions in the batch of the images to scan; all of them are valid.
            number: number of the batch.
        """
        chosen = torch.tensor(places)
        images = batch["images"][chosen.to(batch["images"].device)]
        context = Context(batch["ids"], self.seed, masks=batch["masks"]).select(chosen)
        indices = batch["index"].cpu()[chosen].tolist()
        if number not in self._summed:  # first, or existing rows would hide that the sums lack it
            self._add(images, context)
            self._summed.add(number)
            with replacing(self._path) as path, path.open("wb") as file:
                np.savez(file, **self._images, batches=np.array(sorted(self._summed)))
        shown = {"index": indices, "id": list(context.ids)}
        scores = evaluate(model.scores, images, context, self.conditions, self.micro_batch)
        table = pd.concat([_rows(one, shown) for one in scores], ignore_index=True)
        self.writer.write(table, number)

    def _add(self, images: torch.Tensor, context: Context) -> None:
        """Add images to the sums of pixels and to the sums of fine detail in two halves."""
        labelled = labels(context)
        free = torch.ones_like(images[:, :1]) if labelled is None else 1 - labelled.to(images)
        detail = (images - gaussian_blur(images, _COARSE)) * free
        half = torch.tensor([seed_of(self.seed, name, "half") % 2 for name in context.ids])
        detail_sums, free_sums = (
            torch.stack([values[(half == h).to(values.device)].sum(dim=0) for h in (0, 1)])
            for values in (detail, free)
        )
        new = {
            "sum": images.sum(dim=0),
            "count": torch.tensor(len(images)),
            "detail": detail_sums,
            "free": free_sums,
        }
        for name, value in new.items():
            self._images[name] = self._images.get(name, 0) + value.double().cpu().numpy()


def read_all_sums(folder: Path) -> dict[str, Any]:
    """Return the sums over the images of all processes, from the folder of the scan's shards."""
    sums = [_read_sums(path)[0] for path in sorted(folder.glob(f"{SUMS}*.npz"))]
    return {name: sum(one[name] for one in sums) for name in sums[0]}


def mean_image(images: dict[str, Any]) -> NDArray[np.float64]:
    """Return the mean of the scanned images, (H, W, 3) in [0, 1]."""
    mean: NDArray[np.float64] = (images["sum"] / images["count"]).clip(0, 1).transpose(1, 2, 0)
    return mean


def scan_record(
    scanned: pd.DataFrame,
    clean: pd.DataFrame,
    images: dict[str, Any],
    outside: list[str],
    smallest: float,
    seed: int,
) -> Scan:
    """Test the cells of a scan.

    Args:
        scanned: merged rows of the scan.
        clean: predictions of the unchanged images, one row per image: `index`, `predicted`.
        images: result of `read_all_sums`.
        outside: regions that are never occluded.
        smallest: smallest effect of interest, in units of the score.
        seed: seed of the permutations and the intervals.
    """
    changed = scanned.pivot(index="index", columns=["row", "column"], values="predicted")
    before = clean.set_index("index").loc[changed.index, "predicted"]
    effects = before.to_numpy(dtype=float)[:, None] - changed.to_numpy(dtype=float)
    alike = _alike(images)
    positions = [
        replace(
            cell,
            left=ends(cell.column)[0],
            top=ends(cell.row)[0],
            eligible=int(np.isfinite(effects[:, index]).sum()),
            alike=alike[index],
        )
        for index, cell in enumerate(scan(effects, SIDE, smallest, seed))
    ]
    first = strongest(positions)
    return Scan(
        n=len(effects),
        of=len(clean),
        cells=(SIDE, SIDE),
        cell_size=CELL,
        unit="% of the width",
        fill="Gaussian-weighted mean of what surrounds the cell",
        outside=outside,
        free=FREE,
        method=f"each cell against its mirror images and turns, {PERMUTATIONS} permutations",
        level=LEVEL,
        smallest_effect=smallest,
        strongest=None if first is None else first.row * SIDE + first.column,
        positions=positions,
    )


def _alike(images: dict[str, Any]) -> list[float | None]:
    """Return how similar the images are to each other in each cell; independent of the model.

    The value is the correlation, over a cell's pixels and channels, between the mean detail of one
    half of the images and that of the other half. It is near 1 where many images share a pattern
    and near 0 where they share none.
    """
    mean = images["detail"] / np.maximum(images["free"], 1)
    height, width = mean.shape[-2:]
    found: list[float | None] = []
    for cell in range(SIDE * SIDE):
        top, left = (ends(place)[0] / 100 for place in divmod(cell, SIDE))
        rows_ = slice(round(top * height), round((top + CELL / 100) * height))
        columns = slice(round(left * width), round((left + CELL / 100) * width))
        one, other = mean[..., rows_, columns].reshape(2, -1)
        spread = one.std() * other.std()
        known = spread > 1e-12
        found.append(float(np.corrcoef(one, other)[0, 1]) if known else None)
    return found


def _rows(scored: ConditionScores, shown: dict[str, Any]) -> pd.DataFrame:
    cell = scored.condition.ablation
    assert isinstance(cell, OccludeCell)
    columns = {
        **shown,
        "row": cell.row,
        "column": cell.column,
        "eligible": scored.eligible.numpy(),
        "predicted": scored.predicted.numpy(),
    }
    return pd.DataFrame(columns)


def _read_sums(path: Path) -> tuple[dict[str, Any], set[int]]:
    """Return the sums over a process's images, and the indices of the batches they include."""
    try:
        with np.load(path) as arrays:
            sums = dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile):  # missing or damaged: start the sums again
        return {}, set()
    return sums, set(sums.pop("batches").tolist())
