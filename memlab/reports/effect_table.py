"""The table of ablations for the terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from memlab.analysis.control_notes import above_one
from memlab.analysis.results import FILE, Results
from memlab.numbers import number, p_value, statistic, with_n

MOST = 40
"""Number of lines from which only primary doses are printed."""
COLUMNS: dict[str, JustifyMethod] = {
    "ablation": "left",
    "n": "right",
    "effect  [95 %]": "right",
    "p\nmean": "right",
    "p\nsize": "right",
    "compared with": "left",
}
LAYOUTS = ((True, True), (False, True), (False, False))
"""Layouts (with units, with ρ); the first that fits the console is printed."""
COMPARED = {
    "placed": "control",
    "windows": "off-centre",
    "patch": "patch",
}
"""Controls from which S is computed as a difference."""
CONTROLS = {
    "placed": "control: the same change at matched positions of the same image",
    "windows": "off-centre: crops of the same size off the centre",
    "patch": "patch: a neutral patch in the place of what is pasted",
}


def print_effects(results: Results, console: Console) -> None:
    """Print a line per ablation (images, effect, both p values, comparison, ρ), and a legend.

    The effect is the specific effect S if there are controls, T for a swap, and the mean effect
    otherwise; n is its number of images. As nuisance baseline, the comparison names the nuisance
    change with the largest effect. Nuisance changes have lines of their own only if nothing else
    was asked for.
    """
    entries = [
        entry
        for entry in results.conditions
        if entry["role"] != "floor" or not entry.get("yardstick", True)
    ]
    entries = entries or results.conditions
    every = len(entries)
    if every > MOST:
        entries = [entry for entry in entries if entry["primary"]]
    for units, correlations in LAYOUTS:
        table = _table(entries, units, correlations)
        if _fits(table, console):
            break
    console.print(table)
    lines = _legend(entries)
    if not units:
        lines.append(f"units of the doses{'' if correlations else ', and ρ'}: {FILE}")
    if len(entries) < every:
        lines.append(f"{every - len(entries)} other doses: {FILE}, dose-curves.png")
    for line in lines:
        console.print(line, markup=False, style="dim" if console.is_terminal else "")


def _table(entries: list[dict[str, Any]], units: bool, correlations: bool) -> Table:
    table = Table(
        title="ablations: effect of each on the predicted score",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name, justify in COLUMNS.items():
        whole = name == "n" or name.startswith("p\n")
        table.add_column(name, justify=justify, overflow="fold", no_wrap=whole)
    if correlations:
        table.add_column("ρ clean\n→ ablated", justify="right", overflow="fold")
    for entry in entries:
        count = _shown(entry)[1]["n"]
        of_all = "" if count == entry["n"] else f"/{entry['n']}"
        name = entry["condition"].removesuffix(f":{entry['role']}")
        cells = [
            escape(f"{name} {entry['unit']}" if units else name),
            f"{count}{of_all}",
            escape(effect_text(entry)),
            p_text(entry, "mean", count),
            p_text(entry, "size", count),
            escape(compared_text(entry, count)),
        ]
        table.add_row(*cells, *([_correlations(entry, count)] if correlations else []))
    return table


def _fits(table: Table, console: Console) -> bool:
    """Return whether the table fits the console without wrapping a line."""
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, table).maximum <= console.width


def _shown(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and the statistic to print: S or T, else the mean effect without a name."""
    for name in ("S", "T"):
        found = (entry["control"] or {}).get(name)
        if found and found["value"] is not None:
            return name, found
    return "", entry["drop"]


def effect_text(entry: dict[str, Any], n: int | None = None) -> str:
    """Return the effect with its interval, or the reason why there is none.

    Args:
        entry: an entry of the results.
        n: number of images already printed; a different number is added to the text.
    """
    name, found = _shown(entry)
    if found["value"] is None:
        return too_few(found) or str(found["reason"])
    return f"{name} {statistic(found, signed=name != 'T', zero=False, n=n)}".lstrip()


def too_few(found: dict[str, Any]) -> str:
    """Return `n = 2: too few` for a statistic that lacks a value for lack of images, else empty."""
    return f"n = {found['n']}: too few" if 0 < found["n"] < 3 and found["value"] is None else ""


def p_text(entry: dict[str, Any], kind: str, n: int | None = None) -> str:
    """Return the corrected p of the mean effect or of its size, or a dash.

    Args:
        entry: an entry of the results.
        kind: `mean` or `size`.
        n: number of images already printed; a different number is added to the text.
    """
    test = _test(entry, kind)
    text = p_value(test["p_corrected"])
    return text if test["p_corrected"] is None else with_n(text, test["n"], n)


def _test(entry: dict[str, Any], kind: str) -> dict[str, Any]:
    nothing = {"p": None, "p_corrected": None, "n": 0, "reason": "not tested"}
    return entry.get(f"test_{kind}") or nothing  # results of older memlab versions have none


def compared_text(entry: dict[str, Any], n: int | None = None) -> str:
    """Return the comparison of the effect, or the reason why there is none.

    Args:
        entry: an entry of the results.
        n: number of images already printed; a different number is added to the text.
    """
    control = entry["control"]
    if control is None or entry["drop"]["value"] is None:  # the effect's column gives the reason
        return ""
    kind = control["kind"]
    if control["reason"]:
        beside = control.get("baseline")
        return f"no control; {_times(beside, n)}" if beside else f"none: {control['reason']}"
    if kind == "floor":
        return _times(control, n)
    if kind == "there-and-back":
        share = control["T"]
        if share["value"] is None:
            return f"round trip; no T: {too_few(share) or share['reason']}"
        return "round trip; T > 1: see note" if above_one(entry) else "round trip"
    own, other = (
        number(control[one]["value"], signed=True, zero=False) for one in ("own_drop", "drop")
    )
    return with_n(f"{own}, {COMPARED[kind]} {other}", control["drop"]["n"], n)


def _times(floor: dict[str, Any], n: int | None) -> str:
    """Return the effect as a multiple of the baseline: `6.5 × baseline .0288`."""
    ratio, size = floor["ratio"], floor["rms"]
    if size["value"] is None:
        return f"none: {too_few(size) or size['reason']}"
    value = ratio["value"]
    times = "" if value is None else f"{number(value, 0 if value >= 10 else 1)} × "
    return with_n(f"{times}baseline {number(size['value'], zero=False)}", size["n"], n)


def _correlations(entry: dict[str, Any], n: int) -> str:
    both = [entry[name] for name in ("spearman_clean", "spearman")]
    if entry["drop"]["value"] is None:
        return ""
    if [one["value"] for one in both] == [None, None]:
        return str(entry["spearman"]["reason"] or "")
    texts = [
        "none" if one["value"] is None else number(one["value"], 3, zero=False) for one in both
    ]
    return with_n(" → ".join(texts), both[1]["n"], n)


def _legend(entries: list[dict[str, Any]]) -> list[str]:
    """Return short lines that explain the columns and marks present in the table."""
    kinds = {(entry["control"] or {}).get("kind") for entry in entries}
    floors = [
        floor
        for entry in entries
        if (floor := _floor_of(entry)) is not None and floor["rms"]["value"] is not None
    ]
    lines = ["effect: mean of clean − ablated over n images, positive where the score falls"]
    if {"placed", "windows", "patch"} & kinds:
        lines.append("S: specific effect, the effect less that of its control, same images")
        lines += [text for kind, text in CONTROLS.items() if kind in kinds]
    if any((entry["control"] or {}).get("baseline") for entry in entries):
        lines.append("no control: no room for one outside the annotated regions")
    if "there-and-back" in kinds:
        lines.append(
            "T: variance share that a swap moves beyond a round trip (donor in, own value back)"
        )
    if any(above_one(entry) for entry in entries):
        lines.append("T > 1: predictions leave the range of the clean ones; T is then no share")
    if floors:
        name = max((one["rms"]["value"], one["condition"]) for one in floors)[1]
        lines.append(
            "baseline: RMS effect of the largest nuisance change "
            f"({name.removesuffix(':floor')}); ×: RMS effect over it"
        )
    lines += _tests_legend(entries, kinds, bool(floors))
    return lines


def _tests_legend(entries: list[dict[str, Any]], kinds: set[Any], floors: bool) -> list[str]:
    """Return what each column of p values tests, and how the values are corrected."""
    lines = []
    counts = {
        kind: sum(_test(entry, kind)["p"] is not None for entry in entries)
        for kind in ("mean", "size")
    }
    if counts["mean"]:
        controlled = bool({"placed", "windows", "patch"} & kinds)
        what = "the mean effect is not 0" + (" (S, where there is one)" if controlled else "")
        lines.append(f"p mean: {what}; {_corrected(counts['mean'])}")
    if counts["size"]:
        than = [
            ("baseline", floors),
            ("control", bool({"placed", "patch"} & kinds)),
            ("round trip", "there-and-back" in kinds),
        ]
        names = [name for name, there in than if there]
        named = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
        lines.append(f"p size: effect, up or down, beyond {named}; {_corrected(counts['size'])}")
    return lines


def _corrected(count: int) -> str:
    return f"Holm-corrected over {count} test{'s' * (count > 1)}"


def _floor_of(entry: dict[str, Any]) -> dict[str, Any] | None:
    """Return the nuisance baseline that an entry is compared with, or None."""
    control = entry["control"] or {}
    floor = control if control.get("kind") == "floor" else control.get("baseline")
    return floor if floor and floor.get("condition") else None
