"""The table of ablations for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from memlab.analysis.control_notes import above_one
from memlab.analysis.effect import AblationEffect, Baseline, PValue
from memlab.analysis.effects_table import FILE
from memlab.numbers import number, p_value, statistic, with_n
from memlab.reports.effect_legend import legend, share_text
from memlab.reports.plain_table import plain_table
from memlab.roles import Control
from memlab.stats.measures import Statistic

MOST = 40
"""Number of lines from which only primary doses are printed."""
COLUMNS: dict[str, JustifyMethod] = {
    "ablation": "left",
    "n": "right",
    "effect  [95 %]": "right",
    "T": "right",
    "p\nmean": "right",
    "p\nsize": "right",
    "claim": "left",
    "compared with": "left",
}
"""Columns; T and claim only if some ablation has them."""
LAYOUTS = ((True, True, True), (False, True, True), (False, False, True), (False, False, False))
"""Layouts (with units, with ρ, with complete comparisons); the first that fits is printed."""
COMPARED: dict[Control, str] = {
    "matched-control": "control",
    "off-centre-crops": "off-centre",
    "patch": "patch",
}


def print_effects(effects: Sequence[AblationEffect], console: Console) -> None:
    """Print a line per ablation, and a legend.

    The columns are images, effect, T, both p values, claim, comparison and ρ. The effect is the
    specific effect S if there are controls, T for a swap, and the mean effect otherwise; n is its
    number of images. As nuisance baseline, the comparison names the nuisance change with the
    largest effect. Nuisance changes have lines of their own only if nothing else was asked for.
    """
    entries = [effect for effect in effects if effect.role != "nuisance" or not effect.in_baseline]
    entries = entries or list(effects)
    total = len(entries)
    if total > MOST:
        entries = [entry for entry in entries if entry.primary]
    scored = any(entry.spearman_ablated.value is not None for entry in entries)
    for units, wide, complete in LAYOUTS:
        correlations = wide and scored
        table = _table(entries, units, correlations, complete)
        if _fits(table, console):
            break
    console.print(table)
    lines = legend(entries)
    if not units:
        lines.append(
            f"units of the doses{', and ρ' if scored and not correlations else ''}: {FILE}"
        )
    if len(entries) < total:
        lines.append(f"{total - len(entries)} other doses: {FILE}, dose-curves.png")
    for line in lines:
        console.print(line, markup=False, style="dim" if console.is_terminal else "")


def _table(
    entries: Sequence[AblationEffect], units: bool, correlations: bool, complete: bool
) -> Table:
    table = plain_table("ablations: effect of each on the predicted score")
    absent = {
        "T": all(not share_text(entry) for entry in entries),
        "claim": all(entry.claim is None for entry in entries),
    }
    for name, justify in COLUMNS.items():
        if absent.get(name):
            continue
        unbroken = name in ("n", "T") or name.startswith("p\n")
        table.add_column(name, justify=justify, overflow="fold", no_wrap=unbroken)
    if correlations:
        table.add_column("ρ clean\n→ ablated", justify="right", overflow="fold")
    for entry in entries:
        count = _printed(entry)[1].n
        of_all = "" if count == entry.n else f"/{entry.n}"
        cells = {
            "ablation": escape(f"{entry.change}{_unit(entry)}" if units else entry.change),
            "n": f"{count}{of_all}",
            "effect  [95 %]": escape(effect_text(entry)),
            "T": share_text(entry),
            "p\nmean": p_text(entry, "mean", count),
            "p\nsize": p_text(entry, "size", count),
            "claim": "" if entry.claim is None else entry.claim.claim,
            "compared with": escape(compared_text(entry, count, complete)),
        }
        shown = [cell for name, cell in cells.items() if not absent.get(name)]
        table.add_row(*shown, *([_correlations(entry, count)] if correlations else []))
    return table


def _unit(entry: AblationEffect) -> str:
    """Return the unit of the dose with a space before it; empty for the whole of a share."""
    share = entry.unit.startswith("of ") and entry.dose == 1
    return "" if share or not entry.unit else f" {entry.unit}"


def _fits(table: Table, console: Console) -> bool:
    """Return whether the table fits the console without wrapping a line."""
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, table).maximum <= console.width


def _printed(entry: AblationEffect) -> tuple[str, Statistic]:
    """Return the name and the statistic to print: S or T, else the mean effect without a name."""
    beyond = entry.beyond_control
    for name, estimate in (("S", beyond.specific_effect), ("T", beyond.variance_share)):
        if estimate is not None and estimate.value is not None:
            return name, estimate
    return "", entry.effect


def effect_text(entry: AblationEffect, n: int | None = None) -> str:
    """Return the effect with its interval, or the reason why there is none.

    Args:
        entry: effect of an ablation.
        n: number of images already printed; a different number is added to the text.
    """
    name, printed = _printed(entry)
    if printed.value is None:
        return too_few(printed) or str(printed.reason)
    return f"{name} {statistic(printed, signed=name != 'T', zero=False, n=n)}".lstrip()


def too_few(estimate: Statistic) -> str:
    """Return `n = 2: too few` for a statistic that lacks a value for lack of images, else empty."""
    return f"n = {estimate.n}: too few" if 0 < estimate.n < 3 and estimate.value is None else ""


def p_text(entry: AblationEffect, kind: Literal["mean", "size"], n: int | None = None) -> str:
    """Return the corrected p of the mean effect or of its size, or a dash.

    Args:
        entry: effect of an ablation.
        kind: which p.
        n: number of images already printed; a different number is added to the text.
    """
    test: PValue = getattr(entry.tests, kind)
    text = p_value(test.p_corrected)
    return text if test.p_corrected is None else with_n(text, test.n, n)


def compared_text(entry: AblationEffect, n: int | None = None, complete: bool = True) -> str:
    """Return the comparison of the effect, or the reason why there is none.

    Args:
        entry: effect of an ablation.
        n: number of images already printed; a different number is added to the text.
        complete: whether to give the effect of the ablation beside that of its control.
    """
    control = entry.control
    if control is None or entry.effect.value is None:  # the effect's column gives the reason
        return ""
    beside = control.baseline
    if control.reason:
        return f"no control; {_times(beside, n)}" if beside else f"none: {control.reason}"
    if beside is not None:
        return _times(beside, n)
    share = entry.beyond_control.variance_share
    if control.kind == "round-trip" and share is not None:
        if share.value is None:
            return f"round trip; no T: {too_few(share) or share.reason}"
        return "round trip; T > 1: see note" if above_one(entry) else "round trip"
    ablation, compared = control.ablation_effect, control.effect
    if ablation is None or compared is None:
        return ""
    first, second = (
        number(statistic.value, signed=True, zero=False) for statistic in (ablation, compared)
    )
    of_ablation = f"{first}, " if complete else ""
    return with_n(f"{of_ablation}{COMPARED[control.kind]} {second}", compared.n, n)


def _times(baseline: Baseline, n: int | None) -> str:
    """Return the effect as a multiple of the baseline: `6.5 × baseline .0288`."""
    ratio, size = baseline.ratio, baseline.rms_effect
    if size.value is None:
        return f"none: {too_few(size) or size.reason}"
    value = ratio.value
    times = "" if value is None else f"{number(value, 0 if value >= 10 else 1)} × "
    return with_n(f"{times}baseline {number(size.value, zero=False)}", size.n, n)


def _correlations(entry: AblationEffect, n: int) -> str:
    clean, ablated = entry.spearman_clean, entry.spearman_ablated
    if entry.effect.value is None:
        return ""
    if clean.value is None and ablated.value is None:
        return str(ablated.reason or "")
    texts = [
        "none" if rho.value is None else number(rho.value, 3, zero=False)
        for rho in (clean, ablated)
    ]
    return with_n(" → ".join(texts), ablated.n, n)
