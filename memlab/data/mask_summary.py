"""Summary of the masks of a data set, for messages and for the results."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.data.dataset import annotated_for
from memlab.errors import DataError
from memlab.imaging.decode import turned_unseen
from memlab.masks.base import EmptyMasks, MaskSource
from memlab.masks.coco import CocoMasks
from memlab.masks.files import MaskFiles

if TYPE_CHECKING:
    from memlab.data.table import Table

_IN_A_LINE = 6
"""Maximum number of regions whose counts are printed on one line."""

_CHOSEN = {
    True: "; threshold chosen on other images",
    False: "; threshold chosen on the same images",
}
"""Words for whether the evaluated images had a part in the choice of a detector's threshold."""

_SAMPLE = 1000
"""Number of images whose headers are read at the start of a run, spread evenly over larger sets."""


def describe_masks(table: Table, region: str) -> dict[str, Any]:
    """Return the origin of a region's masks, and the counts of annotated images per split.

    Returns:
        The source's own description; `annotated` and `found`: split to number of images.
    """
    source = table.masks[region]
    splits = table.rows["split"].astype("string").fillna("none")
    counts = {}
    for key, ids in (("annotated", source.annotated(region)), ("found", source.having(region))):
        there = splits[table.rows["id"].isin(set(ids))].value_counts()
        counts[key] = {str(split): int(there.get(split, 0)) for split in splits.unique()}
    return {**source.describe(region), **counts}


def quality_told(region: str, provenance: Mapping[str, Any]) -> list[str]:
    """Return the known precision and recall of a detector's masks, a line for each evaluation."""
    while "found_by" in provenance:  # an imported mask store
        provenance = provenance["found_by"]
    threshold = provenance.get("threshold")
    by = f"by {provenance.get('plugin')}{'' if threshold is None else f' from {threshold:g}'}"
    lines = [
        f"{by}: recall {one['found']} of {one['there']}, precision {one['right']} of "
        f"{one['marked']} ({one['on']}{_CHOSEN.get(one.get('held_out'), '')})"
        for one in provenance.get("quality", ())
        if one["region"] == region
    ]
    corrected = provenance.get("corrected", {})
    if corrected.get("rejected"):  # a review table without any cross may never have been reviewed
        count = corrected["detections" if "detections" in corrected else "finds"]  # former key
        lines.append(f"{corrected['rejected']} of {count} detections rejected by a person")
    return lines


def region_notes(masks: Mapping[str, MaskSource], regions: Iterable[str]) -> list[str]:
    """Return the notes on masks for a report: detector quality, and regions found in no image."""
    notes = []
    for region in sorted(set(regions) & set(masks)):
        source = masks[region]
        lines = quality_told(region, source.describe(region))
        notes += [f"Masks of {region}: {line}." for line in lines]
        if not source.having(region):
            notes.append(
                f"{region} were found in no image: cannot tell whether the model relies on them."
            )
    return notes


def annotation_notes(
    masks: Mapping[str, MaskSource], regions: Iterable[str], ids: Sequence[str]
) -> list[str]:
    """Return a sentence for each region that is not annotated in some of the images.

    Args:
        masks: mask source of each region.
        regions: the regions in question, all of them in `masks`.
        ids: ids of the images.
    """
    said = []
    for region in regions:
        missing = annotated_for(masks[region], region, ids).count(False)
        if missing:
            said.append(
                f"{missing} of {len(ids)} images are not annotated for {region}. They get no "
                f"matched controls and no pasted {region}; their background is used only if it has "
                "its own mask."
            )
    return said


def told(table: Table) -> list[str]:
    """Return the lines to print about the masks of a data set before a computation.

    For each region of the given masks: in how many images it is annotated, and in how many it is
    present. Also: which columns of the table the given masks replace; and, if many images have no
    mask, how such images count and which option changes that.
    """
    return [*_counts(table), *_replaced(table), *_without_masks(table)]


def announce(table: Table) -> None:
    """Print the lines of `told` on stderr."""
    for line in told(table):
        print(f"memlab: {line}", file=sys.stderr)  # noqa: T201


def with_masks(
    table: Table, masks: Path | None, empty: EmptyMasks | None, say: bool = True
) -> Table:
    """Add the masks that a command was given to a data set, and print a summary.

    Args:
        table: the data set, which may have mask columns of its own.
        masks: masks of any kind that `open_masks` reads; None to use only the columns.
        empty: meaning of an image without a mask; see `Table.with_masks`.
        say: whether to print the summary.

    Raises:
        DataError: if the masks cannot be read, or `empty` does not apply to them.
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
    """Check that `--data.empty_masks` applies to the masks of a data set.

    Raises:
        DataError: if the set has no masks, or a mask store, which records the annotated images.
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
    annotated = {region: ids & set(source.annotated(region)) for region in source.regions}
    counts = [
        f"{region}: annotated in {len(annotated[region])} of {len(ids)} images, "
        f"present in {len(ids & set(source.having(region)))}"
        for region in source.regions
    ]
    unknown = source.describe(source.regions[0])["unknown_files"]
    more = [f"{unknown} of its images are not in the data set"] if unknown else []
    if isinstance(source, CocoMasks):
        more += _turned(table, {name for some in annotated.values() for name in some})
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
    """Return how images without a mask count, for regions that over half of the images lack."""
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
        return f"{none}; if those images are not annotated, add --data.empty_masks unknown"
    return f"not annotated; if that means {none}, add --data.empty_masks none"


def _turned(table: Table, annotated: Container[str]) -> list[str]:
    """Warn if an annotated image has an EXIF rotation.

    COCO outlines must be drawn on the upright image.
    """
    ids, images = (table.rows[name].astype(str) for name in ("id", "image"))
    drawn = [image for name, image in zip(ids, images, strict=True) if name in annotated]
    some = drawn[:: len(drawn) // _SAMPLE + 1]
    turned = next((image for image in some if turned_unseen(table.root / image)), None)
    if turned is None:
        return []
    return [f"{turned} is stored turned: outlines must lie on it as people see it (EXIF applied)"]
