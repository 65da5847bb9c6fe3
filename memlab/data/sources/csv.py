"""A CSV file with any image and score columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from memlab.data.sources.base import Source, make_table, one_split_only
from memlab.data.table import MASK, SPLITS, Table, numbers
from memlab.errors import DataError, did_you_mean

IMAGE_COLUMNS = ("image", "image_path", "path", "file_path", "filename", "file", "image_file")
SCORE_COLUMNS = ("score", "memorability_score", "memorability", "mem_score", "hit_rate")
_COUNTS = ("hits", "false_alarms", "n")


class CsvSource(Source):
    """A CSV file that lists pictures, and scores if it has them.

    Paths are relative to the folder of the file. Columns named `split` (train, val, test), `hits`,
    `false_alarms`, `n`, `category` and `mask_REGION` are used; others are kept. A column `id` names
    the pictures; without one their paths do.

    Args:
        file: name of the CSV file inside the root; the only one there by default.
        image: column of picture paths; by default the first of image, image_path, path, ...
        score: column of scores, 0 to 1; by default the first of score, memorability_score, ...
    """

    def __init__(
        self, file: str | None = None, image: str | None = None, score: str | None = None
    ) -> None:
        self.file = file
        self.image = image
        self.score = score

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """A CSV file, or a folder with exactly one."""
        if root.is_file():
            return root.suffix.lower() == ".csv"
        return len(list(root.glob("*.csv"))) == 1

    def table(self, root: Path, split: int | None = None) -> Table:
        """Read the file; see `Source.table`."""
        path = self._path(root)
        one_split_only(split, str(path))
        try:
            # text first: the id "00012" must not become the number 12
            frame = pd.read_csv(path, dtype=str, keep_default_na=True)
        except (OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise DataError(f"{path}: cannot be read as CSV: {first}") from error
        image = _column(frame, self.image, IMAGE_COLUMNS, path, "image")
        score = _column(frame, self.score, SCORE_COLUMNS, path, "score", needed=False)
        empty = frame[image].isna()
        if empty.any():
            raise DataError(f"{path}: row {int(empty.to_numpy().argmax()) + 2}: no {image}")

        named = "id" in frame and frame["id"].notna().all()
        columns = {"id": frame["id" if named else image], "image": frame[image]}
        if score is not None:
            columns["score"] = numbers(frame[score], str(path))
        if "split" in frame:
            columns["split"] = _splits(frame["split"], path)
        for name in frame.columns:
            if name in _COUNTS:
                columns[name] = numbers(frame[name], str(path))
            elif name.startswith(MASK):
                columns[name] = frame[name]
            elif name not in columns and name not in (image, score):
                columns[name] = _numbers_if_all(frame[name])
        return make_table(columns, path.parent, str(path))

    def _path(self, root: Path) -> Path:
        if root.is_file():
            return root
        if self.file is not None:
            path = root / self.file
            if not path.is_file():
                raise DataError(f"{path}: no such file; set --data.source.file")
            return path
        found = sorted(root.glob("*.csv"))
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise DataError(f"{root}: which CSV file? set --data.source.file (found: {names})")
        return found[0]


def _column(
    frame: pd.DataFrame,
    wanted: str | None,
    usual: tuple[str, ...],
    path: Path,
    what: str,
    needed: bool = True,
) -> str | None:
    names = list(frame.columns)
    if wanted is not None:
        if wanted in names:
            return wanted
        hint = did_you_mean(wanted, names)
        raise DataError(f"{path}: no column {wanted!r}{hint} (columns: {', '.join(names)})")
    for name in usual:
        if name in names:
            return name
    if not needed:
        return None
    raise DataError(
        f"{path}: which column holds the {what}? give --data.source csv "
        f"--data.source.{what} NAME (columns: {', '.join(names)})"
    )


def _splits(column: pd.Series, path: Path) -> pd.Series:
    names = column.str.strip().str.lower().replace({"validation": "val", "valid": "val"})
    bad = names.notna() & ~names.isin(SPLITS)
    if bad.any():
        place = int(bad.to_numpy().argmax())
        raise DataError(
            f"{path}: row {place + 2}: split {column.iloc[place]!r} is not train, val or test"
        )
    return names


def _numbers_if_all(column: pd.Series) -> pd.Series:
    converted = pd.to_numeric(column, errors="coerce")
    return column if converted.isna().sum() > column.isna().sum() else converted
