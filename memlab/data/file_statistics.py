"""Facts about image files (size, resolution, format) and their correlation with scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from memlab.data.near_duplicates import perceptual_hash
from memlab.errors import DataError
from memlab.image_files import require_file
from memlab.imaging.decode import decode, stored_as
from memlab.metrics.metric import SPEARMAN
from memlab.seeds import seed_of
from memlab.stats.measures import Statistic

FACTS = {
    "bytes": "file size (bytes)",
    "pixels": "resolution (pixels)",
    "aspect": "aspect ratio (width / height)",
    "bytes_per_pixel": "bytes per pixel",
}
"""Facts about a file that do not depend on the content of the image, and their labels."""
NOTABLE = 0.1
"""Absolute rank correlation with the score from which a fact is noted."""
_RARE = 10  # a format that fewer images have, or lack, is not tested


@dataclass(frozen=True)
class FileFacts:
    """Facts about one file.

    Args:
        error: why the file cannot be read; empty if it can. The other fields hold only then.
        content: SHA-256 of the bytes.
        bytes: file size.
        width: in pixels, after the camera's rotation.
        height: in pixels.
        stored: format and pixel mode: `JPEG RGB`.
        hash: perceptual hash, where asked for and where the image is not flat.
    """

    error: str = ""
    content: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    stored: str = ""
    hash: int | None = None


def look(path: Path, hashed: bool) -> FileFacts:
    """Decode an image once and return all the facts that later steps need.

    Args:
        path: the file.
        hashed: whether to compute the perceptual hash.
    """
    try:
        require_file(path)
        content = path.read_bytes()
    except DataError as error:
        return FileFacts(error=str(error))
    except OSError as error:
        return FileFacts(error=f"{path}: cannot be read: {error.strerror}")
    try:
        image = decode(path)
    except DataError as error:
        return FileFacts(error=str(error))
    return FileFacts(
        content=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        width=image.shape[2],
        height=image.shape[1],
        stored=stored_as(path),
        hash=perceptual_hash(image) if hashed else None,
    )


def with_facts(rows: pd.DataFrame, facts: dict[int, FileFacts]) -> pd.DataFrame:
    """Return the rows of a table with one column per fact; NaN where a file cannot be read.

    Args:
        rows: rows numbered from 0.
        facts: facts by row number, for rows whose file exists.
    """
    collected = [facts.get(place, FileFacts()) for place in range(len(rows))]
    images = rows[["id", "image", "split", "score"]].copy()
    images["readable"] = [bool(fact.content) for fact in collected]
    for name in ("bytes", "width", "height"):
        images[name] = [getattr(fact, name) if fact.content else np.nan for fact in collected]
    images["pixels"] = images["width"] * images["height"]
    images["aspect"] = images["width"] / images["height"]
    images["bytes_per_pixel"] = images["bytes"] / images["pixels"]
    images["stored"] = [fact.stored or None for fact in collected]
    images["content"] = [fact.content or None for fact in collected]
    images["hash"] = pd.Series([fact.hash for fact in collected], dtype=object)
    return images


def correlations(images: pd.DataFrame) -> dict[str, Statistic]:
    """Compute Spearman's correlation of each fact with the score, with a bootstrap interval.

    A model can predict the score from such a fact alone if memorable and forgettable images were
    saved differently. Each format is coded as 0 or 1; the most common format is the reference. The
    bootstrap resamples images.

    Args:
        images: the result of `with_facts`.

    Returns:
        Statistic by the fact's name; null with a reason if all images are alike or lack scores.
    """
    known = images[images["readable"] & images["score"].notna()]
    columns = {FACTS[name]: known[name].astype(float) for name in FACTS}
    counts = known["stored"].value_counts()
    for name, count in counts.iloc[1:].items():
        if min(count, len(known) - count) >= _RARE:
            columns[f"stored as {name}"] = (known["stored"] == name).astype(float)
    score = np.asarray(known["score"], dtype=np.float64)
    found = {}
    for name, column in columns.items():
        if len(column) > 2 and column.nunique() == 1:
            found[name] = Statistic(None, len(column), reason="the same for all images")
            continue
        seed = seed_of(0, "data check", name)
        draws = 2000 if len(column) <= 10_000 else 500  # saves half a minute per fact for LaMem
        found[name] = SPEARMAN.with_interval(
            np.asarray(column, dtype=np.float64), score, seed, draws
        )
    return found


def notable(statistic: Statistic) -> bool:
    """Return whether the interval excludes 0 and the correlation is at least `NOTABLE`."""
    if statistic.value is None or statistic.low is None or statistic.high is None:
        return False
    return abs(statistic.value) >= NOTABLE and (statistic.low > 0 or statistic.high < 0)


def deciles(images: pd.DataFrame) -> pd.DataFrame:
    """Return quartiles of each fact per tenth of the scores.

    Equal scores stay together, so tenths may differ in size, and there may be fewer than ten.

    Returns:
        Columns `decile` (1 is the lowest), `score_low`, `score_high`, `images`, `fact`, `q25`,
        `median`, `q75`; empty if fewer than ten images have scores.
    """
    names = ["decile", "score_low", "score_high", "images", "fact", "q25", "median", "q75"]
    known = images[images["readable"] & images["score"].notna()]
    if len(known) < 10 or known["score"].nunique() < 2:
        return pd.DataFrame(columns=names)
    code = pd.qcut(known["score"], 10, labels=False, duplicates="drop")
    rows = []
    for number, (_, part) in enumerate(known.groupby(code), start=1):
        ends = (part["score"].min(), part["score"].max(), len(part))
        rows += [(number, *ends, fact, *part[fact].quantile([0.25, 0.5, 0.75])) for fact in FACTS]
    return pd.DataFrame(rows, columns=names)
