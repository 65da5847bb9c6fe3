"""Images that several audits have in common, with each audit's features over them. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from memlab.analysis.arrays import Images, read_effects, read_images
from memlab.analysis.comparable import finite_changes, mostly_random_shapes
from memlab.analysis.gauge import gauges
from memlab.audit.estimates import FeatureData, feature_data
from memlab.audit.finished import FinishedAudit
from memlab.errors import DataError
from memlab.stats.measures import Array


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
        self._weights: pd.Series | None = None
        rows = audits[0].rows.set_index("id")
        if all(found == self.audited for found in changed):
            self._weights = rows.get("weight")
        else:
            largest = max(map(len, changed))
            self.notes.append(
                f"{self.n} of up to {largest} audited images are common; the comparison is over "
                "these, without weights"
            )
        strata = rows["stratum"].astype(str) if "stratum" in rows else pd.Series("", rows.index)
        flags = pd.Series([name in self.audited for name in self.table], self.table)
        self.strata: Array | None = None
        if not flags.all():
            keys = strata.loc[self.table] + flags.map({True: "|1", False: "|0"})
            inverse = np.unique(keys.to_numpy(dtype=str), return_inverse=True)[1]
            self.strata = inverse.astype(float)

    def features(self, audit: FinishedAudit) -> list[FeatureData]:
        """Return the features of an audit over the common images, in one order of images."""
        rows = audit.rows.set_index("id", drop=False).loc[self.table]
        rows = rows.reset_index(drop=True)
        if self._weights is not None:
            rows["weight"] = self._weights.loc[self.table].to_numpy()
        else:
            rows = rows.drop(columns=[name for name in ("weight",) if name in rows])
        clean = rows[rows["id"].isin(self.audited)]
        whole = rows.drop(columns=[name for name in ("weight",) if name in rows])
        images: Images = read_images(clean, whole)
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
