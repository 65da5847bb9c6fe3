"""Images of an audit: those that the model was not trained on, and those that may donate."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from memlab.data.contents import copies_among
from memlab.data.dataset import ImageDataset, annotated_for
from memlab.data.donors import DonorList, with_background
from memlab.data.geometry import Geometry
from memlab.data.module import MemorabilityData
from memlab.data.sources.base import Source
from memlab.data.split_use import SplitUse
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.masks.base import EmptyMasks
from memlab.scorer import Scorer

SHARED = 2
"""Most images of one draw that may share a donor from outside the audited images."""


@dataclass(frozen=True)
class Population:
    """Images that an audit speaks about, and other images of the table.

    Args:
        table: the whole table, with its masks.
        rows: images that the model was not trained on, in the table's order.
        others: images that it was trained on; they are not audited.
        geometry: how images are brought to the model's size.
        data: what was read, and how.
        notes: sentences for the reader.
    """

    table: Table
    rows: pd.DataFrame
    others: pd.DataFrame
    geometry: Geometry
    data: MemorabilityData
    notes: list[str] = field(default_factory=list)

    def images(self, rows: pd.DataFrame, strict: bool = True) -> ImageDataset:
        """Return images of the table with all its masks."""
        table = self.table
        return ImageDataset(rows, table.root, self.geometry, table.masks, strict=strict)

    def donors(self, audited: pd.DataFrame, seed: int) -> tuple[DonorList | None, str]:
        """Return the donors of the audited images, and where they come from.

        Donors are training images and images that are not audited. If they are so few that more
        than `SHARED` images would share one, the audited images donate to each other. A single
        image has no donor.

        Args:
            audited: the audited images, in order.
            seed: seed of the assignment.
        """
        ids = set(audited["id"])
        rest = self.rows[~self.rows["id"].isin(ids)]
        outside = self.others if len(self.others) >= len(audited) else _both(self.others, rest)
        among = len(outside) * SHARED < len(audited)
        pool = (audited if among else outside).reset_index(drop=True)
        if among and len(pool) < 2:
            return None, "nowhere: there is no other image"
        images = self.images(pool)
        having = {
            region: _places(source.having(region), images.ids)
            for region, source in self.table.masks.items()
        }
        donating = with_background(having, images.annotated)
        names = images.ids if among else None
        copies = copies_among(images.ids, images.images, self.table.root, {}) if among else {}
        evaluated = [str(name) for name in audited["id"]]
        made = DonorList(images, donating, len(pool), evaluated, seed, names, copies)
        if among:
            return made, (
                "the audited images give to each other, never to themselves, because there are "
                f"{len(outside)} others for {len(audited)}; intervals take images as independent, "
                "and may be too narrow for that"
            )
        trained = int(pool["id"].isin(self.others["id"]).sum())
        parts = [
            f"{count} {what}"
            for count, what in (
                (trained, "training images"),
                (len(pool) - trained, "images that are not audited"),
            )
            if count
        ]
        return made, " and ".join(parts)


def population(
    model: Scorer,
    name: str,
    root: Path,
    *,
    source: Source | None = None,
    split: int | str | None = None,
    masks: Path | None = None,
    empty_masks: EmptyMasks | None = None,
) -> Population:
    """Read a data set for the audit of a model.

    Args:
        model: the model; its run's split, if it keeps one, decides which images are audited.
        name: the model, as the user named it.
        root: the data set.
        source: its layout; recognised by default.
        split: number of its split, shares, or `all`.
        masks: masks of regions; by default those of the data set itself.
        empty_masks: meaning of an image without a mask.

    Raises:
        DataError: if the table cannot be read, or the model was trained on all images.
    """
    run = name if model.kept_split is not None or Path(name).exists() else None
    data = MemorabilityData(
        root,
        source,
        split,
        image_size=model.input_size,
        masks=masks,
        empty_masks=empty_masks,
        on_error="skip",
    )
    data.use = SplitUse("audit", model.kept_split, run, model.title)
    table = data.table
    for reason in list(data.skipped.values())[:2]:
        print(f"memlab: left out: {reason}", file=sys.stderr)  # noqa: T201
    notes = list(data.rule.notes) if data.rule is not None else []
    if data.skipped:
        notes.append(f"{len(data.skipped)} images of the table have no file and are left out.")
    rows = table.rows.reset_index(drop=True)
    trained = (rows["split"] == "train").fillna(False).to_numpy(dtype=bool)
    if rows.empty:
        raise DataError(f"{table.origin}: no images; give a folder or a table of images")
    if trained.all() and run is None:
        notes.append(
            f"{table.origin} has training images only, and {model.title} was not trained here: "
            "all are audited."
        )
        trained[:] = False
    if trained.all():
        raise DataError(
            f"{table.origin}: all {len(rows)} images trained {run}; give images that it was not "
            "trained on with --data.root"
        )
    geometry = Geometry(model.input_size, model.resampler)
    audited = rows[~trained].reset_index(drop=True)
    chosen = int((audited["split"] == "val").sum())
    if run is not None and chosen:
        notes.append(f"{chosen} of these {len(audited)} images were used to choose the model.")
    return Population(table, audited, rows[trained], geometry, data, notes)


def regions_of(table: Table, ids: list[str]) -> pd.DataFrame:
    """Return which images have each region: 1, 0, or NaN where an image is not annotated for it.

    Args:
        table: the table.
        ids: ids of some of its images.
    """
    columns = {}
    for region, source in table.masks.items():
        having = frozenset(source.having(region))
        known = annotated_for(source, region, ids)
        columns[region] = [
            float(name in having) if there else float("nan")
            for name, there in zip(ids, known, strict=True)
        ]
    return pd.DataFrame(columns, index=ids)


def _places(having: object, ids: list[str]) -> list[int]:
    there = frozenset(having)  # type: ignore[call-overload]
    return [place for place, name in enumerate(ids) if name in there]


def _both(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([first, second], ignore_index=True)
