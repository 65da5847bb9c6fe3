"""Blind scan for unexpected marks: occludes test images cell by cell, outside all masks.

The scan needs no description of the mark: it may be a hospital's token, a watermark or a date
stamp. If one image position matters more than comparable positions, the results and a figure
show it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from lightning.pytorch import LightningModule, Trainer

from memlab import shards
from memlab.ablations.scan import scan_conditions
from memlab.analysis.quantities import SESOI
from memlab.analysis.results import Results
from memlab.callbacks.base import data_of, readable
from memlab.callbacks.sharded import ShardedEvaluation
from memlab.inference.scan_images import KEY, BatchScan, mean_image, read_all_sums, scan_record
from memlab.models.base import MemorabilityModel
from memlab.reports.scan import draw_scan
from memlab.seeds import seed_of
from memlab.types import Batch

IMAGES = 1000
"""Maximum number of scanned images (64 forward passes each); larger splits are sampled by seed."""


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
        self._scan: BatchScan | None = None

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
        self._scan = BatchScan(writer, self.conditions, self.seed, self.micro_batch)

    def evaluate_batch(
        self, model: MemorabilityModel, writer: shards.ShardWriter, batch: Batch, batch_idx: int
    ) -> None:
        """Occlude and score the sampled, readable images of the batch."""
        chosen = readable(batch, self._chosen)
        if not chosen or self._scan is None:
            return
        indices = [int(batch["index"][place]) for place in chosen]
        if not self._scan.has(batch_idx, indices):
            self._scan.add(model, batch, chosen, batch_idx)

    def contribute(self, results: Results, rows_: pd.DataFrame, folder: Path) -> None:
        """Test the cells, and add them, their table and their figure to the results."""
        if results.command != "test" or not self.scan:
            return
        merged = shards.merge(folder, "scan", KEY)
        shards.write_table(merged, folder, "scan")
        images = read_all_sums(folder / shards.SHARDS / "scan")
        smallest = SESOI * float(rows_["predicted"].std(ddof=0))
        results.scan = scan_record(merged, rows_, images, self._outside, smallest, self.seed)
        results.figures += draw_scan(results.scan, mean_image(images), folder)
