"""A MemNet whose hidden layers are small."""

from __future__ import annotations

from memlab.models.published.memnet import MemNet


class NarrowMemNet(MemNet):
    """With 8 units in fc6 and fc7."""

    units = 8
