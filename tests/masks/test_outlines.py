"""Outlines and run lengths: those of pycocotools, and the pixels that a polygon encloses."""

from __future__ import annotations

import numpy as np

from memlab.masks.outlines import polygon, run_lengths, uncompressed

COMPRESSED = "1130O2ON40L"
"""What pycocotools 2.0.11 makes of the mask `SMALL`."""

SMALL = [[0, 0, 1, 1, 0], [1, 1, 1, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0]]


def test_run_lengths_are_those_of_cocoapi() -> None:
    assert np.array_equal(run_lengths(uncompressed(COMPRESSED), 4, 5), SMALL)


def test_a_polygon_holds_the_pixels_whose_middle_it_encloses() -> None:
    triangle = polygon([0, 0, 8, 0, 0, 8], 8, 8)
    assert np.array_equal(triangle, np.add.outer(np.arange(8), np.arange(8)) < 7)
    ring = [1, 1, 7, 1, 7, 7, 1, 7, 1, 1, 3, 3, 3, 5, 5, 5, 5, 3, 3, 3]
    assert polygon(ring, 8, 8).sum() == 36 - 4  # what is enclosed twice is a hole
    assert polygon([-9, -9, 99, -9, 99, 99, -9, 99], 8, 8).all()  # cut off at the edges
