"""Files of a folder of repeated runs: summary as JSON and table, and a figure."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from memlab.analysis.out_of_fold import pooled
from memlab.analysis.repeated import RepeatSummary, by_fold, summarise
from memlab.analysis.results import without_nan
from memlab.analysis.tested import Tested
from memlab.errors import MemlabError
from memlab.files import replacing, write_text
from memlab.repeat_folder import Repeat, finished
from memlab.reports import figures
from memlab.reports.tested import read_tested

PREDICTIONS = "predictions.csv"
"""Out-of-fold predictions of a cross-validation: `id`, `score`, `predicted`, `fold`."""


def summary_of(folder: Path, repeat: Repeat) -> RepeatSummary:
    """Return the summary of the finished members of a folder.

    Raises:
        MemlabError: if no member is finished, or the results of one are damaged.
    """
    return summarise(repeat, _tests(folder, repeat))


def write_predictions(folder: Path, repeat: Repeat) -> Path:
    """Write `predictions.csv`, the out-of-fold predictions of a cross-validation; return its path.

    Args:
        folder: folder of the cross-validation.
        repeat: its description.

    Raises:
        MemlabError: if no fold is finished, or the results of one are damaged.
    """
    path = folder / PREDICTIONS
    table = pooled(by_fold(repeat, _tests(folder, repeat)))
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)
    return path


def _tests(folder: Path, repeat: Repeat) -> dict[str, Tested]:
    runs = finished(folder, repeat)
    if not runs:
        raise MemlabError(f"{folder}: no finished {repeat.over} yet; memlab repeat --out {folder}")
    return {name: read_tested(run / "fit") for name, run in runs.items()}


def write_summary(summary: RepeatSummary, folder: Path) -> None:
    """Write `summary.json`, `summary.csv` and `summary.png` into the folder."""
    summary.figures = figures.repeated_runs(summary, folder)
    text = json.dumps(without_nan(summary), indent=2, allow_nan=False)
    with replacing(folder / "summary.csv") as temporary:
        _long(summary).to_csv(temporary, index=False)
    write_text(folder / "summary.json", text + "\n")


def _long(summary: RepeatSummary) -> pd.DataFrame:
    columns = ["member", "metric", "condition", "statistic", "value", "low", "high", "n", "reason"]
    lines = [
        {"member": member.member, "metric": entry.metric, "condition": entry.condition}
        | {"statistic": "value", **asdict(entry.statistic)}
        for member in summary.members
        for entry in member.statistics
    ]
    for entry in summary.across:
        for statistic in ("mean", "sd", "min", "max"):
            value = getattr(entry, statistic)
            lines.append(
                {
                    "member": "all",
                    "metric": entry.metric,
                    "condition": entry.condition,
                    "statistic": statistic,
                    "value": value,
                    "n": entry.members,
                    "reason": entry.reason if value is None else None,
                }
            )
    if summary.out_of_fold is not None:
        lines += [
            {"member": "out of fold", "metric": name, "statistic": "value", **asdict(statistic)}
            for name, statistic in summary.out_of_fold.metrics.items()
        ]
    return pd.DataFrame(lines, columns=columns)
