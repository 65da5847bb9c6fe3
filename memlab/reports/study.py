"""Report of a study: one page of questions and answers, and the numbers. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memlab.analysis.effect import AblationEffect
from memlab.analysis.map_checks import checks_text
from memlab.analysis.results import Results, read, without_nan
from memlab.audit.feature_result import FeatureResult
from memlab.audit.result import AuditResult
from memlab.audit.result_file import FILE
from memlab.files import write_text
from memlab.numbers import interval, number
from memlab.provenance import now, versions
from memlab.reports.effect_table import compared_text, effect_text, p_text
from memlab.reports.html import data_url, fill
from memlab.reports.terminal import plain_console
from memlab.stats.measures import Statistic

SCHEMA = 3
PAGE, JSON = "study.html", "study.json"
AUDIT = "audit"
"""Folder of the audit in that of the study."""
STUDENT_STUDY = {"mse": 0.0139, "label_variance": 0.0153}
"""Reported by the Columbia student study on LaMem: its MSE, and about the MSE of a constant."""
WHOLE = ("blur", "grayscale", "center_crop", "desaturate", "color_contrast")
"""Whole-image ablations of the Columbia student study, and removal of colour contrast."""
OTHERS = {"salient": "remove", "background": "remove_background"}
"""Regions that no feature of the audit removes, and the ablation that does."""


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


def write_study(
    tested: Path, folder: Path, about: dict[str, Any], audited: AuditResult
) -> dict[str, Any]:
    """Write `study.json` and `study.html`; ranking and verdict are those of the audit.

    Args:
        tested: folder of the test, with its `results.json` and figures.
        folder: folder of the study.
        about: the request, the number of images (`drawn` out `of`), and `regions` with masks.
        audited: the audit of the study, whose folder is `audit` in that of the study.

    Returns:
        The content of `study.json`.
    """
    results = read(tested)
    regions = about["regions"]
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
        "audit": f"{AUDIT}/{FILE}",
        "audited": audited.sample.audited,
        "features": audited.features,
        "ranking": audited.ranking,
        "hypotheses": audited.hypotheses,
        "verdict": audited.verdict,
        "notes": results.notes,
    }
    figures = {Path(name).stem: tested / name for name in results.figures}
    figures |= {Path(name).stem: folder / AUDIT / name for name in audited.figures[:1]}
    data_urls = {name: data_url(path) for name, path in figures.items() if path.is_file()}
    maps = [
        {
            "method": method_maps.method,
            "n": method_maps.n,
            "checks": checks_text(method_maps.method, method_maps.checks),
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
        removed=_removed(audited),
        labels={one.name: one.label for one in audited.features},
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
    console.print(summary["ranking"].sentence, markup=False, soft_wrap=True)
    for case in summary["hypotheses"]:
        console.print(case.sentence, markup=False, soft_wrap=True)
    verdict = summary["verdict"]
    console.print(f"verdict: {verdict.verdict}: {verdict.clause}", markup=False, soft_wrap=True)
    console.print(f"  {verdict.shows}", markup=False, soft_wrap=True)
    console.print(f"  {verdict.does_not_show}", markup=False, soft_wrap=True)
    console.print(f"results   {folder}/{JSON}", markup=False, soft_wrap=True)
    console.print(f"page      {folder}/{PAGE}, {AUDIT}/audit.html", markup=False, soft_wrap=True)


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
    for region, name in OTHERS.items():
        entry = next((effect for effect in _primary(results) if _is(effect, name, region)), None)
        reason = None
        if entry is None:
            if region == "salient" and region not in regions:
                continue
            reason = "not run" if regions else "no masks"
        elif entry.eligible == 0:
            reason = "found in no tested image"
        entries.append(RegionResult(region, entry, reason))
    return entries


def _removed(audited: AuditResult) -> list[FeatureResult]:
    """Return the features that images have or lack, which the audit removes."""
    return [one for one in audited.features if one.kind == "presence" and one.ranked]


def _is(effect: AblationEffect, name: str, region: str) -> bool:
    return effect.ablation == name and (name != "remove" or effect.region == region)


def _primary(results: Results) -> list[AblationEffect]:
    return [effect for effect in results.conditions if effect.primary and effect.role != "nuisance"]
