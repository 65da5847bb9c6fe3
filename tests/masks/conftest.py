"""Photographs, and a mask store of three of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memlab.imaging.decode import decode
from memlab.masks.base import thumbnail_of
from memlab.masks.store import MaskStore


@pytest.fixture
def photos(make_image: Callable[..., Path]) -> Path:
    for place in range(4):
        make_image(f"photos/{place}.png", size=(64, 64), seed=place)
    return Path("photos")


@pytest.fixture
def store(photos: Path) -> Path:
    made = MaskStore(Path("store"))
    made.claim(["faces"], {"plugin": "hand"})
    for place in range(3):
        mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
        mask[:, 5:20, 5:20] = 1
        made.write(f"{place}.png", {"faces": mask}, thumbnail_of(decode(photos / f"{place}.png")))
    made.close({})
    return Path("store")
