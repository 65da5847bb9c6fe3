"""Sentences for the user about the split of a run or a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memlab.data.kept_split import KeptSplit
from memlab.data.known_images import Known, first_names
from memlab.data.split_use import SplitUse
from memlab.data.table import Table


def kept_split(use: SplitUse) -> KeptSplit:
    """Return the split that the run keeps; the caller has checked that there is one."""
    if use.kept is None:
        raise ValueError("no split is kept")
    return use.kept


def trained_or_chosen(use: SplitUse) -> str:
    """Return the participle for what a validation or a test must not evaluate."""
    return "trained" if use.purpose == "validate" else "trained or chosen"


def same_labels(split: int | str | None, kept: KeptSplit) -> bool:
    """Return whether scores should equal those in training; numbered splits have their own."""
    numbers = isinstance(split, int), isinstance(kept.split, int)
    return split == kept.split or not any(numbers)


def named_split(split: int | str | None, use: SplitUse) -> str:
    """Return the split as its option names it, or as the table's own."""
    return f"the table's own {use.target} split" if split is None else f"--data.split {split}"


def overridden(table: Table, known: Known, use: SplitUse) -> list[str]:
    """Return a note if the table's split column disagrees with the split that the run keeps."""
    if isinstance(kept_split(use).split, str):  # shares were asked for: the column did not count
        return []
    own = table.rows["split"].to_numpy(dtype=object)
    other = ~known.new & pd.notna(own) & (own != known.split)
    if not other.any():
        return []
    return [
        f"{table.origin}: {count_named(other, table)} in another split than when {use.run} was "
        "trained; the run's own split counts"
    ]


def evaluated_images(chosen: Table, use: SplitUse, why: str, hint: bool = False) -> list[str]:
    """Return one line: how many images are evaluated, why, and how to evaluate all of them."""
    if use.purpose not in ("test", "validate"):
        return []
    verb = "testing" if use.target == "test" else "validating on"
    n, of = int((chosen.rows["split"] == use.target).sum()), len(chosen.rows)
    told = f"all {of}" if n == of else f"{n} of {of}"
    more = " (--data.split all: all of them)" if hint and n < of else ""
    return [f"{verb} {told} images: {why}{more}"]


def count_named(where: np.ndarray, table: Table) -> str:
    """Return the number of images and the first names: `5 images (a, b, c, ...) are`."""
    names = [str(name) for name in table.rows["id"][where]]
    noun, verb = ("image", "is") if len(names) == 1 else ("images", "are")
    return f"{len(names)} {noun} ({first_names(names)}) {verb}"


def as_yaml(value: object) -> str:
    """Return a value as a configuration spells it."""
    return "null" if value is None else str(value)
