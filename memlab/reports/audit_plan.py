"""Plan of an audit as it is printed: images, cost, and what it can detect."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.audit.budget import duration
from memlab.audit.plan import AuditPlan, FeaturePlan
from memlab.audit.protocol import Protocol
from memlab.numbers import NOTHING, number

_STRATA = 8
"""Most strata that are printed one by one."""


def print_plan(
    plan: AuditPlan, protocol: Protocol, model: str, notes: Sequence[str], console: Console
) -> None:
    """Print what an audit measures, what it costs, and what it can detect."""
    n = len(plan.audited)
    console.print(
        f"audit of {model}: {n:,} of the {plan.of:,} images that did not train it here; "
        f"{protocol.name} {protocol.version} ({protocol.sha256[:12]})",
        markup=False,
        soft_wrap=True,
    )
    for line in _lines(plan, protocol):
        console.print(line, markup=False, soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("feature")
    for column in ("images", "compared", "passes", "time", "detects", "to exclude"):
        table.add_column(column, justify="right", no_wrap=True)
    measured = [one for one in plan.features if one.reason is None]
    for one in measured:
        table.add_row(escape(one.label), *_cells(one))
    if measured:
        console.print(table)
        console.print(
            "compared: images that have a control; detects: smallest effect, in SDs of the "
            "predictions, found in 4 of 5 audits; to exclude: compared images for 'does not "
            f"rely' (below {protocol.sesoi:g} SD) in 4 of 5, if there is no effect; all as in a "
            f"trial of {plan.trial_images} images",
            markup=False,
        )
    for line in left_out_lines(plan.features):
        console.print(line, markup=False, soft_wrap=True)
    for note in notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)


def left_out_lines(features: Sequence[FeaturePlan]) -> list[str]:
    """Return one line for each reason why features are left out."""
    by_reason: dict[str, list[str]] = {}
    for one in features:
        if one.reason is not None:
            by_reason.setdefault(one.reason, []).append(one.label)
    return [f"left out: {', '.join(labels)}: {reason}" for reason, labels in by_reason.items()]


def _lines(plan: AuditPlan, protocol: Protocol) -> list[str]:
    parts = [
        f"{one.audited:,} of {one.images:,} {one.name}"
        for one in sorted(plan.strata, key=lambda one: -one.images)
    ]
    more = f"; and {len(parts) - _STRATA} more strata" if len(parts) > _STRATA else ""
    lines = [f"strata    {', '.join(parts[:_STRATA])}{more}"]
    if len(plan.scored) < plan.of:
        lines.append(
            f"scored    {len(plan.scored):,} of {plan.of:,} unchanged images, drawn at random; "
            "prevalence and variance come from them"
        )
    scan = f" + {plan.scan_forwards:,} blind scan" if plan.scan_forwards else ""
    lines += [
        f"changes   {plan.conditions} conditions; {protocol.draws} controls per image at the "
        f"primary dose, {protocol.swap_draws} donors per swap; dose ladders for "
        f"{len(plan.displayed):,} images",
        f"cost      at most {plan.forwards:,} forward passes = {plan.clean_forwards:,} unchanged + "
        f"{plan.changed_forwards:,} changed{scan}; about {plan.expected_forwards:,} in "
        f"{duration(plan.seconds)} on this machine (trial: {duration(plan.trial_seconds)})",
    ]
    return lines


def _cells(one: FeaturePlan) -> list[str]:
    power = one.power
    smallest = NOTHING if power is None else number(power.detectable, 2, zero=False)
    needed = NOTHING
    if power is not None and power.detectable is not None:
        needed = "> 1 M" if power.to_exclude is None else f"{power.to_exclude:,}"
    compared = NOTHING if power is None else f"{power.compared:,}"
    cost = f"{one.forwards:,}", duration(one.seconds)
    return [f"{one.images:,}", compared, *cost, smallest, needed]
