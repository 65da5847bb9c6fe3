"""Markdown tables of the scorecard, from `results/scorecard.json` alone.

`python benchmarks/scorecard_tables.py` writes them between the marks `<!-- scorecard -->` and
`<!-- /scorecard -->` of docs/guides/scorecard.md, and the short one of README.md.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scorecard_summary import AUDIT, by_feature

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "scorecard.json"
PAGES = {"docs/guides/scorecard.md": "long", "README.md": "short"}


def number(value: float | None, digits: int = 2) -> str:
    """Return a number for a cell of a table; a dash if there is none.

    >>> number(0.123), number(None)
    ('.12', '–')
    """
    if value is None:
        return "–"
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """Return a share in percent.

    >>> percent(0.051)
    '5.1 %'
    """
    return "–" if value is None else f"{100 * value:.1f} %"


def share(found: Mapping[str, Any]) -> str:
    """Return a share with its counts and interval.

    >>> share({"hits": 9, "n": 10, "value": 0.9, "low": 0.55, "high": 0.997})
    '9/10 [55.0 %, 99.7 %]'
    """
    if not found["n"]:
        return "–"
    return f"{found['hits']}/{found['n']} [{percent(found['low'])}, {percent(found['high'])}]"


def interval(found: Sequence[float | None]) -> str:
    """Return a value with its interval."""
    value, low, high = found
    ends = "" if low is None else f" [{number(low)}, {number(high)}]"
    return f"{number(value)}{ends}"


def methods_table(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the table of methods of one style."""
    lines = [
        "| method | largest cause first | Spearman, real cells | τ_b | interval meets truth | "
        "slope | RMSE | false “relies” | false “does not rely” |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, found in scores.items():
        cells = [
            method,
            share(found["first_overall"]),
            interval(found["spearman"]),
            f"{number(found['tau'])} ({found['tau_nets']} networks)",
        ]
        if "slope" in found:
            cells += [
                share(found["met"]),
                number(found["slope"]),
                number(found["rmse"], 3),
                share(found["false_relies"]),
                share(found["false_does_not_rely"]),
            ]
        else:
            cells += ["–"] * 5
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def worlds_table(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the table of first places by world; methods are columns."""
    methods = list(scores)
    lines = ["| world | " + " | ".join(methods) + " |", "| --- |" + " --- |" * len(methods)]
    for world in scores[methods[0]]["first"]:
        found = [scores[method]["first"][world] for method in methods]
        cells = [f"{one['hits']}/{one['n']}" for one in found]
        lines.append(f"| {world} | " + " | ".join(cells) + " |")
    return lines


def features_table(nets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of causes: how often the audit's interval meets the truth."""
    lines = [
        "| cause | cells | with T | interval meets truth | mean T − truth |",
        "| --- | --- | --- | --- | --- |",
    ]
    for cause, found in by_feature(nets).items():
        difference = number(found["mean_difference"], 3)
        lines.append(
            f"| {cause} | {found['cells']} | {found['estimated']} | {found['met']} | {difference} |"
        )
    return lines


def long_page(report: Mapping[str, Any]) -> list[str]:
    """Return all tables."""
    lines: list[str] = []
    for style, found in report["styles"].items():
        nets = [net for net in report["nets"] if net["style"] == style]
        full = found["scores"][AUDIT]
        lines += [f"### Style {style}: {len(nets)} of {found['planned']} networks", ""]
        lines += [*methods_table(found["scores"]), ""]
        lines += [
            f"{full['cells']} cells: {full['cells_real']} real, {full['cells_null']} null, "
            f"{full['without_estimate']} without T (the audit says why; they do not count in "
            f"“interval meets truth”: with them it is {share(full['met_of_all'])}). If two "
            "intervals that both lie below the smallest effect of interest count as equal, it is "
            f"{share(full['agreed'])}.",
            "",
        ]
        lines += ["First place by world (W1 is free for any method, W0 has no cause):", ""]
        lines += [*worlds_table(found["scores"]), "", *features_table(nets), ""]
        lines += ["Power by true size:", "", "| size, SD | relies |", "| --- | --- |"]
        for line in full["power"]:
            top = "∞" if line["to"] is None else number(line["to"])
            lines.append(f"| {number(line['from'])} to {top} | {share(line)} |")
        lines += ["", "| true verdict | verdict | networks |", "| --- | --- | --- |"]
        for line in full["verdicts"]:
            lines.append(f"| {line['true']} | {line['verdict']} | {line['nets']} |")
        lines += ["", f"Coverage of the operator's own value: {share(full['coverage'])}", ""]
        if found.get("degraded"):
            lines += ["Exact and degraded masks (IoU .6, a fifth missing), same networks:", ""]
            lines += [*methods_table(found["degraded"]), ""]
    return lines[:-1]


def short_table(report: Mapping[str, Any]) -> list[str]:
    """Return the table of methods of the last style, for the README."""
    style, found = list(report["styles"].items())[-1]
    nets = found["scores"][AUDIT]["nets"]
    return [f"Style {style}, {nets} networks:", "", *methods_table(found["scores"])]


def written(text: str, lines: Sequence[str]) -> str:
    """Return a page with new lines between its marks."""
    inside = "\n\n" + "\n".join(lines) + "\n\n"
    pattern = r"(<!-- scorecard -->).*?(<!-- /scorecard -->)"
    return re.sub(pattern, lambda found: found[1] + inside + found[2], text, flags=re.S)


def main() -> None:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a page is out of date")
    options = parser.parse_args()
    report = json.loads(RESULTS.read_text())
    stale = []
    for name, kind in PAGES.items():
        text = (ROOT / name).read_text()
        new = written(text, long_page(report) if kind == "long" else short_table(report))
        if new != text:
            stale.append(name)
            if not options.check:
                (ROOT / name).write_text(new)
    print(", ".join(stale) or "up to date")
    sys.exit(1 if stale and options.check else 0)


if __name__ == "__main__":
    main()
