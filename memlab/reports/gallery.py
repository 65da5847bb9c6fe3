"""Page of attribution maps: each image beside its maps, with scales, checks and texts. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from memlab.analysis.results import MapsRecord
from memlab.attributions.colours import scale_colours
from memlab.attributions.overlays import full_colour, overlay, size_shown
from memlab.attributions.texts import map_table
from memlab.files import write_text
from memlab.numbers import number
from memlab.provenance import now, versions
from memlab.reports.html import fill
from memlab.reports.thumbnails import jpeg_url

PAGE = "maps/index.html"
SHOWN = 200
"""Largest number of images on a page: about 15 kB for each image and each of its maps."""
SIDE = 240
"""Longest side of an image on the page in pixels."""
_STOPS = 33


@dataclass(frozen=True)
class MapSet:
    """Maps of images by one method, as the page shows them.

    Args:
        method: name of the method.
        unit: unit of the values.
        limit: value of full colour.
        grid: height and width of the maps.
        count: number of maps; the page shows the first `SHOWN`.
        arrays: content of `maps/METHOD.npz` for the images that are shown.
        texts: what each of their maps says, in words.
        said: sentences on the set, such as those of its checks.
    """

    method: str
    unit: str
    limit: float
    grid: tuple[int, int]
    count: int
    arrays: Mapping[str, Any]
    texts: Sequence[str]
    said: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class Panel:
    """Image and map of a set, in the proportions of the file.

    Args:
        name: id of the image.
        predicted: predicted score.
        score: score by people; NaN if unknown.
        image: the image as the model saw it.
        over: the map over the muted image.
        text: what the map says, in words.
    """

    name: str
    predicted: float
    score: float
    image: Image.Image
    over: Image.Image
    text: str


def map_set(
    method: str,
    unit: str,
    arrays: Mapping[str, Any],
    said: Sequence[str] = (),
    texts: Sequence[str] | None = None,
) -> MapSet:
    """Return a set of maps for the page, without the images that the page does not show.

    Args:
        method: name of the method.
        unit: unit of the values.
        arrays: content of `maps/METHOD.npz`.
        said: sentences on the set.
        texts: what each map says, in words; by default as in `map_table`.
    """
    count, height, width = arrays["maps"].shape
    shown = {name: values[:SHOWN] for name, values in arrays.items() if np.ndim(values)}
    words = list(map_table(shown)["text"] if texts is None else texts)[:SHOWN]
    limit = full_colour(arrays["maps"])
    return MapSet(method, unit, limit, (height, width), count, shown, words, list(said))


def panels(maps: MapSet, most: int = SHOWN, side: int = SIDE) -> Iterator[Panel]:
    """Yield images and overlays of a set, all on one scale.

    Args:
        maps: the set.
        most: largest number of images.
        side: longest side in pixels.
    """
    arrays = maps.arrays
    for index, signed in enumerate(arrays["maps"][:most]):
        image = arrays["images"][index].transpose(1, 2, 0)
        height, width = size_shown(arrays, index)
        scale = side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        over = np.rint(255 * overlay(image, signed, maps.limit)).astype(np.uint8)
        yield Panel(
            name=str(arrays["id"][index]),
            predicted=float(arrays["predicted"][index]),
            score=float(arrays["score"][index]),
            image=Image.fromarray(image).resize(size, Image.Resampling.BICUBIC),
            over=Image.fromarray(over).resize(size, Image.Resampling.BICUBIC),
            text=maps.texts[index],
        )


def read_set(folder: Path, record: MapsRecord) -> MapSet:
    """Return the maps that a test wrote, from its folder.

    Args:
        folder: folder of the test's results.
        record: the maps' entry in the results.
    """
    path = folder / record.file
    texts = pd.read_csv(path.with_suffix(".csv"))["text"].tolist()
    with np.load(path, allow_pickle=False) as arrays:
        return map_set(record.method, record.unit, dict(arrays), texts=texts)


def beside(panel: Panel) -> Image.Image:
    """Return an image and its overlay as one image, side by side."""
    width, height = panel.image.size
    both = Image.new("RGB", (2 * width, height))
    both.paste(panel.image, (0, 0))
    both.paste(panel.over, (width, 0))
    return both


def caption(panel: Panel, maps: MapSet) -> str:
    """Return an image's id, its scores, what its map says, and the scale of the set."""
    scale = f"full colour is {limit_text(maps.limit)} {maps.unit}"
    return f"{panel.name}: {scores_text(panel)}; {panel.text}; {scale}"


def limit_text(limit: float, *, signed: bool = False) -> str:
    """Return the end of a scale with two significant digits.

    >>> limit_text(0.00372), limit_text(-0.117, signed=True), limit_text(12.0)
    ('0.0037', '-0.12', '12')
    """
    return number(limit, max(0, 1 - math.floor(math.log10(abs(limit)))), signed=signed)


def scores_text(panel: Panel) -> str:
    """Return the predicted score, and that by people if it is known."""
    people = "" if np.isnan(panel.score) else f", by people {number(panel.score, 2)}"
    return f"predicted {number(panel.predicted, 2)}{people}"


def write_gallery(
    sets: Sequence[MapSet], folder: Path, title: str, notes: Sequence[str] = ()
) -> str:
    """Write one self-contained page of all maps: `maps/index.html`.

    Args:
        sets: maps of the same images by one or more methods.
        folder: folder in which to write.
        title: heading.
        notes: sentences that hold for all sets, such as how the images were chosen.

    Returns:
        The path of the page, relative to the folder.
    """
    images: dict[str, dict[str, Any]] = {}
    for maps in sets:
        for panel in panels(maps):
            entry = images.setdefault(
                panel.name,
                {"url": jpeg_url(panel.image), "scores": scores_text(panel), "maps": []},
            )
            shown = {"method": maps.method, "url": jpeg_url(panel.over), "text": panel.text}
            entry["maps"].append(shown)
    page = fill(
        "gallery.html.jinja",
        title=title,
        notes=list(notes),
        sets=sets,
        images=images,
        every=max(maps.count for maps in sets),
        gradient=_gradient(),
        limit_text=limit_text,
        side=SIDE,
        written=now(),
        versions=versions(),
    )
    write_text(folder / PAGE, page)
    return PAGE


def _gradient() -> str:
    """Return the colour bar as stops of a CSS gradient."""
    colours = np.rint(255 * scale_colours(_STOPS)).astype(int)
    return ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in colours)
