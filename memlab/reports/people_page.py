"""The page of people and models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memlab.analysis.differing import ShownImage, Strip
from memlab.analysis.people_and_models import PeopleComparison, ladder
from memlab.files import write_text
from memlab.numbers import number
from memlab.provenance import now, versions
from memlab.reports import people_text
from memlab.reports.html import data_url, fill
from memlab.reports.people_figures import AGREEMENT, SCATTER
from memlab.reports.thumbnails import thumbnail_url

PAGE = "compare.html"


def write_people_page(
    comparison: PeopleComparison, paths: Mapping[str, Path | None], folder: Path
) -> Path:
    """Write `compare.html`, a self-contained page.

    Args:
        comparison: the comparison, whose figures are in the folder.
        paths: file of each image, by id; None where it was not found.
        folder: output folder.
    """
    shown = {image.id for strip in comparison.strips for image in strip.images}
    thumbnails = {name: thumbnail_url(path) for name in shown if (path := paths.get(name))}
    strips = [_strip(strip, comparison, thumbnails) for strip in comparison.strips if strip.images]
    page = fill(
        "compare.html.jinja",
        comparison=comparison,
        ranked=ladder(comparison),
        sentence=people_text.sentence(comparison),
        images=people_text.images_line(comparison),
        ceiling=people_text.ceiling_line(comparison),
        pair=people_text.pair_text,
        figures={name: data_url(folder / f"{name}.png") for name in (SCATTER, AGREEMENT)},
        of_all=[strip for strip in strips if strip["model"] is None],
        of_model={
            model.model: [strip for strip in strips if strip["model"] == model.model]
            for model in comparison.models
        },
        without=len(shown) - sum(url is not None for url in thumbnails.values()),
        shown=len(shown),
        written=now(),
        versions=versions(),
    )
    write_text(folder / PAGE, page)
    return folder / PAGE


def _strip(
    strip: Strip, comparison: PeopleComparison, thumbnails: Mapping[str, str | None]
) -> dict[str, Any]:
    return {
        "model": strip.model,
        "title": people_text.title(strip, comparison.people.remembered),
        "images": [
            {"id": image.id, "url": thumbnails.get(image.id), "lines": _lines(image)}
            for image in strip.images
        ],
    }


def _lines(image: ShownImage) -> list[tuple[str, str, str]]:
    """Return name, score and position of people and of each model."""
    all_positions = {"people": image.people, **image.models}
    return [
        (name, number(position.score, 2), f"{100 * position.below:.0f}\u00a0%")
        for name, position in all_positions.items()
    ]
