"""Maps in words: the place and the share are those of the values."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.attributions.texts import map_table, map_text


def test_the_text_names_the_ninth_with_the_largest_share() -> None:
    signed = np.zeros((9, 9))
    signed[0, 0], signed[4, 4], signed[8, 4] = 3.0, 1.0, -2.0
    said = (
        "75 % of what raises the score lies in the upper left; 100 % of what lowers the score lies"
    )
    assert map_text(signed) == f"{said} at the bottom"
    assert map_text(np.zeros((3, 3))) == "the map is zero everywhere"
    assert map_text(-np.ones((1, 1))).startswith("11 % of what lowers")


@pytest.mark.parametrize("side", [2, 4, 7, 8])
def test_cells_are_shared_between_the_ninths_that_they_lie_in(side: int) -> None:
    assert map_text(np.ones((side, side))).startswith("11 % of what raises")
    corner = np.zeros((side, side))
    corner[-1, -1] = 1
    assert "in the lower right" in map_text(corner)


def test_the_table_has_one_row_per_map() -> None:
    maps = np.stack([np.eye(3), -np.eye(3)])
    table = map_table(
        {
            "id": np.array(["a.jpg", "b.jpg"]),
            "maps": maps,
            "predicted": np.array([0.5, 0.6]),
            "score": np.array([0.4, np.nan]),
            "residual": np.array([0.0, 1e-4]),
            "check_deletion": np.array([0.1, 0.2]),
            "images": np.zeros((2, 3, 4, 4)),
        }
    )
    assert list(table.columns) == [
        "id", "predicted", "score", "raises", "lowers", "residual", "deletion", "text",
    ]  # fmt: skip
    assert table["raises"].tolist() == [3, 0]
    assert table["lowers"].tolist() == [0, -3]


def test_sums_are_said_of_contrasts_alone() -> None:
    arrays = {"id": ["a"], "maps": 0.1 * np.ones((1, 3, 3)), "predicted": [0.5]}
    assert "score lies" in map_table(arrays)["text"][0]
    contrast = map_table({**arrays, "residual": np.zeros(1)})
    assert "of what raises the score (.900) lies" in contrast["text"][0]
