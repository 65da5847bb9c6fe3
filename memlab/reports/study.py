"""Report of a study: one page of questions and answers, and the numbers. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memlab.analysis.effect import AblationEffect
from memlab.analysis.results import Results, read, without_nan
from memlab.audit.case_results import case_results
from memlab.audit.hypotheses import WHOLE
from memlab.files import write_text
from memlab.numbers import interval, number
from memlab.provenance import now, versions
from memlab.reports.effect_table import compared_text, effect_text, p_text
from memlab.reports.html import data_url, fill
from memlab.reports.study_figure import draw_cases
from memlab.reports.terminal import plain_console
from memlab.stats.measures import Statistic

SCHEMA = 2
PAGE, JSON = "study.html", "study.json"
STUDENT_STUDY = {"mse": 0.0139, "label_variance": 0.0153}
"""Reported by the Columbia student study on LaMem: its MSE, and about the MSE of a constant."""
REGIONS = {
    "faces": "remove_faces",
    "people": "remove_people",
    "objects": "remove_objects",
    "text": "remove_text",
    "salient": "remove",
    "background": "remove_background",
}


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of the model, with the MSE of the best constant on the same images."""

    spearman: Statistic
    mse: Statistic
    r2: Statistic
    constant_mse: float | None


@dataclass(frozen=True)
class RegionResult:
    """Effect of removing a region, or the reason why there is none."""

    region: str
    entry: AblationEffect | None
    reason: str | None


def write_study(tested: Path, folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Write `study.json`, `study.html` and the figure of the hypotheses.

    Args:
        tested: folder of the test, with its `results.json` and figures.
        folder: folder of the study.
        about: the request, the number of images (`drawn` out `of`), and `regions` with masks.

    Returns:
        The content of `study.json`.
    """
    results = read(tested)
    regions = about["regions"]
    donors = bool(results.data.donors or results.data.images.get("train", 0))
    cases = case_results(results.conditions, regions, donors)
    whole = [effect for effect in _primary(results) if effect.ablation in WHOLE]
    summary: dict[str, Any] = {
        "schema": SCHEMA,
        "written": now(),
        "asked": about,
        "versions": versions(),
        "test": str(tested.relative_to(folder)),
        "model": results.model,
        "images": results.data.images,
        "n": results.n,
        "prediction": _prediction(results),
        "whole": whole,
        "regions": _regions(results, regions),
        "maps": results.maps,
        "cases": cases,
        "notes": results.notes,
    }
    figures = {Path(name).stem: tested / name for name in results.figures}
    drawn = draw_cases(cases, folder)
    data_urls = {name: data_url(path) for name, path in figures.items() if path.is_file()}
    maps = [
        {
            "method": method_maps.method,
            "n": method_maps.n,
            "figure": data_url(tested / method_maps.figure),
        }
        for method_maps in results.maps
        if (tested / method_maps.figure).is_file()
    ]
    write_text(folder / JSON, json.dumps(without_nan(summary), indent=2, ensure_ascii=False) + "\n")
    page = fill(
        "study.html.jinja",
        **summary,
        student_study=STUDENT_STUDY,
        figures=data_urls,
        overlays=maps,
        cases_figure=data_url(drawn) if drawn else None,
        effect=effect_text,
        p=p_text,
        compared=compared_text,
    )
    write_text(folder / PAGE, page)
    return summary


def print_study(summary: dict[str, Any], folder: Path) -> None:
    """Print the answers in a few lines, and the path of the page."""
    console = plain_console()
    console.print(_accuracy(summary["prediction"]), markup=False, soft_wrap=True)
    for case in summary["cases"]:
        console.print(case.sentence, markup=False, soft_wrap=True)
    console.print(f"results   {folder}/{JSON}", markup=False, soft_wrap=True)
    console.print(f"page      {folder}/{PAGE}", markup=False, soft_wrap=True)


def _accuracy(accuracy: Accuracy) -> str:
    rho, mse, r2 = accuracy.spearman, accuracy.mse, accuracy.r2
    if None in (rho.value, mse.value, r2.value):
        why = next(filter(None, (statistic.reason for statistic in (rho, mse, r2))), None)
        return f"How well it predicts cannot be told: {why}."
    between = f"{number(rho.value, 2)} {interval(rho.low, rho.high, 2)}".rstrip()
    return (
        f"ρ {between} on {rho.n} images; MSE {number(mse.value)}, "
        f"a constant's {number(accuracy.constant_mse)}: R² {number(r2.value, 2)}"
    )


def _prediction(results: Results) -> Accuracy:
    """Return the accuracy, with the MSE of the best constant on the same images."""
    none = Statistic(None, 0, reason="the images have no scores")
    rho, mse, r2 = (results.metrics.get(name, none) for name in ("spearman", "mse", "r2"))
    # R² = 1 - MSE / MSE of the best constant for these images, which is their mean score.
    computable = mse.value is not None and r2.value is not None and r2.value < 1
    constant = mse.value / (1 - r2.value) if computable else None  # type: ignore[operator]
    return Accuracy(rho, mse, r2, constant)


def _regions(results: Results, regions: list[str]) -> list[RegionResult]:
    """Return for each region its entry, or the reason why there is none."""
    entries = []
    for region, name in REGIONS.items():
        entry = next((effect for effect in _primary(results) if _is(effect, name, region)), None)
        reason = None
        if entry is None:
            lacks = not regions if region == "background" else region not in regions
            reason = "no masks" if lacks else "not run"
        elif entry.eligible == 0:
            reason = "found in no tested image"
        entries.append(RegionResult(region, entry, reason))
    return entries


def _is(effect: AblationEffect, name: str, region: str) -> bool:
    return effect.ablation == name and (name != "remove" or effect.region == region)


def _primary(results: Results) -> list[AblationEffect]:
    return [effect for effect in results.conditions if effect.primary and effect.role != "nuisance"]
