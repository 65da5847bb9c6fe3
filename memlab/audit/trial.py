"""Short trial before an audit: how long each condition takes here, and how noisy it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from memlab.ablations.plan import Condition
from memlab.audit.population import Population
from memlab.audit.sample import in_random_order
from memlab.audit.work import Work, forwards_of
from memlab.data.donors import DonorChooser
from memlab.errors import DataError
from memlab.inference.changed import Seconds, TableImages, on_device, time_conditions
from memlab.inference.condition_rows import with_descriptions
from memlab.inference.predict import scored
from memlab.progress import progress
from memlab.scorer import Scorer

CLEAN = 64
"""Images that are scored unchanged: for their time, and for the SD of predictions."""
EACH = 2
"""Changed images that have each presence feature, if there are as many."""
CHUNK = 8
"""Images of a batch of the trial."""
PATIENCE = 15.0
"""Seconds after which no further batch is scored unchanged."""
FEWEST, MOST = 3, 16
"""Least and most images that are changed."""
TIME = 20.0
"""Seconds for which more than the fewest images are changed."""
CELLS = 4
"""Cells of the blind scan that are timed."""


@dataclass(frozen=True)
class Trial:
    """Measured times and noise.

    Args:
        images: number of changed images.
        clean_seconds: seconds to read and score one unchanged image.
        reference: whether features of unchanged images are read for the gauge.
        seconds: seconds of each kind of condition for the images that it was expected to change,
            by `kind_of`.
        made: share of the expected changes that were made; some controls find no room.
        sd: SD of the predictions of unchanged images.
        elapsed: seconds that the trial took.
        clean: predictions of unchanged images: `id`, `predicted`.
        changed: rows of the changed images, as in `conditions.csv`.
    """

    images: int
    clean_seconds: float
    reference: bool
    seconds: dict[str, Seconds]
    made: dict[str, float]
    sd: float
    elapsed: float
    clean: pd.DataFrame
    changed: pd.DataFrame

    def seconds_of(self, condition: Condition) -> float:
        """Return the seconds per image of all draws of a condition at any dose."""
        found = self.seconds.get(kind_of(condition))
        if found is None or found.images == 0:
            each = [one.further / one.images for one in self.seconds.values() if one.images]
            return condition.draws * (float(np.mean(each)) if each else self.clean_seconds)
        return (found.first + (condition.draws - 1) * found.further) / found.images

    def made_of(self, condition: Condition) -> float:
        """Return the share of a condition's expected changes that are possible."""
        return self.made.get(kind_of(condition), 1.0)


def kind_of(condition: Condition) -> str:
    """Return the key of a condition that all its doses share."""
    return f"{condition.record.curve}:{condition.role}"


def run_trial(
    model: Scorer,
    population: Population,
    regions: pd.DataFrame,
    work: Work,
    *,
    seed: int,
    device: str | None,
    shown: bool = True,
) -> Trial:
    """Measure times and noise on a few images of the population.

    Raises:
        DataError: if none of the images can be read and scored.
    """
    started = time.perf_counter()
    first = _first(regions, seed)
    rows = population.rows.set_index("id", drop=False).loc[first].reset_index(drop=True)
    inputs = TableImages(population.images(rows))
    predicted: dict[str, float] = {}
    errors: list[str] = []
    clean_seconds, begun = 0.0, time.perf_counter()
    for batch, scores in scored(model, inputs, CHUNK, 0, device, shown, "Timing the model"):
        predicted |= dict(zip(batch["ids"], scores.tolist(), strict=True))
        errors += [one for one in batch["errors"] if one]
        clean_seconds = (time.perf_counter() - begun) / len(predicted)
        if clean_seconds * len(predicted) > PATIENCE and np.isfinite([*predicted.values()]).any():
            break
    good = [name for name in predicted if np.isfinite(predicted[name])]
    if not good:
        raise DataError(f"no image can be read and scored: {errors[0]}")
    timed = [*work.main, *_spread(work.scan)]
    timed = [replace(one, draws=1) if one.role == "swap" else one for one in timed]  # known noise
    draws = sum(min(one.draws, 2) for one in timed)
    affordable = int(TIME / max(draws * clean_seconds, 1e-9))
    count = min(max(affordable, FEWEST), MOST, len(good))
    few = rows[rows["id"].isin(good[:count])].reset_index(drop=True)
    donors = population.donors(few, seed)[0]
    batch = next(iter(TableImages(population.images(few)).batches(len(few))))
    # donors that an ablation chooses from are read and described once, before the clock runs
    choosing = [one for one in timed if isinstance(one.ablation, DonorChooser)]
    once = [replace(one, draws=1) for one in choosing if one.role == "swap"]
    if once:
        with progress("", len(once), False) as untold:
            time_conditions(model, on_device(batch, model.device), once, donors, seed, untold)
    with progress("Timing the changes", draws, shown) as advance:
        seconds, changed = time_conditions(
            model, on_device(batch, model.device), timed, donors, seed, advance
        )
    expected = (forwards_of(timed, regions.loc[few["id"]]) > 0).sum()
    made = changed.groupby("condition")["eligible"].sum()
    seconds_by_kind, made_by_kind = {}, {}
    for one in timed:
        there, count = seconds[one.key], int(expected[one.key])
        seconds_by_kind[kind_of(one)] = replace(there, images=count)
        if count:
            made_by_kind[kind_of(one)] = float(made[one.key]) / (count * min(one.draws, 2))
    clean = pd.DataFrame({"id": good, "predicted": [predicted[name] for name in good]})
    return Trial(
        images=len(few),
        clean_seconds=clean_seconds,
        reference=model.readout_layer is not None,
        seconds=seconds_by_kind,
        made=made_by_kind,
        sd=float(clean["predicted"].std(ddof=0)),
        elapsed=time.perf_counter() - started,
        clean=clean,
        changed=with_descriptions(changed, [one.record for one in timed]),
    )


def _first(regions: pd.DataFrame, seed: int) -> list[str]:
    """Return the ids of the images to score: first a few with each region, then any."""
    order = in_random_order([str(name) for name in regions.index], seed, "trial")
    found: dict[str, None] = {}
    for region in regions.columns:
        having = regions.index[regions[region] == 1]
        there = frozenset(having)
        found |= dict.fromkeys([name for name in order if name in there][:EACH])
    found |= dict.fromkeys(order)
    return list(found)[:CLEAN]


def _spread(scan: Sequence[Condition]) -> list[Condition]:
    """Return a few cells of the scan, along the diagonal."""
    return [scan[len(scan) * step // CELLS + step] for step in range(CELLS)] if scan else []
