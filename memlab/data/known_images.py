"""Matching of the images of a table with those of a run, by content and by name. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from memlab.data.kept_split import SPLITS, Entry, KeptSplit

SAME_SCORE = 1e-6


@dataclass
class Known:
    """Match of each row of a table with the images of a run.

    Args:
        split: split of each row: train, val, test, or None where the image is new to the run.
        recorded: number of images of the run.
        renamed: id in the table to the id in the run, for images with the same content.
        changed: ids whose content changed since.
        rescored: ids whose score changed since.
        gone: ids of the run's images that the table no longer has.
        namesakes: number of ids that the run also has, but with other content and score: these are
            different images.
    """

    split: np.ndarray
    recorded: int
    renamed: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    rescored: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    namesakes: int = 0

    @property
    def new(self) -> np.ndarray:
        """Rows that the run does not know, bool."""
        return np.array([one is None for one in self.split], dtype=bool)

    @property
    def n(self) -> int:
        """Number of rows that the run knows."""
        return int((~self.new).sum())

    def notes(self, run: str, scores: bool = True) -> list[str]:
        """Return one sentence for each kind of change since the run was trained.

        Args:
            run: name of the run.
            scores: whether a different score counts as a change: LaMem's splits have different
                scores.
        """
        found = []
        if self.renamed:
            pairs = [f"{name}, {old} there" for name, old in self.renamed.items()]
            found.append(
                f"{_images(self.renamed)} another name than in {run}, and {_known(self.renamed)} "
                f"by content ({first_names(pairs, '; ')}); the recorded split counts"
            )
        if self.changed:
            found.append(
                f"{_images(self.changed)} another content than when {run} was trained "
                f"({first_names(self.changed)}); the recorded split counts"
            )
        if self.namesakes:
            found.append(
                f"{self.namesakes} of the names are also in {run}, but neither content nor score "
                "is the same: they are taken for other images"
            )
        if self.rescored and scores:
            found.append(
                f"{_images(self.rescored)} another score than when {run} was trained "
                f"({first_names(self.rescored)}); the new score counts"
            )
        if self.gone and self.n:
            found.append(
                f"not in the table now: {len(self.gone)} of the {self.recorded} images of {run} "
                f"({first_names(self.gone)})"
            )
        return found


def recognise_images(kept: KeptSplit, rows: pd.DataFrame, contents: Sequence[str]) -> Known:
    """Match each row of a table with the images of a run.

    Content takes precedence over the name: a file with the bytes of a training image counts as that
    training image, whatever its name. An id that the run knows, with other content, counts as the
    same image changed if most of the shared ids agree in content or score. Otherwise the two data
    sets only use the same names (000001.jpg, ...).

    Args:
        kept: the images of the run.
        rows: `id` and `score` of the table.
        contents: the SHA-256 of each row's file; empty where it cannot be read.
    """
    by_pair = {(one.id, one.sha256): one for one in kept.entries}
    by_content = _strictest((one.sha256, one) for one in kept.entries if one.sha256)
    by_name = _strictest((one.id, one) for one in kept.entries)
    found: list[Entry | None] = []
    changed: list[int] = []
    matched = 0
    for place, (name, content) in enumerate(zip(rows["id"], contents, strict=True)):
        named = by_name.get(str(name))
        matched += named is not None
        entry = by_pair.get((str(name), content)) or by_content.get(content)
        if entry is None and named is not None:
            entry = named
            if content and named.sha256:
                changed.append(place)
        found.append(entry)

    scores = rows["score"].to_numpy(dtype=float)
    if 2 * len(changed) > matched:
        agree = sum(
            _same(entry.score, scores[place]) and not math.isnan(entry.score)
            for place in changed
            if (entry := found[place])
        )
        others = 2 * agree <= len(changed)
    else:
        others = False
    namesakes = len(changed) if others else 0
    for place in changed if others else ():
        found[place] = None

    names = [str(name) for name in rows["id"]]
    known = Known(
        split=np.array([entry.split if entry else None for entry in found], dtype=object),
        recorded=len(by_name),
        changed=[] if others else [names[place] for place in changed],
        namesakes=namesakes,
    )
    scored = not bool(np.isnan(scores).all())  # a folder without scores changes no score
    met: set[str] = set()
    met_contents = set(contents)
    for name, entry, score in zip(names, found, scores, strict=True):
        if entry is None:
            continue
        met.add(entry.id)
        if entry.id != name:
            known.renamed[name] = entry.id
        if scored and not _same(entry.score, score):
            known.rescored.append(name)
    still = {one.id for one in kept.entries if one.sha256 and one.sha256 in met_contents}
    known.gone = sorted(set(by_name) - met - still)
    return known


def _strictest(pairs: Iterable[tuple[str, Entry]]) -> dict[str, Entry]:
    """Return, for each key, the entry with the strictest split."""
    found: dict[str, Entry] = {}
    for key, entry in pairs:
        other = found.get(key)
        if other is None or SPLITS.index(entry.split) < SPLITS.index(other.split):
            found[key] = entry
    return found


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_SCORE or (math.isnan(one) and math.isnan(other))


def _images(names: Sequence[str] | dict[str, str]) -> str:
    return "1 image has" if len(names) == 1 else f"{len(names)} images have"


def _known(names: dict[str, str]) -> str:
    return "is known" if len(names) == 1 else "are known"


def first_names(names: Sequence[str], between: str = ", ") -> str:
    """Join the first three names to one line, with unprintable characters replaced."""
    shown = [
        "".join(letter if letter.isprintable() else "?" for letter in name) for name in names[:3]
    ]
    return between.join([*shown, *(["..."] if len(names) > 3 else [])])
