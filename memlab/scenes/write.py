"""Scenes as a folder of pictures, masks and a table: a data set like any other."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from memlab.files import replacing, write_text
from memlab.scenes.latents import Latents, Style
from memlab.scenes.render import check_size, render
from memlab.scenes.sampling import sample
from memlab.scenes.scoring import score
from memlab.scenes.worlds import SCENES, World

VERSION = 2
"""Version of the renderer: folders of another version are not continued or taken as complete."""

_SCHEMA = 1


def write(
    root: Path,
    n: int,
    seed: int = 0,
    size: int = 64,
    progress: Callable[[int], None] | None = None,
    world: World = SCENES,
    style: Style = "A",
) -> Path:
    """Write ``n`` scenes: ``images/``, ``masks/<region>/``, ``scenes.json`` and ``scenes.csv``.

    Masks are written where the region is not empty: 0 outside, 255 inside. The table is written
    last, so a folder that has one is complete; a folder left half-way is completed, and a complete
    one is left as it is.

    Args:
        root: Folder to write to; made if it does not exist.
        n: Number of pictures, at least 1.
        seed: Seed of the latents and of the scores' noise, at least 0.
        size: Width and height, pixels.
        progress: Called after each picture with the number done since the last call, 1.
        world: How the pictures and their scores come about.
        style: Which style pack they are drawn with.

    Returns:
        The table's path, ``root/scenes.csv``.

    Raises:
        ValueError: If an argument is out of range, or ``root`` holds other scenes or other data.
        MemlabError: If ``root`` cannot be written to.
    """
    if n < 1 or seed < 0:
        raise ValueError(f"cannot write n = {n} scenes with seed {seed}: n >= 1, seed >= 0")
    check_size(size)
    root = Path(root)
    wanted = {"schema": _SCHEMA, "memlab_scenes": VERSION, "n": n, "seed": seed, "size": size}
    wanted |= {"style": style, "world": asdict(world)}
    table = root / "scenes.csv"
    if _claimed(root, wanted) and table.exists():
        return table
    rows = []
    for index in range(n):
        latents = sample(seed, index, world, style)
        name = f"{index:06d}.png"
        if not (root / "images" / name).exists():
            scene = render(latents, size)
            for region, mask in scene.masks.items():
                if mask.any():
                    _save(root / "masks" / region / name, mask.astype(np.uint8) * np.uint8(255))
            _save(root / "images" / name, scene.image)  # last: it vouches for the masks
        rows.append({"image": f"images/{name}", "score": f"{score(latents, seed, world):.6f}"})
        rows[-1] |= columns(latents)
        if progress is not None:
            progress(1)
    _publish(table, rows)
    return table


def columns(latents: Latents) -> dict[str, str]:
    """Return the scalar latents as columns of the table; what an absent figure has is empty."""
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
    return {
        name: f"{cell:.6f}" if isinstance(cell, float) else str(cell)
        for name, cell in cells.items()
    }


def _claimed(root: Path, wanted: dict[str, Any]) -> bool:
    """Return whether ``root`` already holds the scenes wanted; if it holds nothing, claim it."""
    note = root / "scenes.json"
    if note.exists():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except ValueError:
            found = "an unreadable scenes.json"
        if found != json.loads(json.dumps(wanted)):
            raise ValueError(f"{root} holds {found}, not {wanted}: choose another folder")
        return True
    if root.exists() and any(root.iterdir()):
        raise ValueError(f"{root} is not empty and holds no scenes: choose another folder")
    write_text(note, json.dumps(wanted) + "\n")
    return False


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
