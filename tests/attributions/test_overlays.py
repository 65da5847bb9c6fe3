"""Overlays: in the proportions of the file, each with its scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memlab import explain
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
