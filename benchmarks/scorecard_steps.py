"""Steps of the scorecard for one network; each has its own file and is skipped if done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import yaml
from scorecard_maps import map_estimates
from scorecard_methods import read_tables, simple_estimates
from scorecard_nets import ARCHITECTURES, Net, run_memlab, train
from scorecard_rows import covered, degraded_row, numbered
from scorecard_truth import CELLS, find_truth

import memlab
from memlab.audit.protocol import BUILT_IN, read_protocol
from memlab.audit.result_file import read_result
from memlab.files import write_text
from memlab.synthetic.write import Declaration, read_declaration, write

BUDGET = "40k"
"""Forward passes of an audit; a number of passes is the same on every machine."""
MANY, MANY_SEED, MANY_BUDGET = 2000, 40_000, "2M"
"""Images of the audits that the coverage is counted against, their seed, and their budget."""
DEGRADED = ("W1", "W2", "W9")
"""Worlds that are audited again with degraded masks."""
COVERED = ("W2", "W4", "W6", "W8", "W9", "W11")
"""Worlds in which the coverage is counted, for one network each: every cause is strong in one of
them and weak in another."""
FILES = {
    "train": "fit/results.json",
    "truth": "truth.csv",
    "audit": "audit/audit.json",
    "methods": "methods.json",
    "degraded": "degraded.json",
    "coverage": "coverage.json",
}
FOLDERS = {"audit": "audit", "degraded": "audit-degraded", "coverage": "audit-many"}
"""Step to the folder of its audit."""
STEPS = tuple(FILES)


def done(name: str, net: Net, runs: Path) -> bool:
    """Return whether a step of a network is done."""
    return (net.run(runs) / FILES[name]).is_file()


def forget(net: Net, runs: Path, steps: Sequence[str]) -> None:
    """Delete the results of steps of a network, except of its training."""
    for name in set(steps) - {"train"}:
        (net.run(runs) / FILES[name]).unlink(missing_ok=True)
        if folder := FOLDERS.get(name):
            shutil.rmtree(net.run(runs) / folder, ignore_errors=True)


def due(name: str, net: Net) -> bool:
    """Return whether a network has a step at all.

    Photographs have no truth by re-rendering; the coverage is counted in style B.
    """
    photos = net.world == "W12"
    return {
        "truth": not photos,
        "degraded": net.world in DEGRADED,
        "coverage": net.world in COVERED
        and (net.style, net.architecture, net.seed) == ("B", ARCHITECTURES[0], 0),
    }.get(name, True)


def step(name: str, net: Net, runs: Path, photos: Path | None) -> bool:
    """Do a step of a network; return False if there was nothing to do."""
    if not due(name, net) or done(name, net, runs):
        return False
    if name == "train":
        train(net, runs, photos if net.world == "W12" else None)
    else:
        work: dict[str, Callable[[Net, Path], object]] = {
            "truth": find_truth,
            "audit": lambda net, runs: audit(net, runs, "audit"),
            "methods": methods,
            "degraded": degraded,
            "coverage": coverage,
        }
        work[name](net, runs)
    return True


def audit(
    net: Net,
    runs: Path,
    out: str,
    *more: str,
    images: str = "",
    masks: str = "",
    budget: str = BUDGET,
) -> None:
    """Audit a network on the images that it was not trained on, or on others.

    Args:
        net: the network.
        runs: folder of all runs.
        out: name of the audit's folder in the run.
        more: further options of `memlab audit`.
        images: suffix of the folder of images.
        masks: suffix of the folder of masks, if it is another one.
        budget: forward passes.
    """
    run, root = net.run(runs), net.images(runs, images)
    given = ["--data.root", str(root), "--out", str(run / out), "--budget", budget]
    given += ["--data.batch_size", "128"]
    regions = net.images(runs, masks or images) / "masks"
    if regions.is_dir():
        given += ["--data.masks", str(regions), "--data.empty_masks", "none"]
    run_memlab(["audit", str(run), *given, *more], run, f"{out}.log")


def methods(net: Net, runs: Path) -> None:
    """Write the estimates of the simpler methods and of maps."""
    run, declared = net.run(runs), read_declaration(net.images(runs))
    rows, conditions = read_tables(run / "audit")
    simple = simple_estimates(rows, conditions, read_protocol(run / "audit" / "protocol.yaml"))
    found = {
        method: {
            cause: numbered(*asdict(by_name[name]).values())
            for cause, name in CELLS.items()
            if name in by_name
        }
        for method, by_name in simple.items()
    }
    peaks: dict[str, bool] = {}
    if not declared.world.photos:
        maps, peaks = map_estimates(net, memlab.load(run), declared)
        for method, by_cause in maps.items():
            found[method] = {
                cause: numbered(value, None, None, None) for cause, value in by_cause.items()
            }
    write_text(run / FILES["methods"], json.dumps({"methods": found, "mark": peaks}) + "\n")


def degraded(net: Net, runs: Path) -> None:
    """Audit a network again, with degraded masks of the same images."""
    declared = read_declaration(net.images(runs))
    _write(net.images(runs, "-degraded"), declared._replace(masks="degraded"))
    audit(net, runs, "audit-degraded", masks="-degraded")
    row = degraded_row(read_result(net.run(runs) / "audit-degraded"))
    write_text(net.run(runs) / FILES["degraded"], json.dumps(row) + "\n")


def coverage(net: Net, runs: Path) -> None:
    """Audit a network on many new images with few draws: the operators' own values.

    The operators are those of the protocol; draws do not change what they estimate. The scan and
    the dose ladders are left out.
    """
    declared = read_declaration(net.images(runs))
    _write(net.images(runs, "-many"), declared._replace(seed=MANY_SEED, n=MANY))
    protocol = yaml.safe_load(BUILT_IN.read_text(encoding="utf-8"))
    protocol |= {"draws": 2, "target_draws": 2, "swap_draws": 1, "resamples": 200}
    protocol |= {"scan": False, "display_share": 0.0}
    path = net.run(runs) / "coverage-protocol.yaml"
    write_text(path, yaml.safe_dump(protocol, sort_keys=False))
    audit(net, runs, "audit-many", "--protocol", str(path), images="-many", budget=MANY_BUDGET)
    exact, many = (read_result(net.run(runs) / name) for name in ("audit", "audit-many"))
    write_text(net.run(runs) / FILES["coverage"], json.dumps(covered(exact, many)) + "\n")


def _write(root: Path, declared: Declaration) -> None:
    """Write images as declared, unless they are there."""
    write(
        root,
        declared.n,
        declared.seed,
        declared.size,
        world=declared.world,
        style=declared.style,
        masks=declared.masks,
    )
