"""Run of an audit: scores unchanged and changed images batch by batch, and merges their rows.

Each batch is written as one atomic shard. A killed audit loses at most one batch, and of changed
images at most `SHARD`; the same command goes on. The shards are removed last, by the caller, once
all files are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memlab.ablations.base import Ablation
from memlab.ablations.plan import Condition
from memlab.ablations.surprise import clean_features
from memlab.audit.plan import AuditPlan
from memlab.audit.population import Population
from memlab.audit.sample import weights
from memlab.audit.work import Work
from memlab.data.donors import DonorList
from memlab.errors import DataError
from memlab.inference.changed import TableImages, changed_rows, on_device, presence
from memlab.inference.condition_rows import with_descriptions
from memlab.inference.predict import scored
from memlab.progress import progress
from memlab.scorer import Scorer
from memlab.shards import ShardWriter, merge
from memlab.types import Context

CLEAN, CHANGED = "rows", "conditions"
"""Names of the tables, and of the folders of their shards."""
SHARD = 32
"""Most images whose changed versions are one batch and one shard; each has hundreds of versions."""
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
    strata: pd.Series,
    folder: Path,
    machine: Machine,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Score the unchanged images of the plan; return their rows, and errors by id.

    Args:
        model: any model.
        population: the images.
        plan: which of them are scored, and which audited.
        features: presence features: name to the ablation that removes the feature.
        strata: stratum that each image was sampled from, by id. Masks at the model's size may
            lack small regions, so that the features of an image may be others.
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
    rows["stratum"] = rows["id"].map(strata)
    rows["weight"] = weights(rows["stratum"], rows["audited"] == 1)
    first = ["index", "id", "image", "split", "score", "predicted", "audited", "stratum", "weight"]
    return rows[[*first, *features]], {name: why for name, why in errors.items() if why}


def changed_rows_of(
    model: Scorer,
    population: Population,
    plan: AuditPlan,
    work: Work,
    rows: pd.DataFrame,
    donors: DonorList | None,
    folder: Path,
    machine: Machine,
    seed: int,
) -> pd.DataFrame:
    """Change and score the audited images; return their rows, as in `conditions.csv`.

    Args:
        model: any model, on its device.
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
    writer = ShardWriter(folder, CHANGED, 0)
    size = min(machine.batch_size, SHARD)
    due, chosen = _due(audited, size, writer.has)
    parts: list[tuple[Sequence[Condition], frozenset[str]]] = [
        (work.main, frozenset(plan.audited)),
        (work.ladder, frozenset(plan.displayed)),
        (work.scan, frozenset(plan.scanned)),
    ]
    names = [images.ids[index] for index in chosen]
    steps = sum(
        one.draws * sum(name in among for name in names) for some, among in parts for one in some
    )
    batches = TableImages(images, chosen).batches(size, machine.num_workers)
    clean = None
    if due:
        clean = clean_features(model, images, len(images), seed, machine.batch_size)
    with progress("Changed images", steps, machine.shown) as advance:
        for number, loaded in zip(due, batches, strict=True):
            batch = on_device(loaded, model.device)
            found = [
                table
                for some, among in parts
                for table in changed_rows(model, batch, some, donors, seed, advance, among, clean)
            ]
            writer.write(pd.concat(found, ignore_index=True), number)
    return with_descriptions(merge(folder, CHANGED, _KEY), work.records)


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
