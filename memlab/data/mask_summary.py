"""What is said about the masks of a data set: in a line, and in the results."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.errors import DataError
from memlab.imaging.decode import turned_unseen
from memlab.masks.base import EmptyMasks
from memlab.masks.coco import CocoMasks
from memlab.masks.files import MaskFiles

if TYPE_CHECKING:
    from memlab.data.table import Table

_IN_A_LINE = 6
"""Regions whose counts stand in one line; of more, each has its own."""

_SAMPLE = 1000
"""Images whose headers are read at the start of a run, of larger data sets spread evenly."""


def describe_masks(table: Table, region: str) -> dict[str, Any]:
    """Where the masks of a region come from, and how many images of each split it was sought in.

    Returns:
        The source's own description; `looked_at` and `found`: split to number of images.
    """
    source = table.masks[region]
    splits = table.rows["split"].astype("string").fillna("none")
    counts = {}
    for key, ids in (("looked_at", source.looked_at(region)), ("found", source.having(region))):
        there = splits[table.rows["id"].isin(set(ids))].value_counts()
        counts[key] = {str(split): int(there.get(split, 0)) for split in splits.unique()}
    return {**source.describe(region), **counts}


def quality_told(region: str, provenance: Mapping[str, Any]) -> list[str]:
    """How good the finder of some masks is known to be, a line for each count."""
    while "found_by" in provenance:  # a store that was imported
        provenance = provenance["found_by"]
    threshold = provenance.get("threshold")
    by = f"by {provenance.get('plugin')}{'' if threshold is None else f' from {threshold:g}'}"
    lines = [
        f"{by}: recall {one['found']} of {one['there']}, precision {one['right']} of "
        f"{one['marked']} ({one['on']})"
        for one in provenance.get("quality", ())
        if one["region"] == region
    ]
    corrected = provenance.get("corrected", {})
    if corrected.get("rejected"):  # a table without a cross may be one that nobody went through
        lines.append(f"{corrected['rejected']} of {corrected['finds']} finds rejected by a person")
    return lines


def region_notes(table: Table, regions: Iterable[str]) -> list[str]:
    """What must be said of masks with a result: how good they are, where there are none."""
    notes = []
    for region in sorted(set(regions) & set(table.masks)):
        source = table.masks[region]
        lines = quality_told(region, source.describe(region))
        notes += [f"Masks of {region}: {line}." for line in lines]
        if not source.having(region):
            notes.append(
                f"{region} were found in no image: cannot tell whether the model relies on them."
            )
    return notes


def told(table: Table) -> list[str]:
    """What must be said of the masks of a data set before anything is computed, in lines.

    For each region of masks that were given, in how many images it is annotated and in how many it
    is present; which columns of the table they replace; and where many images have no mask, what
    that counts as, and the option that says otherwise.
    """
    return [*_counts(table), *_replaced(table), *_without_masks(table)]


def announce(table: Table) -> None:
    """Print what `told` returns, on stderr."""
    for line in told(table):
        print(f"memlab: {line}", file=sys.stderr)  # noqa: T201


def with_masks(
    table: Table, masks: Path | None, empty: EmptyMasks | None, say: bool = True
) -> Table:
    """Give a data set the masks that a command was asked to use, and say what there is.

    Args:
        table: the data set, perhaps with mask columns of its own.
        masks: of any kind that `open_masks` knows; None for the columns alone.
        empty: what an image has of which there is no mask; see `Table.with_masks`.
        say: whether to print it.

    Raises:
        DataError: if the masks cannot be read, or `empty` has nothing to say of them.
    """
    if masks is not None:
        table = table.with_masks(masks, empty)
    elif empty is not None:
        table = replace(table, empty_masks=empty)
    require_use(table, empty)
    if say:
        announce(table)
    return table


def require_use(table: Table, empty_masks: str | None) -> None:
    """See that `--data.empty_masks` means something for the masks of a data set.

    Raises:
        DataError: if it has none, or a store that knows by itself where somebody looked.
    """
    if empty_masks is None or any(
        isinstance(source, MaskFiles | CocoMasks) for source in table.masks.values()
    ):
        return
    why = (
        f"{table.origin}: has no masks"
        if table.given is None
        else f"{table.given.origin}: a mask store says itself which images are annotated"
    )
    raise DataError(f"{why}; leave --data.empty_masks out")


def _counts(table: Table) -> list[str]:
    source = table.given
    if source is None:
        return []
    ids = set(table.rows["id"].astype(str))
    looked = {region: ids & set(source.looked_at(region)) for region in source.regions}
    counts = [
        f"{region}: annotated in {len(looked[region])} of {len(ids)} images, "
        f"present in {len(ids & set(source.having(region)))}"
        for region in source.regions
    ]
    unknown = source.describe(source.regions[0])["unknown_files"]
    more = [f"{unknown} of its images are not in the data set"] if unknown else []
    if isinstance(source, CocoMasks):
        more += _turned(table, {name for some in looked.values() for name in some})
    if len(counts) <= _IN_A_LINE:
        return [f"masks {source.origin}: {'; '.join([*counts, *more])}"]
    return [f"masks {source.origin}: {line}" for line in [*counts, *more]]


def _replaced(table: Table) -> list[str]:
    own = table.mask_columns
    taken = [region for region in own if table.given is not None and region in table.given.regions]
    if not taken or table.given is None:
        return []
    columns = ", ".join(own[region] for region in taken)
    return [
        f"masks of {', '.join(taken)} come from {table.given.origin}; {table.origin} has them, "
        f"too ({columns}), which are not used"
    ]


def _without_masks(table: Table) -> list[str]:
    """Where more than half of the images have no mask of a region: what that counts as."""
    lines = []
    count = len(table.rows)
    for region, source in table.masks.items():
        if source is table.given:
            if isinstance(source, MaskFiles):
                empty, what = count - len(source.files[region]), f"images have no file of {region}"
            elif isinstance(source, CocoMasks) and region == source.regions[0]:
                empty, what = count - source.listed, "images are not listed"
            else:
                continue
            asked = source.empty == "unknown"
            where = source.origin
        elif isinstance(source, MaskFiles):
            empty, what = count - len(source.files[region]), "cells are empty"
            asked = table.empty_masks is None
            where = f"{table.origin}: {table.mask_columns[region]}"
        else:
            continue
        if asked and empty > count / 2:
            lines.append(
                f"{where}: {empty} of {count} {what} and count as {_meaning(source, region)}"
            )
    return lines


def _meaning(source: MaskFiles | CocoMasks, region: str) -> str:
    none = f'"no {region}"' if isinstance(source, MaskFiles) else "without any region"
    if source.empty == "none":
        return f"{none}; if nobody annotated those images, add --data.empty_masks unknown"
    return f"not annotated; if that means {none}, add --data.empty_masks none"


def _turned(table: Table, looked_at: Container[str]) -> list[str]:
    """An image on which outlines that were drawn on its pixels as stored would lie elsewhere."""
    ids, images = (table.rows[name].astype(str) for name in ("id", "image"))
    drawn = [image for name, image in zip(ids, images, strict=True) if name in looked_at]
    some = drawn[:: len(drawn) // _SAMPLE + 1]
    turned = next((image for image in some if turned_unseen(table.root / image)), None)
    if turned is None:
        return []
    return [f"{turned} is stored turned: outlines must lie on it as people see it (EXIF applied)"]
