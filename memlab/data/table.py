"""Table of a data set, which every source returns, and its validation."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from memlab.data.table_text import cut
from memlab.data.tables import LINE
from memlab.errors import DataError
from memlab.files import fingerprint
from memlab.image_files import what_is
from memlab.masks.base import EmptyMasks, MaskSource, region_name
from memlab.masks.files import masks_in_columns
from memlab.masks.open import open_masks

SPLITS = ("train", "val", "test")
MASK = "mask_"
"""Prefix of mask columns, followed by the region: `mask_faces`."""


@dataclass(frozen=True)
class Problem:
    """One problem with one image of a table."""

    kind: str
    id: str
    message: str


@dataclass(frozen=True)
class Table:
    """Images of a data set, one row each.

    Args:
        rows: columns `id` (text), `image` (path relative to `root`), `score` (0 to 1, or -1 to 1 if
            `differences`; NaN where absent), `split` (`train`, `val`, `test`, or NA), and any of
            `hits`, `false_alarms`, `n`, `category`, `mask_REGION` (path relative to `root`, NA
            where the region is absent), and any other columns of the source.
        root: folder that the paths are relative to.
        origin: file or folder that was read, for messages and results.
        given: masks from elsewhere; they replace the masks of columns of the same region.
        empty_masks: meaning of an empty cell of a mask column: `none` (the default: the image lacks
            the region), or `unknown` (the image is not annotated).
        notes: lines about the source's decisions and omissions.
        scoring: origin of the scores, or why there are none, if worth a note.
        differences: whether scores are differences of rates, such as hit rate minus false-alarm
            rate; they may then lie below 0, down to -1.
    """

    rows: pd.DataFrame
    root: Path
    origin: str
    given: MaskSource | None = None
    empty_masks: EmptyMasks | None = None
    notes: tuple[str, ...] = ()
    scoring: str = ""
    differences: bool = False

    def say(self, scores: bool = True) -> Table:
        """Print the notes of the table on stderr; return the table.

        Args:
            scores: whether to print the note on the origin of the scores, too.
        """
        for note in self.notes:
            if scores or note != self.scoring:
                print(f"memlab: {note}", file=sys.stderr)  # noqa: T201
        return self

    @property
    def unscored(self) -> str:
        """Reason why there are no scores; empty if there are some, or the reason is unknown."""
        return self.scoring if self.rows["score"].isna().all() else ""

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that have masks."""
        return tuple(self.masks)

    @cached_property
    def masks(self) -> dict[str, MaskSource]:
        """Mask source of each region."""
        named = self.mask_columns
        own = masks_in_columns(self.rows, named, self.root, self.origin, self.empty_masks or "none")
        there: dict[str, MaskSource] = dict.fromkeys(named, own)
        return (
            there if self.given is None else there | dict.fromkeys(self.given.regions, self.given)
        )

    @property
    def mask_columns(self) -> dict[str, str]:
        """Region to the column of its masks.

        Raises:
            DataError: if a column's name is not a valid region, or two columns are of one region.
        """
        named: dict[str, str] = {}
        for column in map(str, self.rows.columns):
            if not column.startswith(MASK):
                continue
            region = region_name(column.removeprefix(MASK), f"{self.origin}: column {column}")
            if region in named:
                raise DataError(
                    f"{self.origin}: columns {named[region]} and {column} are both masks of "
                    f"{region}; keep one"
                )
            named[region] = column
        return named

    def with_masks(self, path: Path, empty: EmptyMasks | None = None) -> Table:
        """Return the same table with the masks at a path, of any kind that `open_masks` reads.

        Args:
            path: path of the masks.
            empty: meaning of an image without a mask; by default an empty cell of the table's own
                columns means `none`, and an image without a file is `unknown`.

        Raises:
            DataError: if the masks cannot be read, or are not of these images.
        """
        given = open_masks(path, self.rows, self.root, empty)
        return replace(self, given=given, empty_masks=empty or self.empty_masks)

    def problems(self) -> list[Problem]:
        """Return all problems that are visible without decoding: ids, scores, files, splits."""
        return [
            *_id_problems(self.rows),
            *_split_problems(self.rows),
            *_score_problems(self.rows, -1 if self.differences else 0),
            *self._file_problems(),
        ]

    def validated(self, check: str) -> Table:
        """Return the table itself if it has no problems.

        Args:
            check: arguments of `memlab data check` that show all problems of the table.

        Raises:
            DataError: if it has problems; names the first images and the command that shows all.
        """
        problems = self.problems()
        if problems:
            raise DataError(report(problems, self.origin, check))
        return self

    def without_missing(self) -> tuple[Table, dict[str, str]]:
        """Return the table without rows whose file is missing, and the reason for each, by id."""
        missing = {problem.id: problem.message for problem in self._file_problems()}
        kept = self.rows[~self.rows["id"].isin(missing)]
        return replace(self, rows=kept), missing

    def with_split(self, split: np.ndarray) -> Table:
        """Return the same table with another `split` column."""
        return replace(self, rows=self.rows.assign(split=split))

    def part(self, split: str) -> pd.DataFrame:
        """Return the rows of one split, in the table's order, numbered from 0."""
        return self.rows[self.rows["split"] == split].reset_index(drop=True)

    def fingerprint(self) -> str:
        """Return a hash of ids, scores, splits and file sizes, which identifies the data."""
        lines = [
            f"{row.id}\t{row.score}\t{row.split}\t{_size(self.root / str(row.image))}"
            for row in self.rows[["id", "image", "score", "split"]].itertuples()
        ]
        return fingerprint("\n".join(sorted(lines)))

    def _file_problems(self) -> Iterable[Problem]:
        for row in self.rows[["id", "image"]].itertuples():
            path = self.root / str(row.image)
            if _size(path) is None:
                kind = what_is(path)
                why = "no such file" if kind in ("nothing", "file") else f"no file, but {kind}"
                yield Problem("missing", str(row.id), f"{path}: {why}")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _id_problems(rows: pd.DataFrame) -> Iterable[Problem]:
    for name, same in rows[rows["id"].duplicated(keep=False)].groupby("id"):
        splits = sorted(set(same["split"].dropna()))
        if len(splits) > 1:
            yield Problem("two splits", str(name), f"{name}: in {' and '.join(splits)}")
        else:
            yield Problem("duplicate", str(name), f"{name}: listed {len(same)} times")


def _split_problems(rows: pd.DataFrame) -> Iterable[Problem]:
    empty = rows["split"].isna()
    if not empty.all():
        for name in rows.loc[empty, "id"]:
            yield Problem("split", str(name), f"{name}: no split, while others have one")


def _score_problems(rows: pd.DataFrame, least: int) -> Iterable[Problem]:
    scores = rows["score"]
    above = (scores > 1) & (scores <= 100)
    if above.sum() * 2 > scores.notna().sum():  # the whole column is above 1, not single values
        found = scores[above]
        message = (
            f"{int(above.sum())} of {int(scores.notna().sum())} scores lie above 1, up to "
            f"{found.max():g}: is the column in percent? memlab takes 0 to 1 and rescales nothing "
            "itself: divide percent by 100"
        )
        yield Problem("score", str(rows.loc[above, "id"].iloc[0]), message)
        scores = scores.mask(above)
    for row in rows[scores.notna() & ~scores.between(least, 1)].itertuples():
        score = float(str(row.score))
        hint = " (percent? divide by 100)" if 1 < score <= 100 else ""
        if -1 <= score < 0:
            hint = " (hit rate minus false-alarm rate? name the column hit_minus_false_alarm)"
        message = f"{row.id}: score {row.score:g} is not between {least} and 1{hint}"
        yield Problem("score", str(row.id), message)


def report(problems: list[Problem], origin: str, check: str) -> str:
    """Return two lines: the number of problems, with examples, and the command that shows all."""
    shown = "; ".join(problem.message for problem in problems[:3])
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return f"{origin}: {count}: {shown}{more}\nsee them all with: memlab data check {check}"


def row_of(column: pd.Series, place: int) -> int:
    """Return the row number in the file of an entry of a column, as a spreadsheet counts rows."""
    return int(column.index[place]) if column.index.name == LINE else place + 2


def numbers(column: pd.Series, origin: str) -> pd.Series:
    """Convert a column to numbers; empty cells become NaN.

    Raises:
        DataError: naming the file, the row and the value that is not a number.
    """
    converted = pd.to_numeric(column, errors="coerce").astype(float)
    text = column.astype("string").str.strip()
    bad = converted.isna() & column.notna() & ~text.str.lower().isin(["", "nan", "na"])
    bad |= np.isinf(converted)
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        value = str(column.iloc[place])
        hint = ""
        if value.endswith("%"):
            hint = "; percent? divide by 100"
        elif "," in value or re.fullmatch(r"[+-]?\d+(\.\d+){2,}", value):
            hint = "; a decimal comma, or thousands? write 0.5 and 1234"
        where = f"{origin}: row {row_of(column, place)}"
        raise DataError(f"{where}: {column.name} {cut(value)!r} is not a number{hint}")
    return converted
