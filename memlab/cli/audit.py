"""memlab audit MODEL --data.root DIR: what a model relies on, by a fixed protocol."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from memlab.cli import runs
from memlab.cli.data_options import add_data, add_empty_masks, add_loading, add_masks, source_of
from memlab.cli.model_option import MODEL, add_model, is_trained, load_model, model_files
from memlab.cli.options import Options, add_trust, at_least
from memlab.errors import MemlabError, did_you_mean
from memlab.files import make_folder
from memlab.outputs import require_apart, require_own_folder

if TYPE_CHECKING:
    from memlab.audit.conduct import Prepared
    from memlab.audit.plan import AuditPlan
    from memlab.audit.result import AuditResult
    from memlab.data.sources.base import Source
    from memlab.masks.base import EmptyMasks
    from memlab.scorer import Scorer

DESCRIPTION = f"""\
Find out what a model relies on: faces, people, objects and text, or colour, spatial frequency,
texture and other surface. A fixed protocol removes, swaps and inserts each feature, with controls,
and decides by rules that were set beforehand.

{MODEL}

The audit uses images that the model was not trained on: the val and test images of its run or of
the table; all images, if it was not trained here. Images that are not audited donate what swaps put
in; if they are too few, the audited images donate to each other.
--data.masks gives the masks of faces, people, objects and text (see memlab regions find). Without
masks, surface is measured anywhere in the image, figures included. Images need no scores; results
that need scores are null.

The plan is printed first: images by stratum, forward passes, minutes on this machine, and for each
feature the smallest effect that it can detect. --plan stops there. --budget limits the audit; the
number of images follows from it. A killed audit goes on when the same command is repeated.

  memlab audit resmem --data.root photos/ --data.masks masks/ --plan
  memlab audit resmem --data.root photos/ --data.masks masks/ --budget 30min --out audits/resmem
  memlab audit runs/NAME --data.root photos/ --budget 300k --fail-on shortcut,mixed

--out holds audit.json (every number), audit.html, features.csv, effects.csv (every condition and
dose), rows.csv (unchanged images), conditions.csv (changed images), protocol.yaml and plan.json.
Exit code 1 if the verdict is one of --fail-on, 2 if the audit could not run.
"""


DONE = "audit.json"
"""File of a finished audit."""


@dataclass(frozen=True)
class Asked:
    """Options of an audit, from the command line or from Python.

    Args:
        name: the model, as the user named it.
        root: the data set.
        source: its layout; None to recognise it.
        split: number of its split, shares, or `all`.
        masks: masks of regions.
        empty_masks: meaning of an image without a mask.
        budget: time or number of forward passes.
        protocol: file of a protocol; None for the built-in one.
        out: folder of the audit.
        seed: seed of the sample, of random changes and of the intervals.
        batch_size: number of images at once.
        num_workers: processes that decode.
        device: device; None for the model's own.
        shown: whether to show progress.
    """

    name: str
    root: Path
    source: Source | None = None
    split: int | str | None = None
    masks: Path | None = None
    empty_masks: EmptyMasks | None = None
    budget: str | None = None
    protocol: Path | None = None
    out: Path | None = None
    seed: int = 0
    batch_size: int = 32
    num_workers: int = 0
    device: str | None = None
    shown: bool = True


def run(arguments: list[str]) -> int:
    """Plan and run an audit; return the exit code."""
    parser = Options("audit", DESCRIPTION)
    add_model(parser)
    add_data(parser)
    add_masks(parser)
    add_empty_masks(parser)
    parser.add_argument(
        "--budget",
        help="time or number of forward passes: 30min, 2h, 300k; without it, up to 1,000 images "
        "are audited",
    )
    parser.add_argument("--plan", action="store_true", help="print the plan and stop")
    parser.add_argument(
        "--protocol",
        type=Path,
        metavar="FILE",
        help="another protocol; start from protocol.yaml of an audit",
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the audit; by default RUN/audit-001, or in runs/"
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of sample, changes and intervals (%(default)s)"
    )
    parser.add_argument(
        "--fail-on",
        metavar="VERDICTS",
        help="exit code 1 for these verdicts, with commas: shortcut, mixed, cannot-tell, "
        "human-interpretable",
    )
    add_loading(parser)
    add_trust(parser)
    options = parser.parse_args(arguments[1:])
    failing = _failing(options.fail_on)
    asked = _asked(options)
    model = load_model(options.model)
    prepared = prepare_audit(model, asked)
    if options.plan:
        _print_plan(prepared, prepared.plan(), asked.name)
        return 0
    result, folder = conduct(prepared, asked, print_plan=True)

    from memlab.reports.audit_text import print_audit

    print_audit(result, folder)
    return 1 if result.verdict.verdict in failing else 0


def _failing(text: str | None) -> list[str]:
    """Return the verdicts of --fail-on, where `cannot tell` may have a hyphen."""
    if text is None:
        return []

    from memlab.audit.result import VerdictName

    by_word = {one.replace(" ", "-"): one for one in get_args(VerdictName)}
    words = [one.strip().replace(" ", "-") for one in text.split(",")]
    for word in words:
        if word not in by_word:
            raise MemlabError(
                f"--fail-on {word}: no verdict{did_you_mean(word, list(by_word))}; write one or "
                f"more of {', '.join(by_word)}, with commas"
            )
    return [by_word[word] for word in words]


def _asked(options: Namespace) -> Asked:
    """Return the options, after checks that need no model."""
    if options.root is None:
        raise MemlabError("which images? give --data.root DIR")
    if not options.root.exists():
        raise MemlabError(f"--data.root {options.root}: no such file or folder")
    split = options.split
    return Asked(
        options.model,
        options.root,
        source_of(options, options.root),
        int(split) if split is not None and split.isdecimal() else split,
        options.masks,
        options.empty_masks,
        options.budget,
        options.protocol,
        options.out,
        options.seed,
        options.batch_size,
        options.num_workers,
        options.device,
    )


def prepare_audit(model: Scorer, asked: Asked) -> Prepared:
    """Read protocol and images; raise an error for what cannot be audited."""
    from memlab.audit.conduct import prepare
    from memlab.audit.population import population
    from memlab.audit.protocol import read_protocol
    from memlab.audit.run import Machine

    protocol = read_protocol(asked.protocol)
    if asked.out is not None:
        require_apart(asked.out, model_files(asked.name), folders=[asked.root, asked.masks])
    images = population(
        model,
        asked.name,
        asked.root,
        source=asked.source,
        split=asked.split,
        masks=asked.masks,
        empty_masks=asked.empty_masks,
    )
    machine = Machine(asked.batch_size, asked.num_workers, asked.device, asked.shown)
    return prepare(model, images, protocol, machine, seed=asked.seed, budget=asked.budget)


def conduct(prepared: Prepared, asked: Asked, print_plan: bool = False) -> tuple[AuditResult, Path]:
    """Plan and run an audit in its folder, or go on with it; return its result and the folder."""
    from memlab.audit.conduct import carry_out, result_of
    from memlab.audit.finished import PROTOCOL
    from memlab.audit.plan_file import read_plan, write_plan
    from memlab.audit.request import take_up
    from memlab.audit.result_file import read_result
    from memlab.files import write_text
    from memlab.provenance import now
    from memlab.reports.audit import write_audit
    from memlab.shards import has_shards, remove_shards

    started = now()
    there = _existing(prepared, asked)
    if there is not None and (there / DONE).is_file():
        print(f"memlab: {there} is finished", file=sys.stderr)  # noqa: T201
        if has_shards(there):  # stopped after its last file
            with runs.locked(there, "memlab audit"):
                remove_shards(there)
        return read_result(there), there
    known = None if there is None else read_plan(there, set(prepared.population.rows["id"]))
    plan = prepared.plan() if known is None else known  # an error here leaves no folder behind
    folder = _new_folder(asked) if there is None else there
    with runs.locked(folder, "memlab audit"):
        take_up(folder, prepared.request)
        if known is None:
            write_text(folder / PROTOCOL, prepared.protocol.text)
            write_plan(plan, folder)
        if print_plan:
            _print_plan(prepared, plan, asked.name)
        if asked.shown:
            verb = (
                "to go on after a stop, repeat the command with"
                if known is None
                else "going on with"
            )
            print(f"memlab: {verb} --out {folder}", file=sys.stderr)  # noqa: T201
        finished = carry_out(prepared, plan, folder)
        result = result_of(prepared, plan, finished, asked.name, started)
        tables = finished.rows, finished.conditions, prepared.work.records
        result = write_audit(result, folder, *tables)
        remove_shards(folder)
    return result, folder


def _existing(prepared: Prepared, asked: Asked) -> Path | None:
    """Return the folder of an interrupted audit of the same request, None if there is none.

    Raises:
        MemlabError: if --out holds another audit, or other files.
    """
    from memlab.audit.request import FILE, holds, take_up
    from memlab.shards import has_shards

    if asked.out is not None:
        require_own_folder(asked.out, FILE)
        if not (asked.out / FILE).is_file():
            return None
        take_up(asked.out, prepared.request)
        return asked.out
    request = prepared.request
    runs_there = [Path(asked.name)] if _is_run(asked.name) else sorted(runs.ROOT.glob("*"))
    folders = [one for each in runs_there for one in sorted(each.glob("audit-[0-9][0-9][0-9]"))]
    stopped = (one for one in folders if has_shards(one) or not (one / DONE).is_file())
    return next((one for one in stopped if holds(one, request)), None)


def _new_folder(asked: Asked) -> Path:
    """Make the folder of a new audit."""
    if asked.out is not None:
        return make_folder(asked.out)
    name = Path(asked.name)
    run = name if _is_run(asked.name) else runs.new_run(f"audit-{name.name}")
    return runs.claim(runs.numbered(run, "audit"))


def _is_run(name: str) -> bool:
    return is_trained(name) and Path(name).is_dir()


def _print_plan(prepared: Prepared, plan: AuditPlan, name: str) -> None:
    from memlab.reports.audit_plan import print_plan
    from memlab.reports.terminal import plain_console

    print_plan(plan, prepared.protocol, name, prepared.notes(plan), plain_console())
