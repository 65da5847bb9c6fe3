"""Summary of ablations from the rows of a test: entries, dose curves, notes. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from memlab.analysis import control_notes
from memlab.analysis.arrays import Effects, Images, read_effects, read_images
from memlab.analysis.comparisons import Subject, estimates, largest_floor
from memlab.analysis.dose_curve import dose_area, isotonic_residual
from memlab.analysis.eligible import no_control, not_eligible
from memlab.analysis.results import condition_entry
from memlab.analysis.significance import NUISANCE, OTHER_DOSE, Tested, Tests, tests
from memlab.stats import bootstrap, rho
from memlab.stats.blocks import AnyEstimate
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Statistic

if TYPE_CHECKING:  # imports torch
    from memlab.ablations.base import Control

RHO_RESAMPLES = 2000
"""Number of resamples for rank correlations, as for the metrics; ranks are slower than means."""
_FLOOR = ("floor_drop", "floor_rms", "ratio")
SHOWN = ("target", "swap", "floor")
"""Roles with their own entry; these entries contain controls and round trips."""

Details = Mapping[str, Any]


@dataclass(frozen=True)
class Summary:
    """Results of all ablations.

    Args:
        conditions: one entry per ablation, dose and role of `SHOWN`.
        dose_curves: one entry per ablation with several doses.
        notes: notes for the reader.
    """

    conditions: list[dict[str, Any]] = field(default_factory=list)
    dose_curves: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def summarise(
    rows: pd.DataFrame, changed: pd.DataFrame, details: Sequence[Details], seed: int
) -> Summary:
    """Compute all statistics of all ablations, from one set of resamples.

    Args:
        rows: the clean predictions, `rows.csv`.
        changed: the changed images, `conditions.csv`.
        details: `Condition.describe()` of all conditions, controls included.
        seed: seed of the resampling and the permutations.
    """
    shown = [one for one in details if one["role"] in SHOWN]
    changed, blobs = _comparable(changed)
    finite = _finite(changed)
    if not rows["predicted"].map(np.isfinite).all():
        reason = "predictions are not finite"
        return Summary([_without(one, rows, changed, reason) for one in shown])
    images = read_images(rows[["id", "predicted", "score"]])
    effects = read_effects(images, changed[changed["condition"].map(_name).isin(finite)])
    empty = {role: np.full((len(rows), 1), np.nan) for role in SHOWN}
    subjects = {}
    floor = {}
    for one in shown:
        name = _name(one["condition"])
        kind: Control = one["compared_with"] or "floor"
        if name in finite:
            read = effects.get(name) or Effects(name, one["dose"], images, empty)
            lacking = None if one["role"] == "floor" else no_control(one["condition"], changed)
            subjects[one["condition"]] = Subject(
                read, kind, one["role"], one["primary"], name in blobs, lacking
            )
            if one["yardstick"]:
                floor[one["condition"]] = read

    wanted: dict[tuple[str, str], AnyEstimate] = {}
    largest: dict[str, str] = {}
    for key, subject in subjects.items():
        wanted |= {(key, name): one for name, one in estimates(subject).items()}
        if subject.beside_floor:
            most = largest_floor(subject, floor)
            if most is not None:
                largest[key] = most[0]
                mine = "control" if subject.kind == "floor" else "floor_drop"
                wanted |= {
                    (key, mine if name == "control" else name): one for name, one in most[1].items()
                }
    curves = _curves(shown, subjects)
    wanted |= {(name, "area"): dose_area(list(ladder.values())) for name, ladder in curves.items()}
    found: dict[str, dict[str, Resampled]] = {}
    for (key, name), resampled in _resampled(wanted, seed).items():
        found.setdefault(key, {})[name] = resampled
    correlations = _correlations(subjects, images, changed, seed)
    tested = tests(subjects, found, seed, floor)
    overall = _overall(images, seed)

    entries = []
    for one in shown:
        key = one["condition"]
        if key not in subjects:
            entries.append(_without(one, rows, changed, "predictions are not finite"))
            continue
        entry = condition_entry(
            dict(one),
            n=len(rows),
            eligible=_described(found[key]["D"])["n"],
            drop=_described(found[key]["D"]),
            rms=_described(found[key]["rms"]),
            spearman_clean=correlations[key, "clean"].describe(),
            spearman=correlations[key, "changed"].describe(),
            control=_control(subjects[key], found[key], largest.get(key), tested.get(key)),
            **_tests(subjects[key], tested.get(key)),
            not_eligible=not_eligible(key, changed),
        )
        if entry["control"] is not None:
            entry["control"] |= control_notes.of_rows(one, changed)
            entry["control"]["warnings"] = control_notes.warnings(entry)
        entry["notes"] = control_notes.of_share(entry, overall)
        entries.append(entry)
    drawn = [_curve(name, ladder, entries, found[name]["area"]) for name, ladder in curves.items()]
    return Summary(entries, drawn, control_notes.notes(entries))


def _overall(images: Images, seed: int) -> Statistic:
    """Return Spearman's rho of all clean predictions with the scores."""
    wanted = {("", "rho"): rho(images.predicted, images.score)}
    found = _resampled(wanted, seed, resamples=RHO_RESAMPLES, kind="percentile")
    return found["", "rho"].interval()


def _resampled(
    wanted: Mapping[tuple[str, str], AnyEstimate], seed: int, **how: Any
) -> dict[tuple[str, str], Resampled]:
    names = {f"{place}": key for place, key in enumerate(wanted)}
    drawn = bootstrap({name: wanted[key] for name, key in names.items()}, seed, **how)
    return {key: drawn[name] for name, key in names.items()}


def _correlations(
    subjects: Mapping[str, Subject], images: Images, changed: pd.DataFrame, seed: int
) -> dict[tuple[str, str], Statistic]:
    """Return Spearman's rho of clean and of changed predictions, for each condition's images."""
    # Draws are averaged within an image first, because the image is the unit.
    kept = changed[changed["eligible"] & changed["condition"].isin(list(subjects))]
    means = kept.groupby(["condition", "id"])["predicted"].mean()
    wanted: dict[tuple[str, str], AnyEstimate] = {}
    clean: dict[bytes, tuple[str, str]] = {}
    same: dict[tuple[str, str], tuple[str, str]] = {}
    there = means.index.unique("condition")
    for key in subjects:
        predicted = np.full(len(images.predicted), np.nan)
        if key in there:
            own = means.loc[key].reindex(images.table.index)
            predicted = own.to_numpy(dtype=float)
        among = np.isfinite(predicted)
        first = clean.setdefault(among.tobytes(), (key, "clean"))
        same[key, "clean"] = first
        wanted[first] = rho(images.predicted, images.score, among)
        wanted[key, "changed"] = rho(predicted, images.score, among)
    found = _resampled(wanted, seed, resamples=RHO_RESAMPLES, kind="percentile")
    intervals = {key: one.interval() for key, one in found.items()}
    return intervals | {key: intervals[first] for key, first in same.items()}


def _control(
    subject: Subject,
    found: Mapping[str, Resampled],
    largest: str | None,
    tested: Tests | None,
) -> dict[str, Any] | None:
    """Return the comparison of an effect with its control or baseline."""
    if subject.role == "floor":
        return None
    if subject.kind == "floor":
        if largest is None:
            return {"kind": "floor", "reason": "no nuisance change was run"}
        return {"kind": "floor", "reason": None, **_beside_floor(found, largest, "control")}
    drop = _described(found["control"])
    others = {
        name: _described(one)
        for name, one in found.items()
        if name not in ("D", "rms", "control", "D with control", "area", *_FLOOR)
    }
    counts = np.isfinite(subject.effects.drop(subject.against)).sum(axis=1)
    control = {
        "kind": subject.kind,
        "reason": drop["reason"] if drop["value"] is None else None,
        "draws": subject.effects.drop(subject.against).shape[1],
        "draws_mean": float(counts[counts > 0].mean()) if counts.any() else None,
        "eligible": drop["n"],
        "without": _described(found["D"])["n"] - drop["n"],
        "drop": drop,
        "own_drop": _described(found["D with control"]),
        **others,
    }
    if subject.kind == "placed":
        control["blobs"] = subject.blobs
    if largest is not None:  # there are no controls
        control["baseline"] = _beside_floor(found, largest, "floor_drop")
    if subject.controlled and tested is not None:
        control["p_max_t"] = tested.either.p_max_t
    return control


def _beside_floor(found: Mapping[str, Resampled], largest: str, drop: str) -> dict[str, Any]:
    """Return the largest nuisance change of the same images, and the ratio of the RMS effects."""
    own, floor = _described(found["rms"]), _described(found["floor_rms"])
    beyond = None
    if own["low"] is not None and floor["high"] is not None:
        beyond = own["low"] > floor["high"]
    return {
        "condition": largest,
        "drop": _described(found[drop]),
        "rms": floor,
        "ratio": _described(found["ratio"]),
        "beyond": beyond,
    }


def _tests(subject: Subject, tested: Tests | None) -> dict[str, Any]:
    """Return the arguments of `condition_entry` that contain the tests."""
    if tested is None:
        nothing = _untested(NUISANCE if subject.role == "floor" else OTHER_DOSE)
        return {"test": nothing, "test_mean": nothing, "test_size": nothing}
    parts = {"test": tested.either, "test_mean": tested.mean, "test_size": tested.size}
    return {
        key: {name: value for name, value in asdict(one).items() if name != "p_max_t"}
        for key, one in parts.items()
    }


def _untested(reason: str) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(Tested(None, 0, reason=reason)).items()
        if name != "p_max_t"
    }


def _curves(
    shown: Sequence[Details], subjects: Mapping[str, Subject]
) -> dict[str, dict[str, Effects]]:
    """Return ladders by ablation without dose: condition to effects, ascending in dose."""
    ladders: dict[str, dict[str, Effects]] = {}
    for one in sorted(shown, key=lambda one: float(one["dose"])):
        key = one["condition"]
        if key in subjects and one["role"] != "floor" and one["dose"] != 0:
            ladders.setdefault(curve_name(one), {})[key] = subjects[key].effects
    return {name: ladder for name, ladder in ladders.items() if len(ladder) > 1}


def curve_name(one: Details) -> str:
    """Return a condition's name without its dose: `blur[faces]`."""
    start = f"{one['ablation']}@{one['dose']:.6g}"
    return str(one["ablation"]) + _name(one["condition"]).removeprefix(start)


def _curve(
    name: str,
    ladder: Mapping[str, Effects],
    entries: Sequence[dict[str, Any]],
    area: Resampled,
) -> dict[str, Any]:
    by_key = {entry["condition"]: entry for entry in entries}
    steps = [by_key[key] for key in ladder]
    swapped = steps[0]["role"] == "swap"
    # the same rule as in `dose_curve`
    controlled = all(np.isfinite(one.drop("control")).any() for one in ladder.values())
    effect = "T" if swapped else "S" if controlled else "D"
    if effect == "D":
        effects = [step["drop"] for step in steps]
    else:
        effects = [step["control"][effect] for step in steps]
    values = [one["value"] for one in effects]
    whole = all(value is not None for value in values)
    return {
        "curve": name,
        **{part: steps[0][part] for part in ("ablation", "family", "region", "fill", "unit")},
        "compared_with": steps[0]["compared_with"],
        "effect": effect,
        "conditions": list(ladder),
        "doses": [step["dose"] for step in steps],
        "effects": effects,
        "drops": [step["control"]["own_drop"] if controlled else step["drop"] for step in steps],
        "control_drops": [(step["control"] or {}).get("drop") for step in steps],
        "area": _described(area),
        "isotonic_residual": isotonic_residual(np.array(values, dtype=float)) if whole else None,
    }


def _without(
    one: Details, rows: pd.DataFrame, changed: pd.DataFrame, reason: str
) -> dict[str, Any]:
    """Return an entry without numbers, with the reason."""
    own = changed[(changed["condition"] == one["condition"]) & changed["eligible"]]
    eligible = own["id"].nunique()
    nothing = Statistic(None, eligible, reason=reason).describe()
    test = _untested(reason)
    kind = one["compared_with"]
    control = None if kind is None else {"kind": kind, "reason": reason}
    return condition_entry(
        dict(one), len(rows), eligible, nothing, nothing, nothing, nothing, control,
        test, test, test, not_eligible(one["condition"], changed),
    )  # fmt: skip


def _comparable(changed: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """Restrict each comparison to images with the more frequent kind of control.

    Returns:
        The rows, in which random-shape controls are not eligible if most images have matched
        controls; and the conditions, without their role, in which most images have random-shape
        controls.
    """
    if "place" not in changed:
        return changed, set()
    controls = changed["eligible"] & (changed["role"] == "control")
    kinds = changed[controls].drop_duplicates(["condition", "id"])
    counts = kinds.groupby(["condition", "place"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["blob", "elsewhere"], fill_value=0)
    mostly = counts.index[counts["blob"] > counts["elsewhere"]]
    strange = controls & changed["place"].isin(["blob"]) & ~changed["condition"].isin(mostly)
    kept = changed.assign(eligible=changed["eligible"] & ~strange) if strange.any() else changed
    return kept, {_name(str(key)) for key in mostly}


def _finite(changed: pd.DataFrame) -> set[str]:
    """Return the conditions, without their role, in which every eligible image has a score."""
    bad = changed["eligible"] & ~changed["predicted"].map(np.isfinite)
    return set(changed["condition"].map(_name)) - set(changed.loc[bad, "condition"].map(_name))


def _name(condition: str) -> str:
    """Return a condition without its role."""
    for role in ("target", "control", "floor", "swap", "there-and-back"):
        condition = condition.removesuffix(f":{role}")
    return condition


def _described(one: Resampled) -> dict[str, Any]:
    return one.interval().describe()
