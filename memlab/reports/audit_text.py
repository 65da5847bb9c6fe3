"""The answer of an audit in a terminal: table, rankings and verdict, at most 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.audit.feature_result import FeatureResult
from memlab.audit.result import AuditResult
from memlab.audit.result_file import FILE
from memlab.numbers import number, p_value, statistic
from memlab.reports.plain_table import plain_table
from memlab.reports.terminal import plain_console
from memlab.stats import Place
from memlab.stats.measures import Statistic

SIDES = ("semantic", "low-level", "layout", "context")
"""Sides of features in the order of tables and figures."""
COLUMNS = ("feature", "n", "T  [95 %]", "rank", "RMS", "p corr.", "claim", "detects")
LEGEND = (
    "n: audited images compared; rank: by T, with its 95 % interval",
    "T: share of the variance of predictions that the feature moves over the data set",
    "RMS: effect where the feature is present, in SDs of the predictions",
    "p corr.: Holm-corrected over these features; detects: T found in 4 of 5 such audits",
)


def print_audit(result: AuditResult, folder: Path | None = None) -> None:
    """Print the table of features, the rankings, the hypotheses and the verdict.

    Args:
        result: the audit.
        folder: its folder, whose files are named at the end; None to name none.
    """
    console = plain_console()
    console.print(features_table(result))
    for line in (
        *LEGEND,
        *unranked_lines(result),
        *unmeasured_lines(result),
        *unexchanged_lines(result),
    ):
        console.print(line, markup=False, style="dim" if console.is_terminal else "")
    console.print()
    for line in answer_lines(result):
        console.print(line, markup=False)
    if folder is not None:
        _say(console, f"results   {folder}/{FILE}, features.csv, effects.csv")
        for figure in result.figures:
            _say(console, f"figure    {folder}/{figure}")
        _say(console, f"page      {folder}/audit.html")


def features_table(result: AuditResult) -> Table:
    """Return the table of measured features: grouped by side, largest T first."""
    title = f"audit: {result.sample.audited} of {result.sample.table} images"
    if result.sample.spearman.value is not None:
        title += f"; ρ with people {statistic(result.sample.spearman, 2, zero=False)}"
    table = plain_table(title)
    for name in COLUMNS:
        text = name in ("feature", "claim")
        table.add_column(
            name, justify="left" if text else "right", overflow="fold", no_wrap=name != "feature"
        )
    places = {place.name: place for place in result.ranking.places}
    ranked = [one for one in result.features if one.ranked]
    groups = [(side, ordered(ranked, side)) for side in SIDES]
    for side, members in groups:
        if members:
            table.add_section()
        for index, one in enumerate(members):
            head = f"[bold]{side}[/bold]\n" if index == 0 else ""
            cells = _cells(one, places.get(one.name))
            if head:
                cells = [f"\n{cell}" for cell in cells]
                cells[0] = head + cells[0].lstrip("\n")
            table.add_row(*cells)
    return table


def ordered(features: Sequence[FeatureResult], side: str) -> list[FeatureResult]:
    """Return the features of a side that were run: ranked ones first, largest T first."""
    members = [one for one in features if one.side == side and one.conditions]
    return sorted(members, key=lambda one: (not one.ranked, -(one.variance_share.value or -1.0)))


def _cells(one: FeatureResult, place: Place | None) -> list[str]:
    share, rms = one.variance_share, one.rms_effect_sd
    null = one.claim.claim != "relies" and share.value is not None
    return [
        escape(f"  {one.label}"),
        str(one.compared),
        "none" if share.value is None else escape(statistic(share, 3, zero=False)),
        rank_text(place),
        "–" if rms.value is None else number(rms.value, 2, zero=False),
        p_value(one.test.p_corrected),
        one.claim.claim,
        number(one.detectable, 3, zero=False) if null and one.detectable is not None else "",
    ]


def rank_text(place: Place | None) -> str:
    """Return a rank with its interval, `2 (1–3)`; a dash without one."""
    if place is None or place.rank is None:
        return "–"
    return f"{place.rank:g} ({place.low:g}–{place.high:g})"


def tau_text(tau: Statistic) -> str:
    """Return Kendall's τ_b with its interval, or in words that no resample changes the order."""
    if tau.value is None or tau.low is None or tau.low != tau.high:
        return statistic(tau, 2, signed=True, zero=False)
    value = number(tau.value, 2, signed=True, zero=False)
    return f"{value} (the same order in all resamples)"


def unranked_lines(result: AuditResult) -> list[str]:
    """Return a line with the features that represent no family here; empty without any."""
    others = [
        f"{one.label} T {number(one.variance_share.value, 3, zero=False)} ({one.claim.claim})"
        for one in result.features
        if not one.ranked and one.variance_share.value is not None
    ]
    return [f"not ranked: {'; '.join(others)}"] if others else []


def unmeasured_lines(result: AuditResult) -> list[str]:
    """Return one line per reason for which features have no T."""
    reasons: dict[str, list[str]] = {}
    for one in result.features:
        if one.variance_share.value is None:
            why = one.variance_share.reason or "not measured"
            reasons.setdefault(why, []).append(one.label)
    return [f"no T: {', '.join(labels)}: {why}" for why, labels in reasons.items()]


def unexchanged_lines(result: AuditResult) -> list[str]:
    """Return a line with the features whose T is of presence alone; empty without any."""
    labels = {one.name: one.label for one in result.features}
    listed = [
        f"{labels[name]} (at most {number(most, 3, zero=False)} more)"
        for name, most in result.semantic_share.unexchanged.items()
    ]
    if not listed:
        return []
    why = "T of presence alone, because no other of its kind was put in its place"
    return [f"{why}: {', '.join(listed)}"]


def answer_lines(result: AuditResult) -> list[str]:
    """Return ranking, second ranking, contrasts, hypotheses, scan and verdict, a line each."""
    lines = [
        f"over the data set (T): {result.ranking.sentence}",
        f"where present (RMS): {result.ranking_present.sentence}",
    ]
    for one in result.contrasts:
        found = statistic(one.difference, 3, signed=True, zero=False)
        lines.append(f"{one.name} (mean T): {found}")
    lines.append(f"semantic share: {statistic(result.semantic_share.share, 2, zero=False)}")
    lines += [f"{case.sentence} τ_b {tau_text(case.tau)}" for case in result.hypotheses]
    if result.scan is not None:
        lines.append(result.scan.sentence)
    lines += [f"note: {note}" for note in result.notes]
    verdict = result.verdict
    lines += [
        f"verdict: {verdict.verdict}: {verdict.clause}",
        f"  {verdict.shows}",
        f"  {verdict.does_not_show}",
    ]
    return lines


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
