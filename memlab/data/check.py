"""Everything that can be wrong with a data set, found by looking at every picture."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from memlab.data.decode import decode
from memlab.data.table import Problem, Table
from memlab.errors import DataError


def check(table: Table, progress: Callable[[int], None] | None = None) -> list[Problem]:
    """Find missing, unreadable and truncated files, bad scores, duplicates, and split leaks.

    Duplicates are files with the same bytes under two names; in two splits they are leaks.

    Args:
        table: the table as its source read it.
        progress: called with the number of pictures done since the last call.

    Returns:
        All problems, those of the table first.
    """
    problems = table.problems()
    missing = {problem.id for problem in problems if problem.kind == "missing"}
    present = table.rows[~table.rows["id"].isin(missing)]
    paths = [table.root / str(name) for name in present["image"]]
    by_content: dict[str, list[tuple[str, object]]] = defaultdict(list)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        rows = zip(present["id"], present["split"], pool.map(_look, paths), strict=True)
        for name, split, (content, error) in rows:
            if error:
                problems.append(Problem("unreadable", str(name), error))
            if content:
                by_content[content].append((str(name), split))
            if progress:
                progress(1)
    return [*problems, *_same_content(by_content.values()), *_score_range(table)]


def _look(path: Path) -> tuple[str, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        return "", f"{path}: cannot be read: {error.strerror}"
    try:
        decode(path)
    except DataError as error:
        return "", str(error)
    return hashlib.sha256(content).hexdigest(), ""


def _same_content(groups: Iterable[list[tuple[str, object]]]) -> Iterable[Problem]:
    for group in groups:
        names = sorted({name for name, _ in group})
        if len(names) < 2:  # the same id twice is reported by the table itself
            continue
        splits = sorted({str(split) for _, split in group if isinstance(split, str)})
        shown = " = ".join(names)
        if len(splits) > 1:
            message = f"{shown}: the same picture in {' and '.join(splits)}"
            yield Problem("two splits", names[0], message)
        else:
            yield Problem("duplicate", names[0], f"{shown}: the same picture under two names")


def _score_range(table: Table) -> Iterable[Problem]:
    scores = table.rows["score"].to_numpy(dtype=float)
    absent = table.rows[np.isnan(scores)]
    if 0 < len(absent) < len(scores):
        for name in absent["id"]:
            yield Problem("score", str(name), f"{name}: no score")
    known = scores[~np.isnan(scores)]
    if len(known) > 1 and np.ptp(known) == 0:
        message = f"all {len(known)} scores equal {known[0]:g}: there is nothing to learn"
        yield Problem("score", str(table.rows["id"].iloc[0]), message)
