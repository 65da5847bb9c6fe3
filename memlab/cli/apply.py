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
from memlab.registry import say_renamed

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
folder of synthetic images, or a data set with mask_REGION columns, brings its masks along, others
have --data.masks; images that lack what an ablation needs are listed in the manifest, with the
reason.

With --selectivity-profile, memlab writes no images. It measures which other image statistics each
ablation changes besides its target, at every dose of its ladder: selectivity-profiles.csv, a figure
per ablation, and selectivity-profiles.md.

  memlab apply photos/ --ablation blur --ablation.sigma 4 --ablation grayscale --out changed/
  memlab apply synthetic/ --ablation grayscale --ablation.region faces --controls 2 --out changed/
  memlab apply photos/ --ablation all --selectivity-profile --out profiles/
"""

PROFILE_SIZE = 128
BATCH = 32


def run(arguments: list[str]) -> int:
    """Write changed images or selectivity profiles; return the exit code."""
    parser = Options("apply", DESCRIPTION)
    parser.add_argument("images", metavar="IMAGES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    add_ablations(parser, controls=0)
    parser.add_argument(
        "--selectivity-profile",
        action="store_true",
        help="selectivity profiles instead of the images",
    )
    parser.add_argument(
        "--size",
        type=at_least(16),
        help=f"bring images to this side in pixels first (their own; of profiles {PROFILE_SIZE})",
    )
    if "--cards" in arguments:  # former name
        say_renamed("--cards", "--selectivity-profile")
        arguments = ["--selectivity-profile" if word == "--cards" else word for word in arguments]
    ours, theirs = divide(arguments[1:], "--ablation")
    options = parser.parse_args(ours)
    if not theirs:
        raise MemlabError(WHICH)
    if options.selectivity_profile:
        options.size = options.size or PROFILE_SIZE
        _refuse_beside_profiles(options)
    paths = images_given(options)  # check paths before the slow imports
    searched = [*options.images, options.masks, options.donors]
    require_apart(options.out, paths, folders=searched)
    require_empty(options.out)
    ablations = parse_ablations(theirs)
    return (
        _profiles(options, ablations)
        if options.selectivity_profile
        else _export(options, ablations)
    )


def _refuse_beside_profiles(options: argparse.Namespace) -> None:
    if options.controls or options.doses == "ladder":
        option = "--controls" if options.controls else "--doses"
        raise MemlabError(
            f"{option}: selectivity profiles show the ladder, and no controls; leave it out"
        )


def _found(options: argparse.Namespace, ablations: list[Ablation]) -> Found:
    """Return the images with their masks, and the donors."""
    from memlab.inference.loose_donors import loose_donors
    from memlab.inference.originals import donor_images, find_originals
    from memlab.masks.base import known_regions

    originals = find_originals(options.images, options.masks, options.empty_masks, options.tables)
    if options.empty_masks and not any(original.masks for original in originals):
        raise MemlabError("these images have no masks; leave --data.empty_masks out")
    known = known_regions({region for original in originals for region in original.masks})
    lacking = [[name for name in part.regions if name not in known] for part in ablations]
    if all(lacking):
        raise MemlabError(
            f"{ablations[0].name}: these images have no masks of {lacking[0][0]!r}; give some "
            "with --data.masks PATH, or a folder that has them"
        )
    donated = (
        None
        if options.donors is None
        else donor_images(options.donors, originals, options.empty_masks)
    )
    keys = [original.key for original in originals]

    @functools.cache
    def donors(size: tuple[int, int]) -> DonorList:
        return loose_donors(size, keys, options.seed, donated)

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
    files = "manifest.csv, manifest.json and contact-sheet.png"
    print(f"{written} images, {files} in {options.out}")  # noqa: T201
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
        summary = f"{len(failures)} of {of} images failed: manifest.json"
        print(f"memlab: {summary}", file=sys.stderr)  # noqa: T201
    return 1 if failures else 0


def _profiles(options: argparse.Namespace, ablations: list[Ablation]) -> int:
    import torch

    from memlab.files import make_folder, replacing
    from memlab.imaging.pixels import to_unit
    from memlab.progress import progress
    from memlab.reports.selectivity_profile import draw_profile, write_page
    from memlab.types import Context
    from memlab.validation.selectivity import example, selectivity

    for name, count in Counter(ablation.name for ablation in ablations).items():
        if count > 1:
            raise MemlabError(
                f"--selectivity-profile: {name} is given {count} times; give each ablation once"
            )
    originals, donors_at = _found(options, ablations)
    donors = donors_at((options.size, options.size))
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
            readable, pixels, masks = zip(*read, strict=True)
            none = torch.zeros(1, options.size, options.size, dtype=torch.uint8)
            known = {name: torch.stack([one.get(name, none) for one in masks]) for name in regions}
            annotated = {
                name: torch.tensor([one.annotated_for(name) for one in readable])
                for name in regions
            }
            keys = [one.key for one in readable]
            yield (
                to_unit(torch.stack(pixels)),
                Context(keys, options.seed, 0, known, annotated=annotated),
            )
        if len(failures) == len(originals):
            raise MemlabError(next(iter(failures.values())))

    make_folder(options.out)
    with progress("Measuring", len(originals)) as advance:
        table = selectivity(batches(), ablations, donors)
    with replacing(options.out / "selectivity-profiles.csv") as temporary:
        table.to_csv(temporary, index=False)
    for ablation in ablations:
        rows = table[table["ablation"] == ablation.name]
        examples = None
        if rows["eligible"].any():
            with progress("", 1, shown=False) as advance:
                drawn = (example(*batch, ablation, donors) for batch in batches())
                examples = next((images for images in drawn if images), None)
        if examples:
            images = [image.permute(1, 2, 0).numpy() for image in examples]
            draw_profile(rows, images, options.out / f"{ablation.name}.png")
    count, side = len(originals) - len(failures), options.size
    measured = f"{count} images, resized to {side} × {side} pixels."
    write_page(table, ablations, options.out, measured)
    write_manifest(options, ablations, originals, failures, size=options.size)
    files = "selectivity-profiles.csv, .md, manifest.json and a figure per ablation"
    print(f"{files} in {options.out}")  # noqa: T201
    return _report(failures, len(originals))
