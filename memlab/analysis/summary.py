"""Statistics of all ablations of a test, from its rows: effects, tests, dose curves. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from memlab.ablations.record import ConditionRecord
from memlab.analysis import control_notes
from memlab.analysis.arrays import ImageEffects, Images, read_effects, read_images
from memlab.analysis.claims import Claim, removal_claim, swap_claim
from memlab.analysis.comparable import finite_changes, mostly_random_shapes
from memlab.analysis.comparisons import Subject, estimates, largest_nuisance
from memlab.analysis.dose_curve import dose_area, dose_curve_of, ladders
from memlab.analysis.effect import (
    AblationEffect,
    Baseline,
    BeyondControl,
    Comparison,
    DoseCurve,
    PValue,
    Tests,
)
from memlab.analysis.eligible import no_control, not_eligible
from memlab.analysis.gauge import gauges
from memlab.analysis.significance import tests
from memlab.analysis.within_bounds import with_gauge
from memlab.stats import CLAIM_LEVEL, bootstrap, rho
from memlab.stats.blocks import AnyEstimate
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Statistic

RHO_RESAMPLES = 2000
"""Number of resamples for rank correlations, as for the metrics; ranks are slower than means."""
SHOWN = ("target", "swap", "nuisance")
"""Roles with their own effect; matched controls and round trips are part of these."""
NUISANCE, OTHER_DOSE = "a nuisance change", "not the primary dose"
NOT_FINITE = "predictions are not finite"
_QUANTITIES = [part.name for part in fields(BeyondControl)]


@dataclass(frozen=True)
class Summary:
    """Effects of all ablations, their dose curves, and notes for the reader."""

    conditions: list[AblationEffect]
    dose_curves: list[DoseCurve]
    notes: list[str]


def summarise(
    rows: pd.DataFrame, changed: pd.DataFrame, records: Sequence[ConditionRecord], seed: int
) -> Summary:
    """Compute all statistics of all ablations, from one set of resamples.

    Args:
        rows: the clean predictions, `rows.csv`.
        changed: the changed images, `conditions.csv`.
        records: records of all conditions, controls included.
        seed: seed of the resampling and the permutations.
    """
    reported = [record for record in records if record.role in SHOWN]
    random_shapes = mostly_random_shapes(changed)
    if not rows["predicted"].map(np.isfinite).all():
        return Summary([_without(record, rows, changed) for record in reported], [], [])
    images = read_images(rows[[name for name in ("id", "predicted", "score") if name in rows]])
    finite = finite_changes(changed)
    measured = read_effects(images, changed[changed["condition"].isin(finite)])
    subjects = {
        record.condition: _subject(record, measured, images, changed, random_shapes)
        for record in reported
        if record.condition in finite or record.condition not in set(changed["condition"])
    }
    nuisance = {
        record.condition: subjects[record.condition].effects
        for record in reported
        if record.in_baseline and record.condition in subjects
    }

    requested: dict[tuple[str, str], AnyEstimate] = {}
    largest: dict[str, str] = {}
    for key, subject in subjects.items():
        requested |= {(key, name): estimate for name, estimate in estimates(subject).items()}
        if subject.beside_baseline and (most := largest_nuisance(subject, nuisance)):
            largest[key] = most[0]
            requested |= {(key, name): estimate for name, estimate in most[1].items()}
    curves = ladders([record for record in reported if record.condition in subjects], subjects)
    requested |= {(name, "area"): dose_area(list(curve.values())) for name, curve in curves.items()}
    resampled: dict[str, dict[str, Resampled]] = {}
    for (key, name), estimate_ in _resampled(requested, seed).items():
        resampled.setdefault(key, {})[name] = estimate_
    correlations = _correlations(subjects, images, changed, seed)
    tested = tests(subjects, resampled, seed, nuisance)
    overall = _overall(images, seed)
    gauged = gauges(rows, changed)

    effects = []
    for record in reported:
        key = record.condition
        if key not in subjects:
            effects.append(_without(record, rows, changed))
            continue
        subject, drawn = subjects[key], resampled[key]
        effect = AblationEffect(
            **vars(record),
            n=len(rows),
            eligible=drawn["effect"].interval().n,
            not_eligible=not_eligible(key, changed),
            effect=drawn["effect"].interval(),
            rms_effect=drawn["rms"].interval(),
            spearman_clean=correlations[key, "clean"],
            spearman_ablated=correlations[key, "ablated"],
            control=_comparison(subject, drawn, largest.get(key)),
            beyond_control=BeyondControl(
                **{name: drawn[name].interval() for name in _QUANTITIES if name in drawn}
            ),
            tests=tested.get(key) or _untested(record),
            claim=_claim(subject, drawn, tested.get(key)),
        )
        effect = with_gauge(effect, gauged.get(key))
        effects.append(control_notes.with_notes(effect, changed, overall))
    by_key = {effect.condition: effect for effect in effects}
    dose_curves = [
        dose_curve_of([by_key[key] for key in curve], curve, resampled[name]["area"].interval())
        for name, curve in curves.items()
    ]
    return Summary(effects, dose_curves, control_notes.notes(effects))


def _subject(
    record: ConditionRecord,
    measured: Mapping[str, ImageEffects],
    images: Images,
    changed: pd.DataFrame,
    random_shapes: set[str],
) -> Subject:
    """Return an ablation with its effects; without rows, no image was eligible."""
    empty = {role: np.full((len(images.predicted), 1), np.nan) for role in SHOWN}
    return Subject(
        measured.get(record.change) or ImageEffects(record.change, record.dose, images, empty),
        record.compared_with or "nuisance-baseline",
        record.role,
        record.primary,
        record.change in random_shapes,
        _removes_whole_region(record),
        None if record.role == "nuisance" else no_control(record.condition, changed),
    )


def _removes_whole_region(record: ConditionRecord) -> bool:
    complement = record.region == "background" or record.region.startswith("not ")
    matched = record.compared_with == "matched-control" and record.fill is not None
    return record.role == "target" and matched and record.dose == 1 and not complement


def _claim(subject: Subject, drawn: Mapping[str, Resampled], tested: Tests | None) -> Claim | None:
    """Return the claim about a primary ablation that has its own control; else None."""
    if tested is None:
        return None

    def at_claim_level(name: str) -> Statistic:
        return drawn[name].interval(CLAIM_LEVEL)

    p = tested.either.p_corrected
    if subject.role == "swap":
        share, upper = map(at_claim_level, ("variance_share", "variance_share_upper"))
        return swap_claim(share, upper, p)
    if not subject.controlled or subject.kind == "off-centre-crops" or subject.no_control:
        return None
    return removal_claim(
        at_claim_level("specific_effect_sd"),
        at_claim_level("rms_effect_sd_lower"),
        at_claim_level("rms_effect_sd_upper"),
        p,
    )


def _overall(images: Images, seed: int) -> Statistic:
    """Return Spearman's rho of all clean predictions with the scores."""
    requested = {("", "rho"): rho(images.predicted, images.score)}
    drawn = _resampled(requested, seed, resamples=RHO_RESAMPLES, kind="percentile")
    return drawn["", "rho"].interval()


def _resampled(
    requested: Mapping[tuple[str, str], AnyEstimate], seed: int, **how: Any
) -> dict[tuple[str, str], Resampled]:
    names = {f"{index}": key for index, key in enumerate(requested)}
    drawn = bootstrap({name: requested[key] for name, key in names.items()}, seed, **how)
    return {key: drawn[name] for name, key in names.items()}


def _correlations(
    subjects: Mapping[str, Subject], images: Images, changed: pd.DataFrame, seed: int
) -> dict[tuple[str, str], Statistic]:
    """Return Spearman's rho of clean and of ablated predictions, for each condition's images."""
    # Draws are averaged within an image first, because the image is the unit.
    rows = changed[changed["eligible"] & changed["condition"].isin(list(subjects))]
    means = rows.groupby(["condition", "id"])["predicted"].mean()
    requested: dict[tuple[str, str], AnyEstimate] = {}
    clean: dict[bytes, tuple[str, str]] = {}
    shared: dict[tuple[str, str], tuple[str, str]] = {}
    present = means.index.unique("condition")
    for key in subjects:
        predicted = np.full(len(images.predicted), np.nan)
        if key in present:
            predicted = means.loc[key].reindex(images.table.index).to_numpy(dtype=float)
        among = np.isfinite(predicted)
        first = clean.setdefault(among.tobytes(), (key, "clean"))
        shared[key, "clean"] = first
        requested[first] = rho(images.predicted, images.score, among)
        requested[key, "ablated"] = rho(predicted, images.score, among)
    drawn = _resampled(requested, seed, resamples=RHO_RESAMPLES, kind="percentile")
    intervals = {key: resampled.interval() for key, resampled in drawn.items()}
    return intervals | {key: intervals[first] for key, first in shared.items()}


def _comparison(
    subject: Subject, drawn: Mapping[str, Resampled], largest: str | None
) -> Comparison | None:
    """Return the comparison of an effect with its control or with the nuisance baseline."""
    if subject.role == "nuisance":
        return None
    baseline = None if largest is None else _baseline(drawn, largest)
    if subject.kind == "nuisance-baseline":
        reason = None if baseline else "no nuisance change was run"
        return Comparison(subject.kind, reason, baseline=baseline)
    control = drawn["control_effect"].interval()
    controls = subject.effects.of(subject.against)
    counts = np.isfinite(controls).sum(axis=1)
    return Comparison(
        subject.kind,
        control.reason if control.value is None else None,
        draws=controls.shape[1],
        draws_mean=float(counts[counts > 0].mean()) if counts.any() else None,
        n=control.n,
        without=drawn["effect"].interval().n - control.n,
        effect=control,
        ablation_effect=drawn["ablation_effect"].interval(),
        baseline=baseline,  # where there are no controls
        random_shapes=subject.random_shapes,
    )


def _baseline(drawn: Mapping[str, Resampled], largest: str) -> Baseline:
    """Return the largest nuisance change of the same images, and the ratio of the RMS effects."""
    ablation, nuisance = drawn["rms"].interval(), drawn["nuisance_rms"].interval()
    beyond = None
    if ablation.low is not None and nuisance.high is not None:
        beyond = ablation.low > nuisance.high
    effect, ratio = drawn["nuisance_effect"].interval(), drawn["ratio"].interval()
    return Baseline(largest, effect, nuisance, ratio, beyond)


def _untested(record: ConditionRecord, reason: str | None = None) -> Tests:
    usual = NUISANCE if record.role == "nuisance" else OTHER_DOSE
    untested = PValue(reason=reason or usual)
    return Tests(untested, untested, untested)


def _without(record: ConditionRecord, rows: pd.DataFrame, changed: pd.DataFrame) -> AblationEffect:
    """Return an effect without numbers, because predictions are not finite."""
    rows_of = changed[(changed["condition"] == record.condition) & changed["eligible"]]
    undefined = Statistic(None, rows_of["id"].nunique(), reason=NOT_FINITE)
    kind = record.compared_with
    return AblationEffect(
        **vars(record),
        n=len(rows),
        eligible=undefined.n,
        not_eligible=not_eligible(record.condition, changed),
        effect=undefined,
        rms_effect=undefined,
        spearman_clean=undefined,
        spearman_ablated=undefined,
        control=None if kind is None else Comparison(kind, NOT_FINITE),
        tests=_untested(record, NOT_FINITE),
    )
