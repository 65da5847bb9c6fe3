"""Summary of a folder of repeated runs, computed from the result files alone."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memlab.analysis.results import without_nan
from memlab.analysis.tested import Tested, in_common, same_score
from memlab.errors import MemlabError
from memlab.files import replacing, write_text
from memlab.repeat_folder import Repeat, finished
from memlab.reports import figures
from memlab.reports.tested import read_tested

SCHEMA = 2


def summarise(folder: Path, repeat: Repeat) -> dict[str, Any]:
    """Return mean, SD, minimum and maximum of every statistic over the finished members.

    The SD divides by n - 1. It is null with fewer than two members. All values are null if a member
    lacks the statistic.

    Args:
        folder: folder of the repeated runs.
        repeat: description of the folder.

    Returns:
        The content of `summary.json`; see `docs/results.md`.

    Raises:
        MemlabError: if no member is finished, or the results of one are damaged.
    """
    runs = finished(folder, repeat)
    if not runs:
        raise MemlabError(f"{folder}: no finished {repeat.over} yet; memlab repeat --out {folder}")
    tests = {name: read_tested(run / "fit") for name, run in runs.items()}
    shared = _shared_images(list(tests.values()))
    return {
        "schema": SCHEMA,
        "over": repeat.over,
        "missing": [
            repeat.name(member) for member in repeat.members if repeat.name(member) not in runs
        ],
        "members": [_member(name, test) for name, test in tests.items()],
        "across": _across(tests),
        "test_images": shared,
        "notes": _notes(repeat, tests, shared),
        "figures": [],
    }


def write_summary(summary: dict[str, Any], folder: Path) -> None:
    """Write `summary.json`, `summary.csv` and `summary.png` into the folder."""
    summary["figures"] = figures.repeated_runs(summary, folder)
    text = json.dumps(without_nan(summary), indent=2, allow_nan=False)
    with replacing(folder / "summary.csv") as temporary:
        _long(summary).to_csv(temporary, index=False)
    write_text(folder / "summary.json", text + "\n")


def _statistics(test: Tested) -> dict[tuple[str, str], dict[str, Any]]:
    metrics = {(name, ""): one.describe() for name, one in test.results.metrics.items()}
    return metrics | {
        ("effect", one.condition): one.effect.describe()
        for one in test.results.conditions
        if one.role != "nuisance"
    }


def _member(name: str, test: Tested) -> dict[str, Any]:
    results = test.results
    return {
        "member": name,
        "folder": f"{name}/fit",
        "n": results.n,
        "split": results.data.split,
        "split_seed": results.data.split_seed,
        "seed": results.seed,
        "weights_id": results.model.weights_id,
        "fingerprint": results.data.fingerprint,
        "statistics": [
            {"metric": metric, "condition": condition or None, **statistic}
            for (metric, condition), statistic in _statistics(test).items()
        ],
    }


def _across(tests: dict[str, Tested]) -> list[dict[str, Any]]:
    statistics = {name: _statistics(test) for name, test in tests.items()}
    keys = dict.fromkeys(key for found in statistics.values() for key in found)
    return [
        {"metric": metric, "condition": condition or None}
        | over_members({name: found.get((metric, condition)) for name, found in statistics.items()})
        for metric, condition in keys
    ]


def over_members(statistics: dict[str, dict[str, Any] | None]) -> dict[str, Any]:
    """Return mean, SD (n - 1), minimum and maximum of a statistic; null with a reason."""
    summary: dict[str, Any] = {"members": len(statistics), "mean": None, "sd": None}
    summary |= {"min": None, "max": None, "reason": None}
    for name, statistic in statistics.items():
        if statistic is None or statistic["value"] is None:
            return summary | {
                "reason": f"{name}: {statistic['reason'] if statistic else 'not there'}"
            }
    values = np.array([statistic["value"] for statistic in statistics.values() if statistic])
    summary |= {
        "mean": float(values.mean()),
        "min": float(values.min()),
        "max": float(values.max()),
    }
    if len(values) < 2:
        return summary | {"reason": "no SD of a single member"}
    return summary | {"sd": float(values.std(ddof=1))}


def _shared_images(tests: list[Tested]) -> dict[str, Any]:
    shares, same, common = [], 0, 0
    for one, two in itertools.combinations(tests, 2):
        both = in_common(one, two)
        shares.append(2 * len(both) / (len(one.rows) + len(two.rows)))
        common += len(both)
        same += int(same_score(both).sum())
    return {
        "distinct": len(set().union(*(test.rows.index for test in tests))),
        "shared": float(np.mean(shares)) if shares else None,
        "shared_min": min(shares, default=None),
        "shared_max": max(shares, default=None),
        "same_score": same / common if common else None,
    }


def _notes(repeat: Repeat, tests: dict[str, Tested], shared: dict[str, Any]) -> list[str]:
    count, notes = len(tests), []
    if count > 1 and repeat.over == "split":
        notes.append(
            f"SD over {count} splits of the same images: two test splits have "
            f"{_percent(shared['shared'])} of their images in common on average, and training "
            "images overlap, too. So SD/√n is no standard error, and the SD understates how far "
            "independent samples of images would differ; the intervals resample each split's own "
            "images."
        )
        if shared["same_score"] is not None and shared["same_score"] < 1:
            notes.append(
                f"{_percent(1 - shared['same_score'])} of the shared images have another score "
                "in the other split: a score belongs to image and split, so rows of splits are "
                "never merged."
            )
    if count > 1 and repeat.over == "seed":
        notes.append(
            f"SD over {count} training seeds (initial weights, order, dropout): it does not "
            "contain the choice of images, which the intervals do."
        )
        prints = {test.results.data.fingerprint for test in tests.values()}
        if len(prints) > 1:
            notes.append("The members were not tested on the same data: their fingerprints differ.")
        else:
            seed = next(iter(tests.values())).results.data.split_seed
            notes.append(
                f"All members train and test on the same images (--data.split_seed {seed} is "
                "fixed), so they are paired by image."
            )
    return notes


def _long(summary: dict[str, Any]) -> pd.DataFrame:
    columns = ["member", "metric", "condition", "statistic", "value", "low", "high", "n", "reason"]
    lines = [
        {"member": member["member"], "statistic": "value", **statistic}
        for member in summary["members"]
        for statistic in member["statistics"]
    ]
    lines += [
        {
            "member": "all",
            "metric": entry["metric"],
            "condition": entry["condition"],
            "statistic": statistic,
            "value": entry[statistic],
            "n": entry["members"],
            "reason": entry["reason"] if entry[statistic] is None else None,
        }
        for entry in summary["across"]
        for statistic in ("mean", "sd", "min", "max")
    ]
    return pd.DataFrame(lines, columns=columns)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
