"""Files of a comparison of tests: table, JSON and figure."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.analysis.comparison import Comparison, condition_of, named_differences
from memlab.analysis.paired import EffectDifferences, MetricDifferences
from memlab.analysis.people_and_models import PeopleComparison
from memlab.analysis.results import without_nan
from memlab.files import replacing, write_text
from memlab.reports import figures
from memlab.reports.people_figures import people_and_models


def write_comparison(
    comparison: Comparison, folder: Path, images: pd.DataFrame | None = None
) -> None:
    """Write `compare.json`, `compare.csv` and the figures into a folder.

    Args:
        comparison: the comparison.
        folder: output folder.
        images: one row per image, from `per_image`; written to `images.csv`. Required if people and
            models were compared.
    """
    comparison.figures = figures.compared_runs(comparison, folder)
    if comparison.people is not None and images is not None:
        comparison.figures += people_and_models(comparison.people, images, folder)
        with replacing(folder / "images.csv") as temporary:
            images.to_csv(temporary, index=False)
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
    if comparison.people is not None:
        lines += _of_people(comparison.people)
    return pd.DataFrame(lines, columns=columns)


def _of_people(comparison: PeopleComparison) -> list[dict[str, Any]]:
    metric = {"metric": "spearman"}
    lines: list[dict[str, Any]] = [
        {"kind": "people", "run": model.model, "other": "people"} | metric | asdict(model.spearman)
        for model in comparison.models
    ]
    lines.append({"kind": "ceiling", "run": "people"} | metric | asdict(comparison.people.ceiling))
    for pair in comparison.pairs:
        two = {"run": pair.second, "other": pair.first} | metric
        lines.append({"kind": "models", **two, **asdict(pair.agreement)})
        if pair.difference is not None:
            for_all = pair.difference.for_all
            lines.append(
                {"kind": "people difference", **two, **asdict(pair.difference.difference)}
                | {"low_for_all": for_all and for_all.low, "high_for_all": for_all and for_all.high}
            )
    return lines
