"""Images that several audits have in common, with each audit's features over them. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from memlab.analysis.arrays import read_effects
from memlab.analysis.comparable import finite_changes, mostly_random_shapes
from memlab.analysis.gauge import gauges
from memlab.audit.estimates import FeatureData, feature_data
from memlab.audit.finished import FinishedAudit
from memlab.audit.resampling import images_of, sampled
from memlab.errors import DataError


class CommonImages:
    """Images that all audits have.

    Args:
        audits: the audits.
    """

    def __init__(self, audits: Sequence[FinishedAudit]) -> None:
        tables = [set(audit.rows["id"]) for audit in audits]
        changed = [set(audit.rows.loc[audit.rows["audited"] > 0, "id"]) for audit in audits]
        self.table = sorted(set.intersection(*tables))
        self.audited = set.intersection(*changed)
        self.n = len(self.audited)
        if self.n < 3:
            names = ", ".join(str(audit.folder) for audit in audits)
            raise DataError(f"{names}: {self.n} audited images in common; audit the same images")
        self.notes: list[str] = []
        largest = max(map(len, changed))
        if self.n < largest:
            self.notes.append(
                f"{self.n} of up to {largest} audited images are common; the comparison is over "
                "these"
            )
        first, self.strata = sampled(self._rows(audits[0]))
        self._weights = first[["stratum", "weight"]]

    def features(self, audit: FinishedAudit) -> list[FeatureData]:
        """Return the features of an audit over the common images, in one order of images."""
        rows = self._rows(audit).assign(**self._weights)
        images = images_of(rows)
        records = audit.result.conditions
        wanted = {record.condition for record in records if record.primary}
        conditions = audit.conditions
        conditions = conditions[
            conditions["condition"].isin(wanted) & conditions["id"].isin(self.audited)
        ]
        random_shapes = mostly_random_shapes(conditions)
        conditions = conditions[conditions["condition"].isin(finite_changes(conditions))]
        measured = read_effects(images, conditions)
        gauge_of = gauges(rows, conditions)
        return [
            feature_data(
                feature, audit.protocol, records, measured, images, random_shapes, gauge_of
            )
            for feature in audit.protocol.features
        ]

    def _rows(self, audit: FinishedAudit) -> pd.DataFrame:
        """Return the clean predictions of the common images; the common audited are `audited`."""
        rows = audit.rows.set_index("id", drop=False).loc[self.table].reset_index(drop=True)
        return rows.assign(audited=rows["id"].isin(self.audited).astype(int))
