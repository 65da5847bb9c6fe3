"""memlab study: sample images, train or load a network, ablate; write one page of answers."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli import runs
from memlab.cli.data_options import add_masks, add_source, columns_of
from memlab.cli.model_option import MODEL, absolute, is_trained
from memlab.cli.options import Options, add_trust, at_least
from memlab.cli.study_images import ASKED, IMAGES, LEAST, RUN, Asked, study_images
from memlab.cli.trainer import Plan, carry_out, settle
from memlab.errors import MemlabError
from memlab.files import require_empty
from memlab.outputs import require_apart
from memlab.reading import content_of, read_json
from memlab.values import check_fields

if TYPE_CHECKING:
    from memlab.audit.result import AuditResult
    from memlab.data.table import Table

DESCRIPTION = f"""\
Repeat the Columbia student study, end to end: draw 500 random images; train ResNet50 with a
two-layer head (80/20, Adam 1e-4, MSE, batches of 32, 3 epochs); ablate by blur, grayscale, crop
and desaturation, each beside its control; draw Grad-CAM maps; and audit the network, which ranks
what it relies on, gives a verdict, and sets both beside two hypotheses, Case A and Case B (see
memlab audit). study.html has the answers, study.json and audit/audit.json every number.

With --model MODEL nothing is trained, and the model is tested on all images drawn. No image is
drawn that trained or chose a run. Images outside the draw donate what swaps put in; where the data
set has no others, the tested images donate to each other.

{MODEL}

Faces, people, objects and text need masks: --data.masks (see memlab regions find). --budget limits
the audit, which takes longer than all else: 30min, or 300k forward passes. All other options are
those of memlab fit, with --model those of memlab test.

  memlab study --data.root lamem --data.masks masks/
  memlab study --data.root photos/ --config study/small          no download, minutes
  memlab study --data.root photos/ --model resmem -n 200
  memlab study --out runs/NAME                                   go on where it stopped
"""

CONFIG = "study/student-study"
AUDIT = "audit"
"""Folder of the audit in that of the study."""
RESERVED = ("--run", "--ckpt_path", "--print_config", "--seed_everything")


def run(arguments: list[str]) -> int:
    """Run the remaining steps of a study, and write its page; return the exit code."""
    parser = Options("study", DESCRIPTION)
    parser.add_argument("--data.root", dest="root", help="the data set: a folder or a CSV file")
    add_source(parser, split=False)
    parser.add_argument(
        "--data.split",
        dest="split",
        help="1 to 5 for LaMem; shares (80/20) or a fold (3of10) to train",
    )
    add_masks(parser)
    parser.add_argument("--model", help="test this; nothing is trained")
    parser.add_argument("-n", type=at_least(LEAST), help="how many images (500)")
    parser.add_argument("--seed", type=at_least(0), help="of the draw and the training (0)")
    parser.add_argument("--budget", help="of the audit: time or forward passes, 30min or 300k")
    parser.add_argument("--protocol", type=Path, metavar="FILE", help="of the audit")
    parser.add_argument("--out", type=Path, help="the study's folder; runs/TIME-study by default")
    add_trust(parser)
    options, rest = parser.parse_known_args(arguments[1:])

    folder, asked, typed = _settle(options, rest)
    # Report a mistyped name or model here, before images are copied.
    _plan(folder, asked, [], typed)
    table, of = study_images(folder, asked)
    tested = _finished(folder)
    if tested is None:
        chosen = _ways(table)
        print(  # noqa: T201
            f"memlab: {len(table.rows)} of {of} images; {len(chosen)} changes of each that is "
            f"tested; if this is cut off, it goes on with: memlab study --out {folder}",
            file=sys.stderr,
        )
        carry_out(_plan(folder, asked, [word for way in chosen for word in way], typed))
        tested = _finished(folder)
        if tested is None:
            raise MemlabError(f"{folder}: nothing was tested (a trial run?); leave that option out")
    else:
        print(f"memlab: {tested} is finished", file=sys.stderr)  # noqa: T201

    audited = _audit(folder, asked)

    from memlab.reports.study import print_study, write_study

    about = {**asdict(asked), "drawn": len(table.rows), "of": of, "regions": list(table.regions)}
    with content_of(tested):
        print_study(write_study(tested, folder, about, audited), folder)
    return 0


def _audit(folder: Path, asked: Asked) -> AuditResult:
    """Audit the study's network or model on the study's images, or go on with it.

    A finished audit is read, also in a folder that was moved.
    """
    from memlab.audit.result_file import read_result
    from memlab.cli import audit
    from memlab.cli.model_option import load_model
    from memlab.data.sources.csv import CsvSource
    from memlab.data.subset import FILE

    if (folder / AUDIT / audit.DONE).is_file():
        print(f"memlab: {folder / AUDIT} is finished", file=sys.stderr)  # noqa: T201
        return read_result(folder / AUDIT)
    name = str(folder / RUN) if asked.model is None else asked.model
    wanted = audit.Asked(
        name,
        folder / IMAGES / FILE,
        CsvSource(),
        masks=None if asked.masks is None else Path(asked.masks).resolve(),
        budget=asked.budget,
        protocol=None if asked.protocol is None else Path(asked.protocol),
        out=folder / AUDIT,
        seed=asked.seed,
    )
    result, _ = audit.conduct(audit.prepare_audit(load_model(name), wanted), wanted)
    return result


def _settle(options: Namespace, rest: list[str]) -> tuple[Path, Asked, list[str] | None]:
    """Return the folder, the request, and the options that the user typed now.

    The request consists of the options given now and those recorded in the folder. The last item is
    None unless the further options come from the folder's file.
    """
    for option in rest:
        if option.partition("=")[0] in RESERVED:
            raise MemlabError(f"{option}: memlab study sets it itself (see memlab study --help)")
    typed = [*rest, *([options.model] if options.model else [])]
    settings = {
        name: getattr(options, name)
        for name in ("root", "split", "n", "seed", "model", "masks", "source", "budget", "protocol")
        if getattr(options, name) is not None
    } | ({"rest": rest} if rest else {})
    for name in ("masks", "protocol"):
        if name in settings:
            settings[name] = str(settings[name])
    columns = columns_of(options)
    settings |= {"columns": columns} if columns else {}
    for name in ("root", "masks", "protocol"):  # to allow resuming from any folder
        if name in settings and Path(settings[name]).exists():
            settings[name] = str(Path(settings[name]).resolve())
    if options.model:
        settings["model"] = absolute(options.model)
    folder = options.out or runs.new_run("study")
    before = _before(folder)
    changed = [name for name, value in settings.items() if before and before[name] != value]
    if changed and (folder / RUN).exists():
        name = changed[0]
        raise MemlabError(
            f"{folder} holds a study with {name} {before[name]!r}, not {settings[name]!r}; leave "
            "the options out to go on with it, or choose another --out"
        )
    if changed:  # nothing is trained or tested yet: draw the images again
        shutil.rmtree(folder / IMAGES, ignore_errors=True)
    asked = {**before, **settings}
    _see_split(asked.get("split"), asked.get("model"))
    if "root" not in asked:
        where = f"{options.out} holds no study: " if options.out else ""
        raise MemlabError(f"{where}which images? give --data.root DIR")
    if not before:
        require_apart(folder, folders=[asked["root"], asked.get("masks")])
        require_empty(folder)
    recorded = before.get("rest") or before.get("model")
    return folder, Asked(**asked), typed if recorded else None


def _see_split(split: str | None, model: str | None) -> None:
    """Raise a MemlabError for a split that the study would not use."""
    if split == "all" and model is None:
        raise MemlabError(
            "--data.split all: that is for --model; training needs shares, as in 80/20"
        )
    if _is_drawn(split) and model is not None:
        raise MemlabError(
            f"--data.split {split}: with --model nothing is trained, and all images drawn are "
            "tested; leave it out, or give -n"
        )


def _is_drawn(split: str | None) -> bool:
    """Return whether a split divides the study's images anew: shares or a fold."""
    return split is not None and ("/" in split or "of" in split)


def _before(folder: Path) -> dict[str, Any]:
    """Return the recorded request of a study, empty for a new study."""
    note = folder / ASKED
    if not note.is_file():
        return {}
    remedy = "choose another --out"
    recorded = Asked(**check_fields(Asked, read_json(note, remedy), str(note), remedy))
    for word in recorded.rest:
        if word.partition("=")[0] in RESERVED:
            raise MemlabError(f"{note}: damaged: {word} is recorded in it; {remedy}")
    return asdict(recorded)


def _plan(folder: Path, asked: Asked, ablations: list[str], given: list[str] | None = None) -> Plan:
    """Return the settled command: the fit, or the model's test; see `_settle` for `given`."""
    file = None if given is None else folder / ASKED
    typed = given or []
    added = ["--data.root", str(folder / IMAGES / "subset.csv"), "--data.source", "csv"]
    added += ["--seed_everything", str(asked.seed)]
    added += ["--data.masks", str(Path(asked.masks).resolve())] if asked.masks else []
    if asked.model is None:
        named = any(word.partition("=")[0] == "--config" for word in asked.rest)
        start = [] if named else ["--config", CONFIG]
        added += ["--data.split", str(asked.split)] if _is_drawn(asked.split) else []
        run = ["--out", str(folder / RUN), "--ckpt_path", "auto"]
        return settle("fit", [*start, *asked.rest, *added, *ablations, *run], file, typed)
    if is_trained(asked.model):  # its configuration names its training data
        added += ["--data.split", "null", *([] if asked.masks else ["--data.masks", "null"])]
    plan = settle("test", ["--model", asked.model, *asked.rest, *added, *ablations], file, typed)
    plan.run, plan.fresh, plan.labels = folder / RUN, False, []
    return plan


def _ways(table: Table) -> list[list[str]]:
    """Return the study's own ablations, as options of memlab test; the audit has the others."""
    from memlab.reports.study import WHOLE

    named = [["--ablation", name] for name in WHOLE]
    named += [["--ablation", "remove_background"]] if table.regions else []
    if "salient" in table.regions:
        named += [["--ablation", "remove", "--ablation.region", "salient"]]
    return named


def _finished(folder: Path) -> Path | None:
    """Return the folder of the study's finished test, or None."""
    results = [*folder.glob(f"{RUN}/test-*/results.json"), *folder.glob(f"{RUN}/fit/results.json")]
    return max(results, key=lambda path: path.stat().st_mtime).parent if results else None
