"""The table of ablations for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from memlab.analysis.control_notes import above_one
from memlab.analysis.effect import AblationEffect, Baseline, PValue
from memlab.analysis.effects_table import FILE
from memlab.numbers import number, p_value, statistic, with_n
from memlab.roles import Control
from memlab.stats.measures import Statistic

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
COMPARED: dict[Control, str] = {
    "matched-control": "control",
    "off-centre-crops": "off-centre",
    "patch": "patch",
}
"""Controls from which S is computed as a difference."""
SUBTRACTED: set[Control] = {"matched-control", "off-centre-crops", "patch"}
CONTROLS: dict[Control, str] = {
    "matched-control": "control: the same change at matched positions of the same image",
    "off-centre-crops": "off-centre: crops of the same size off the centre",
    "patch": "patch: a neutral patch in the place of what is pasted",
}


def print_effects(effects: Sequence[AblationEffect], console: Console) -> None:
    """Print a line per ablation (images, effect, both p values, comparison, ρ), and a legend.

    The effect is the specific effect S if there are controls, T for a swap, and the mean effect
    otherwise; n is its number of images. As nuisance baseline, the comparison names the nuisance
    change with the largest effect. Nuisance changes have lines of their own only if nothing else
    was asked for.
    """
    entries = [effect for effect in effects if effect.role != "nuisance" or not effect.in_baseline]
    entries = entries or list(effects)
    total = len(entries)
    if total > MOST:
        entries = [entry for entry in entries if entry.primary]
    scored = any(entry.spearman_ablated.value is not None for entry in entries)
    for units, wide in LAYOUTS:
        correlations = wide and scored
        table = _table(entries, units, correlations)
        if _fits(table, console):
            break
    console.print(table)
    lines = _legend(entries)
    if not units:
        lines.append(
            f"units of the doses{', and ρ' if scored and not correlations else ''}: {FILE}"
        )
    if len(entries) < total:
        lines.append(f"{total - len(entries)} other doses: {FILE}, dose-curves.png")
    for line in lines:
        console.print(line, markup=False, style="dim" if console.is_terminal else "")


def _table(entries: Sequence[AblationEffect], units: bool, correlations: bool) -> Table:
    table = Table(
        title="ablations: effect of each on the predicted score",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name, justify in COLUMNS.items():
        unbroken = name == "n" or name.startswith("p\n")
        table.add_column(name, justify=justify, overflow="fold", no_wrap=unbroken)
    if correlations:
        table.add_column("ρ clean\n→ ablated", justify="right", overflow="fold")
    for entry in entries:
        count = _printed(entry)[1].n
        of_all = "" if count == entry.n else f"/{entry.n}"
        cells = [
            escape(f"{entry.change}{_unit(entry)}" if units else entry.change),
            f"{count}{of_all}",
            escape(effect_text(entry)),
            p_text(entry, "mean", count),
            p_text(entry, "size", count),
            escape(compared_text(entry, count)),
        ]
        table.add_row(*cells, *([_correlations(entry, count)] if correlations else []))
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


def compared_text(entry: AblationEffect, n: int | None = None) -> str:
    """Return the comparison of the effect, or the reason why there is none.

    Args:
        entry: effect of an ablation.
        n: number of images already printed; a different number is added to the text.
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
    return with_n(f"{first}, {COMPARED[control.kind]} {second}", compared.n, n)


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


def _legend(entries: Sequence[AblationEffect]) -> list[str]:
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
    if "round-trip" in kinds:
        lines.append(
            "T: variance share that a swap moves beyond a round trip (donor in, own value back)"
        )
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
