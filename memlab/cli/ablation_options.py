"""Options of the commands that ablate loose images: ablations, doses, masks, donors."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.data_options import add_empty_masks, add_masks, add_source
from memlab.cli.messages import OneLineErrors, known_error
from memlab.cli.names import expand_arguments, load_named
from memlab.cli.options import Options, at_least
from memlab.errors import MemlabError

if TYPE_CHECKING:
    from memlab.ablations.base import Ablation
    from memlab.inference.originals import Original

WHICH = "which ablation? give --ablation NAME (see memlab plugins)"


def add_ablations(parser: Options, controls: int) -> None:
    """Add the options for ablations, their doses and controls, masks, data and donors.

    Args:
        parser: parser of a command.
        controls: default number of draws of each control.
    """
    parser.add_argument(
        "--ablation", action="append", help="a name; may be repeated; parameters follow it"
    )
    parser.add_argument("--doses", choices=("primary", "ladder"), default="primary")
    parser.add_argument(
        "--controls",
        type=at_least(0),
        default=controls,
        help="draws of each control per image; 0: no controls, no nuisance baseline (%(default)s)",
    )
    add_masks(parser)
    add_empty_masks(parser)
    add_source(parser, split=False)
    parser.add_argument(
        "--donors",
        type=Path,
        help="folder of images that swaps and insertions take from (synthetic images)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of all random draws (%(default)s)"
    )


def parse_ablations(arguments: Sequence[str]) -> list[Ablation]:
    """Return the ablations that `--ablation NAME --ablation.PARAMETER VALUE ...` describe.

    Raises:
        MemlabError: if there is none, or a name or a value is wrong.
    """
    if not arguments:
        raise MemlabError(WHICH)
    expanded = expand_arguments(arguments)

    import jsonargparse

    from memlab.ablations.base import Ablation

    class Parser(OneLineErrors, jsonargparse.ArgumentParser):
        """Parser of the list of ablations."""

    load_named(expanded)
    parser = Parser()
    parser.add_argument("--ablation", type=list[Ablation])
    try:
        ablations: list[Ablation] = parser.instantiate(parser.parse_args(expanded)).ablation
    except Exception as error:
        raise known_error(error) or error from error
    if not ablations:
        raise MemlabError(WHICH)
    return ablations


def write_manifest(
    options: argparse.Namespace,
    ablations: Sequence[Ablation],
    originals: Sequence[Original],
    failures: Mapping[str, str],
    **more: Any,
) -> None:
    """Write the inputs and settings of a command to `manifest.json` in its folder.

    Args:
        options: options of the command.
        ablations: the ablations.
        originals: the images.
        failures: path to the reason for each image that could not be used.
        more: further entries.
    """
    from memlab.files import write_text
    from memlab.provenance import commit, now, versions

    sources = {(name, each) for original in originals for name, each in original.masks.items()}
    masks: dict[str, list[Any]] = {}
    for name, source in sorted(sources, key=lambda pair: (pair[0], pair[1].origin)):
        masks.setdefault(name, []).append(source.describe(name))
    record = {
        "images": [str(path) for path in options.images],
        "n": len(originals),
        "failed": failures,
        "ablations": [ablation.spec for ablation in ablations],
        "doses": options.doses,
        "controls": options.controls,
        **more,
        "seed": options.seed,
        "masks": masks,
        "empty_masks": options.empty_masks,
        "donors": str(options.donors or "synthetic images"),
        "time": now(),
        "versions": versions(),
        "commit": commit(),
    }
    write_text(options.out / "manifest.json", json.dumps(record, indent=2, default=str) + "\n")
