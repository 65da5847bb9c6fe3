"""Changed images of a batch: their rows, and the time that each condition takes."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Subset

from memlab.ablations.base import Ablation
from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import Condition
from memlab.ablations.surprise import CleanFeatures
from memlab.data.dataset import ImageDataset, collate, to_float
from memlab.data.donors import DonorList
from memlab.inference.condition_rows import condition_rows
from memlab.precision import evaluation_mode
from memlab.progress import Advance
from memlab.scorer import Scorer
from memlab.stop_signals import ignore_signals
from memlab.types import Batch, Context


@dataclass(frozen=True)
class TableImages:
    """Images of a table in batches, for `memlab.inference.predict.scored`.

    Args:
        images: the images.
        chosen: indices of the images to read, in order; None for all.
    """

    images: ImageDataset
    chosen: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.images) if self.chosen is None else len(self.chosen)

    def batches(self, batch_size: int = 32, num_workers: int = 0) -> Iterator[Batch]:
        """Yield batches with float images in [0, 1], in order."""
        loader: DataLoader[Any] = DataLoader(
            self.images if self.chosen is None else Subset(self.images, self.chosen),
            batch_size=batch_size,
            num_workers=num_workers,
            collate_fn=collate,
            worker_init_fn=ignore_signals,
        )
        yield from map(to_float, loader)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch with images and masks on a device."""
    masks = {region: mask.to(device) for region, mask in batch["masks"].items()}
    return {**batch, "images": batch["images"].to(device), "masks": masks}


def changed_rows(
    model: Scorer,
    batch: Batch,
    conditions: Sequence[Condition],
    donors: DonorList | None,
    seed: int,
    advance: Advance,
    among: Collection[str] | None = None,
    clean: CleanFeatures | None = None,
) -> list[pd.DataFrame]:
    """Return the rows of the batch's valid images, one table for each condition and draw.

    Args:
        model: any model; the batch is on its device.
        batch: images with their masks.
        conditions: the plan.
        donors: list from which ablations take donors.
        seed: seed of random ablations.
        advance: told the number of images after each table, valid or not.
        among: ids of the images to change; None for all.
        clean: features of unchanged images, for the distance of changed images to them.
    """
    names = batch["ids"]
    asked = [among is None or name in among for name in names]
    valid = (batch["valid"].cpu() & torch.tensor(asked)).nonzero().flatten()
    if len(valid) == 0 or not conditions:
        advance(sum(asked) * sum(condition.draws for condition in conditions))
        return []
    context = Context(names, seed, masks=batch["masks"], annotated=batch["annotated"])
    images = batch["images"][valid.to(batch["images"].device)]
    shown = {
        "index": batch["index"][valid].numpy(),
        "id": [names[index] for index in valid.tolist()],
    }
    for condition in conditions:
        condition.ablation.to(model.device)
    following = dict(pairwise(condition.key for condition in conditions))
    tables = []
    advance(0, conditions[0].key)
    with evaluation_mode(model):
        scores = evaluate(
            model.scores, images, context.select(valid), conditions, donors=donors, clean=clean
        )
        for one in scores:
            tables.append(condition_rows(one, shown))
            last = one.draw + 1 == one.condition.draws
            key = one.condition.key
            advance(sum(asked), following.get(key, "") if last else key)
    return tables


@dataclass(frozen=True)
class Seconds:
    """Seconds that a condition took for a batch, model included.

    Args:
        first: seconds of the first draw, which also finds the positions of controls.
        further: seconds of each further draw.
        images: number of images that were changed.
    """

    first: float
    further: float
    images: int


def time_conditions(
    model: Scorer,
    batch: Batch,
    conditions: Sequence[Condition],
    donors: DonorList | None,
    seed: int,
    advance: Advance,
) -> tuple[dict[str, Seconds], pd.DataFrame]:
    """Measure the time of each condition on a batch, in at most two draws.

    Args:
        model: any model; the batch is on its device.
        batch: images with their masks; all valid.
        conditions: the plan.
        donors: list from which ablations take donors.
        seed: seed of random ablations.
        advance: told the number of draws made.

    Returns:
        Seconds by the key of the condition; and the rows of the changed images, for their noise.
    """
    short = [replace(one, draws=min(one.draws, 2)) for one in conditions]
    spent: dict[str, list[float]] = {}
    images: dict[str, int] = {}
    tables = []
    context = Context(batch["ids"], seed, masks=batch["masks"], annotated=batch["annotated"])
    shown: Mapping[str, Any] = {"index": batch["index"].numpy(), "id": batch["ids"]}
    for condition in short:
        condition.ablation.to(model.device)
    with evaluation_mode(model):
        started = time.perf_counter()
        for one in evaluate(model.scores, batch["images"], context, short, donors=donors):
            tables.append(condition_rows(one, shown))
            now = time.perf_counter()
            spent.setdefault(one.condition.key, []).append(now - started)
            found = int(one.eligible.sum())
            images[one.condition.key] = max(found, images.get(one.condition.key, 0))
            advance(1, one.condition.key)
            started = time.perf_counter()
    seconds = {
        key: Seconds(first, rest[-1] if rest else first, images[key])
        for key, (first, *rest) in spent.items()
    }
    return seconds, pd.concat(tables, ignore_index=True)


def presence(ablation: Ablation, context: Context) -> NDArray[np.float64]:
    """Return which images have what an ablation removes, (n,): 1, 0, or NaN if not annotated."""
    known = context.annotated_for(*ablation.regions, *ablation.place.without).numpy()
    absent = ablation.absent(context).numpy()
    return np.where(absent, 0.0, np.where(known, 1.0, np.nan))
