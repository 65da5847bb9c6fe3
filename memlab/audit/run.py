"""Run of an audit: scores unchanged and changed images batch by batch, and merges their rows.

Each batch is written as one atomic shard. A killed audit loses at most one batch; the same command
goes on. The shards are removed last, by the caller, once all files are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from memlab.ablations.base import Ablation
from memlab.analysis.results import Scan
from memlab.audit.plan import AuditPlan
from memlab.audit.population import Population
from memlab.audit.sample import strata_of, weights
from memlab.audit.work import Work
from memlab.data.donors import DonorList
from memlab.errors import DataError
from memlab.inference.changed import TableImages, changed_rows, on_device, presence
from memlab.inference.condition_rows import with_descriptions
from memlab.inference.predict import scored
from memlab.inference.scan_images import KEY as CELL_KEY
from memlab.inference.scan_images import BatchScan, read_all_sums, scan_record
from memlab.progress import progress
from memlab.scorer import Scorer
from memlab.shards import SHARDS, ShardWriter, merge
from memlab.types import Context

CLEAN, CHANGED, CELLS = "rows", "conditions", "scan"
"""Names of the tables, and of the folders of their shards."""
_KEY = ["condition", "draw", "index"]


@dataclass(frozen=True)
class Machine:
    """How an audit runs; nothing here changes a result by more than rounding.

    Args:
        batch_size: number of images at once.
        num_workers: processes that decode.
        device: device of the model; None for the model's own.
        shown: whether to show progress.
    """

    batch_size: int = 32
    num_workers: int = 0
    device: str | None = None
    shown: bool = True


def clean_rows(
    model: Scorer,
    population: Population,
    plan: AuditPlan,
    features: dict[str, Ablation],
    folder: Path,
    machine: Machine,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Score the unchanged images of the plan; return their rows, and errors by id.

    Args:
        model: any model.
        population: the images.
        plan: which of them are scored, and which audited.
        features: presence features: name to the ablation that removes the feature.
        folder: folder of the audit.
        machine: how to run.

    Returns:
        One row per image with a prediction: `index`, `id`, `image`, `split`, `score`, `predicted`,
        `audited` (1 or 0), `stratum`, `weight` (images that an audited image represents), and a
        column for each presence feature: 1, 0, or NaN where an image is not annotated for it.

    Raises:
        DataError: if no audited image can be read and scored.
    """
    table = _part(population, plan.scored)
    images = population.images(table)
    writer = ShardWriter(folder, CLEAN, 0)
    every = range(len(images))
    due, chosen = _due(every, machine.batch_size, writer.has)
    for number, (batch, predicted) in zip(
        due,
        scored(
            model,
            TableImages(images, chosen),
            machine.batch_size,
            machine.num_workers,
            machine.device,
            machine.shown,
        ),
        strict=True,
    ):
        context = Context(batch["ids"], masks=batch["masks"], annotated=batch["annotated"])
        columns = {
            "index": batch["index"].numpy(),
            "id": batch["ids"],
            "predicted": predicted.numpy(),
            "error": batch["errors"],
        }
        there = {name: presence(one, context) for name, one in features.items()}
        writer.write(pd.DataFrame(columns | there), number)
    merged = merge(folder, CLEAN, ["index"])
    errors = dict(zip(merged["id"], merged["error"], strict=True))
    table = table[["id", "image", "split", "score"]].merge(merged, on="id", validate="1:1")
    rows = table[table["error"] == ""].drop(columns="error").reset_index(drop=True)
    rows["audited"] = rows["id"].isin(set(plan.audited)).astype(int)
    if not rows["audited"].any():
        why = next(one for one in errors.values() if one)
        raise DataError(f"none of the audited images can be read and scored: {why}")
    rows["stratum"] = strata_of(rows[list(features)])
    rows["weight"] = weights(rows["stratum"], rows["audited"] == 1)
    first = ["index", "id", "image", "split", "score", "predicted", "audited", "stratum", "weight"]
    return rows[[*first, *features]], {name: why for name, why in errors.items() if why}


def changed_tables(
    model: Scorer,
    population: Population,
    plan: AuditPlan,
    work: Work,
    rows: pd.DataFrame,
    donors: DonorList | None,
    folder: Path,
    machine: Machine,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Change and score the audited images; return their rows, and those of the blind scan.

    Args:
        model: any model.
        population: the images.
        plan: which of them are audited.
        work: the conditions.
        rows: result of `clean_rows`; images without a prediction are left out.
        donors: donors of the audited images.
        folder: folder of the audit.
        machine: how to run.
        seed: seed of random changes.
    """
    images = population.images(_part(population, plan.scored))
    audited = rows.loc[rows["audited"] == 1, "index"].tolist()
    writer, cells = (ShardWriter(folder, name, 0) for name in (CHANGED, CELLS))
    scan = BatchScan(cells, work.scan, seed)
    scanned, displayed = frozenset(plan.scanned), frozenset(plan.displayed)

    def in_scan(at: Sequence[int]) -> list[int]:
        return [index for index in at if images.ids[index] in scanned]

    def done(number: int, at: list[int]) -> bool:
        some = in_scan(at) if work.scan else []
        return writer.has(number, at) and (not some or scan.has(number, some))

    due, chosen = _due(audited, machine.batch_size, done)
    ladder = len([index for index in chosen if images.ids[index] in displayed])
    steps = len(chosen) * sum(one.draws for one in work.main)
    steps += ladder * sum(one.draws for one in work.ladder) + len(in_scan(chosen)) * len(work.scan)
    batches = TableImages(images, chosen).batches(machine.batch_size, machine.num_workers)
    with progress("Changed images", steps, machine.shown) as advance:
        for number, loaded in zip(due, batches, strict=True):
            batch = on_device(loaded, model.device)
            for some in (work.main, work.ladder):
                for one in some:
                    one.ablation.to(model.device)
            found = changed_rows(model, batch, work.main, donors, seed, advance)
            found += changed_rows(model, batch, work.ladder, donors, seed, advance, displayed)
            at = in_scan(batch["index"].tolist()) if work.scan else []
            if at and not scan.has(number, at):
                places = [batch["index"].tolist().index(index) for index in at]
                advance(0, "blind scan")
                scan.add(model, batch, places, number)
                advance(len(at) * len(work.scan))
            writer.write(pd.concat(found, ignore_index=True), number)
    conditions = with_descriptions(merge(folder, CHANGED, _KEY), work.records)
    return conditions, merge(folder, CELLS, CELL_KEY) if work.scan else None


def scan_of(
    population: Population,
    scanned: pd.DataFrame,
    rows: pd.DataFrame,
    folder: Path,
    smallest: float,
    seed: int,
) -> tuple[Scan, dict[str, np.ndarray]]:
    """Return the record of the blind scan, and the sums over its images.

    Args:
        population: the images.
        scanned: rows of the scan.
        rows: result of `clean_rows`.
        folder: folder of the audit, with its shards.
        smallest: smallest effect of interest, in units of the score.
        seed: seed of the permutations and the intervals.
    """
    sums = read_all_sums(folder / SHARDS / CELLS)
    outside = sorted(set(population.table.regions) - {"background"})
    audited = rows[rows["audited"] == 1]
    return scan_record(scanned, audited, sums, outside, smallest, seed), sums


def _part(population: Population, ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of some images, in the order of the ids."""
    return population.rows.set_index("id", drop=False).loc[list(ids)].reset_index(drop=True)


def _due(
    indices: Sequence[int], size: int, done: Callable[[int, list[int]], bool]
) -> tuple[list[int], list[int]]:
    """Return the numbers of the batches that are still to do, and the images in them."""
    due, chosen = [], []
    for number, first in enumerate(range(0, len(indices), size)):
        batch = list(indices[first : first + size])
        if not done(number, batch):
            due.append(number)
            chosen += batch
    return due, chosen
