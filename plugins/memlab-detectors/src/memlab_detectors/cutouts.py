"""Outlines of people and objects within boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from memlab_detectors.carried import carried_by, missing
from memlab_detectors.images import as_bytes, resized, without_specks
from memlab_detectors.mediapipe import INSTALL as MEDIAPIPE
from memlab_detectors.mediapipe import SEGMENTS, foreground, interpreter

OPENCV = "pip install opencv-python-headless"

MARGIN = 0.25
"""Margin around a box, as a share of its sides: surroundings for the outline to stand out from."""

LONGEST = 256
"""Pixels on the longer side of the box and its margin, at which GrabCut runs."""

ROUNDS = 5
"""Iterations of GrabCut."""

CORE = 0.35
"""Size of the centre that is the object for certain, as a share of the box's inscribed ellipse."""

LEAST, MOST = 0.05, 0.95
"""Shares of a box between which an outline is accepted."""


class Cutouts:
    """Outlines within boxes: MediaPipe's selfie segmentation for people, GrabCut for objects.

    Components of less than 1 % of the box are left out, except the largest. A mask that covers less
    than 5 % or more than 95 % of its box is not an outline. For a person,
    GrabCut then tries the same box. If GrabCut fails as well, the box has no outline.

    Args:
        people: whether people are outlined, which needs MediaPipe's weights.

    Raises:
        MissingWeightsError: if OpenCV, or for people mediapipe or ai-edge-litert, is not installed.
    """

    def __init__(self, people: bool) -> None:
        try:
            import cv2
        except ImportError as error:
            raise missing("opencv-python-headless", OPENCV) from error
        self.cv2 = cv2
        self.weights = carried_by("mediapipe", SEGMENTS, MEDIAPIPE) if people else None
        self._segments = None if self.weights is None else interpreter(self.weights)

    def outline(self, image: Tensor, box: NDArray[np.float32], region: str) -> Tensor | None:
        """Outline what a box shows.

        Args:
            image: (3, H, W) in [0, 1].
            box: left, upper, right, lower edge in pixels.
            region: `people` or `objects`.

        Returns:
            (H, W) bool, nothing outside the box; None if no outline was found.
        """
        top, bottom, left, right = _within(box, image.shape[-2:], 0.0)
        above, below, before, after = _within(box, image.shape[-2:], MARGIN)
        crop = image[:, above:below, before:after]
        inner = slice(top - above, bottom - above), slice(left - before, right - before)
        ways = [self._by_colour] if region == "objects" else [self._by_person, self._by_colour]
        for way in ways:
            inside = without_specks(way(crop, inner)[inner][None].float())[0] > 0
            if LEAST <= float(inside.float().mean()) <= MOST:
                mask = torch.zeros(image.shape[-2:], dtype=torch.bool)
                mask[top:bottom, left:right] = inside
                return mask
        return None

    def _by_person(self, crop: Tensor, inner: tuple[slice, slice]) -> Tensor:
        return foreground(self._segments, crop)[0] > 0

    def _by_colour(self, crop: Tensor, inner: tuple[slice, slice]) -> Tensor:
        """Run GrabCut (Rother et al. 2004, doi:10.1145/1015706.1015720) on a box and its margin.

        The margin is background and the centre of the box is the object. In between, the inscribed
        ellipse probably is the object, and the corners probably are not. So a box that fills the
        image also has a background.
        """
        cv2 = self.cv2
        scale = LONGEST / max(crop.shape[-2:])
        size = [max(1, round(side * scale)) for side in crop.shape[-2:]]
        small = resized(crop, (size[0], size[1]))
        guess = np.full(size, cv2.GC_BGD, np.uint8)
        rows, columns = (
            slice(round(part.start * short / long), max(1, round(part.stop * short / long)))
            for part, short, long in zip(inner, size, crop.shape[-2:], strict=True)
        )
        radius = _radii(guess[rows, columns].shape)
        guess[rows, columns] = np.where(radius <= 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
        guess[rows, columns][radius <= CORE] = cv2.GC_FGD
        cv2.setRNGSeed(0)  # its first clusters are random; the same image gets the same mask
        models: list[Any] = [np.zeros((1, 65)), np.zeros((1, 65))]
        pixels = np.ascontiguousarray(as_bytes(small)[:, :, ::-1])
        cv2.grabCut(pixels, guess, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
        likely = (guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)
        scaled = interpolate(
            torch.from_numpy(likely)[None, None].float(), crop.shape[-2:], mode="bilinear"
        )
        return scaled[0, 0] >= 0.5


def _within(
    box: NDArray[np.float32], size: torch.Size | tuple[int, int], margin: float
) -> tuple[int, int, int, int]:
    """Return first and end row, first and end column of a box with a margin, within the image."""
    left, top, right, bottom = (float(edge) for edge in box)
    across, down = margin * (right - left), margin * (bottom - top)
    height, width = size
    first_row = min(height - 1, max(0, int(np.floor(top - down))))
    first_column = min(width - 1, max(0, int(np.floor(left - across))))
    end_row = max(first_row + 1, min(height, int(np.ceil(bottom + down))))
    end_column = max(first_column + 1, min(width, int(np.ceil(right + across))))
    return first_row, end_row, first_column, end_column


def _radii(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the distance from the centre of (rows, columns), 1 on the inscribed ellipse."""
    rows, columns = shape
    y, x = np.ogrid[:rows, :columns]
    radii: NDArray[np.float64] = np.hypot((x + 0.5) / columns * 2 - 1, (y + 0.5) / rows * 2 - 1)
    return radii
