"""Writer of synthetic data sets: a folder of images, masks and a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from memlab.errors import DataError
from memlab.files import replacing, write_text
from memlab.image_files import declaration_file
from memlab.synthetic.degraded import degraded
from memlab.synthetic.latents import Latents, Style
from memlab.synthetic.planted import photos_in, planted
from memlab.synthetic.render import SyntheticImage, check_size, render
from memlab.synthetic.sampling import sample
from memlab.synthetic.scoring import number, score, signal
from memlab.synthetic.worlds import QUICKSTART, World

VERSION = 3
"""Version of the renderer; folders of another version are neither continued nor reused."""

Masks = Literal["exact", "degraded"]
"""Quality of the masks: exact, or of IoU .6 with a fifth missing."""

Mask = NDArray[np.bool_]

_SCHEMA = 1

_KEY = "memlab_synthetic"
"""Key of `VERSION` in the declaration; it was `memlab_scenes`."""


class Declaration(NamedTuple):
    """Declaration of a folder of synthetic images, from which each image can be rendered again.

    ``sample(seed, index, world, style)`` is the image ``images/<index, six digits>.png``.

    Attributes:
        world: definition of the images and their scores.
        style: rendering style.
        seed: seed of the latents and of the scores' noise.
        size: width and height, pixels.
        n: number of images.
        masks: whether masks are exact or degraded.
        photos: folder of photographs on which a mark was planted, or None.
    """

    world: World = QUICKSTART
    style: Style = "A"
    seed: int = 0
    size: int = 64
    n: int = 1500
    masks: Masks = "exact"
    photos: str | None = None


def table_file(root: Path) -> Path:
    """Return the path of the table of a folder of synthetic images, which may not exist."""
    return declaration_file(root).with_suffix(".csv")


def read_declaration(root: Path) -> Declaration:
    """Return the declaration of a folder of synthetic images.

    Raises:
        DataError: if it holds no synthetic images, or those of another version of memlab.
    """
    note = declaration_file(Path(root))
    try:
        fields = json.loads(note.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("no fields in it")
        if fields[_KEY if _KEY in fields else "memlab_scenes"] == VERSION:
            world = World(**fields["world"])
            return Declaration(world, *(fields[name] for name in Declaration._fields[1:]))
    except FileNotFoundError:
        hint = f"make some with memlab data synthetic {root}"
        raise DataError(f"{root}: no synthetic images; {hint}") from None
    except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
        raise DataError(f"{note}: cannot be read; make the images again") from error
    raise DataError(f"{root} holds images of another version of memlab: choose another folder")


def write(
    root: Path,
    n: int,
    seed: int = 0,
    size: int = 64,
    progress: Callable[[int], None] | None = None,
    world: World = QUICKSTART,
    style: Style = "A",
    masks: Masks = "exact",
    photos: Path | str | None = None,
) -> Path:
    """Write ``n`` images: ``images/``, ``masks/<region>/``, a declaration and a table.

    Masks are written if the region is not empty: 0 outside, 255 inside. The table is written last,
    so a folder with a table is complete. An incomplete folder is completed; a complete folder is
    left unchanged. ``synthetic.json`` holds the declaration (`read_declaration`), ``synthetic.csv``
    the table; a folder of an earlier version keeps ``scenes.json`` and ``scenes.csv``.

    Args:
        root: output folder; created if it does not exist.
        n: number of images, at least 1.
        seed: seed of the latents and of the scores' noise, at least 0.
        size: width and height, pixels.
        progress: called after each image with the number done since the last call, 1.
        world: definition of the images and their scores.
        style: rendering style.
        masks: exact, or degraded as from a poor detector; the images are the same.
        photos: folder of photographs, for a world made from photographs; they get no masks.

    Returns:
        The table's path.

    Raises:
        ValueError: if an argument is out of range, or ``root`` holds other images or other data.
        MemlabError: if ``root`` cannot be written to, or there are too few photographs.
    """
    if n < 1 or seed < 0:
        raise ValueError(f"cannot write n = {n} images with seed {seed}: n >= 1, seed >= 0")
    check_size(size)
    root = Path(root)
    folder = None if photos is None else str(Path(photos).absolute())
    declaration = Declaration(world, style, seed, size, n, masks, folder)
    table = table_file(root)
    if _holds(root, declaration) and table.exists():
        return table
    chosen = _chosen(world, folder, n)
    if not declaration_file(root).exists():
        declared = {**declaration._asdict(), "world": asdict(world)}
        about = {"schema": _SCHEMA, _KEY: VERSION, **declared}
        write_text(root / "synthetic.json", json.dumps(about) + "\n")
    rows = []
    for index in range(n):
        latents = sample(seed, index, world, style)
        name = f"{index:06d}.png"
        if not (root / "images" / name).exists():
            if chosen:
                rendered = SyntheticImage(planted(chosen[index], latents, size), {})
            else:
                rendered = render(latents, size)
            for region, mask in _masks_written(rendered.masks, latents, masks).items():
                if mask.any():
                    _save(root / "masks" / region / name, mask.astype(np.uint8) * np.uint8(255))
            _save(root / "images" / name, rendered.image)  # last: implies that the masks exist
        rows.append({"image": f"images/{name}", "score": f"{score(latents, seed, world):.6f}"})
        if chosen:
            rows[-1] |= {"watermark": f"{number(latents, 'watermark', world):.0f}"}
            rows[-1] |= {"photo": str(chosen[index])}
        else:
            rows[-1] |= columns(latents, world)
        if progress is not None:
            progress(1)
    _publish(table, rows)
    return table


def columns(latents: Latents, world: World = QUICKSTART) -> dict[str, str]:
    """Return the latents as columns of the table; columns of an absent figure are empty.

    Each feature has a column of its name: 1 or 0 for presence, a value's number, or the texture's
    kind. The columns of palette and layout hold `memlab.synthetic.scoring.number`. ``signal`` is
    the explained part of the score.
    """
    cells: dict[str, object] = {}
    for name, position in vars(latents.layout).items():
        figure = getattr(latents, name)
        cells[name] = int(figure is not None)
        for attribute in ("size", "x", "y"):
            cells[f"{name}_{attribute}"] = getattr(position, attribute) if figure else ""
    cells["person_facing"] = int(latents.person.facing) if latents.person else ""
    cells["object_kind"] = latents.object.kind if latents.object else ""
    cells["watermark"] = int(latents.watermark is not None)
    cells["texture"], cells["hue"] = latents.texture.kind, latents.palette.hue
    for name in ("slope", "skin", "saturation", "contrast", "blur", "decoys", "light"):
        cells[name] = getattr(latents, name)
    for name in ("palette", "layout"):
        cells[name] = number(latents, name, world)
    cells["signal"] = signal(latents, world)
    return {
        name: f"{cell:.6f}" if isinstance(cell, float) else str(cell)
        for name, cell in cells.items()
    }


def _holds(root: Path, requested: Declaration) -> bool:
    """Return whether ``root`` holds the requested images, complete or not; refuse other images."""
    if not declaration_file(root).exists():
        if root.exists() and any(root.iterdir()):
            problem = f"{root} is not empty and holds no synthetic images"
            raise ValueError(f"{problem}: choose another folder")
        return False
    stored = read_declaration(root)
    pairs = zip(Declaration._fields, stored, requested, strict=True)
    differ = {name: (old, new) for name, old, new in pairs if old != new}
    stored_world, requested_world = asdict(stored.world), asdict(requested.world)
    if stored_world["name"] != requested_world["name"]:
        differ["world"] = (stored_world["name"], requested_world["name"])
    elif differ.pop("world", None):
        name = next(name for name in stored_world if stored_world[name] != requested_world[name])
        differ[f"world {requested_world['name']} with {name}"] = (
            stored_world[name],
            requested_world[name],
        )
    if differ:
        differences = "; ".join(f"{name} {old}, not {new}" for name, (old, new) in differ.items())
        raise ValueError(f"{root} holds images of {differences}: choose another folder")
    return True


def _chosen(world: World, photos: str | None, n: int) -> list[Path]:
    """Return the photographs to plant marks on, one per image; none if images are rendered."""
    if not world.photos:
        if photos is not None:
            raise DataError(f"world {world.name} is rendered: leave out --photos {photos}")
        return []
    if photos is None:
        raise DataError(
            f"world {world.name} is made from photographs of your own: give their folder, --photos "
            "DIR (memlab data synthetic) or --data.source.photos DIR (memlab fit)"
        )
    files = photos_in(Path(photos))
    if len(files) < n:
        raise DataError(f"{photos}: {len(files)} photographs, {n} asked for; give a smaller n")
    return files[:n]


def _masks_written(masks: dict[str, Mask], latents: Latents, kind: Masks) -> dict[str, Mask]:
    """Return the masks exact or degraded; the background is the rest of the degraded masks."""
    if kind == "exact" or not masks:
        return masks
    rng = np.random.default_rng((latents.seed, latents.index, 4))
    detected = {name: degraded(mask, rng) for name, mask in masks.items() if name != "background"}
    return detected | {"background": ~np.any(list(detected.values()), axis=0)}


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a PNG."""
    with replacing(path) as part:
        Image.fromarray(pixels).save(part, compress_level=1)


def _publish(table: Path, rows: list[dict[str, str]]) -> None:
    """Write the table."""
    with replacing(table) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
