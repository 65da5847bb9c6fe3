"""Overlays: in the proportions of the file, each with its scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memlab import explain
from memlab.attributions.colours import muted, scale_colours
from memlab.attributions.overlays import overlay
from tests.builders.small_networks import tiny


def shape_of_pictures(path: Path) -> tuple[int, int]:
    """Return height and width of the area of a figure that is not white, without the bar."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    drawn = (pixels[:, : pixels.shape[1] * 2 // 5] < 235).any(axis=2)
    rows = drawn.mean(axis=1) > 0.5 * drawn.mean(axis=1).max()  # thin titles do not count
    return int(rows.sum()), int(drawn[rows].any(axis=0).sum())


def test_overlays_have_the_proportions_of_the_file(
    make_image: Callable[..., Path], tmp_path: Path
) -> None:
    wide, tall = make_image("wide.png", (300, 100)), make_image("tall.png", (100, 300))
    for method in ("grad_cam", "occlusion"):
        maps = explain(tiny().eval(), [wide, tall], method)
        assert maps.arrays()["size"].tolist() == [[100, 300], [300, 100]]
        written = maps.save(tmp_path / "out")
        singles = [path for path in written if path.parent.name == method]
        assert sorted(path.suffix for path in singles) == [".pdf", ".pdf", ".png", ".png"]
    # both methods' overlays are there
    found = sorted((tmp_path / "out" / "overlays").rglob("*.png"))
    assert len(found) == 4
    for path in found:
        height, width = shape_of_pictures(path)
        wanted = 1 / 3 if "wide" in path.name else 3
        assert height / width == pytest.approx(wanted, rel=0.25)


def test_images_without_a_file_are_drawn_as_the_model_saw_them(tmp_path: Path) -> None:
    maps = explain(tiny().eval(), np.full((48, 96, 3), 120, dtype=np.uint8), "grad_cam")
    assert maps.arrays()["size"].tolist() == [[0, 0]]
    maps.save(tmp_path / "out")
    assert len(list((tmp_path / "out" / "overlays" / "grad_cam").glob("*.png"))) == 1


def test_equal_steps_of_value_are_equal_steps_of_colour_and_zero_is_transparent() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(overlay(image, np.zeros((2, 2)), 1.0), muted(image))
    lab = images_lab(scale_colours(101))
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    # in CIELAB, which is another measure of perceived difference than the one that mixes
    assert steps.std() / steps.mean() < 0.25
    assert steps[:50].sum() == pytest.approx(steps[50:].sum(), rel=0.25)
    small = overlay(image, np.full((2, 2), 0.2), 1.0) - muted(image)
    full = overlay(image, np.full((2, 2), 1.0), 1.0) - muted(image)
    assert np.abs(small).mean() > 0.15 * np.abs(full).mean()  # a fifth of the scale can be seen
    beyond = overlay(image, np.full((2, 2), 3.0), 1.0)
    assert np.allclose(beyond - muted(image), full)


def images_lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB (D65) of sRGB colours (n, 3) by the formulas of the CIE."""
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = light @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )
