"""Source that reads a CSV file with columns of images and scores."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlparse

import pandas as pd

from memlab.data.columns import (
    CORRECTED,
    COUNTS,
    IMAGES,
    SCORES,
    canonical,
    is_counts,
    named,
    normal,
    usual,
)
from memlab.data.sources.base import Source, make_table, one_split_only
from memlab.data.table import MASK, SPLITS, Table, numbers, row_of
from memlab.data.table_rows import listed
from memlab.data.table_text import cut
from memlab.data.tables import TextTable, read_text_table, tables_in
from memlab.errors import DataError
from memlab.image_files import endings, leaves, shown, what_is


class CsvSource(Source):
    """CSV file that lists images, and optionally scores.

    Paths are relative to the folder of the file. Columns named `split` (train, val, test), `hits`,
    `false_alarms`, `n`, `category` and `mask_REGION` are used; other columns are kept. A column
    `id` gives the ids of the images; without it, their paths are the ids.

    Args:
        file: name of the CSV file inside the root; by default the only one there.
        image: column of image paths; by default the first of image, image_path, path, ...
        score: column of scores, 0 to 1; by default the first of score, memorability_score, ... A
            column of hit minus false-alarm rates, such as hit_minus_false_alarm, may hold -1 to 1.
        separator: character between the columns (`,`, `;`, `tab`, ...); recognised by default.
        encoding: encoding of the text, such as cp1252; by default UTF-8, or UTF-16 if the file is
            so marked.
    """

    general = True
    option: ClassVar[str] = "--data.source"
    """Prefix of the options that messages name."""

    def __init__(
        self,
        file: str | None = None,
        image: str | None = None,
        score: str | None = None,
        separator: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self.file = file
        self.image = image
        self.score = score
        self.separator = separator
        self.encoding = encoding

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether `root` is a file, or a folder with exactly one table."""
        kind = what_is(root)
        return kind == "file" or (kind == "folder" and len(tables_in(root)) == 1)

    def table(self, root: Path, split: int | None = None) -> Table:
        """Read the file; see `Source.table`."""
        path = self._path(root)
        one_split_only(split, str(path))
        text = read_text_table(path, self.separator, self.encoding, self.option)
        frame, told = text.frame, str(path)
        notes = [text.note] if text.note else []
        image = self._image(text, root)
        name_of = canonical(frame, "id") or image
        values = text.values(keep={image, name_of})
        empty = values[image].isna()
        if empty.any():
            place = int(empty.to_numpy().argmax())
            raise DataError(f"{told}: row {row_of(empty, place)}: no {image}")

        images = _paths(values[image], path)
        id_known = name_of != image and values[name_of].notna().all()
        columns = {"id": values[name_of] if id_known else images, "image": images}
        counts = _counts(values, told)
        score, scores, scoring = self._scores(values, counts, told)
        notes += [scoring] if scoring else []
        differences = score is not None and normal(score) in CORRECTED
        below = 0 if scores is None else int((scores < 0).sum())
        if differences and below:
            notes.append(
                f"{told}: {score!r} is a hit rate minus a false-alarm rate: -1 to 1 is accepted "
                f"({below} scores lie below 0, where no sigmoid can predict)"
            )
        if scores is not None:
            columns["score"] = scores
        split_of = canonical(values, "split")
        if split_of is not None:
            columns["split"] = _splits(values[split_of], path)
        columns |= {name: column for name, (_, column) in counts.items()}
        used = {image, score, split_of, *(column for column, _ in counts.values())}
        used |= {name_of} if id_known else set()
        for name in values.columns:
            plain = normal(name)
            if plain.startswith(MASK):
                columns[plain] = _paths(values[name], path)
            elif plain == "category":
                columns[plain] = values[name]
            elif name not in columns and name not in used:
                columns[name] = _numbers_if_all(values[name])
        outside = [name for name in images if leaves(path.parent, name)]
        if outside:
            notes.append(
                f"{told}: {len(outside)} of {len(images)} images lie outside the folder of the "
                f"table, such as {outside[0]}"
            )
        return make_table(columns, path.parent, told, notes, scoring, differences)

    def _path(self, root: Path) -> Path:
        if what_is(root) != "folder":
            return root
        if self.file is not None:
            path = root / self.file
            if what_is(path) != "file":
                raise DataError(f"{path}: no such file; set {self.option}.file")
            return path
        found = tables_in(root)
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise DataError(f"{root}: which CSV file? set {self.option}.file (found: {names})")
        return found[0]

    def _image(self, text: TextTable, root: Path) -> str:
        names, told = list(text.frame.columns), str(text.path)
        if self.image is not None:
            return named(names, self.image, told)
        found = usual(names, IMAGES, told, f"{self.option}.image")
        if found is not None:
            return _with_files([found.name, *found.others], text)
        more = ""
        if any(Path(name).suffix.lower() in endings() for name in names):
            more = (
                "; its first line looks like data: put a line of names above, such as image,score"
            )
        elif root.is_dir():
            more = f"; {self.option} folder reads the images of the folder without it"
        raise DataError(
            f"{told}: which column holds the image? give {self.option}.image NAME "
            f"(columns: {listed(names)}){more}"
        )

    def _scores(
        self,
        values: pd.DataFrame,
        counts: dict[str, tuple[str, pd.Series]],
        told: str,
    ) -> tuple[str | None, pd.Series | None, str]:
        """Return the name of the score column, the scores, and a note on how they were chosen."""
        names = list(values.columns)
        if self.score is not None:
            name = named(names, self.score, told)
            return name, numbers(values[name], told), ""
        found = usual(names, SCORES, told, f"{self.option}.score")
        if found is not None:
            several = [name for name in (found.name, *found.others) if values[name].notna().any()]
            name = several[0] if several else found.name
            others = [each for each in several if not values[each].equals(values[name])]
            scoring = (
                f"{told}: scores are those of column {name!r}; there are also {listed(others)}: "
                f"{self.option}.score NAME takes another"
            )
            return name, numbers(values[name], told), scoring if others else ""
        if "hits" in counts and "n" in counts:
            hits, n = counts["hits"][1], counts["n"][1]
            return None, hits / n.where(n > 0), f"{told}: no column of scores: score = hits / n"
        scoring = (
            f"{told}: no column of scores found (columns: {listed(names)}); name it: "
            f"{self.option}.score NAME"
        )
        return None, None, scoring


class PeopleTable(CsvSource):
    """Table of people's scores, whose messages name the options `--people.image` and others."""

    option: ClassVar[str] = "--people"


def _with_files(names: list[str], text: TextTable) -> str:
    """Return the first column whose first entry is a file, else the first column."""
    root = text.path.parent
    for name in names if len(names) > 1 else ():
        filled = [entry for entry in text.frame[name].head(20) if entry]
        if filled and what_is(root / _path_of(filled[0], root)) == "file":
            return name
    return names[0]


def _paths(column: pd.Series, path: Path) -> pd.Series:
    """Return paths in this system's spelling, relative to the folder of the table."""
    web = column.str.lower().str.startswith(("http://", "https://"), na=False)
    if web.any():
        place = int(web.to_numpy().argmax())
        raise DataError(
            f"{path}: row {row_of(column, place)}: {cut(column.iloc[place])!r} is a web address; "
            "download the images, and give their paths"
        )
    root = path.parent
    return column.map({name: _path_of(name, root) for name in column.dropna().unique()})


def _path_of(name: str, root: Path) -> str:
    if name.lower().startswith("file:"):
        with contextlib.suppress(ValueError):  # not a valid URL: the entry is used as it is
            name = unquote(urlparse(name).path)
    elif name.startswith("~/"):
        name = str(Path(name).expanduser())
    # a backslash may be part of a name on systems where it is not a separator
    if "\\" in name and os.sep == "/" and what_is(root / name) == "nothing":
        name = name.replace("\\", "/")
    while name.startswith("./"):
        name = name.removeprefix("./").lstrip("/")
    return name


def _counts(values: pd.DataFrame, told: str) -> dict[str, tuple[str, pd.Series]]:
    """Return counts of responses by memlab's names, each with the column that it comes from."""
    by_name = {normal(str(name)): str(name) for name in reversed(list(values.columns))}
    found: dict[str, tuple[str, pd.Series]] = {}
    for count, (own, *others) in COUNTS.items():
        if own in by_name:
            found[count] = by_name[own], numbers(values[by_name[own]], told)
            continue
        for other in others:  # a rate may also have such a name
            if other in by_name and is_counts(values[by_name[other]]):
                found[count] = by_name[other], numbers(values[by_name[other]], told)
                break
    if "n" not in found and "hits" in found and "misses" in found:
        found["n"] = "", found["hits"][1] + found["misses"][1]
    return found


def _splits(column: pd.Series, path: Path) -> pd.Series:
    names = column.str.strip().str.lower().replace({"validation": "val", "valid": "val"})
    bad = names.notna() & ~names.isin(SPLITS)
    if bad.any():
        place = int(bad.to_numpy().argmax())
        raise DataError(
            f"{shown(path)}: row {row_of(column, place)}: split {cut(column.iloc[place])!r} "
            "is not train, val or test"
        )
    return names


def _numbers_if_all(column: pd.Series) -> pd.Series:
    converted = pd.to_numeric(column, errors="coerce")
    return column if converted.isna().sum() > column.isna().sum() else converted
