"""memlab ablate MODEL IMAGES... --ablation NAME"""  # noqa: D415

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.ablation_options import WHICH, add_ablations, parse_ablations, write_manifest
from memlab.cli.data_options import add_loading, images_given
from memlab.cli.model_option import MODEL, add_model, load_model, model_files
from memlab.cli.options import Options, add_trust, divide, report_unreadable
from memlab.errors import MemlabError
from memlab.files import make_folder, require_empty
from memlab.outputs import require_apart

if TYPE_CHECKING:
    from memlab.analysis.analyse import Analysis

DESCRIPTION = f"""\
Score images before and after ablations, and test the effects, with controls.

{MODEL}

IMAGES are files, folders, and tables of images. --data.masks gives the masks of regions; the mask
columns of a table are used without it. On a terminal, memlab ablate prints the table of memlab
test: effect, interval, p and control. Into a pipe, it writes effects.csv. With --out, an empty or
new folder, it also writes effects.csv, rows.csv, conditions.csv, figures and manifest.json. Exit
code 1 if an image could not be read; the others are scored.

  memlab ablate resmem photos/ --ablation blur --ablation.sigma 4 --ablation grayscale
  memlab ablate resmem photos/ --ablation remove_faces --data.masks masks/ --out effects/
  memlab ablate runs/NAME photos/ --ablation all --doses ladder --controls 0 --out effects/

To write the ablated images themselves: memlab apply IMAGES... --ablation NAME --out DIR
"""

DRAWS = 8
"""Default of --controls, as in memlab test."""
FLAGS = ("--cards", "--selectivity-profile", "-h", "--help")
"""Options without a value, of this command or of memlab apply."""


def run(arguments: list[str]) -> int:
    """Score ablated images and print or write the effects; return the exit code."""
    first = _first_positional(arguments[1:])
    if first is not None and _holds_images(Path(first)):
        return _apply(first, arguments[1:])
    parser = Options("ablate", DESCRIPTION)
    add_model(parser)
    parser.add_argument("images", metavar="IMAGES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="write tables and figures here")
    parser.add_argument(
        "--figures",
        choices=("pdf", "svg"),
        help="write figures in this format, too; they are always PNG",
    )
    add_ablations(parser, controls=DRAWS)
    add_loading(parser)
    add_trust(parser)
    ours, theirs = divide(arguments[1:], "--ablation")
    options = parser.parse_args(ours)
    if not theirs:
        raise MemlabError(WHICH)
    paths = images_given(options)  # check paths before loading the model
    if options.out:
        searched = [*options.images, options.masks, options.donors]
        require_apart(options.out, [*paths, *model_files(options.model)], folders=searched)
        require_empty(options.out)
    ablations = parse_ablations(theirs)

    from memlab.ablations.needs import LEFT_OUT
    from memlab.inference.originals import find_originals

    originals = find_originals(options.images, options.masks, options.empty_masks, options.tables)
    model = load_model(options.model)
    found = model.ablate(
        originals,
        ablations,
        options.doses,
        controls=options.controls,
        empty_masks=options.empty_masks,
        donors=options.donors,
        batch_size=options.batch_size,
        num_workers=options.num_workers,
        device=options.device,
        seed=options.seed,
    )
    errors = dict(zip(found.rows["image"], found.rows["error"], strict=True))
    bad = report_unreadable(errors)
    if options.out:
        figures = _write(found, options.out, [options.figures] if options.figures else [])
        failures = {path: error for path, error in errors.items() if error}
        about = {"model": model.spec, "weights_id": model.weights_id()}
        write_manifest(options, ablations, originals, failures, **about)
        _print(found, options, figures)
    elif sys.stdout.isatty():
        _print(found, options, [])
    else:
        for note in found.notes:
            if not note.startswith(LEFT_OUT):  # printed already
                print(f"memlab: {note}", file=sys.stderr)  # noqa: T201
        found.effects.to_csv(sys.stdout, index=False)
    return 1 if bad else 0


def _write(found: Analysis, out: Path, formats: Sequence[str]) -> list[str]:
    """Write tables and figures; return the names of the figures."""
    from memlab import shards
    from memlab.drawing import also_as
    from memlab.reports.effect_files import write_effects

    make_folder(out)
    shards.write_table(found.rows, out, "rows")
    shards.write_table(found.changed, out, "conditions")
    with also_as(formats):
        return write_effects(found, out)


def _print(found: Analysis, options: argparse.Namespace, figures: Sequence[str]) -> None:
    """Print the table of effects, the notes and the files."""
    from memlab.reports.effect_table import print_effects
    from memlab.reports.terminal import plain_console

    console = plain_console()
    scored = int((found.rows["error"] == "").sum())
    console.print(f"ablate: {scored} images by {options.model}", markup=False)
    print_effects(found.conditions, console)
    for note in found.notes:
        console.print(f"note: {note}", markup=False)
    if options.out:
        files = f"{options.out}/effects.csv, rows.csv, conditions.csv, manifest.json"
        console.print(f"effects   {files}", markup=False, soft_wrap=True)
    for figure in figures:
        console.print(f"figure    {options.out}/{figure}", markup=False, soft_wrap=True)


def _first_positional(arguments: Sequence[str]) -> str | None:
    """Return the first argument that is neither an option nor the value of one."""
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            return argument
        if "=" not in argument and argument not in FLAGS:
            next(rest, None)
    return None


def _holds_images(path: Path) -> bool:
    """Return whether a path is an image, a table, or a folder of images that is no run."""
    from memlab.image_files import endings, images_in, what_is
    from memlab.run_folder import tested_checkpoint

    kind = what_is(path)
    if kind == "file":
        from memlab.data.tables import ENDINGS

        return path.suffix.lower() in {*endings(), *ENDINGS}
    if kind != "folder" or (path / "fit").is_dir():
        return False
    if any(tested_checkpoint(folder).is_file() for folder in (path, path.parent)):
        return False
    return next(images_in(path), None) is not None


def _apply(images: str, arguments: list[str]) -> int:
    """Write ablated images, as `memlab ablate IMAGES... --out DIR` did in earlier versions."""
    if "--out" not in [argument.partition("=")[0] for argument in arguments]:
        raise MemlabError(
            f"{images} holds images, and the first argument of memlab ablate is a model: "
            f"memlab ablate MODEL {images} --ablation NAME"
        )
    moved = "writing ablated images is now memlab apply; this version still does it here, too"
    print(f"memlab: {moved}", file=sys.stderr)  # noqa: T201

    from memlab.cli import apply

    return apply.run(["apply", *arguments])
