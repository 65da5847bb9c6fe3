"""Notes on controls and donors: imbalance, missing controls, repeated donors, variance shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from memlab.analysis import gauge
from memlab.analysis.balance import MEASURES, WARNING, balance
from memlab.analysis.effect import AblationEffect, Comparison, DonorUse, PValue
from memlab.analysis.eligible import speaks_for
from memlab.numbers import interval, number
from memlab.stats.measures import Statistic

NAMED = 3
"""Maximum number of ablations that a note names; the rest is given as a number."""
FEW = 50
"""Number of images below which tests of a mean or of an RMS effect have too many false positives.

At .05 without any effect, simulated tests of the mean reject in .11 of cases with 10 images, .08
with 20, .05 with 100.
"""


def with_notes(effect: AblationEffect, changed: pd.DataFrame, overall: Statistic) -> AblationEffect:
    """Return an effect with balance or donors of its control, warnings on it, and notes.

    Args:
        effect: effect of an ablation.
        changed: `conditions.csv`.
        overall: Spearman's rho of all clean predictions with the scores.
    """
    if effect.control is not None:
        control = _from_rows(effect, effect.control, changed)
        control = replace(control, warnings=warnings(replace(effect, control=control)))
        effect = replace(effect, control=control)
    return replace(effect, notes=of_share(effect, overall))


def _from_rows(effect: AblationEffect, control: Comparison, changed: pd.DataFrame) -> Comparison:
    """Return the control with the balance of matched controls, or the use of a swap's donors."""
    key = effect.condition
    if control.kind == "round-trip":
        rows = changed[(changed["condition"] == key) & changed["eligible"]]
        donors = rows["donor"] if "donor" in rows else pd.Series(dtype=object)
        served = donors.groupby(rows["draw"]).value_counts()
        most = int(served.max()) if len(served) else 0
        return replace(control, donors=DonorUse(int(donors.nunique()), most))
    if control.kind == "matched-control" and set(MEASURES) <= set(changed):
        rows = changed[changed["condition"].isin([key, f"{key}:control"])]
        return replace(control, balance=balance(rows), speaks_for=speaks_for(key, rows))
    return control


def warnings(effect: AblationEffect) -> list[str]:
    """Return warnings on the control of an effect, without the ablation's name."""
    control, texts = effect.control, []
    if control is None:
        return []
    uneven = {
        name: value
        for name, value in (control.balance or {}).items()
        if value is not None and abs(value) > WARNING
    }
    if uneven:
        listed = ", ".join(
            f"{name.replace('_', ' ')} {number(uneven[name], 2, signed=True)}" for name in uneven
        )
        texts.append(f"matched controls differ from the region, in SDs: {listed}")
    if control.draws and control.without and not control.reason:
        names = {"round-trip": "round trip", "matched-control": "matched control"}
        texts.append(
            f"{control.without} of {effect.eligible} eligible images have no "
            f"{names.get(control.kind, 'control')}; the comparison is without them"
        )
    if control.speaks_for is not None and (for_whom := control.speaks_for.sentence()):
        texts.append(for_whom)
    if control.draws and control.reason and effect.eligible:
        instead = "; compared with the nuisance baseline instead" if control.baseline else ""
        texts.append(f"S: {control.reason}{instead}")
    if effect.gauge is not None and (farther := gauge.warning(effect.gauge)):
        texts.append(farther)
    if control.random_shapes:
        texts.append(
            "in most images a copy of the region fits nowhere else: the controls are random shapes "
            "of its area outside the annotated regions"
        )
    if effect.role == "swap":
        texts += _not_swapped(effect.not_eligible or {})
    if few(effect):
        n = min(test.n for test in _scarce(effect))
        rate = 11 if n < 20 else 8  # simulated at n = 10 and at n = 20
        texts.append(
            f"n = {n} is small: at α = .05 the false-positive rate of these tests is up to {rate} %"
        )
    donors = control.donors
    if donors and donors.most_served > 1:
        texts.append(
            f"{donors.distinct} donors for {effect.eligible} images: one donated to "
            f"{donors.most_served} in one draw, so the interval is somewhat too narrow"
        )
    return texts


def of_share(effect: AblationEffect, overall: Statistic) -> list[str]:
    """Return why an effect's variance share T cannot be read as a share; empty if it can.

    Args:
        effect: effect of an ablation.
        overall: Spearman's rho of all clean predictions with the scores.
    """
    share, texts = effect.beyond_control.variance_share, []
    if share is not None and above_one(effect):
        changed = "swapped images" if effect.role == "swap" else "removals"
        texts.append(
            f"T = {number(share.value, 2)} is above 1: {changed} move predictions further "
            "than the predictions of two images differ, so predictions leave the range of the "
            "clean ones and T is no share of their variance"
        )
    if share is not None:
        texts += uncorrelated(overall)
    return texts


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


def above_one(effect: AblationEffect) -> bool:
    """Return whether the T of an effect is above 1, which is impossible for a share."""
    share = effect.beyond_control.variance_share
    return share is not None and share.value is not None and share.value > 1


def few(effect: AblationEffect) -> bool:
    """Return whether an effect has a p from too few images for a test that resamples images."""
    return effect.role == "target" and bool(_scarce(effect))


def _scarce(effect: AblationEffect) -> list[PValue]:
    """Return the tests of an effect that resample too few images.

    Permutation tests are excluded, because they are valid for any n.
    """
    return [
        test
        for test in (effect.tests.mean, effect.tests.size)
        if test.p is not None
        and test.n < FEW
        and ("inverted" in str(test.method) or "bootstrap" in str(test.method))
    ]


def _not_swapped(reasons: Mapping[str, int]) -> list[str]:
    """Return what T assumes about images that were not swapped."""
    assumptions = []
    unknown = reasons.get("not annotated", 0)
    failed = {
        name: count for name, count in reasons.items() if name not in ("absent", "not annotated")
    }
    count = sum(failed.values())
    if count:
        assumptions.append(
            f"T takes {_images(count)} that could not be swapped ({', '.join(failed)}) to be like "
            "the others"
        )
    if unknown:
        assumptions.append(f"T is without {_images(unknown)} not annotated for the region")
    return assumptions


def _images(count: int) -> str:
    return f"{count} image{'s' * (count > 1)}"


def notes(effects: Iterable[AblationEffect]) -> list[str]:
    """Return warnings and notes of primary ablations; ablations with the same text share a note."""
    alike: dict[str, list[str]] = {}
    for effect in effects:
        if effect.primary:
            warned = [] if effect.control is None else effect.control.warnings
            for text in [*warned, *effect.notes]:
                alike.setdefault(text, []).append(effect.condition.removesuffix(":swap"))
    lines = []
    for text, names in alike.items():
        others = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"{', '.join(names[:NAMED])}{others}: {text}.")
    return lines
