"""Scorecard of the audit: networks whose reliance is known, audited by it and by simpler methods.

24 small networks in style A serve to tune the audit, 48 in style B to score it. For each network:
train it; find its truth by re-rendering; audit it; derive the estimates of simpler methods; audit
some again with degraded masks, and some on many more images for the coverage. Each step of each
network has its own file, so an interrupted run loses one step and the same command goes on.

    python benchmarks/scorecard.py --runs DIR --styles A          # then tune
    python benchmarks/scorecard.py --runs DIR --freeze            # writes the protocol's hash
    python benchmarks/scorecard.py --runs DIR --styles B          # refused if the hash differs
    python benchmarks/scorecard.py --runs DIR --report            # results/scorecard.json, tables

`--freeze` needs all audits of style A with the current protocol; commit the file that it writes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scorecard_nets import Net, photo_nets, scoring_nets, trained, tuning_nets
from scorecard_rows import row_of
from scorecard_steps import STEPS, done, forget, step
from scorecard_summary import AUDIT, UNITS, summarise

from memlab.audit.protocol import read_protocol
from memlab.files import write_text

RESULTS = Path(__file__).parent / "results"
FROZEN = RESULTS / "scorecard-protocol.json"


def nets_of(style: str, photos: Path | None) -> list[Net]:
    """Return the planned networks of a style; W12 only with photographs."""
    nets = tuning_nets() if style == "A" else scoring_nets()
    return nets + (photo_nets(style) if photos else [])


def work(job: tuple[Net, Path, tuple[str, ...], Path | None]) -> str:
    """Do the steps of one network that are not done; return what was done."""
    net, runs, steps, photos = job
    said = []
    for name in steps:
        started = time.time()
        try:
            if step(name, net, runs, photos):
                said.append(f"{name} {time.time() - started:.0f} s")
        except Exception as error:  # the other networks go on
            said.append(f"{name} FAILED: {error}")
            break
    return f"{net.key}: {', '.join(said) or 'nothing to do'}"


def frozen_hash() -> str | None:
    """Return the committed hash of the protocol; None before it is frozen."""
    return json.loads(FROZEN.read_text())["sha256"] if FROZEN.is_file() else None


def freeze(runs: Path) -> None:
    """Write the protocol's hash, once every audit of style A has used it."""
    protocol = read_protocol()
    stale = [
        net.key
        for net in tuning_nets()
        if not done("audit", net, runs) or row_of(net, runs)["protocol"] != protocol.sha256
    ]
    if stale:
        sys.exit(f"not audited with the current protocol: {', '.join(stale)}")
    record = {"name": protocol.name, "version": protocol.version, "sha256": protocol.sha256}
    record["nets"] = str(len(tuning_nets()))
    write_text(FROZEN, json.dumps(record, indent=2) + "\n")
    print(f"{FROZEN}: commit it before style B is scored")


def report(runs: Path, photos: Path | None) -> None:
    """Write the results of all networks that are complete."""
    nets: list[dict[str, Any]] = []
    styles: dict[str, Any] = {}
    for style in ("A", "B"):
        planned = nets_of(style, photos)
        rows = [row_of(net, runs) for net in planned if done("methods", net, runs)]
        if style == "B" and (frozen := frozen_hash()):
            rows = [row for row in rows if row["protocol"] == frozen]
        if not rows:
            continue
        nets += rows
        methods = [AUDIT, *rows[0]["methods"].keys() - {AUDIT}]
        methods.sort(key=lambda name: UNITS.index(name) if name in UNITS else len(UNITS))
        again = [row for row in rows if row["degraded"]]
        styles[style] = {
            "planned": len(planned),
            "trained": sum(trained(net, runs) for net in planned),
            "scores": {method: summarise(rows, method) for method in methods},
            "degraded": {
                "exact masks": summarise(again, AUDIT),
                "degraded masks": summarise([{**row, **row["degraded"]} for row in again], AUDIT),
            }
            if again
            else None,
        }
    content = {
        "benchmark": "scorecard",
        "protocol": read_protocol().sha256,
        "frozen": frozen_hash(),
        "machine": {"cpu_count": os.cpu_count(), "platform": platform.platform()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("memlab", "torch", "lightning", "numpy")},
        },
        "styles": styles,
        "nets": nets,
    }
    path = RESULTS / "scorecard.json"
    write_text(path, json.dumps(content, indent=1) + "\n")
    print(path)


def main() -> None:
    """Do the steps that are due, or write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/scorecard"))
    parser.add_argument("--styles", nargs="+", default=["A"], choices=["A", "B"])
    parser.add_argument("--steps", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--only", nargs="+", help="names of networks, such as A/W2-test_byobnet-s0")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--again", action="store_true", help="do --steps again, for a new protocol")
    parser.add_argument("--photos", type=Path, help="folder of photographs for W12")
    parser.add_argument("--freeze", action="store_true", help="write the protocol's hash, stop")
    parser.add_argument("--report", action="store_true", help="write the results, stop")
    options = parser.parse_args()
    if options.freeze:
        freeze(options.runs)
        return
    if options.report:
        report(options.runs, options.photos)
        return
    audits = set(options.steps) - {"train", "truth"}
    if "B" in options.styles and audits and frozen_hash() != read_protocol().sha256:
        sys.exit(f"style B is scored with a frozen protocol only: --freeze, commit {FROZEN.name}")
    nets = [net for style in options.styles for net in nets_of(style, options.photos)]
    if options.again:
        for net in nets:
            if not options.only or net.key in options.only:
                forget(net, options.runs, options.steps)
    jobs = [
        (net, options.runs, tuple(options.steps), options.photos)
        for net in nets
        if not options.only or net.key in options.only
    ]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(options.jobs) as pool:
        for said in pool.map(work, jobs):
            print(said, flush=True)


if __name__ == "__main__":
    main()
