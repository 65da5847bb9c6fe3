"""Scenes as a folder of images, masks and a table: a data set like any other."""

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
from memlab.synthetic.degraded import degraded
from memlab.synthetic.latents import Latents, Style
from memlab.synthetic.planted import photos_in, planted
from memlab.synthetic.render import Scene, check_size, render
from memlab.synthetic.sampling import sample
from memlab.synthetic.scoring import number, score, signal
from memlab.synthetic.worlds import SCENES, World

VERSION = 3
"""Version of the renderer: folders of another version are not continued or taken as complete."""

Masks = Literal["exact", "degraded"]
"""How good the masks are: exact, or of IoU .6 with a fifth missing."""

Mask = NDArray[np.bool_]

_SCHEMA = 1


class Declaration(NamedTuple):
    """What a folder of scenes was made from: with it, each of its images can be made again.

    ``sample(seed, index, world, style)`` is the image ``images/<index, six digits>.png``.

    Attributes:
        world: How the images and their scores come about.
        style: Which style pack they are drawn with.
        seed: Seed of the latents and of the scores' noise.
        size: Width and height, pixels.
        n: Number of images.
        masks: Whether masks are exact or degraded.
        photos: Folder of photographs that a mark was planted on, or None.
    """

    world: World = SCENES
    style: Style = "A"
    seed: int = 0
    size: int = 64
    n: int = 1500
    masks: Masks = "exact"
    photos: str | None = None


def read_declaration(root: Path) -> Declaration:
    """Return what a folder of scenes was made from.

    Raises:
        DataError: If it holds no scenes, or those of another version of memlab.
    """
    note = Path(root) / "scenes.json"
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no fields in it")
        if found["memlab_scenes"] == VERSION:
            world = World(**found["world"])
            return Declaration(world, *(found[name] for name in Declaration._fields[1:]))
    except FileNotFoundError:
        raise DataError(f"{root}: no scenes; make some with memlab data scenes {root}") from None
    except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
        raise DataError(f"{note}: cannot be read; make the scenes again") from error
    raise DataError(f"{root} holds scenes of another version of memlab: choose another folder")


def write(
    root: Path,
    n: int,
    seed: int = 0,
    size: int = 64,
    progress: Callable[[int], None] | None = None,
    world: World = SCENES,
    style: Style = "A",
    masks: Masks = "exact",
    photos: Path | str | None = None,
) -> Path:
    """Write ``n`` scenes: ``images/``, ``masks/<region>/``, ``scenes.json`` and ``scenes.csv``.

    Masks are written where the region is not empty: 0 outside, 255 inside. The table is written
    last, so a folder that has one is complete; a folder left half-way is completed, and a complete
    one is left as it is. ``scenes.json`` says what all was made from (`read_declaration`).

    Args:
        root: Folder to write to; made if it does not exist.
        n: Number of images, at least 1.
        seed: Seed of the latents and of the scores' noise, at least 0.
        size: Width and height, pixels.
        progress: Called after each image with the number done since the last call, 1.
        world: How the images and their scores come about.
        style: Which style pack they are drawn with.
        masks: Exact, or degraded as by a poor detector; the images are the same.
        photos: Folder of photographs, where the world is made from such; they get no masks.

    Returns:
        The table's path, ``root/scenes.csv``.

    Raises:
        ValueError: If an argument is out of range, or ``root`` holds other scenes or other data.
        MemlabError: If ``root`` cannot be written to, or photographs lack.
    """
    if n < 1 or seed < 0:
        raise ValueError(f"cannot write n = {n} scenes with seed {seed}: n >= 1, seed >= 0")
    check_size(size)
    root = Path(root)
    folder = None if photos is None else str(Path(photos).absolute())
    wanted = Declaration(world, style, seed, size, n, masks, folder)
    table = root / "scenes.csv"
    if _holds(root, wanted) and table.exists():
        return table
    chosen = _chosen(world, folder, n)
    if not (root / "scenes.json").exists():
        declared = {**wanted._asdict(), "world": asdict(world)}
        about = {"schema": _SCHEMA, "memlab_scenes": VERSION, **declared}
        write_text(root / "scenes.json", json.dumps(about) + "\n")
    rows = []
    for index in range(n):
        latents = sample(seed, index, world, style)
        name = f"{index:06d}.png"
        if not (root / "images" / name).exists():
            if chosen:
                scene = Scene(planted(chosen[index], latents, size), {})
            else:
                scene = render(latents, size)
            for region, mask in _given(scene.masks, latents, masks).items():
                if mask.any():
                    _save(root / "masks" / region / name, mask.astype(np.uint8) * np.uint8(255))
            _save(root / "images" / name, scene.image)  # last: it vouches for the masks
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


def columns(latents: Latents, world: World = SCENES) -> dict[str, str]:
    """Return the latents as columns of the table; what an absent figure has is empty.

    Each feature has a column of its name: 1 or 0 for presence, a value's own number, for the
    texture its kind. The palette's and the layout's are as `memlab.synthetic.scoring.number` gives
    them. ``signal`` is the explained part of the score.
    """
    cells: dict[str, object] = {}
    for name, place in vars(latents.layout).items():
        figure = getattr(latents, name)
        cells[name] = int(figure is not None)
        for attribute in ("size", "x", "y"):
            cells[f"{name}_{attribute}"] = getattr(place, attribute) if figure else ""
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


def _holds(root: Path, wanted: Declaration) -> bool:
    """Return whether ``root`` holds the scenes wanted, complete or not; it may hold no others."""
    if not (root / "scenes.json").exists():
        if root.exists() and any(root.iterdir()):
            raise ValueError(f"{root} is not empty and holds no scenes: choose another folder")
        return False
    found = read_declaration(root)
    pairs = zip(Declaration._fields, found, wanted, strict=True)
    differ = {name: (old, new) for name, old, new in pairs if old != new}
    there, asked = asdict(found.world), asdict(wanted.world)
    if there["name"] != asked["name"]:
        differ["world"] = (there["name"], asked["name"])
    elif differ.pop("world", None):
        name = next(name for name in there if there[name] != asked[name])
        differ[f"world {asked['name']} with {name}"] = (there[name], asked[name])
    if differ:
        said = "; ".join(f"{name} {old}, not {new}" for name, (old, new) in differ.items())
        raise ValueError(f"{root} holds scenes of {said}: choose another folder")
    return True


def _chosen(world: World, photos: str | None, n: int) -> list[Path]:
    """Return the photographs to plant on, one an image; none where scenes are rendered."""
    if not world.photos:
        if photos is not None:
            raise DataError(f"world {world.name} is rendered: leave out --photos {photos}")
        return []
    if photos is None:
        raise DataError(
            f"world {world.name} is made from photographs of your own: give their folder, --photos "
            "DIR (memlab data scenes) or --data.source.photos DIR (memlab fit)"
        )
    found = photos_in(Path(photos))
    if len(found) < n:
        raise DataError(f"{photos}: {len(found)} photographs, {n} asked for; give a smaller n")
    return found[:n]


def _given(masks: dict[str, Mask], latents: Latents, kind: Masks) -> dict[str, Mask]:
    """Return the masks as they are, or as a poor detector gives them, the background their rest."""
    if kind == "exact" or not masks:
        return masks
    rng = np.random.default_rng((latents.seed, latents.index, 4))
    found = {name: degraded(mask, rng) for name, mask in masks.items() if name != "background"}
    return found | {"background": ~np.any(list(found.values()), axis=0)}


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
