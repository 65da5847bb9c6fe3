"""Legend of the table of ablations: what its columns and marks mean."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.analysis.control_notes import above_one
from memlab.analysis.effect import AblationEffect
from memlab.analysis.quantities import SESOI
from memlab.numbers import number
from memlab.roles import Control
from memlab.stats import CLAIM_LEVEL

SUBTRACTED: set[Control] = {"matched-control", "off-centre-crops", "patch"}
"""Controls from which S is computed as a difference."""
CONTROLS: dict[Control, str] = {
    "matched-control": "control: the same change at matched positions of the same image",
    "off-centre-crops": "off-centre: crops of the same size off the centre",
    "patch": "patch: a neutral patch in the place of what is pasted",
}


def legend(entries: Sequence[AblationEffect]) -> list[str]:
    """Return short lines that explain the columns and marks present in the table."""
    kinds = {entry.control.kind for entry in entries if entry.control and entry.control.draws}
    baselines = [
        baseline
        for entry in entries
        if (baseline := entry.baseline) is not None and baseline.rms_effect.value is not None
    ]
    lines = ["effect: mean of clean − ablated over n images, positive where the score falls"]
    if SUBTRACTED & kinds:
        lines.append("S: specific effect, the effect less that of its control, same images")
        lines += [text for kind, text in CONTROLS.items() if kind in kinds]
    if any(entry.control and entry.control.reason and entry.baseline for entry in entries):
        lines.append("no control: no room for one outside the annotated regions")
    shares = [entry for entry in entries if share_text(entry)]
    if shares:
        lines.append("T: share of the predictions' variance that the feature moves")
    if any(entry.role != "swap" for entry in shares):
        lines.append("  of a removal: by its presence, over all images that have the region")
    if "round-trip" in kinds:
        lines.append("  of a swap: by its value, beyond a round trip (donor in, own value back)")
    if any(above_one(entry) for entry in entries):
        lines.append("T > 1: predictions leave the range of the clean ones; T is then no share")
    if baselines:
        name = max(
            (baseline.rms_effect.value or 0.0, baseline.condition) for baseline in baselines
        )[1]
        lines.append(
            "baseline: RMS effect of the largest nuisance change "
            f"({name.removesuffix(':nuisance')}); ×: RMS effect over it"
        )
    lines += _tests_legend(entries, kinds, bool(baselines))
    if any(entry.claim is not None for entry in entries):
        lines.append(
            f"claim: is the effect above or below {number(SESOI, 2, zero=False)} SD of the "
            f"predictions? ({number(100 * CLAIM_LEVEL, 0)} % intervals)"
        )
    return lines


def _tests_legend(
    entries: Sequence[AblationEffect], kinds: set[Control], baselines: bool
) -> list[str]:
    """Return what each column of p values tests, and how the values are corrected."""
    lines = []
    means = sum(entry.tests.mean.p is not None for entry in entries)
    sizes = sum(entry.tests.size.p is not None for entry in entries)
    if means:
        hypothesis = "the mean effect is not 0" + (
            " (S, where there is one)" if SUBTRACTED & kinds else ""
        )
        lines.append(f"p mean: {hypothesis}; {_corrected(means)}")
    if sizes:
        than = [
            ("baseline", baselines),
            ("control", bool({"matched-control", "patch"} & kinds)),
            ("round trip", "round-trip" in kinds),
        ]
        names = [name for name, present in than if present]
        named = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
        lines.append(f"p size: effect, up or down, beyond {named}; {_corrected(sizes)}")
    return lines


def _corrected(count: int) -> str:
    return f"Holm-corrected over {count} test{'s' * (count > 1)}"


def share_text(entry: AblationEffect) -> str:
    """Return T, or nothing if there is none."""
    share = entry.beyond_control.variance_share
    return "" if share is None or share.value is None else number(share.value, 3, zero=False)
