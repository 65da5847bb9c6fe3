"""One network of the scorecard as a plain dict: truth, every method's estimates, the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scorecard_nets import Net
from scorecard_summary import AUDIT
from scorecard_truth import CELLS, read_truth, true_verdict

from memlab.audit.result import AuditResult
from memlab.audit.result_file import read_result
from memlab.stats.measures import Statistic
from memlab.synthetic.scoring import noise_ceiling
from memlab.synthetic.watermark import watermark_mask
from memlab.synthetic.write import Declaration, read_declaration

DIGITS = 5
Line = list[Any]
"""Value, low, high and claim of one method for one cause."""


def row_of(net: Net, runs: Path) -> dict[str, Any]:
    """Return everything that the scores need from the folders of one network."""
    run, declared = net.run(runs), read_declaration(net.images(runs))
    audit = read_result(run / "audit")
    simple = json.loads((run / "methods.json").read_text())
    # photographs cannot be rendered again: W12 has a mark to find and no other truth
    truth = {} if declared.world.photos else read_truth(run / "truth.csv")
    fitted = json.loads((run / "fit" / "results.json").read_text())["metrics"]["spearman"]
    # a network whose predictions tell nothing about the scores has nothing to be explained
    learned = declared.world.r2 > 0 and fitted["low"] > 0
    causes = {cause: true.share for cause, true in truth.items()}
    row = {
        "net": net.key,
        "world": net.world,
        "style": net.style,
        "architecture": net.architecture,
        "seed": net.seed,
        "spearman": [round(fitted[end], DIGITS) for end in ("value", "low", "high")],
        "learned": learned,
        "noise_ceiling": noise_ceiling(declared.world).spearman,
        "audited": audit.sample.audited,
        "protocol": audit.protocol.sha256,
        "verdict": audit.verdict.verdict,
        "true_verdict": true_verdict(causes, learned),
        "clause": audit.verdict.clause,
        "first_sentence": audit.ranking.sentence,
        "truth": {
            cause: [round(number, DIGITS) for number in true] for cause, true in truth.items()
        },
        "methods": {AUDIT: audit_lines(audit), **simple["methods"]},
        "mark": {AUDIT: scan_on_mark(audit, declared), **simple["mark"]},
    }
    for name in ("degraded", "coverage"):
        path = run / f"{name}.json"
        row[name] = json.loads(path.read_text()) if path.is_file() else None
    return row


def audit_lines(audit: AuditResult) -> dict[str, Line]:
    """Return T, its interval and the claim for each cause; a T that is missing is None."""
    lines = {}
    for cause, name in CELLS.items():
        try:
            feature = audit.feature(name)
        except KeyError:
            continue
        lines[cause] = [*numbers(feature.variance_share), feature.claim.claim]
    return lines


def numbered(value: float | None, low: float | None, high: float | None, claim: str | None) -> Line:
    """Return the line of a method for one cause, rounded."""
    return [None if one is None else round(one, DIGITS) for one in (value, low, high)] + [claim]


def numbers(statistic: Statistic) -> list[float | None]:
    """Return value, low and high, rounded."""
    return [
        None if number is None else round(float(number), DIGITS)
        for number in (statistic.value, statistic.low, statistic.high)
    ]


def scan_on_mark(audit: AuditResult, declared: Declaration) -> bool | None:
    """Return whether the strongest cell of the blind scan touches the mark; None without a scan.

    The mark of photographs is at the same place as that of rendered images.
    """
    scan = audit.scan
    if scan is None or scan.strongest is None:
        return None
    mark = watermark_mask(declared.style, declared.size)
    side, (row, column) = declared.size // scan.cells, divmod(scan.strongest, scan.cells)
    cell = mark[row * side : (row + 1) * side, column * side : (column + 1) * side]
    return bool(cell.any())


def degraded_row(audit: AuditResult) -> dict[str, Any]:
    """Return what is kept of an audit with degraded masks."""
    return {"methods": {AUDIT: audit_lines(audit)}, "verdict": audit.verdict.verdict}


def covered(audit: AuditResult, many: AuditResult) -> dict[str, Line]:
    """Return by feature the audit's interval, and the same operator's value on many images."""
    lines = {}
    for feature in audit.features:
        _, low, high = numbers(feature.variance_share)
        value = numbers(many.feature(feature.name).variance_share)[0]
        if None not in (low, high, value):
            lines[feature.name] = [low, high, value]
    return lines
