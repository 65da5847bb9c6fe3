"""memlab apply IMAGES... --ablation NAME --out DIR"""  # noqa: D415

from __future__ import annotations

import argparse
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.ablation_options import WHICH, add_ablations, parse_ablations, write_manifest
from memlab.cli.data_options import images_given
from memlab.cli.options import Options, at_least, divide
from memlab.errors import MemlabError
from memlab.files import require_empty
from memlab.outputs import require_apart

if TYPE_CHECKING:
    import torch

    from memlab.ablations.base import Ablation
    from memlab.data.donors import DonorList
    from memlab.inference.originals import Original
    from memlab.types import Context

    Found = tuple[list[Original], Callable[[tuple[int, int]], DonorList]]

DESCRIPTION = """\
Write the changed images themselves: one folder per condition, a manifest, contact-sheet.png.

Images keep their own size unless --size is given; they are written as PNG, without loss. A
folder of rendered scenes, or a data set with mask_REGION columns, brings its masks along, others
have --data.masks; images that lack what an ablation needs are listed in the manifest, with the
reason.

With --cards nothing is exported: measured is what each ablation changes besides its target, at
every dose of its ladder, on these images: cards.csv, a figure per ablation, and cards.md.

  memlab apply photos/ --ablation blur --ablation.sigma 4 --ablation grayscale --out changed/
  memlab apply scenes/ --ablation grayscale --ablation.region faces --controls 2 --out changed/
  memlab apply photos/ --ablation all --cards --out cards/
"""

CARD_SIZE = 128
BATCH = 32


def run(arguments: list[str]) -> int:
    """Write changed images or selectivity profiles; return the exit code."""
    parser = Options("apply", DESCRIPTION)
    parser.add_argument("images", metavar="IMAGES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    add_ablations(parser, controls=0)
    parser.add_argument(
        "--cards", action="store_true", help="selectivity cards instead of the images"
    )
    parser.add_argument(
        "--size",
        type=at_least(16),
        help=f"bring images to this side in pixels first (their own; of cards {CARD_SIZE})",
    )
    ours, theirs = divide(arguments[1:], "--ablation")
    options = parser.parse_args(ours)
    if not theirs:
        raise MemlabError(WHICH)
    if options.cards:
        options.size = options.size or CARD_SIZE
        _refuse_beside_cards(options)
    paths = images_given(options)  # check paths before the slow imports
    searched = [*options.images, options.masks, options.donors]
    require_apart(options.out, paths, folders=searched)
    require_empty(options.out)
    ablations = parse_ablations(theirs)
    return _cards(options, ablations) if options.cards else _export(options, ablations)


def _refuse_beside_cards(options: argparse.Namespace) -> None:
    if options.controls or options.doses == "ladder":
        given = "--controls" if options.controls else "--doses"
        raise MemlabError(f"{given}: cards show the ladder, and no controls; leave it out")


def _found(options: argparse.Namespace, ablations: list[Ablation]) -> Found:
    """Return the images with their masks, and the donors."""
    from memlab.inference.loose_donors import loose_donors
    from memlab.inference.originals import find_originals, lenders
    from memlab.masks.base import known_regions

    originals = find_originals(options.images, options.masks, options.empty_masks, options.tables)
    if options.empty_masks and not any(original.masks for original in originals):
        raise MemlabError("these images have no masks; leave --data.empty_masks out")
    there = known_regions({region for original in originals for region in original.masks})
    lacking = [[name for name in part.regions if name not in there] for part in ablations]
    if all(lacking):
        raise MemlabError(
            f"{ablations[0].name}: these images have no masks of {lacking[0][0]!r}; give some "
            "with --data.masks PATH, or a folder that has them"
        )
    lent = (
        None if options.donors is None else lenders(options.donors, originals, options.empty_masks)
    )
    keys = [original.key for original in originals]

    @functools.cache
    def donors(size: tuple[int, int]) -> DonorList:
        return loose_donors(size, keys, options.seed, lent)

    return originals, donors


def _export(options: argparse.Namespace, ablations: list[Ablation]) -> int:
    from memlab.ablations.plan import plan
    from memlab.export.images import export
    from memlab.progress import progress
    from memlab.reports.contact_sheet import draw_contact_sheet

    conditions = plan(ablations, options.doses, options.controls)
    originals, donors = _found(options, ablations)
    with progress("Changing", len(originals)) as advance:
        manifest, failures = export(
            originals,
            conditions,
            options.out,
            size=options.size,
            seed=options.seed,
            donors=donors,
            advance=advance,
        )
    draw_contact_sheet(manifest, options.out)
    write_manifest(options, ablations, originals, failures, size=options.size)
    written = int(manifest["eligible"].sum())
    told = "manifest.csv, manifest.json and contact-sheet.png"
    print(f"{written} images, {told} in {options.out}")  # noqa: T201
    left = manifest.loc[~manifest["eligible"], ["condition", "reason"]]
    for (condition, reason), count in Counter(left.itertuples(index=False, name=None)).items():
        if reason not in failures.values():
            print(f"  {condition}: {count} not eligible: {reason}")  # noqa: T201
    return _report(failures, len(originals))


def _report(failures: Mapping[str, str], of: int) -> int:
    """Print each distinct failure once, at most three; return the exit code."""
    reasons = list(dict.fromkeys(failures.values()))
    for reason in reasons[:3]:
        print(f"memlab: {reason}", file=sys.stderr)  # noqa: T201
    if failures:
        told = f"{len(failures)} of {of} images failed: manifest.json"
        print(f"memlab: {told}", file=sys.stderr)  # noqa: T201
    return 1 if failures else 0


def _cards(options: argparse.Namespace, ablations: list[Ablation]) -> int:
    import torch

    from memlab.files import make_folder, replacing
    from memlab.imaging.pixels import to_unit
    from memlab.progress import progress
    from memlab.reports.cards import draw_card, write_page
    from memlab.types import Context
    from memlab.validation.selectivity import example, selectivity

    for name, count in Counter(ablation.name for ablation in ablations).items():
        if count > 1:
            raise MemlabError(f"--cards: {name} is given {count} times; a card shows one of it")
    originals, lending = _found(options, ablations)
    donors = lending((options.size, options.size))
    regions = {region for original in originals for region in original.masks}
    failures: dict[str, str] = {}

    def batches() -> Iterator[tuple[torch.Tensor, Context]]:
        for start in range(0, len(originals), BATCH):
            read = []
            for one in originals[start : start + BATCH]:
                try:
                    read.append((one, *one.read(options.size)))
                except MemlabError as error:
                    failures[str(one.path)] = str(error)
                advance(1)
            if not read:
                continue
            some, pixels, masks = zip(*read, strict=True)
            none = torch.zeros(1, options.size, options.size, dtype=torch.uint8)
            known = {name: torch.stack([one.get(name, none) for one in masks]) for name in regions}
            looked = {
                name: torch.tensor([one.looked_for(name) for one in some]) for name in regions
            }
            keys = [one.key for one in some]
            yield to_unit(torch.stack(pixels)), Context(keys, options.seed, 0, known, looked=looked)
        if len(failures) == len(originals):
            raise MemlabError(next(iter(failures.values())))

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
                shown = next((images for images in found if images), None)
        if shown:
            images = [image.permute(1, 2, 0).numpy() for image in shown]
            draw_card(own, images, options.out / f"{ablation.name}.png")
    count, side = len(originals) - len(failures), options.size
    measured = f"{count} images, brought to {side} × {side} pixels."
    write_page(table, ablations, options.out, measured)
    write_manifest(options, ablations, originals, failures, size=options.size)
    told = "cards.csv, cards.md, manifest.json and a card per ablation"
    print(f"{told} in {options.out}")  # noqa: T201
    return _report(failures, len(originals))
