"""Comparison of tests, paired by image, computed from the result files alone."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.analysis.paired import effect_differences, level_for_all, metric_differences
from memlab.analysis.results import without_nan
from memlab.analysis.tested import Tested, in_common
from memlab.errors import MemlabError
from memlab.files import replacing, write_text
from memlab.reports import figures
from memlab.reports.repeated import over_members

SCHEMA = 2
ALL_PAIRS = 4
"""Up to this number of tests, all pairs are compared; beyond it, each test with the first."""
COMPARED = ("spearman", "mse", "mae", "effect", "effect_in_sd")

Pair = tuple[Tested, Tested]


def pairs_of(tests: Sequence[Tested]) -> list[Pair]:
    """Return the pairs of tests to compare: all pairs of up to four, else each with the first."""
    if len(tests) <= ALL_PAIRS:
        return list(itertools.combinations(tests, 2))
    return [(tests[0], other) for other in tests[1:]]


def compare(
    tests: Sequence[Tested],
    compared: Sequence[Pair],
    advance: Callable[[int], None],
    repeated: bool = False,
) -> dict[str, Any]:
    """Return the common settings of tests and their differences on the same images.

    A difference is always the second test minus the first. If there are several comparisons, each
    has a second, wider interval that holds for all of them together (Bonferroni).

    Args:
        tests: the tests.
        compared: the pairs of tests to compare.
        advance: called with 1 after each pair.
        repeated: whether the pairs are repetitions of one comparison. Mean and SD of the
            differences are then reported, and no interval is widened.

    Returns:
        The content of `compare.json`; see `docs/results.md`.

    Raises:
        MemlabError: if no pair has an image in common.
    """
    joined = [in_common(*pair) for pair in compared]
    if not any(len(both) for both in joined):
        first, second = compared[0]
        raise MemlabError(
            f"{first.folder} and {second.folder} have no tested image in common (by id); "
            "test both on the same data: memlab test --run RUN --data.root DIR"
        )
    shared = [sorted(set(one.changed) & set(two.changed)) for one, two in compared]
    pair_count, ablation_count = (1, 1) if repeated else (len(compared), sum(map(len, shared)))
    differences, conditions = [], []
    for (one, two), both, keys in zip(compared, joined, shared, strict=True):
        differences.append(metric_differences(one, two, both, level_for_all(pair_count)))
        conditions += [
            effect_differences(one, two, both, key, level_for_all(ablation_count)) for key in keys
        ]
        advance(1)
    return {
        "schema": SCHEMA,
        "runs": [
            {"letter": letter, **_run(test)}
            for letter, test in zip(_letters(len(tests)), tests, strict=True)
        ],
        "differences": differences,
        "conditions": conditions,
        "across": _across(differences, conditions) if repeated else None,
        "notes": _notes(compared, differences, repeated),
        "figures": [],
    }


def write_comparison(comparison: dict[str, Any], folder: Path) -> None:
    """Write `compare.json`, `compare.csv` and `compare.png` into a folder."""
    comparison["figures"] = figures.compared_runs(comparison, folder)
    with replacing(folder / "compare.csv") as temporary:
        _long(comparison).to_csv(temporary, index=False)
    text = json.dumps(without_nan(comparison), indent=2, allow_nan=False)
    write_text(folder / "compare.json", text + "\n")


def _letters(count: int) -> list[str]:
    if count > len(string.ascii_uppercase):
        return [f"R{place + 1}" for place in range(count)]
    return list(string.ascii_uppercase[:count])


def _across(
    differences: list[dict[str, Any]], conditions: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return mean and SD of each difference over repetitions."""
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for entry in [*differences, *conditions]:
        for metric in COMPARED:
            if metric in entry:
                held = found.setdefault((metric, entry.get("condition")), {})
                held[f"{entry['second']} − {entry['first']}"] = entry[metric]["difference"]
    return [
        {"metric": metric, "condition": condition, **over_members(statistics)}
        for (metric, condition), statistics in found.items()
    ]


def _run(test: Tested) -> dict[str, Any]:
    results = test.results
    return {
        "run": test.label,
        "folder": str(test.folder),
        "n": results.n,
        "split": results.data.split,
        "fingerprint": results.data.fingerprint,
        "seed": results.seed,
        "weights_id": results.model.weights_id,
        "sd_predicted": float(test.rows["predicted"].std()),
        "metrics": {name: one.describe() for name, one in results.metrics.items()},
    }


def _notes(
    compared: Sequence[Pair],
    differences: list[dict[str, Any]],
    repeated: bool,
) -> list[str]:
    notes = []
    for (one, two), entry in zip(compared, differences, strict=True):
        names, splits = (
            f"{one.label} and {two.label}",
            [t.results.data.split for t in (one, two)],
        )
        if entry["other_score"]:
            text = f"{names}: {entry['other_score']} of {entry['common']} common images have"
            text += " another score"
            if splits[0] != splits[1]:
                text += f" (splits {splits[0]}, {splits[1]}: a score belongs to image and split)"
            used = entry["spearman"]["difference"]["value"] is not None
            notes.append(text + ("; they are left out." if used else "; no accuracy is compared."))
        elif one.results.data.fingerprint != two.results.data.fingerprint:
            notes.append(
                f"{names} were not tested on the same data (fingerprints differ); compared on "
                f"{entry['common']} images in common."
            )
        for key in sorted(set(one.changed) & set(two.changed)):
            settings = [_settings(test, key) for test in (one, two)]
            if settings[0] != settings[1]:
                notes.append(f"{names}: {key} had other settings: {settings[0]}, {settings[1]}.")
    count = len(compared)
    if repeated:
        notes.append(
            f"{count} repetitions of one comparison: SD is over them; where they share images, "
            "SD/√n is no standard error."
        )
    elif count > 1:
        notes.append(
            f"{count} comparisons: of intervals at 95 % one in twenty misses by chance; the wider "
            "ones hold for all of a table together (Bonferroni)."
        )
    return notes


def _settings(test: Tested, key: str) -> dict[str, Any]:
    return next(one for one in test.results.conditions if one.condition == key).parameters


def _long(comparison: dict[str, Any]) -> pd.DataFrame:
    columns = ["kind", "run", "other", "metric", "condition", "value", "low", "high", "level"]
    columns += ["low_for_all", "high_for_all", "n", "method", "reason"]
    lines: list[dict[str, Any]] = [
        {"kind": "run", "run": run["run"], "metric": name, **statistic}
        for run in comparison["runs"]
        for name, statistic in run["metrics"].items()
    ]
    lines += [
        {"kind": "agreement", "run": entry["second"], "other": entry["first"]}
        | {"metric": "spearman", **entry["agreement"]}
        for entry in comparison["differences"]
    ]
    for entry in [*comparison["differences"], *comparison["conditions"]]:
        for metric in COMPARED:
            if metric in entry:
                found = entry[metric]
                wide = found["for_all"] or {"low": None, "high": None}
                lines.append(
                    {
                        "kind": "difference",
                        "run": entry["second"],
                        "other": entry["first"],
                        "metric": metric,
                        "condition": entry.get("condition"),
                        **found["difference"],
                        "low_for_all": wide["low"],
                        "high_for_all": wide["high"],
                    }
                )
    return pd.DataFrame(lines, columns=columns)
