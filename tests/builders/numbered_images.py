"""Folders of numbered images, and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((40, 30)).save(path)


def table(folder: Path, numbers: Sequence[int], **columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file and its images; no column of splits."""
    for number in numbers:
        image(folder / f"{number:03d}.png", number)
    scores = [round(0.3 + 0.6 * np.random.default_rng(n).uniform(), 3) for n in numbers]
    rows = pd.DataFrame({"image": [f"{n:03d}.png" for n in numbers], "score": scores, **columns})
    rows.to_csv(folder / "scores.csv", index=False)
    return rows


def ids(rows: pd.DataFrame, *splits: str) -> set[str]:
    return set(rows.index[rows["split"].isin(splits)])
