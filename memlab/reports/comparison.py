"""Files of a comparison of tests: table, JSON and figure."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.analysis.comparison import Comparison, condition_of, named_differences
from memlab.analysis.paired import EffectDifferences, MetricDifferences
from memlab.analysis.results import without_nan
from memlab.files import replacing, write_text
from memlab.reports import figures


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `compare.json`, `compare.csv` and `compare.png` into a folder."""
    comparison.figures = figures.compared_runs(comparison, folder)
    with replacing(folder / "compare.csv") as temporary:
        _long(comparison).to_csv(temporary, index=False)
    text = json.dumps(without_nan(comparison), indent=2, allow_nan=False)
    write_text(folder / "compare.json", text + "\n")


def _long(comparison: Comparison) -> pd.DataFrame:
    columns = ["kind", "run", "other", "metric", "condition", "value", "low", "high", "level"]
    columns += ["low_for_all", "high_for_all", "n", "method", "reason"]
    lines: list[dict[str, Any]] = [
        {"kind": "run", "run": run.run, "metric": name, **asdict(statistic)}
        for run in comparison.runs
        for name, statistic in run.metrics.items()
    ]
    lines += [
        {"kind": "agreement", "run": entry.second, "other": entry.first}
        | {"metric": "spearman", **asdict(entry.agreement)}
        for entry in comparison.differences
    ]
    entries: list[MetricDifferences | EffectDifferences]
    entries = [*comparison.differences, *comparison.conditions]
    lines += [
        {
            "kind": "difference",
            "run": entry.second,
            "other": entry.first,
            "metric": metric,
            "condition": condition_of(entry),
            **asdict(difference.difference),
            "low_for_all": difference.for_all and difference.for_all.low,
            "high_for_all": difference.for_all and difference.for_all.high,
        }
        for entry in entries
        for metric, difference in named_differences(entry).items()
    ]
    return pd.DataFrame(lines, columns=columns)
