"""Review of masks: sheets of numbered detections, and a table to reject wrong detections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from torch import Tensor

from memlab.data.columns import normal
from memlab.data.geometry import squashed_mask
from memlab.data.table import Table
from memlab.data.tables import read_text_table
from memlab.errors import DataError
from memlab.files import make_folder, replacing, require_empty
from memlab.imaging.decode import decode
from memlab.masks.base import MaskSource, require_fit
from memlab.masks.store import MaskStore
from memlab.masks.stored import StoredMasks
from memlab.paths import distinct_names, inside, shown

TABLE = "rejects.csv"
KEYS = ["region", "id", "number"]
_LONGEST = 100
"""Maximum bytes of a region's name in the file name of a sheet."""
_SIDE, _COLUMNS, _ROWS, _LINE = 240, 6, 6, 14
_TOUCHING = np.ones((3, 3), dtype=int)


@dataclass
class Reviewed:
    """Counts of a review.

    Args:
        detections: number of detections.
        sheets: number of sheets.
        failures: the error for each image that could not be drawn, by id.
    """

    detections: int = 0
    sheets: int = 0
    failures: dict[str, str] = field(default_factory=dict)


def write_review(
    table: Table, masks: MaskSource, folder: Path, advance: Callable[[int], None] = lambda _: None
) -> Reviewed:
    """Write sheets `REGION-001.jpg`, ..., with outlined and numbered detections, and `rejects.csv`.

    A detection is a connected component of a mask. The table has a row for each detection, with its
    area share of the image and an empty column `reject`. Any text in that column rejects the
    detection.

    Args:
        table: the images.
        masks: masks of these images, of any kind.
        folder: an empty or new folder.
        advance: called with the number of images and regions done since the last call.
    """
    require_empty(folder)
    make_folder(folder)
    images = dict(zip(table.rows["id"].astype(str), table.rows["image"].astype(str), strict=True))
    stored = masks.stored_ids if isinstance(masks, StoredMasks) else {}
    sheets = distinct_names(masks.regions, _LONGEST)
    done = Reviewed()
    rows: list[dict[str, Any]] = []
    for region in masks.regions:
        cells: list[Image.Image] = []
        page = 0
        having = sorted(name for name in masks.having(region) if name in images)
        for index, name in enumerate(having):
            try:
                pixels = decode(table.root / images[name])
                numbers = _numbered(masks, name, region, pixels)
                cells.append(_cell(pixels.permute(1, 2, 0).numpy(), numbers, name))
            except DataError as error:
                done.failures[name] = str(error)
            else:
                shares = np.bincount(numbers.ravel())[1:] / numbers.size
                # the store's own id, which another data set may spell differently
                key = {"region": region, "id": stored.get(name, name)}
                rows += [
                    {**key, "number": at, "share": share, "reject": ""}
                    for at, share in enumerate(shares.round(5), start=1)
                ]
            if cells and (len(cells) == _COLUMNS * _ROWS or index == len(having) - 1):
                page += 1
                _lay(cells, inside(folder, f"{sheets[region]}-{page:03d}.jpg"))
                cells = []
            advance(1)
        done.sheets += page
    with replacing(folder / TABLE) as temporary:
        columns = [*KEYS, "share", "reject"]
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)
    done.detections = len(rows)
    return done


def _numbered(masks: MaskSource, name: str, region: str, pixels: Tensor) -> NDArray[np.int32]:
    """Return the numbered detections in an image, at the size of the image."""
    mask = masks.read(name, [region])[region]
    height, width = pixels.shape[1:]
    require_fit(mask, name, (width, height), pixels)
    return detections(squashed_mask(mask.inside, (height, width))[0].numpy())


def reject(store: MaskStore, path: Path, corrected: MaskStore) -> tuple[int, int]:
    """Copy a store without the rejected detections.

    Args:
        store: the original store, which is not changed.
        path: `rejects.csv`, filled in.
        corrected: an empty store.

    Returns:
        Number of rejected detections, and number of detections in the table.

    Raises:
        DataError: if the table does not belong to this store; names the row.
    """
    if corrected.regions:
        raise DataError(f"{corrected.folder}: holds masks already; choose another --out")
    content, listed = _listed(path)
    crossed = listed[listed["reject"].str.strip() != ""]
    for row in crossed.itertuples():
        if row.region not in store.areas.get(str(row.id), ()):
            raise DataError(
                f"{path}: {store.folder} has no {shown(str(row.region))[1:-1]} of "
                f"{shown(str(row.id))[1:-1]}"
            )
    wrong: dict[tuple[str, str], set[int]] = {
        (str(key[0]), str(key[1])): set(rows["number"])
        for key, rows in crossed.groupby(["id", "region"])
    }
    _require_numbers(store, wrong, path)  # before anything is written
    for region, provenance in store.regions.items():
        of = listed[listed["region"] == region]
        correction = {
            "table": str(path),
            "sha256": sha256(content).hexdigest(),
            "detections": len(of),
            "rejected": int((of["reject"].str.strip() != "").sum()),
        }
        corrected.claim([region], {**provenance, "corrected": correction})
    for name, areas in store.areas.items():
        masks, thumbnail = {}, None
        for region, mask in store.read(name, list(areas)).items():
            numbers = detections(mask.inside[0].numpy())
            out = wrong.get((name, region), set())
            kept = (numbers > 0) & ~np.isin(numbers, list(out))
            masks[region], thumbnail = torch.from_numpy(kept)[None], mask.thumbnail
        if thumbnail is not None:
            corrected.write(name, masks, thumbnail)
    corrected.close({})
    return len(crossed), len(listed)


def detections(inside: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Number connected components, with diagonal connections: (H, W) of 0 and 1 to 0, 1, 2, ...."""
    numbers, _ = ndimage.label(inside, structure=_TOUCHING)
    return np.asarray(numbers, dtype=np.int32)


def _require_numbers(
    store: MaskStore, wrong: Mapping[tuple[str, str], set[int]], path: Path
) -> None:
    for (name, region), out in wrong.items():
        count = int(detections(store.read(name, [region])[region].inside[0].numpy()).max())
        strange = [number for number in out if not 1 <= number <= count]
        if strange:
            raise DataError(
                f"{path}: {name} has {count} detections of {region}, not number {strange[0]}; is "
                "the table of another store?"
            )


def _listed(path: Path) -> tuple[bytes, pd.DataFrame]:
    """Read `rejects.csv`, also as spreadsheets save it: with a byte-order mark, `;` or tabs."""
    content = b""
    try:
        content = path.read_bytes()
        listed = read_text_table(path, option=None).frame.reset_index(drop=True)
        listed = listed.rename(columns={name: normal(name) for name in listed.columns})
        lacking = [name for name in (*KEYS, "reject") if name not in listed]
        if lacking:
            columns = ", ".join(map(str, listed.columns))[:80]
            raise ValueError(f"no column {', '.join(lacking)}; there: {columns}")
        listed = listed.fillna("")
        bad = listed.loc[~listed["number"].str.fullmatch(r"\s*\d{1,9}(\.0*)?\s*"), "number"]
        if len(bad):
            raise ValueError(
                f"row {bad.index[0] + 2}: {bad.iloc[0][:40]!r} is not the number of a detection"
            )
        listed = listed.assign(number=listed["number"].astype(float).astype(int))
        return content, listed[[*KEYS, "reject"]]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise DataError(
            f"{path}: not a table of detections ({reason}); memlab regions review writes one"
        ) from error


def _cell(pixels: NDArray[np.uint8], numbers: NDArray[np.int32], name: str) -> Image.Image:
    """Draw an image, (H, W, 3), with outlines and numbers, below its name."""
    inside = numbers > 0
    wide = max(1, round(max(inside.shape) / _SIDE))
    edge = inside & ~ndimage.binary_erosion(inside, _TOUCHING, iterations=2 * wide)
    edge |= ndimage.binary_dilation(inside, _TOUCHING, iterations=wide) & ~inside
    if pixels.shape[:2] == inside.shape:
        pixels = np.where(edge[..., None], np.array([255, 0, 255], dtype=np.uint8), pixels)
    small = Image.fromarray(pixels)
    small.thumbnail((_SIDE, _SIDE))
    cell = Image.new("RGB", (_SIDE, _SIDE + _LINE), "white")
    cell.paste(small, (0, _LINE))
    draw, font = ImageDraw.Draw(cell), ImageFont.load_default(11)
    draw.text((2, 0), name[-38:], "black", font)
    scale = small.width / inside.shape[1]
    for at, box in enumerate(ndimage.find_objects(numbers), start=1):
        corner = (box[1].start * scale + 2, box[0].start * scale + _LINE + 1)
        draw.text(corner, str(at), "white", font, stroke_width=2, stroke_fill="black")
    return cell


def _lay(cells: list[Image.Image], path: Path) -> None:
    high = -(-len(cells) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_SIDE + 6), high * (_SIDE + _LINE + 6)), "white")
    for at, cell in enumerate(cells):
        down, across = divmod(at, _COLUMNS)
        sheet.paste(cell, (across * (_SIDE + 6), down * (_SIDE + _LINE + 6)))
    with replacing(path) as temporary:
        sheet.save(temporary, "JPEG", quality=85)
