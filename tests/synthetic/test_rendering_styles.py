"""Rendering styles: two ways of drawing that share no look, both too varied for a template."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memlab.synthetic import STYLES, Style, render, sample
from memlab.synthetic.sheet import ALL, contact_sheet
from memlab.synthetic.styles import RENDERING_STYLES

both = pytest.mark.parametrize("style", STYLES)


@pytest.fixture(scope="module")
def faces() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "faces.py"))


@pytest.mark.slow
@both
def test_no_template_of_twenty_crops_finds_the_faces(style: Style, faces: dict[str, Any]) -> None:
    found = faces["crops"](style, seed=1)
    templates = [faces["grey"](crop) for crop in (*found, faces["mean_crop"](found))]
    images, there = faces["photos"](style, 3, 300)
    grey = faces["grey"](images.astype(np.float32) / 255.0)
    scores = faces["scan"](grey, templates)
    assert faces["auc"](scores[:-1].max(axis=0), there) <= 0.75
    assert faces["auc"](scores[-1], there) <= 0.75


@pytest.mark.slow
def test_a_template_is_found_where_the_image_has_it(faces: dict[str, Any]) -> None:
    # The filter works: of things that do look alike, it finds each in its place.
    images = np.stack([render(sample(3, index, ALL), 64).image for index in range(20)])
    images = images.astype(np.float32) / 255.0
    cuts = [image[10 + at : 34 + at, 5:29] for at, image in enumerate(images)]
    scores = faces["scan"](images, cuts)
    assert np.diag(scores) == pytest.approx(1.0, abs=1e-3)
    assert np.median(scores) < 0.8
    expected = max(
        np.corrcoef(
            (cuts[0] - cuts[0].mean(axis=(0, 1))).ravel(),
            (window - window.mean(axis=(0, 1))).ravel(),
        )[0, 1]
        for window in (
            images[1, top : top + 24, left : left + 24] for top in range(41) for left in range(41)
        )
    )
    assert scores[0, 1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["face", "person", "object", "text"])
def test_the_same_latents_look_different_in_the_other_style(name: str) -> None:
    pixels = []
    for index in range(40):
        latents = replace(sample(3, index, ALL), decoys=0)
        if getattr(latents, name) is None:
            continue
        regions = {"face": "faces", "person": "people", "object": "objects", "text": "text"}
        a, b = (render(replace(latents, style=style), 64).masks[regions[name]] for style in STYLES)
        pixels.append((a & b).sum() / max((a | b).sum(), 1))
    assert np.mean(pixels) < 0.85
    assert set(RENDERING_STYLES) == set(STYLES)


@both
def test_kinds_differ_and_are_all_drawn(style: Style) -> None:
    latents = replace(sample(0, 0, ALL, style), decoys=0, blur=0.0, watermark=None)
    latents = replace(latents, face=None, person=None, text=None, object=None)
    fields = [
        pattern(np.random.default_rng(seed), 64).ravel()
        for seed, pattern in enumerate(RENDERING_STYLES[style].patterns)
    ]
    assert all(field.min() >= -0.3 and field.max() <= 1.3 for field in fields)
    assert np.abs(np.corrcoef(fields) - np.eye(5)).max() < 0.6
    thing = next(filter(None, (sample(0, index, ALL, style).object for index in range(50))))
    masks = [
        render(replace(latents, object=replace(thing, kind=kind)), 64).masks["objects"]
        for kind in range(6)
    ]
    assert min(mask.sum() for mask in masks) > 60
    assert all((one ^ two).any() for i, one in enumerate(masks) for two in masks[:i])


@pytest.mark.slow
@both
def test_the_contact_sheet_shows_every_cause(style: Style) -> None:
    sheet = contact_sheet(style, rows=1, size=32)
    pixels = np.asarray(sheet, dtype=int)
    assert pixels.shape[2] == 3
    step = 36
    top = pixels.shape[0] - 3 * step
    drawn, gone, anew = (pixels[top + row * step :][:32, 62 : 62 + 13 * step] for row in range(3))
    for number in range(13):
        cell = slice(number * step, number * step + 32)
        assert (drawn[:, cell] != gone[:, cell]).any()
        assert (drawn[:, cell] != anew[:, cell]).any()


@both
def test_a_committed_sheet_is_small(style: Style) -> None:
    path = Path(__file__).parents[2] / "docs" / "images" / f"synthetic-{style.lower()}.png"
    assert path.stat().st_size <= 300_000


@both
@pytest.mark.parametrize("size", [48, 64, 65])
def test_no_row_or_column_bears_a_mark_of_the_noise(style: Style, size: int) -> None:
    """Alternating from pixel to pixel by the same sign in every image: a mark for a network."""
    images = np.stack([render(sample(0, index, style=style), size).image for index in range(40)])
    light = images.mean(axis=3, dtype=np.float64) - images.mean()
    turns = (-1.0) ** np.arange(size)
    for along in ((light * turns).mean(axis=2), (light * turns[:, None]).mean(axis=1)):
        t = along.mean(axis=0) / (along.std(axis=0, ddof=1) / np.sqrt(len(along)))
        assert np.abs(t).max() < 5.5  # it was 17 in the first row
