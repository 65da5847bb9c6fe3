"""Export of changed images: a folder per condition, and a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from memlab.ablations.evaluate import changed_images
from memlab.ablations.plan import Condition
from memlab.ablations.preparation import Preparation, Prepared
from memlab.data.donors import DonorList
from memlab.errors import MemlabError, OutputError
from memlab.files import make_folder, replacing
from memlab.imaging.pixels import to_bytes, to_unit
from memlab.inference.originals import Original
from memlab.masks.expression import mask_of
from memlab.paths import distinct_names, inside
from memlab.types import Context

DonorsOfSize = Callable[[tuple[int, int]], DonorList]

MANIFEST = "manifest.csv"
_DESCRIBED = ("condition", "ablation", "dose", "unit", "region", "role")


def export(
    originals: Sequence[Original],
    conditions: Sequence[Condition],
    out: Path,
    *,
    size: int | None = None,
    seed: int = 0,
    donors: DonorsOfSize | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Change images and write them as lossless PNG files, with `manifest.csv`.

    An image that cannot be read, or lacks what an ablation needs, is listed with the reason and
    not written.

    Args:
        originals: the images.
        conditions: conditions that change them.
        out: output folder.
        size: side in pixels that images are resized to; their own size by default.
        seed: seed of random changes.
        donors: returns the donors for swaps and insertions, given height and width of an image.
        advance: called with 1 after each image.

    Returns:
        The manifest, with a row per image, condition and draw: `image` (path in `out`, empty if
        nothing was written), `original`, `condition`, `ablation`, `dose`, `unit`, `region`, `role`,
        `draw`, `donor`, `eligible`, `reason` (why not). And the errors, by original.

    Raises:
        MemlabError: if every image failed; nothing is written then.
        OutputError: if a file cannot be written; the export stops, and the manifest lists the
            complete images.
    """
    rows: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    folders = distinct_names(condition.key for condition in conditions)
    try:
        for original in originals:
            preparation: Preparation | None = None
            unread = ""
            try:
                preparation = _prepared(original, conditions, size, seed, donors)
            except MemlabError as error:
                unread = failures[str(original.path)] = str(error)
            for condition in conditions:
                described = vars(condition.record)
                named = {name: described[name] for name in _DESCRIBED}
                for draw in range(condition.draws):
                    image, donor, reason = "", "", unread
                    if preparation is not None:
                        number = f"-{draw}" if condition.draws > 1 else ""
                        path = f"{folders[condition.key]}/{original.name}{number}.png"
                        try:
                            donor, reason = _write(preparation, condition, draw, inside(out, path))
                        except OutputError:  # the next image cannot be written either
                            raise
                        except MemlabError as error:
                            reason = failures[str(original.path)] = str(error)
                        image = "" if reason else path
                    rows.append(
                        {
                            "image": image,
                            "original": str(original.path),
                            **named,
                            "draw": draw,
                            "donor": donor,
                            "eligible": bool(image),
                            "reason": reason,
                        }
                    )
            advance(1)
    except OutputError as error:
        raise _stopped(error, rows, len(originals), out) from error
    manifest = pd.DataFrame(rows)
    if len(failures) == len(originals) and not manifest["eligible"].any():
        raise MemlabError(next(iter(failures.values())))
    try:
        _write_manifest(rows, out)
    except OutputError as error:
        raise _stopped(error, rows, len(originals), out) from error
    return manifest, failures


def _write_manifest(rows: Sequence[dict[str, Any]], out: Path) -> None:
    with replacing(out / MANIFEST) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)


def _stopped(error: OutputError, rows: list[dict[str, Any]], total: int, out: Path) -> OutputError:
    """Write the manifest of the complete images, and return the error to raise.

    On a full disk, the last images are deleted to make room for the manifest.

    Args:
        error: the error of the system.
        rows: rows of the manifest so far.
        total: number of images that were given.
        out: output folder.
    """
    listed_rows = list(rows)
    listed = False
    while listed_rows and not listed:
        try:
            _write_manifest(listed_rows, out)
            listed = True
        except OutputError:
            last = listed_rows[-1]["original"]
            for row in listed_rows:
                if row["original"] == last and row["image"]:
                    inside(out, row["image"]).unlink(missing_ok=True)
            listed_rows = [row for row in listed_rows if row["original"] != last]
    originals = {row["original"] for row in listed_rows}
    written = sum(bool(row["image"]) for row in listed_rows)
    manifest = f"{out / MANIFEST} lists what is complete" if listed else "there is no manifest"
    return OutputError(
        f"{error}; stopped at image {len(originals)} of {total}: {written} changed images are in "
        f"{out}, {manifest}"
    )


def _prepared(
    original: Original,
    conditions: Sequence[Condition],
    size: int | None,
    seed: int,
    donors: DonorsOfSize | None,
) -> Preparation:
    pixels, masks = original.read(size)
    images = to_unit(pixels[None])
    masks_of_region = {region: mask[None] for region, mask in masks.items()}
    annotated = {
        region: torch.tensor([original.annotated_for(region)]) for region in masks_of_region
    }
    context = Context([original.key], seed, masks=masks_of_region, annotated=annotated)
    donor_list = None if donors is None else donors((images.shape[2], images.shape[3]))
    return Preparation(images, context, conditions, donor_list)


def _write(
    preparation: Preparation, condition: Condition, draw: int, path: Path
) -> tuple[str, str]:
    """Write a changed image; return its donor, or the reason why it was not written."""
    prepared = preparation.prepare(condition, draw)
    if not prepared.eligible.any():
        return "", _why_not(condition, prepared)
    for _, changed in changed_images(preparation.images, prepared, condition, 1):
        _save(changed[0], path)
    donors = prepared.context.donors
    return ("" if donors is None else donors.ids[0]), ""


def _why_not(condition: Condition, prepared: Prepared) -> str:
    """Return a short reason why the first of some images cannot be changed."""
    ablation, context = condition.ablation, prepared.context
    for region in ablation.regions:
        masks = mask_of(region, context.masks)
        if masks is None:
            return f"no masks of {region!r}"
        if not context.annotated_for(region)[0]:
            return f"not annotated for {region}"
        mask = masks[0] > 0
        if not mask.any():
            return f"no {region} in it"
        if mask.all():
            return f"{region} everywhere"
    if ablation.needs_donors and context.donors is None:
        return "no donors"
    if condition.role == "control" and bool(ablation.eligible(context)[0]):
        return "no place for the control"
    return "lacks what the ablation needs"


def _save(image: Tensor, path: Path) -> None:
    array = to_bytes(image).permute(1, 2, 0).numpy()
    make_folder(path.parent)
    with replacing(path) as temporary:
        Image.fromarray(array).save(temporary)
