"""Notes on controls and donors: imbalance, missing controls, repeated donors, variance shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from memlab.analysis.balance import WARNING, balance
from memlab.numbers import interval, number
from memlab.stats.measures import Statistic

NAMED = 3
"""Maximum number of ablations that a note names; the rest is given as a number."""
FEW = 50
"""Number of images below which tests of a mean or of an RMS effect have too many false positives.

At .05 without any effect, simulated tests of the mean reject in .11 of cases with 10 images, .08
with 20, .05 with 100.
"""


def of_rows(condition: Mapping[str, Any], changed: pd.DataFrame) -> dict[str, Any]:
    """Return the balance of an ablation's controls, or the use of its donors.

    Args:
        condition: `Condition.describe()` of the ablation itself.
        changed: `conditions.csv`.

    Returns:
        For matched controls `balance`, the standardised mean difference per measure. For swaps
        `donors`: the number of distinct donors, and the largest number of images in one draw with
        the same donor.
    """
    key, kind = condition["condition"], condition["compared_with"]
    if kind == "there-and-back":
        own = changed[(changed["condition"] == key) & changed["eligible"]]
        served = own.groupby("draw")["donor"].value_counts()
        most = int(served.max()) if len(served) else 0
        return {"donors": {"distinct": int(own["donor"].nunique()), "most_served": most}}
    if kind == "placed":
        return {"balance": balance(changed[changed["condition"].isin([key, f"{key}:control"])])}
    return {}


def warnings(entry: Mapping[str, Any]) -> list[str]:
    """Return warnings on the control of one entry, without the ablation's name."""
    control, found = entry["control"] or {}, []
    uneven = {
        name: value
        for name, value in (control.get("balance") or {}).items()
        if value is not None and abs(value) > WARNING
    }
    if uneven:
        listed = ", ".join(
            f"{name.replace('_', ' ')} {number(uneven[name], 2, signed=True)}" for name in uneven
        )
        found.append(f"matched controls differ from the region, in SDs: {listed}")
    if control.get("draws") and control["without"] and not control["reason"]:
        control_of = {"there-and-back": "round trip", "placed": "matched control"}
        found.append(
            f"{control['without']} of {entry['eligible']} eligible images have no "
            f"{control_of.get(control['kind'], 'control')}; the comparison is without them"
        )
    if control.get("draws") and control["reason"] and entry["eligible"]:
        beside = "compared with the nuisance baseline instead" if control.get("baseline") else ""
        found.append(f"S: {control['reason']}{'; ' if beside else ''}{beside}")
    if control.get("blobs"):
        found.append(
            "most of these regions cover more than a quarter of the image: their controls are "
            "random shapes of the same area outside the annotated regions, and S alone is stated"
        )
    if entry["role"] == "swap":
        found += _not_swapped(entry.get("not_eligible") or {})
    if few(entry):
        n = min(test["n"] for test in _scarce(entry))
        rate = 11 if n < 20 else 8  # simulated at n = 10 and at n = 20
        found.append(
            f"n = {n} is small: at α = .05 the false-positive rate of these tests is up to {rate} %"
        )
    donors = control.get("donors")
    if donors and donors["most_served"] > 1:
        found.append(
            f"{donors['distinct']} donors for {entry['eligible']} images: one donated to "
            f"{donors['most_served']} in one draw, so the interval is somewhat too narrow"
        )
    return found


def of_share(entry: Mapping[str, Any], overall: Statistic) -> list[str]:
    """Return why an entry's variance share T cannot be read as a share; empty if it can.

    Args:
        entry: entry of the results.
        overall: Spearman's rho of all clean predictions with the scores.
    """
    share = ((entry["control"] or {}).get("T") or {}).get("value")
    found = []
    if above_one(entry):
        found.append(
            f"T = {number(share, 2)} is above 1: swapped images move predictions further than the "
            "predictions of two images differ, so predictions leave the range of the clean ones "
            "and T is no share of their variance"
        )
    if entry["role"] == "swap":
        found += uncorrelated(overall)
    return found


def uncorrelated(overall: Statistic) -> list[str]:
    """Return a note if predictions are not shown to correlate with the scores."""
    reason = overall.reason or ""
    if overall.value is None:
        if "constant" not in reason:
            return []  # without scores, no correlation is expected
        return [f"{reason}: no share of their variance says what makes images memorable"]
    if overall.low is None or overall.low > 0:
        return []
    rho = number(overall.value, 2, zero=False)
    ends = interval(overall.low, overall.high, 2, zero=False)
    return [
        f"predictions are not shown to correlate with the scores (ρ = {rho} {ends}): T says what "
        "moves this model's predictions, not what makes images memorable"
    ]


def above_one(entry: Mapping[str, Any]) -> bool:
    """Return whether the T of an entry is above 1, which is impossible for a share."""
    share = (entry["control"] or {}).get("T") or {}
    return share.get("value") is not None and share["value"] > 1


def few(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry has a p from too few images for a test that resamples images."""
    return entry["role"] == "target" and bool(_scarce(entry))


def _scarce(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tests of an entry that resample too few images.

    Permutation tests are excluded, because they are valid for any n.
    """
    tests = (entry.get("test_mean") or {}, entry.get("test_size") or {})
    return [
        test
        for test in tests
        if test.get("p") is not None
        and test["n"] < FEW
        and ("inverted" in str(test["method"]) or "bootstrap" in str(test["method"]))
    ]


def _not_swapped(reasons: Mapping[str, int]) -> list[str]:
    """Return what T assumes about images that were not swapped."""
    found = []
    unknown = reasons.get("not annotated", 0)
    failed = {
        name: count for name, count in reasons.items() if name not in ("absent", "not annotated")
    }
    count = sum(failed.values())
    if count:
        found.append(
            f"T takes {_images(count)} that could not be swapped ({', '.join(failed)}) to be like "
            "the others"
        )
    if unknown:
        found.append(f"T is without {_images(unknown)} not annotated for the region")
    return found


def _images(count: int) -> str:
    return f"{count} image{'s' * (count > 1)}"


def notes(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return warnings and notes of primary ablations; ablations with the same text share a note."""
    alike: dict[str, list[str]] = {}
    for entry in entries:
        if entry["primary"]:
            for text in [*(entry["control"] or {}).get("warnings", []), *entry.get("notes", [])]:
                alike.setdefault(text, []).append(entry["condition"].removesuffix(":swap"))
    found = []
    for text, names in alike.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        found.append(f"{', '.join(names[:NAMED])}{more}: {text}.")
    return found
