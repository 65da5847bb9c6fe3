"""Check of the masks of a data set."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from memlab.data.table import Problem, Table
from memlab.errors import DataError
from memlab.imaging.decode import decode
from memlab.masks.base import MaskSource, require_fit
from memlab.progress import progress


@dataclass(frozen=True)
class RegionCount:
    """Counts for the masks of one region.

    Args:
        region: name of the region.
        annotated: readable images that are annotated for the region.
        found: images that have the region, including images that it covers entirely.
        empty: annotated images that do not have the region.
        everywhere: images that the region covers entirely, so that no matched control fits.
        wrong: masks that cannot be read or do not fit their image.
        area: median share of the image in %, over images that have the region; None without any.
    """

    region: str
    annotated: int
    found: int
    empty: int
    everywhere: int
    wrong: int
    area: float | None


COLUMNS = tuple(RegionCount.__dataclass_fields__)


def check_masks(
    table: Table, images: pd.DataFrame
) -> tuple[pd.DataFrame, list[Problem], list[Problem]]:
    """Read every mask of every readable image once.

    Args:
        table: the data set.
        images: facts about its files: `id`, `image`, `readable`, `width`, `height`.

    Returns:
        A row per region, as in `RegionCount`; problems (masks that cannot be read or do not fit
        their image); notes (masks of images that the data set lacks, regions that cover the whole
        image).
    """
    problems: dict[tuple[str, str], Problem] = {}
    notes: list[Problem] = []
    readable = images[images["readable"]].drop_duplicates("id")
    counts = []
    with (
        progress("Looking at masks", len(readable) * len(table.masks)) as advance,
        ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool,
    ):
        for region, source in table.masks.items():
            asked = set(source.annotated(region))
            some = readable[readable["id"].isin(asked)]
            advance(len(readable) - len(some))
            shares = []
            columns = (some[name] for name in ("id", "image", "width", "height"))
            looks = pool.map(functools.partial(_share, table, source, region), *columns)
            for name, share in zip(some["id"].astype(str), looks, strict=True):
                if isinstance(share, str):
                    problems.setdefault((name, share), Problem("mask", name, share))
                else:
                    shares.append(share)
                advance(1)
            counts.append(_counted(region, shares, len(some)))
    for source in dict.fromkeys(table.masks.values()):
        unknown = source.describe(source.regions[0]).get("unknown_files", 0)
        if unknown:
            plural = "s" * (unknown > 1)
            message = f"{source.origin}: masks of {unknown} image{plural} that the data set lacks"
            notes.append(Problem("mask", "", message))
    for one in counts:
        if one.everywhere:
            message = f"{one.region} cover the whole image in {one.everywhere} of {one.found}"
            notes.append(Problem("mask", "", message))
    return pd.DataFrame(map(asdict, counts), columns=COLUMNS), list(problems.values()), notes


def _share(
    table: Table, source: MaskSource, region: str, name: str, image: str, width: int, height: int
) -> float | str:
    """Return the share of an image that a region covers, or an error message."""
    try:
        mask = source.read(name, [region]).get(region)
        if mask is None:
            return 0.0
        # only masks with a thumbnail are compared with the pixels
        pixels = mask.inside if mask.thumbnail is None else decode(table.root / image)
        require_fit(mask, image, (int(width), int(height)), pixels)
        return float(mask.inside.float().mean())
    except DataError as error:
        return str(error)


def _counted(region: str, shares: Sequence[float], annotated: int) -> RegionCount:
    found = [share for share in shares if share > 0]
    return RegionCount(
        region,
        annotated,
        len(found),
        len(shares) - len(found),
        sum(share == 1 for share in found),
        annotated - len(shares),
        100 * float(np.median(found)) if found else None,
    )
