"""Marks, legends and labels that figures of effects share."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from memlab.analysis.effect import AblationEffect
from memlab.drawing import BLUE, GREY, ORANGE
from memlab.reports.effect_table import too_few
from memlab.roles import Control
from memlab.stats.measures import Statistic

HOLLOW: dict[Control, tuple[str, str]] = {
    "matched-control": ("o", "matched control"),
    "off-centre-crops": ("s", "off-centre crops"),
    "patch": ("^", "neutral patch"),
    "nuisance-baseline": ("D", "± nuisance baseline (RMS)"),
}
"""Marker and label of each kind of comparison."""


LONGEST = 90
"""Maximum length of a reason in a figure; tables have the whole of it."""


def mean_effect(effect: AblationEffect) -> tuple[Statistic, float | None]:
    """Return the mean effect, and the control's on the same images or the baseline's RMS."""
    if effect.baseline is not None:
        return effect.effect, effect.baseline.rms_effect.value
    control = effect.control
    if control is None or control.effect is None or control.ablation_effect is None:
        return effect.effect, None
    paired = control.ablation_effect
    return (paired if paired.value is not None else effect.effect), control.effect.value


def kind_of(effect: AblationEffect) -> Control | None:
    """Return the kind of comparison: the nuisance baseline if no control could be made."""
    if effect.baseline:
        return "nuisance-baseline"
    return effect.control.kind if effect.control else None


def why(effect: Statistic) -> str:
    """Return why there is no number: `n = 2: too few`."""
    return too_few(effect) or str(effect.reason)


def say(axes: Any, y: float, text: str, align: str, transform: Any) -> None:
    """Write text where no mark can be drawn; a long text is cut, and takes no room of the axes."""
    x = 0.5 if align == "center" else 0.02
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    axes.text(
        x, y, short, color=GREY, fontsize=8, style="italic", ha=align, va="center",
        transform=transform,
    ).set_in_layout(False)  # fmt: skip


def hollow() -> dict[str, Any]:
    """Return the style of a control's mark."""
    return {"color": ORANGE, "markerfacecolor": "white", "markersize": 4.5}


def legend(
    figure: Figure,
    kinds: set[Control],
    columns: int = 3,
    effect: str = "effect, 95 % interval",
    band: bool = False,
) -> None:
    """Draw the legend above a figure: the effect, and each kind of comparison."""
    axes = figure.axes[0]
    handles = axes.plot([], [], "o-", color=BLUE, markersize=5, label=effect)
    alike = {HOLLOW[kind]: None for kind in HOLLOW if kind in kinds}
    for marker, words in alike:
        if band and marker == HOLLOW["nuisance-baseline"][0]:
            handles += axes.plot([], [], color=ORANGE, alpha=0.3, linewidth=7, label=words)
        else:
            handles += axes.plot([], [], marker, label=words, **hollow())
    figure.legend(
        handles=handles, loc="outside upper center", ncols=columns, frameon=False, fontsize=8
    )
