"""Cost of an audit: forward passes and seconds of every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from memlab.ablations.plan import Condition
from memlab.ablations.surprise import FEWEST, REFERENCE
from memlab.audit.trial import Trial, kind_of
from memlab.audit.work import Work, forwards_of


@dataclass(frozen=True)
class Costs:
    """Forward passes and seconds of every image of the population.

    Args:
        main: forward passes of every image (rows) for each condition at primary doses (columns).
        ladder: the same for the other doses.
        seconds: seconds of every image at primary doses.
        ladder_seconds: the same at the other doses.
        main_made: share of the forward passes of `main` that are possible, by condition.
        ladder_made: the same for `ladder`.
        clean: seconds of one unchanged image.
        reference: whether features of unchanged images are read for the gauge.
        cell: seconds of one cell of the blind scan.
        cell_made: share of the cells that are possible.
        cells: number of cells.
    """

    main: pd.DataFrame
    ladder: pd.DataFrame
    seconds: pd.Series
    ladder_seconds: pd.Series
    main_made: pd.Series
    ladder_made: pd.Series
    clean: float
    reference: bool
    cell: float
    cell_made: float
    cells: int

    def of(self, audited: list[str], displayed: list[str], scanned: int, clean: int) -> Total:
        """Return the cost of auditing some images."""
        clean += min(clean, REFERENCE) if self.reference and clean >= FEWEST else 0
        scan = scanned * self.cells
        changed = int(self.main.loc[audited].to_numpy().sum())
        changed += int(self.ladder.loc[displayed].to_numpy().sum())
        seconds = float(self.seconds[audited].sum() + self.ladder_seconds[displayed].sum())
        seconds += clean * self.clean + scan * self.cell
        made = float((self.main.loc[audited].sum() * self.main_made).sum())
        made += float((self.ladder.loc[displayed].sum() * self.ladder_made).sum())
        return Total(clean, changed, scan, round(clean + made + scan * self.cell_made), seconds)


@dataclass(frozen=True)
class Total:
    """Forward passes of unchanged images, changed images and cells; those expected; seconds."""

    clean: int
    changed: int
    scan: int
    expected: int
    seconds: float

    @property
    def forwards(self) -> int:
        """Return the number of all forward passes, at most."""
        return self.clean + self.changed + self.scan


def costs_of(work: Work, regions: pd.DataFrame, trial: Trial) -> Costs:
    """Return the cost of every image of the population, from measured times."""
    main, ladder = forwards_of(work.main, regions), forwards_of(work.ladder, regions)
    timed = [one for one in work.scan if kind_of(one) in trial.seconds]
    return Costs(
        main,
        ladder,
        seconds_of(work.main, main, trial),
        seconds_of(work.ladder, ladder, trial),
        pd.Series({one.key: trial.made_of(one) for one in work.main}, dtype=float),
        pd.Series({one.key: trial.made_of(one) for one in work.ladder}, dtype=float),
        trial.clean_seconds,
        trial.reference,
        _mean([trial.seconds_of(one) for one in timed]),
        _mean([trial.made_of(one) for one in timed]),
        len(work.scan),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def seconds_of(conditions: Sequence[Condition], forwards: pd.DataFrame, trial: Trial) -> pd.Series:
    """Return the seconds of each image: of every condition that is expected to change it."""
    each = {one.key: trial.seconds_of(one) for one in conditions}
    return (forwards > 0).astype(float).mul(pd.Series(each, dtype=float), axis=1).sum(axis=1)
