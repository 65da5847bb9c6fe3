"""Blind scan for unexpected marks: occludes test images cell by cell, outside all masks.

The scan needs no description of the mark: it may be a hospital's token, a watermark or a date
stamp. If one image position matters more than comparable positions, the results and a figure
show it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import LightningModule, Trainer

from memlab import shards
from memlab.ablations.evaluate import ConditionScores, evaluate
from memlab.ablations.scan import FREE, OccludeCell, labels, scan_conditions
from memlab.analysis.blind_scan import LEVEL, PERMUTATIONS, scan, strongest
from memlab.analysis.quantities import SESOI
from memlab.analysis.results import Results, Scan
from memlab.callbacks.base import data_of, readable
from memlab.callbacks.sharded import ShardedEvaluation
from memlab.files import replacing
from memlab.imaging.cells import CELL, SIDE, ends
from memlab.imaging.filters import gaussian_blur
from memlab.models.base import MemorabilityModel
from memlab.reports.scan import draw_scan
from memlab.seeds import seed_of
from memlab.types import Batch, Context

KEY = ["row", "column", "index"]
IMAGES = 1000
"""Maximum number of scanned images (64 forward passes each); larger splits are sampled by seed."""
_SUMS = "sums-"
_COARSE = 4.0  # sigma in % of the width; structure coarser than this is not part of a mark


class BlindScan(ShardedEvaluation):
    """Callback that occludes each of 8 × 8 overlapping cells of every image and tests the cells.

    `scan.parquet` and `.csv` hold one row per image and cell. `scan.png` shows the effect per cell.

    Args:
        scan: whether to run the scan.
        micro_batch: maximum number of changed images that exist at once.
        seed: seed of the sample, the permutation tests and the intervals.
    """

    table = "scan"
    batches = "batches of the scan"

    def __init__(self, scan: bool = False, micro_batch: int = 64, seed: int = 0) -> None:
        self.scan = scan
        self.micro_batch = micro_batch
        self.seed = seed
        self.conditions = scan_conditions() if scan else []
        self._chosen: set[str] = set()
        self._outside: list[str] = []
        self._images: dict[str, Any] = {}
        self._summed: set[int] = set()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Request all masks except the background's, and draw the sample."""
        if stage != "test" or not self.scan:
            return
        data = data_of(trainer)
        self._outside = sorted(set(data.table.regions) - {"background"})
        data.load_regions(self._outside)
        ids = [str(name) for name in data.table.part("test")["id"]]
        self._chosen = set(sorted(ids, key=lambda name: seed_of(self.seed, name, "scan"))[:IMAGES])
        self.open(trainer)

    def resume(self, trainer: Trainer, writer: shards.ShardWriter) -> None:
        """Read the sums over the images of the batches whose rows are kept."""
        self._images, self._summed = _read_sums(self._sums(writer))

    def evaluate_batch(
        self, model: MemorabilityModel, writer: shards.ShardWriter, batch: Batch, batch_idx: int
    ) -> None:
        """Occlude and score the sampled, readable images of the batch."""
        chosen = readable(batch, self._chosen)
        if not chosen:
            return
        places = torch.tensor(chosen)
        summed = batch_idx in self._summed
        if summed and writer.has(batch_idx, batch["index"].cpu()[places].tolist()):
            return
        images = batch["images"][places.to(batch["images"].device)]
        context = Context(batch["ids"], self.seed, masks=batch["masks"]).select(places)
        if not summed:  # first, or existing rows would hide that the sums lack this batch
            self._add(images, context)
            self._summed.add(batch_idx)
            with replacing(self._sums(writer)) as path, path.open("wb") as file:
                np.savez(file, **self._images, batches=np.array(sorted(self._summed)))
        shown = {"index": batch["index"].cpu()[places].numpy(), "id": list(context.ids)}
        scores = evaluate(model.scores, images, context, self.conditions, self.micro_batch)
        table = pd.concat([_rows(one, shown) for one in scores], ignore_index=True)
        writer.write(table, batch_idx)

    def contribute(self, results: Results, rows_: pd.DataFrame, folder: Path) -> None:
        """Test the cells, and add them, their table and their figure to the results."""
        if results.command != "test" or not self.scan:
            return
        merged = shards.merge(folder, "scan", KEY)
        shards.write_table(merged, folder, "scan")
        changed = merged.pivot(index="index", columns=["row", "column"], values="predicted")
        clean = rows_.set_index("index").loc[changed.index, "predicted"]
        effects = clean.to_numpy(dtype=float)[:, None] - changed.to_numpy(dtype=float)
        smallest = SESOI * float(rows_["predicted"].std(ddof=0))
        tested = scan(effects, SIDE, smallest, self.seed)
        paths = sorted((folder / shards.SHARDS / "scan").glob(f"{_SUMS}*.npz"))
        sums = [_read_sums(path)[0] for path in paths]
        images = {name: sum(one[name] for one in sums) for name in sums[0]}
        alike = _alike(images)
        positions = [
            replace(
                cell,
                left=ends(cell.column)[0],
                top=ends(cell.row)[0],
                eligible=int(np.isfinite(effects[:, index]).sum()),
                alike=alike[index],
            )
            for index, cell in enumerate(tested)
        ]
        first = strongest(tested)
        results.scan = Scan(
            n=len(effects),
            of=len(rows_),
            cells=(SIDE, SIDE),
            cell_size=CELL,
            unit="% of the width",
            fill="Gaussian-weighted mean of what surrounds the cell",
            outside=self._outside,
            free=FREE,
            method=f"each cell against its mirror images and turns, {PERMUTATIONS} permutations",
            level=LEVEL,
            smallest_effect=smallest,
            strongest=None if first is None else first.row * SIDE + first.column,
            positions=positions,
        )
        mean = (images["sum"] / images["count"]).clip(0, 1)
        results.figures += draw_scan(results.scan, mean.transpose(1, 2, 0), folder)

    @staticmethod
    def _sums(writer: shards.ShardWriter) -> Path:
        return writer.folder / f"{_SUMS}{writer.rank:05d}.npz"

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
