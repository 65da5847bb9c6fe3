"""Decoding of a single-shot detector (SSD): anchors, boxes and scores."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

SIDE = 300
"""Input side in pixels."""

STRIDES = (16, 32, 64, 128, 256, 512)
"""Distance between the anchors of each layer in pixels."""

SCALES = (0.2, 0.95)
"""Side of the anchors of the first and the last layer, as a share of the input's side."""

SMALLEST = 0.1
"""Side of the first layer's square anchor."""

RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3)
"""Width over height of a layer's anchors; one more square lies between two layers' sizes."""

BOX_SCALES = (10.0, 10.0, 5.0, 5.0)
"""Factors of the network's four outputs for a box."""


def anchors() -> NDArray[np.float64]:
    """Return the anchors, (1917, 4) in shares of the input's side: centre y, x, height, width.

    Layers follow one another, rows within a layer, columns within a row, and shapes within a place
    (Liu et al. 2016, arXiv:1512.02325).
    """
    steps = np.linspace(*SCALES, len(STRIDES)).tolist()
    layers = []
    for stride, scale, following in zip(STRIDES, steps, [*steps[1:], 1.0], strict=True):
        if stride == STRIDES[0]:
            shapes = [(SMALLEST, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            shapes = [(scale, ratio) for ratio in RATIOS] + [(sqrt(scale * following), 1.0)]
        count = ceil(SIDE / stride)
        places = (np.arange(count) + 0.5) / count
        y, x = np.meshgrid(places, places, indexing="ij")
        sides = np.array([(side / sqrt(ratio), side * sqrt(ratio)) for side, ratio in shapes])
        layer = np.empty((count, count, len(shapes), 4))
        layer[..., 0], layer[..., 1], layer[..., 2:] = y[..., None], x[..., None], sides
        layers.append(layer.reshape(-1, 4))
    return np.concatenate(layers)


def decoded(encodings: NDArray[np.floating], anchored: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decode boxes.

    Args:
        encodings: (N, 4): shift of the centre y, x in sizes of the anchor, and logarithm of height
            and width over the anchor's, each times its box scale.
        anchored: (N, 4): centre y, x, height, width of the anchors.

    Returns:
        (N, 4): left, upper, right, lower edge in shares of the input's sides.
    """
    values = encodings.astype(np.float64) / BOX_SCALES
    centre = values[:, :2] * anchored[:, 2:] + anchored[:, :2]
    half = np.exp(values[:, 2:]) * anchored[:, 2:] / 2
    return np.concatenate([(centre - half)[:, ::-1], (centre + half)[:, ::-1]], axis=1)


def probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the scores of the classes, (N, classes - 1); class 0 is the background."""
    scores: NDArray[np.float64] = 1 / (
        1 + np.exp(-np.clip(logits[:, 1:].astype(np.float64), -50, 50))
    )
    return scores
