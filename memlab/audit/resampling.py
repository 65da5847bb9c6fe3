"""One set of resamples for all estimates of an audit. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.analysis.arrays import Images, read_images
from memlab.audit.sample import weights
from memlab.errors import DataError
from memlab.stats import Bootstrap, Strata, bootstrap
from memlab.stats.blocks import AnyEstimate
from memlab.stats.measures import Array

RHO_RESAMPLES = 2000
"""Number of resamples for rank correlations; ranks are slower than means."""


@dataclass(frozen=True)
class Resampling:
    """One set of resamples for all estimates of an audit, so that differences are paired.

    Args:
        seed: seed of the resampling.
        resamples: number of resamples.
        level: level of the intervals.
        strata: strata of the images; None for a table of which every image was audited.
    """

    seed: int
    resamples: int
    level: float
    strata: Strata | None

    def of(self, estimates: Mapping[str, AnyEstimate]) -> Bootstrap:
        """Resample means; weights are in the estimates' columns."""
        return bootstrap(estimates, self.seed, self.resamples, self.level, strata=self.strata)

    def of_ranks(
        self, estimates: Mapping[str, AnyEstimate], weights: Array | None = None
    ) -> Bootstrap:
        """Resample rank correlations, with percentile intervals."""
        resamples = min(self.resamples, RHO_RESAMPLES)
        return bootstrap(
            estimates, self.seed, resamples, self.level, weights, self.strata, kind="percentile"
        )


def images_of(rows: pd.DataFrame) -> Images:
    """Return the images of a table: means of effects are weighted, those of the table are not.

    Args:
        rows: rows as `sampled` returns them.
    """
    return read_images(rows[rows["audited"] > 0], rows.drop(columns="weight"))


def sampled(rows: pd.DataFrame) -> tuple[pd.DataFrame, Strata | None]:
    """Return rows with `audited`, `stratum` and `weight`, and the strata to resample.

    Weights are computed from the strata, so that they are right for any part of the audited images,
    too. The table is taken to be a sample of the images that the audit speaks of: the sizes of its
    strata, and with them prevalence, are resampled as well.

    Args:
        rows: the clean predictions; optionally `audited`, `stratum`, and without it `weight`.

    Raises:
        DataError: if no image was audited.
    """
    audited = pd.Series(True, index=rows.index)
    if "audited" in rows:
        audited = pd.to_numeric(rows["audited"]).fillna(0) > 0
    if not audited.any():
        raise DataError("rows: no image was audited; run the audit first")
    given = "stratum" in rows
    stratum = rows["stratum"].astype(str) if given else pd.Series("", index=rows.index)
    found = rows.assign(audited=audited.astype(int), stratum=stratum)
    if given or "weight" not in rows:
        found["weight"] = weights(stratum, audited)
    if audited.all():
        return found, None
    part = stratum.groupby([stratum, audited]).ngroup()
    groups = (part, stratum.groupby(stratum).ngroup())
    return found, Strata(*(np.asarray(group, dtype=float) for group in groups))
