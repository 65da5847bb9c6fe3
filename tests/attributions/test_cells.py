"""Grids too coarse to tell positions apart, and images smaller than the grid, are named."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.attributions.cells import grid_notes
from memlab.attributions.overlays import full_colour


def arrays(cells: int, sizes: list[tuple[int, int]]) -> dict[str, object]:
    names = [f"{index}.png" for index in range(len(sizes))]
    return {"id": names, "maps": np.ones((len(sizes), cells, cells)), "size": np.array(sizes)}


def test_images_smaller_than_the_grid_are_named() -> None:
    said = grid_notes("grad_cam", arrays(16, [(64, 64), (64, 8), (16, 16), (0, 0)]))
    assert len(said) == 1
    assert "1 of 4 images have fewer pixels than the 16 × 16 cells" in said[0]
    assert said[0].endswith(": 1.png.")


@pytest.mark.parametrize(("cells", "notes"), [(2, 1), (3, 1), (4, 0), (16, 0)])
def test_a_coarse_grid_is_named(cells: int, notes: int) -> None:
    assert len(grid_notes("grad_cam", arrays(cells, [(64, 64)]))) == notes


def test_single_pixels_do_not_set_the_scale_of_maps_of_pixels() -> None:
    pixels = np.full((2, 100, 100), 0.001)
    pixels[0, 0, 0] = 1.0
    assert full_colour(pixels) == pytest.approx(0.001)
    cells = pixels[:, :50, :50]
    assert full_colour(cells) == 1.0
    alone = np.zeros((1, 100, 100))
    alone[0, 0, 0] = 0.5
    assert full_colour(alone) == 0.5
