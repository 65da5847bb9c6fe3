"""Check of a data set: decodes every image once and reports everything that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.data.file_statistics import correlations, deciles, look, notable, with_facts
from memlab.data.mask_check import check_masks
from memlab.data.near_duplicates import near_pairs, require_imagehash
from memlab.data.table import Problem, Table
from memlab.numbers import interval, number
from memlab.progress import progress
from memlab.stats.measures import Statistic

SMALL = 32
"""Side in pixels below which an image is noted as small."""


@dataclass(frozen=True)
class Findings:
    """Results of a check.

    Args:
        problems: errors that must be fixed before any number can be trusted.
        notes: facts worth knowing that are not necessarily errors.
        images: one row per image with the facts about its file; see `with_facts`.
        correlations: correlation of each fact about the files with the score, by name.
        deciles: the same facts per tenth of the scores.
        near_bits: the most bits by which near duplicates differ; None if they were not searched
            for.
        near: near duplicates, sorted by leaks first, then by distance: columns `id`, `split`,
            `image`, `other_id`, `other_split`, `other_image`, `bits`, `leak` (in two splits).
        masks: a row per region, as in `memlab.data.mask_check.RegionCount`.
    """

    problems: list[Problem]
    notes: list[Problem]
    images: pd.DataFrame
    correlations: dict[str, Statistic]
    deciles: pd.DataFrame
    near_bits: int | None
    near: pd.DataFrame
    masks: pd.DataFrame


def check(table: Table, near_bits: int | None = None) -> Findings:
    """Find everything that is wrong with a data set, decoding each image once.

    Problems are missing, unreadable and truncated files, bad scores and counts, duplicates (files
    with the same bytes under two names), masks that do not fit their image, and leaks between
    splits: the same image, or nearly the same, in two splits. Notes are near duplicates inside a
    split, facts about the files that correlate with the score, images that are too small or too
    flat, and masks of images that the data set lacks.

    Args:
        table: the table as its source read it.
        near_bits: also search for near duplicates, whose perceptual hashes differ by at most this
            many of 64 bits; no search by default.

    Raises:
        MemlabError: if near duplicates are asked for and imagehash is not installed.
    """
    if near_bits is not None:
        require_imagehash()
    problems = table.problems()
    missing = {problem.id for problem in problems if problem.kind == "missing"}
    rows = table.rows.reset_index(drop=True)
    places = np.flatnonzero(~rows["id"].isin(missing))
    facts = {}
    with (
        progress("Looking at images", len(places)) as advance,
        ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool,
    ):
        paths = [table.root / str(rows["image"].iloc[place]) for place in places]
        found = pool.map(lambda path: look(path, near_bits is not None), paths)
        for place, fact in zip(places, found, strict=True):
            facts[int(place)] = fact
            if fact.error:
                problems.append(Problem("unreadable", str(rows["id"].iloc[place]), fact.error))
            advance(1)
    images = with_facts(rows, facts)
    near = _near(images, near_bits)
    associations = correlations(images)
    problems += [*_same_content(images), *_near_problems(near, leaks=True), *_score_range(rows)]
    problems += _count_problems(rows)
    masks, bad_masks, mask_notes = check_masks(table, images)
    problems += bad_masks
    notes = [
        *_near_problems(near, leaks=False),
        *_shortcut_notes(associations),
        *_image_notes(images, near_bits),
        *mask_notes,
    ]
    return Findings(
        problems,
        notes,
        images,
        associations,
        deciles(images),
        near_bits,
        near,
        masks,
    )


def _near(images: pd.DataFrame, bits: int | None) -> pd.DataFrame:
    # of files with the same bytes, one per split is enough: the rest are reported as duplicates
    known = images[images["hash"].notna()].drop_duplicates(["content", "split"])
    known = known.reset_index(drop=True)
    hashes = np.array([int(value) for value in known["hash"]], dtype=np.uint64)
    if bits is None:
        hashes = hashes[:0]
    with progress("Comparing images", len(hashes)) as advance:
        pairs, distance = near_pairs(hashes, bits or 0, advance)
    columns = ["id", "split", "image", "content"]
    one = known.iloc[pairs[:, 0]][columns].reset_index(drop=True)
    other = known.iloc[pairs[:, 1]][columns].reset_index(drop=True).add_prefix("other_")
    near = pd.concat([one, other], axis=1).assign(bits=distance)
    near = near[near["content"] != near["other_content"]]
    near = near.drop(columns=["content", "other_content"])
    near["leak"] = near["split"].notna() & near["other_split"].notna()
    near["leak"] &= near["split"] != near["other_split"]
    order = ["leak", "bits", "id", "other_id"]
    return near.sort_values(order, ascending=[False, True, True, True], ignore_index=True)


def _near_problems(near: pd.DataFrame, leaks: bool) -> Iterable[Problem]:
    for row in near[near["leak"] == leaks].itertuples():
        if leaks:
            where, kind = f"nearly the same image in {row.split} and {row.other_split}", "leak"
        else:
            where, kind = "nearly the same image", "duplicate"
        message = f"{row.id} ≈ {row.other_id}: {where}, {row.bits} of 64 bits differ"
        yield Problem(f"near {kind}", str(row.id), message)


def _same_content(images: pd.DataFrame) -> Iterable[Problem]:
    for _, group in images[images["readable"]].groupby("content", sort=False):
        names = sorted(set(group["id"].astype(str)))
        if len(names) < 2:  # the table itself reports an id that is listed twice
            continue
        splits = sorted(set(group["split"].dropna().astype(str)))
        shown = " = ".join(names)
        if len(splits) > 1:
            message = f"{shown}: the same image in {' and '.join(splits)}"
            yield Problem("two splits", names[0], message)
        else:
            yield Problem("duplicate", names[0], f"{shown}: the same image under two names")


def _score_range(rows: pd.DataFrame) -> Iterable[Problem]:
    scores = rows["score"].to_numpy(dtype=float)
    absent = rows[np.isnan(scores)]
    if 0 < len(absent) < len(scores):
        for name in absent["id"]:
            yield Problem("score", str(name), f"{name}: no score")
    known = scores[~np.isnan(scores)]
    if len(known) > 1 and np.ptp(known) == 0:
        message = f"all {len(known)} scores equal {known[0]:g}: there is nothing to learn"
        yield Problem("score", str(rows["id"].iloc[0]), message)


def _count_problems(rows: pd.DataFrame) -> Iterable[Problem]:
    if not {"hits", "n"} <= set(rows.columns):
        return
    whole = (rows["hits"] % 1 == 0) & (rows["n"] % 1 == 0)
    good = whole & (rows["hits"] >= 0) & (rows["hits"] <= rows["n"])
    for row in rows[~good & rows["hits"].notna() & rows["n"].notna()].itertuples():
        message = f"{row.id}: {row.hits:g} hits of {row.n:g} responses cannot be"
        yield Problem("counts", str(row.id), message)


def _shortcut_notes(associations: dict[str, Statistic]) -> Iterable[Problem]:
    for name, found in associations.items():
        if notable(found):
            message = (
                f"{name} correlates with the score: ρ = {number(found.value, 2, signed=True)} "
                f"{interval(found.low, found.high, 2, signed=True)}; a model may learn that instead"
            )
            yield Problem("shortcut", "", message)


def _image_notes(images: pd.DataFrame, near_bits: int | None) -> Iterable[Problem]:
    side = images[["width", "height"]].min(axis=1)
    kinds = {"small": (side < SMALL, f"smaller than {SMALL} pixels")}
    if near_bits is not None:
        flat = images["readable"] & images["hash"].isna()
        kinds["flat"] = (flat, "without contrast, left out of the search for near duplicates")
    for kind, (which, what) in kinds.items():
        found = images.loc[which, "id"].astype(str)
        if len(found):
            more = f" (first: {found.iloc[0]})" if len(found) > 1 else f": {found.iloc[0]}"
            count = f"{len(found)} image{'s' if len(found) > 1 else ''}"
            yield Problem(kind, found.iloc[0], f"{count} {what}{more}")
