"""memlab ablate PICTURES... --ablation NAME --out DIR"""  # noqa: D415

from __future__ import annotations

import argparse
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.messages import OneLineErrors, known_error
from memlab.cli.names import expand_arguments, load_named
from memlab.cli.options import Options, at_least
from memlab.errors import MemlabError
from memlab.files import find_pictures, require_empty

if TYPE_CHECKING:
    import torch

    from memlab.ablations.base import Ablation, Context
    from memlab.ablations.donors import DonorList
    from memlab.ablations.originals import Original

    Found = tuple[list[Original], Callable[[tuple[int, int]], DonorList]]

DESCRIPTION = """\
Write the changed pictures themselves: one folder per condition, manifest.csv, contact-sheet.png.

Pictures keep their own size unless --size is given; they are written as PNG, without loss. A
folder of rendered scenes, or a data set with mask_REGION columns, brings its masks along, others
have --masks; pictures that lack what an ablation needs are listed in the manifest with the reason.

With --cards nothing is exported: measured is what each ablation changes besides its target, at
every dose of its ladder, on these pictures: cards.csv, a figure per ablation, and cards.md.

  memlab ablate photos/ --ablation blur --ablation.sigma 4 --ablation grayscale --out changed/
  memlab ablate scenes/ --ablation grayscale --ablation.region faces --controls 2 --out changed/
  memlab ablate photos/ --ablation all --cards --out cards/
"""

CARD_SIZE = 128
BATCH = 32


def run(arguments: list[str]) -> int:
    """Write changed pictures, or cards; returns the exit code."""
    parser = Options("ablate", DESCRIPTION)
    parser.add_argument("pictures", metavar="PICTURES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    parser.add_argument(
        "--ablation", action="append", help="a name; may be repeated; parameters follow it"
    )
    parser.add_argument("--doses", choices=("primary", "ladder"), default="primary")
    parser.add_argument(
        "--controls",
        type=at_least(0),
        default=0,
        help="also what effects are compared with, so many draws of each (%(default)s)",
    )
    parser.add_argument(
        "--masks",
        type=Path,
        help="where faces, people, text are: a mask store, a COCO file, or REGION/PICTURE.png",
    )
    parser.add_argument(
        "--donors",
        type=Path,
        help="folder of pictures that swaps and insertions take from (rendered scenes)",
    )
    parser.add_argument(
        "--cards", action="store_true", help="selectivity cards instead of the pictures"
    )
    parser.add_argument(
        "--size",
        type=at_least(16),
        help=f"bring pictures to this side in pixels first (their own; of cards {CARD_SIZE})",
    )
    parser.add_argument("--seed", type=int, default=0, help="of random ablations (%(default)s)")
    ours, theirs = _divide(arguments[1:])
    options = parser.parse_args(ours)
    if not theirs:
        raise MemlabError("which ablation? give --ablation NAME (see memlab plugins)")
    if options.cards:
        options.size = options.size or CARD_SIZE
        _refuse_beside_cards(options)
    require_empty(options.out)
    find_pictures(options.pictures)  # a mistyped path must not wait for imports
    ablations = _parse(expand_arguments(theirs))
    return _cards(options, ablations) if options.cards else _export(options, ablations)


def _refuse_beside_cards(options: argparse.Namespace) -> None:
    if options.controls or options.doses == "ladder":
        given = "--controls" if options.controls else "--doses"
        raise MemlabError(f"{given}: cards show the ladder, and no controls; leave it out")


def _divide(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split off --ablation and its parameters, which another parser reads."""
    ours, theirs = [], []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("--ablation"):
            ours.append(argument)
            continue
        theirs.append(argument)
        if "=" not in argument:
            value = next(rest, None)
            if value is not None:
                theirs.append(value)
    return ours, theirs


def _parse(arguments: list[str]) -> list[Ablation]:
    import jsonargparse

    from memlab.ablations.base import Ablation

    class Parser(OneLineErrors, jsonargparse.ArgumentParser):
        """The list of ablations alone."""

    load_named(arguments)
    parser = Parser()
    parser.add_argument("--ablation", type=list[Ablation])
    try:
        ablations: list[Ablation] = parser.instantiate(parser.parse_args(arguments)).ablation
    except Exception as error:
        raise known_error(error) or error from error
    if not ablations:
        raise MemlabError("which ablation? give --ablation NAME (see memlab plugins)")
    return ablations


def _found(options: argparse.Namespace, ablations: list[Ablation]) -> Found:
    """The pictures with their masks, and the donors."""
    from memlab.ablations.loose_donors import loose_donors
    from memlab.ablations.originals import find_originals, lenders

    originals = find_originals(options.pictures, options.masks)
    there = {region for original in originals for region in original.masks}
    lacking = [[name for name in part.regions if name not in there] for part in ablations]
    if all(lacking):
        raise MemlabError(
            f"{ablations[0].name}: these pictures have no masks of {lacking[0][0]!r}; give some "
            "with --masks PATH, or a folder that has them"
        )
    lent = None if options.donors is None else lenders(options.donors, originals)
    names = [original.name for original in originals]

    @functools.cache
    def donors(size: tuple[int, int]) -> DonorList:
        return loose_donors(size, names, options.seed, lent)

    return originals, donors


def _export(options: argparse.Namespace, ablations: list[Ablation]) -> int:
    from memlab.ablations.export import export
    from memlab.ablations.plan import plan
    from memlab.progress import progress
    from memlab.reports.contact_sheet import draw_contact_sheet

    conditions = plan(ablations, options.doses, options.controls)
    originals, donors = _found(options, ablations)
    with progress("Changing", len(originals)) as advance:
        manifest = export(
            originals,
            conditions,
            options.out,
            size=options.size,
            seed=options.seed,
            donors=donors,
            advance=advance,
        )
    draw_contact_sheet(manifest, options.out)
    written = int(manifest["eligible"].sum())
    print(f"{written} pictures, manifest.csv and contact-sheet.png in {options.out}")  # noqa: T201
    left = manifest.loc[~manifest["eligible"], ["condition", "reason"]]
    for (condition, reason), count in Counter(left.itertuples(index=False, name=None)).items():
        print(f"  {condition}: {count} not eligible: {reason}")  # noqa: T201
    return 0


def _cards(options: argparse.Namespace, ablations: list[Ablation]) -> int:
    import torch

    from memlab.ablations.base import Context
    from memlab.ablations.selectivity import example, selectivity
    from memlab.data.pixels import to_unit
    from memlab.files import make_folder, replacing
    from memlab.progress import progress
    from memlab.reports.cards import draw_card, write_page

    for name, count in Counter(ablation.name for ablation in ablations).items():
        if count > 1:
            raise MemlabError(f"--cards: {name} is given {count} times; a card shows one of it")
    originals, lending = _found(options, ablations)
    donors = lending((options.size, options.size))
    regions = {region for original in originals for region in original.masks}

    def batches() -> Iterator[tuple[torch.Tensor, Context]]:
        for start in range(0, len(originals), BATCH):
            some = originals[start : start + BATCH]
            pixels, masks = zip(*(one.read(options.size) for one in some), strict=True)
            none = torch.zeros(1, options.size, options.size, dtype=torch.uint8)
            known = {name: torch.stack([one.get(name, none) for one in masks]) for name in regions}
            names = [one.name for one in some]
            looked = {
                name: torch.tensor([one.looked_for(name) for one in some]) for name in regions
            }
            yield (
                to_unit(torch.stack(pixels)),
                Context(names, options.seed, 0, known, looked=looked),
            )
            advance(len(some))

    make_folder(options.out)
    with progress("Measuring", len(originals)) as advance:
        table = selectivity(batches(), ablations, donors)
    with replacing(options.out / "cards.csv") as temporary:
        table.to_csv(temporary, index=False)
    for ablation in ablations:
        own = table[table["ablation"] == ablation.name]
        shown = None
        if own["eligible"].any():
            with progress("", 1, shown=False) as advance:
                found = (example(*batch, ablation, donors) for batch in batches())
                shown = next((pictures for pictures in found if pictures), None)
        if shown:
            pictures = [picture.permute(1, 2, 0).numpy() for picture in shown]
            draw_card(own, pictures, options.out / f"{ablation.name}.png")
    measured = f"{len(originals)} pictures, brought to {options.size} × {options.size} pixels."
    write_page(table, ablations, options.out, measured)
    print(f"cards.csv, cards.md and a card per ablation in {options.out}")  # noqa: T201
    return 0
