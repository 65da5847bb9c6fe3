"""Forest plot of an audit: T of each feature, grouped by side, with n and p beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.audit.feature_result import FeatureResult
from memlab.audit.result import AuditResult
from memlab.drawing import BLUE, GREY, ORANGE, literal, save
from memlab.numbers import number, p_value, statistic
from memlab.reports.audit_text import SIDES, ordered
from memlab.stats.measures import Statistic

FILE = "audit-forest"
TICKS = (-1.0, -0.5, -0.2, -0.05, -0.01, 0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
COLUMNS = ((0.02, "left", "T [95 %]"), (0.6, "right", "n"), (0.76, "right", "p corr."))
REASON = 66
"""Maximum length of a reason in the figure; the page has the whole of it."""


@dataclass(frozen=True)
class Row:
    """Row of the plot; a heading has no feature."""

    label: str
    feature: FeatureResult | None = None


def draw_audit(result: AuditResult, folder: Path) -> list[str]:
    """Draw the forest plot; return the names of its files.

    The axis is a signed root of T, so that lengths are in SDs of the predictions and small shares
    can be seen. The band is the smallest effect of interest. The hollow mark is the share that the
    controls or the round trips move by themselves, which T is measured beyond. Features that
    represent no family in this audit are drawn in grey.

    Args:
        result: the audit.
        folder: output folder.
    """
    rows = _rows(result)
    figure = Figure(figsize=(10.8, 1.5 + 0.27 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes, text = figure.subplots(1, 2, width_ratios=(3, 2.5), sharey=True)
    _draw(axes, rows, result.protocol.sesoi**2 / 2)
    _write(text, rows)
    axes.set_title(literal(f"verdict: {result.verdict.verdict}"), loc="left", fontsize=10)
    handles = [
        *axes.plot([], [], "o-", color=BLUE, markersize=5, label="T, 95 % interval"),
        *axes.plot([], [], "o", **_HOLLOW, label="share that controls move by themselves"),
        *axes.plot(
            [],
            [],
            color=ORANGE,
            alpha=0.3,
            linewidth=7,
            label="below the smallest effect of interest",
        ),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return save(figure, folder, FILE)


_HOLLOW: dict[str, Any] = {"color": ORANGE, "markerfacecolor": "white", "markersize": 4.5}


def _rows(result: AuditResult) -> list[Row]:
    rows = []
    for side in SIDES:
        members = ordered(result.features, side)
        if members:
            rows.append(Row(side.capitalize()))
        rows += [Row(one.label, one) for one in members]
    return rows


def _draw(axes: Axes, rows: Sequence[Row], sesoi_t: float) -> None:
    axes.set_xscale("function", functions=(_root, _square))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.axvspan(-sesoi_t, sesoi_t, color=ORANGE, alpha=0.2, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1)
    ends = [-4 * sesoi_t, 10 * sesoi_t]
    for y, row in enumerate(rows):
        one = row.feature
        if one is None:
            continue
        axes.axhline(y, color="#e8e8e8", linewidth=0.6, zorder=0)
        share = one.variance_share
        colour = BLUE if one.ranked else GREY
        if one.control_share is not None and share.value is not None:
            axes.plot([one.control_share], [y], "o", **_HOLLOW, zorder=2)
            ends.append(one.control_share)
        if share.value is None:
            continue
        if share.low is not None and share.high is not None:
            axes.plot([share.low, share.high], [y, y], color=colour, linewidth=1.8, zorder=3)
            ends += [share.low, share.high]
        axes.plot([share.value], [y], "o", color=colour, markersize=5, zorder=4)
        ends.append(share.value)
    low, high = _square(np.array([_root(min(ends)) - 0.03, _root(max(ends)) + 0.05]))
    axes.set_xlim(low, high)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel("T: share of the variance of predictions (root scale)", fontsize=9)
    axes.set_yticks(range(len(rows)), [literal(row.label) for row in rows], fontsize=8)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        if row.feature is None:
            label.set_fontweight("bold")
        elif not row.feature.ranked:
            label.set_color(GREY)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)


def _write(axes: Axes, rows: Sequence[Row]) -> None:
    """Write n and p of each feature, or the reason why it has no T."""
    axes.set_axis_off()
    transform = axes.get_yaxis_transform()
    for x, align, head in COLUMNS:
        axes.text(x, -0.9, head, transform=transform, ha=align, fontsize=8, color=GREY)
    for y, row in enumerate(rows):
        one = row.feature
        if one is None:
            continue
        if one.variance_share.value is None:
            why = str(one.variance_share.reason)
            short = why if len(why) <= REASON else f"{why[: REASON - 1]}…"
            axes.text(
                0.02, y, literal(short), transform=transform, va="center", fontsize=7.5,
                style="italic", color=GREY,
            ).set_in_layout(False)  # fmt: skip
            continue
        cells = (_share(one.variance_share), str(one.compared), p_value(one.test.p_corrected))
        for (x, align, _), cell in zip(COLUMNS, cells, strict=True):
            axes.text(x, y, cell, transform=transform, ha=align, va="center", fontsize=8)
        axes.text(0.8, y, one.claim.claim, transform=transform, va="center", fontsize=8)


def _share(share: Statistic) -> str:
    return statistic(share, 3, zero=False) if share.low is not None else number(share.value, 3)


def _root(x: Any) -> Any:
    return np.sign(x) * np.sqrt(np.abs(x))


def _square(x: Any) -> Any:
    return np.sign(x) * np.square(x)
