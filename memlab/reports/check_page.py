"""The page of a data check, and the tables that hold every number on the page."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memlab.analysis.results import without_nan
from memlab.ceiling.reliability import Reliability
from memlab.data.check import Findings
from memlab.data.file_statistics import FACTS, NOTABLE, notable
from memlab.data.table import SPLITS, Problem, Table
from memlab.files import write_text
from memlab.imaging.decode import decoder
from memlab.provenance import commit, now, versions
from memlab.reports import check_figures
from memlab.reports.html import data_url, fill
from memlab.stats.measures import Statistic

SCHEMA = 1
PAGE, JSON = "check.html", "check.json"
_LISTED = 200  # maximum number of problems on the page; the CSV file lists all
_BINS = 20


def write_page(
    findings: Findings, reliability: Reliability | None, table: Table, folder: Path
) -> Path:
    """Write `check.html`, a self-contained page, and its content as JSON, CSV and figures.

    Args:
        findings: findings of the check.
        reliability: reliability of the hit rates; None if the table has no counts.
        table: the checked table.
        folder: output folder.

    Returns:
        The path of the page, which is written last.
    """
    summary = summarise(findings, reliability, table)
    for name, problems in (("problems", findings.problems), ("notes", findings.notes)):
        _csv(pd.DataFrame(problems, columns=["kind", "id", "message"]), folder / f"{name}.csv")
    _csv(findings.images.drop(columns=["hash"]), folder / "images.csv")
    _csv(findings.deciles, folder / "deciles.csv")
    if len(findings.masks):
        _csv(findings.masks, folder / "masks.csv")
    figures = {}
    if summary["scores"]["histogram"]:
        figures["scores"] = check_figures.score_histogram(summary["scores"]["histogram"], folder)
    if len(findings.deciles):
        figures["files"] = check_figures.facts_by_decile(
            findings.deciles, summary["correlations"], folder
        )
    if findings.near_bits is not None:
        _csv(findings.near, folder / "near-duplicates.csv")
        if len(findings.near):
            figures["near"] = check_figures.contact_sheet(findings.near, table.root, folder)
    write_text(folder / JSON, json.dumps(without_nan(summary), indent=2, ensure_ascii=False) + "\n")
    write_text(folder / PAGE, _render(summary, findings, figures, folder))
    return folder / PAGE


@dataclass(frozen=True)
class FileCorrelation(Statistic):
    """Correlation of a property of the files with the score; `notable` if it may be a shortcut."""

    notable: bool = False


def summarise(findings: Findings, reliability: Reliability | None, table: Table) -> dict[str, Any]:
    """Return the content of the page as plain data; missing values are null with a reason."""
    images, near = findings.images, findings.near
    leaks = int(near["leak"].sum())
    return {
        "schema": SCHEMA,
        "origin": table.origin,
        "checked": now(),
        "memlab": {"commit": commit(), "versions": versions(), "decoder": decoder()},
        "fingerprint": table.fingerprint(),
        "images": len(images),
        "readable": int(images["readable"].sum()),
        "splits": {str(name): len(part) for name, part in _by_split(images)},
        "problems": dict(Counter(problem.kind for problem in findings.problems)),
        "notes": dict(Counter(note.kind for note in findings.notes)),
        "scores": _scores(images),
        "near_duplicates": None
        if findings.near_bits is None
        else {
            "bits": findings.near_bits,
            "compared": int(images["hash"].notna().sum()),
            "pairs": len(near),
            "across_splits": leaks,
            "inside_a_split": len(near) - leaks,
            "on_the_sheet": min(len(near), check_figures.PAIRS),
        },
        "correlations": {
            name: FileCorrelation(**asdict(statistic), notable=notable(statistic))
            for name, statistic in findings.correlations.items()
        },
        "notable_from": NOTABLE,
        "stored": _grouped(images, images["stored"]),
        "sizes": _grouped(images, _sizes(images)),
        "masks": [
            {**region, "area": _finite(float(region["area"] or math.nan))}
            for region in findings.masks.astype(object).to_dict("records")
        ],
        "reliability": reliability
        and {
            "half": reliability.half,
            "full": reliability.full,
            "ceiling": reliability.ceiling,
            "how": reliability.how,
            "score_is_hit_rate": _is_hit_rate(table.rows),
        },
    }


def _by_split(images: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    names = images["split"].fillna("no split")
    order = (*SPLITS, "no split")
    return [(name, images[names == name]) for name in order if (names == name).any()]


def _scores(images: pd.DataFrame) -> dict[str, Any]:
    scored = images[images["score"].notna()]
    if scored.empty:
        return {"splits": {}, "histogram": None, "reason": "the table has no scores"}
    splits, counts = {}, {}
    edges = np.histogram_bin_edges(scored["score"], bins=_BINS)
    for name, part in _by_split(scored):
        score = part["score"]
        splits[name] = {
            "n": len(part),
            "mean": float(score.mean()),
            "sd": _finite(float(score.std())),
            "min": float(score.min()),
            "median": float(score.median()),
            "max": float(score.max()),
            "distinct": int(score.nunique()),
        }
        counts[name] = np.histogram(score, bins=edges)[0].tolist()
    histogram = {"edges": edges.tolist(), "counts": counts}
    return {"splits": splits, "histogram": histogram, "reason": None}


def _sizes(images: pd.DataFrame) -> pd.Series:
    readable = images[images["readable"]]
    return (
        readable["width"].astype(int).astype(str)
        + " × "
        + readable["height"].astype(int).astype(str)
    )


def _grouped(images: pd.DataFrame, kind: pd.Series) -> list[dict[str, Any]]:
    """Return the number of images and the mean score of each kind, the most common kind first."""
    groups = images.groupby(kind.rename("kind"))["score"].agg(["size", "mean"])
    groups = groups.sort_values("size", ascending=False, kind="stable")
    return [
        {"kind": str(name), "images": int(size), "mean_score": _finite(float(mean))}
        for name, size, mean in groups.itertuples()
    ]


def _is_hit_rate(rows: pd.DataFrame) -> bool:
    difference = (rows["score"] - rows["hits"] / rows["n"]).abs()
    return bool(difference.max() < 0.005)  # scores are often rounded to two decimals


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _csv(frame: pd.DataFrame, path: Path) -> None:
    write_text(path, frame.to_csv(index=False))


def _render(
    summary: dict[str, Any], findings: Findings, figures: dict[str, str], folder: Path
) -> str:
    embedded = {name: data_url(folder / file) for name, file in figures.items()}
    return fill(
        "check.html.jinja",
        **summary,
        facts=FACTS,
        medians=_medians(findings.deciles),
        problem_list=_listed(findings.problems),
        note_list=_listed(findings.notes),
        figures=embedded,
    )


def _listed(problems: list[Problem]) -> list[Problem]:
    return problems[:_LISTED]


def _medians(deciles: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per tenth of the scores: its scores, its size, and each property's median."""
    index = ["decile", "score_low", "score_high", "images"]
    wide = deciles.pivot(index=index, columns="fact", values="median").reset_index()
    return [{str(name): value for name, value in row.items()} for row in wide.to_dict("records")]
