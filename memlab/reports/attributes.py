"""Reports of associations with columns: terminal output, tables and a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.analysis.associations import OUTCOMES, Associations
from memlab.analysis.results import without_nan
from memlab.drawing import BLUE, GREY, save
from memlab.files import write_text
from memlab.numbers import interval, number, with_n
from memlab.shards import write_table

SCHEMA = 1
CORRECTION = "Holm, over the columns of one outcome"
TITLES = {
    "score": "score",
    "predicted": "prediction",
    "residual": "residual",
    "calibrated_residual": "calibrated residual",
}
"""Display names of the outcomes."""
_DRAWN = 30
_SHOWN = 25
_SHORT = {"spearman": "ρ", "omega_squared": "ω²"}


def write_attributes(
    associations: Associations, rows: pd.DataFrame, about: dict[str, Any], folder: Path
) -> list[str]:
    """Write tables, `attributes.json` and the figure into a folder.

    Args:
        associations: the associations to write.
        rows: the images with their columns and residuals, written for further analysis.
        about: what was tested, where columns come from, and notes.
        folder: output folder.

    Returns:
        The figures' names.
    """
    figures = (
        forest(associations.table, folder) if associations.table["value"].notna().any() else []
    )
    write_table(associations.table, folder, "attributes")
    write_table(associations.levels, folder, "attributes-levels")
    write_table(associations.within, folder, "attributes-within")
    write_table(rows, folder, "images")
    content = {
        "schema": SCHEMA,
        **about,
        "correction": CORRECTION,
        "associations": _records(associations.table),
        "levels": _records(associations.levels),
        "within": _records(associations.within),
        "figures": figures,
    }
    text = json.dumps(without_nan(content), indent=2, allow_nan=False)
    write_text(folder / "attributes.json", text + "\n")
    return figures


def print_attributes(associations: Associations, n: int, console: Console) -> None:
    """Print the columns, strongest association first, then the accuracy within levels."""
    outcomes = [name for name in OUTCOMES if name in set(associations.table["outcome"])]
    tested = int(
        associations.table.loc[associations.table["outcome"] == "score", "p"].notna().sum()
    )
    title = f"{n} images: Spearman's ρ of numbers, ω² of categories"
    table = Table(title=title, title_justify="left")
    table.add_column("column", overflow="fold", min_width=15)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in outcomes:
        table.add_column(TITLES[name].split()[0], justify="right", no_wrap=True)
        if name == "score":
            table.add_column("95 %", justify="right", no_wrap=True)
    reasons: dict[str, str] = {}
    left_out = 0
    for column in by_strength(associations.table):
        by_outcome = {
            str(line["outcome"]): line
            for line in associations.table[associations.table["column"] == column].to_dict(
                "records"
            )
        }
        first = by_outcome["score"]
        if all(pd.isna(line["value"]) for line in by_outcome.values()):
            reasons[column] = str(first["reason"])
            continue
        if table.row_count == _SHOWN:
            left_out += 1
            continue
        cells = [_cell(by_outcome[name], int(first["n"])) for name in outcomes]
        has_interval = not pd.isna(first["low"])
        ends = interval(first["low"], first["high"], 2, signed=True)
        cells.insert(1, escape(ends) if has_interval else "")
        table.add_row(escape(column), str(first["n"]), _SHORT[first["statistic"]], *cells)
    console.print(table)
    if left_out:
        console.print(f"and {left_out} weaker ones: --out DIR")
    console.print(f"* p < .05 of {tested} columns tested together ({CORRECTION})")
    if "residual" in outcomes:
        console.print(
            "residual = prediction − score: above 0, the prediction is too high; calibrated: "
            "what the column adds to the prediction about the score"
        )
    for entry in associations.within.to_dict("records"):
        if "predicted" in outcomes and not pd.isna(entry["value"]):
            text = (
                f"accuracy  inside levels of {entry['column']}: ρ = {number(entry['value'], 3)} "
                f"{interval(entry['low'], entry['high'], 3)} ({entry['groups']} levels); "
                f"over all {number(entry['over_all'], 3)}"
            )
            console.print(escape(text))
    for column, reason in reasons.items():
        console.print(f"none      {escape(column)}: {escape(reason)}")


def by_strength(table: pd.DataFrame) -> list[str]:
    """Return the columns ordered by the largest variance shared with any outcome: ρ² or ω²."""
    value = table["value"].astype(float)
    share = value.where(table["statistic"] != "spearman", value**2).fillna(-1)
    most = share.groupby(table["column"], sort=False).max()
    return [str(name) for name in most.sort_values(ascending=False, kind="stable").index]


def forest(table: pd.DataFrame, folder: Path) -> list[str]:
    """Draw each column's association with each outcome, with intervals, side by side."""
    outcomes = [name for name in OUTCOMES if name in set(table["outcome"])]
    estimated = set(table.loc[table["value"].notna(), "column"])
    columns = [name for name in by_strength(table) if name in estimated][:_DRAWN]
    figure = Figure(figsize=(2.6 + 2.3 * len(outcomes), 1.6 + 0.27 * len(columns)))
    figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(outcomes), sharey=True, sharex=True, squeeze=False)[0]
    for axes, outcome in zip(panels, outcomes, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        axes.axvline(0, color=GREY, linewidth=1)
        records = table[table["outcome"] == outcome].to_dict("records")
        by_column = {str(line["column"]): line for line in records}
        for y, name in enumerate(columns):
            line = by_column[name]
            if pd.isna(line["value"]):
                continue
            if not pd.isna(line["low"]):
                axes.plot([line["low"], line["high"]], [y, y], color=BLUE, linewidth=1.5)
            sure = not pd.isna(line["p_corrected"]) and line["p_corrected"] < 0.05
            shape = "o" if line["statistic"] == "spearman" else "D"
            fill = BLUE if sure else "white"
            axes.plot([line["value"]], [y], shape, color=BLUE, markerfacecolor=fill, ms=5)
        axes.set_title(TITLES[outcome], fontsize=10)
        axes.tick_params(axis="x", labelsize=8)
    labels = [name if len(name) <= 28 else f"{name[:27]}…" for name in columns]
    panels[0].set_yticks(range(len(columns)), labels, fontsize=9)
    panels[0].set_ylim(len(columns) - 0.4, -0.6)
    legend = [
        "round: Spearman ρ of numbers; diamond: ω² of categories;",
        "95 % intervals; filled: p < .05 after Holm's correction;",
        f"the {len(columns)} strongest of {table['column'].nunique()} columns",
    ]
    figure.supxlabel((" " if len(outcomes) > 1 else "\n").join(legend), fontsize=8)
    return save(figure, folder, "attributes")


def _cell(line: Mapping[Any, Any], n: int) -> str:
    if pd.isna(line["value"]):
        return "none"
    corrected = line["p_corrected"]
    sure = not pd.isna(corrected) and corrected < 0.05
    text = f"{number(line['value'], 3, signed=True)}{'*' if sure else ' '}"
    return with_n(text, int(line["n"]), n)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return records
