"""What is said about the masks of a data set: in a line, and in the results."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from memlab.data.decode import turned_unseen
from memlab.regions.coco import CocoMasks

if TYPE_CHECKING:
    from memlab.data.table import Table

_SAMPLE = 1000
"""Pictures whose headers are read at the start of a run, of larger data sets spread evenly."""


def describe_masks(table: Table, region: str) -> dict[str, Any]:
    """Where the masks of a region come from, and how many pictures of each split it was sought in.

    Returns:
        The source's own description; `looked_at` and `found`: split to number of pictures.
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
                f"{region} were found in no picture: cannot tell whether the model relies on them."
            )
    return notes


def told(table: Table) -> str:
    """How many pictures have which of the masks that were given, in a line."""
    source = table.given
    if source is None:
        return f"{table.origin}: no masks given"
    found = ", ".join(f"{region} in {len(source.having(region))}" for region in source.regions)
    looked_at = {name for region in source.regions for name in source.looked_at(region)}
    unknown = source.describe(source.regions[0])["unknown_files"]
    more = f"; {unknown} of its pictures are not in the data set" if unknown else ""
    if isinstance(source, CocoMasks):
        more += _turned(table, looked_at)
    return (
        f"{source.origin}: looked at {len(looked_at)} of {len(table.rows)} pictures: {found}{more}"
    )


def _turned(table: Table, looked_at: Container[str]) -> str:
    """A picture on which outlines that were drawn on its pixels as stored would lie elsewhere."""
    ids, images = (table.rows[name].astype(str) for name in ("id", "image"))
    drawn = [image for name, image in zip(ids, images, strict=True) if name in looked_at]
    some = drawn[:: len(drawn) // _SAMPLE + 1]
    turned = next((image for image in some if turned_unseen(table.root / image)), None)
    if turned is None:
        return ""
    return f"; {turned} is stored turned: outlines must lie on it as people see it (EXIF applied)"
