"""The features of an audit as a table, a line per feature, for pandas and R. No torch."""

from __future__ import annotations

from typing import Any

import pandas as pd

from memlab.analysis.effects_table import with_ends
from memlab.audit.feature_result import FeatureResult
from memlab.audit.result import AuditResult
from memlab.stats import Place
from memlab.stats.measures import Statistic

FILE = "features.csv"
_SAME = ("name", "label", "side", "family", "kind", "ranked", "stands_in_for", "have", "compared")


def features_table(result: AuditResult) -> pd.DataFrame:
    """Return the features as a table, in the order of the protocol.

    Returns:
        `variance_share` is T, `rms_effect_sd` and `specific_effect_sd` are in SDs of the clean
        predictions, `performance_loss` is P; each has `_low` and `_high`, the ends of its 95 %
        interval. `rank`, `rank_low`, `rank_high`, `p_first` and `tier` are by T. `detectable`: the
        T that the audit finds in 4 of 5 cases. `reason`: why a number is missing. Missing numbers
        are NaN.
    """
    places = {place.name: place for place in result.ranking.places}
    return pd.DataFrame([_line(one, places.get(one.name)) for one in result.features])


def _line(one: FeatureResult, place: Place | None) -> dict[str, Any]:
    line: dict[str, Any] = {name: getattr(one, name) for name in _SAME}
    statistics: dict[str, Statistic | None] = {
        "prevalence": one.prevalence,
        "variance_share": one.variance_share,
        "rms_effect_sd": one.rms_effect_sd,
        "specific_effect_sd": one.specific_effect_sd,
        "performance_loss": one.performance_loss,
    }
    columns, reasons = with_ends(statistics)
    line |= columns
    line |= {
        "control_share": one.control_share,
        "p": one.test.p,
        "p_corrected": one.test.p_corrected,
        "claim": one.claim.claim,
        "clause": one.claim.clause,
        "detectable": one.detectable,
        "fill_dependent": one.fill_dependent,
        "rank": None if place is None else place.rank,
        "rank_low": None if place is None else place.low,
        "rank_high": None if place is None else place.high,
        "p_first": None if place is None else place.first,
        "tier": None if place is None else place.tier,
    }
    return {**line, "reason": "; ".join(dict.fromkeys(reasons)) or None}
