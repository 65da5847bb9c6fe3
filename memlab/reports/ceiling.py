"""Files of the noise ceiling: tables and one figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ceiling.estimate import Ceiling
from memlab.ceiling.lag_interval import LagEstimate
from memlab.drawing import BLUE, GREY
from memlab.files import replacing
from memlab.numbers import number

RED = "#b2182b"


def write_ceiling(ceiling: Ceiling, folder: Path) -> tuple[list[str], str]:
    """Write `ceiling.csv`, `scores.csv`, `growth.csv`, and `ceiling.png`; return their names.

    A trial table also gives `people.csv`, and the lag model `lag.csv`.
    """
    tables = {
        "ceiling.csv": _entries(ceiling),
        "scores.csv": ceiling.scores,
        "growth.csv": ceiling.growth,
    }
    if ceiling.counting and ceiling.people is not None:
        tables["people.csv"] = ceiling.people
    if ceiling.lag:
        tables["lag.csv"] = _lag(ceiling.lag)
    for name, table in tables.items():
        with replacing(folder / name) as temporary:
            table.to_csv(temporary, index=False)
    return list(tables), _figure(ceiling, folder)


def _entries(ceiling: Ceiling) -> pd.DataFrame:
    rows = []
    for entry in ceiling.entries:
        reliability = entry.reliability
        row: dict[str, object] = {"scores": entry.scores, "correlation": entry.correlation}
        for name in ("half", "full", "ceiling", "half_ceiling"):
            statistic = getattr(reliability, name)
            row |= {name: statistic.value, f"{name}_low": statistic.low}
            row[f"{name}_high"] = statistic.high
        row |= {"images": reliability.half.n, "left_out": entry.left_out, "how": reliability.how}
        row |= {"method": reliability.half.method, "reason": reliability.half.reason}
        rules = [line for line in ceiling.counting if line.startswith(("counting", "exclusion"))]
        rows.append(row | ({"rules": "; ".join(rules)} if rules else {}))
    return pd.DataFrame(rows)


def _lag(lag: LagEstimate) -> pd.DataFrame:
    rows = {"alpha": lag.alpha, f"hit rate at lag {lag.model.at:g}": lag.hit_rate}
    return pd.DataFrame(
        {"quantity": name, "value": one.value, "low": one.low, "high": one.high,
         "level": one.level, "method": one.method, "target_repeats": lag.targets,
         "vigilance_repeats": lag.vigilance, "shortest_lag": lag.lags[0],
         "longest_lag": lag.lags[1]}
        for name, one in rows.items()
    )  # fmt: skip


def _figure(ceiling: Ceiling, folder: Path) -> str:
    panels = 2 if ceiling.pair else 1
    figure = Figure(figsize=(4.9 * panels, 4.3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    if ceiling.pair:
        half = ceiling.entries[0].reliability.half
        ends = [np.nanmin(ceiling.pair) - 0.03, np.nanmax(ceiling.pair) + 0.03]
        axes[0].plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
        axes[0].scatter(*ceiling.pair, s=10, alpha=0.4, color=BLUE, linewidths=0)
        axes[0].set(xlabel="hit rate in one half", ylabel="in the other half", aspect="equal")
        axes[0].set(xlim=ends, ylim=ends)
        axes[0].set_title(
            f"One pair of halves; over all pairs ρ = {number(half.value, 2)}", fontsize=10
        )
    _growth(axes[-1], ceiling)
    with replacing(folder / "ceiling.png") as temporary:
        figure.savefig(temporary, dpi=150)
    return "ceiling.png"


def _growth(axes: Axes, ceiling: Ceiling) -> None:
    predicted = ceiling.growth[ceiling.growth["kind"] != "measured"]
    measured = ceiling.growth[ceiling.growth["kind"] == "measured"]
    label = "best ρ of a perfect model"
    axes.plot(predicted["responses"], predicted["ceiling"], color=RED, label=label)
    label = "reliability (Spearman–Brown)"
    axes.plot(predicted["responses"], predicted["reliability"], color=BLUE, label=label)
    if len(measured):
        middle = measured["reliability"]
        ends = [middle - measured["low"], measured["high"] - middle]
        axes.errorbar(
            measured["responses"], middle, yerr=ends, fmt="o", color=BLUE,
            markersize=4, linewidth=1, label="ρ of two groups of people, with 95 % of draws",
        )  # fmt: skip
    axes.axvline(ceiling.responses, color=GREY, linewidth=1, linestyle=":")
    axes.text(ceiling.responses, 0.98, " these scores", color=GREY, fontsize=8, va="top")
    axes.set(xlabel="answers per image", ylabel="correlation", ylim=(0, 1), xlim=(0, None))
    axes.set_title("What more answers would give", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
