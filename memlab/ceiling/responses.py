"""Answers of people to images, from a CSV file with one row per answer, or a matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from memlab.data.columns import COUNTS, IMAGES, PEOPLE, SCORES, named, normal
from memlab.data.table import numbers
from memlab.data.table_rows import listed
from memlab.data.tables import TextTable
from memlab.errors import DataError, did_you_mean
from memlab.stats.measures import Array

COLUMNS: dict[str, tuple[str, ...]] = {
    "participant": PEOPLE,
    "image": IMAGES,
    "response": ("response", "said_old", "hit", "seen", "recognised", "recognized"),
    "lag": ("lag",),
    "old": ("old", "is_old", "repeat", "is_repeat"),
}  # fmt: skip
"""Usual names of each column, in any case; the first match is used."""

OPTIONS = {"image": "--data.source.image"}
"""Options that name a column, if the option's name differs from the column's."""

_ROW = "row of the file"
"""Internal column with the row number; users' files may have their own column named row."""
_YES = {"1", "1.0", "true", "yes", "old"}
_NO = {"0", "0.0", "false", "no", "new"}


@dataclass(frozen=True)
class Responses:
    """Answers of people to repeated images.

    Args:
        people: names of the people who answered to a repeat.
        images: names of the repeated images.
        repeats: one row per answer to a repeat: `person` and `image` (indices into `people` and
            `images`), `said` (1 hit, 0 miss), `lag` (NaN if not given).
        first: one row per answer to the first showing of an image of `images`, with the same
            columns; `said` is 1 for a false alarm. Empty if the file has none.
        left_out: number of rows that were left out, by reason.
        origin: name of the file.
        vigilance: one row per answer to a vigilance repeat, for the lag model: `person`, `image`
            (a name), `said`, `lag`; None if the file has none.
        persons: counts of each person over all trials (see `people_rules.people_of`), if the file
            has more trials than these answers.
        counting: how trials were read and counted, in words; empty for a table of answers.
    """

    people: list[str]
    images: list[str]
    repeats: pd.DataFrame
    first: pd.DataFrame
    origin: str
    left_out: dict[str, int] = field(default_factory=dict)
    vigilance: pd.DataFrame | None = None
    persons: pd.DataFrame | None = None
    counting: tuple[str, ...] = ()

    def lags(self) -> Array:
        """Return the lag of every repeat.

        Raises:
            DataError: if a lag is not above zero; the message names the first such repeat.
        """
        lag = self.repeats["lag"].to_numpy(float)
        if np.isnan(lag).all():
            raise DataError(f"{self.origin}: no lags; name their column: --lag NAME")
        bad = ~(lag > 0)
        if bad.any():
            row = self.repeats[bad].iloc[0]
            who, which = self.people[int(row["person"])], self.images[int(row["image"])]
            label = "no lag" if np.isnan(row["lag"]) else f"lag {row['lag']:g}"
            raise DataError(
                f"{self.origin}: {who}, {which}: {label}; every repeat needs one above zero"
            )
        return lag


def holds_responses(text: TextTable, named: dict[str, str | None]) -> bool:
    """Return whether a table lists answers of people, judged by its column names alone.

    Args:
        text: the table.
        named: columns that the user named; naming `participant` or `response` implies True.
    """
    if named.get("participant") or named.get("response"):
        return True
    header = list(text.frame.columns)
    if _usual(header, "participant") is None:
        return False
    # A table of images may also have a column such as user.
    of_images = {*COUNTS["hits"], *SCORES} & {normal(name) for name in header}
    return _usual(header, "response") is not None or not of_images


def read_responses(
    text: TextTable, named: dict[str, str | None], only: list[tuple[str, str]] | None = None
) -> Responses:
    """Read answers from a table with a row per answer, or a row per person and a column per image.

    The columns are `participant`, `image` and `response` (1: said to have seen the image, 0: not),
    or other usual names for them. If a column `old` distinguishes repeats (1) from first showings
    (0), a positive response to a first showing is a false alarm. Rows with role `vigilance`, and
    rows marked in columns `excluded` or `flagged`, are left out and counted.

    Args:
        text: the table.
        named: names of the columns `participant`, `image`, `response`, `lag`, if unusual.
        only: pairs of column and value; only rows with these values are kept.

    Raises:
        DataError: if a value is invalid; the message names the row and the value.
    """
    frame, path = text.values(), text.path
    lines = frame.index.to_numpy()
    frame = frame.reset_index(drop=True)
    origin = str(path)
    header = list(frame.columns)
    column = {what: _column(header, what, named.get(what), origin) for what in COLUMNS}
    person = column["participant"] or _missing("participant", header, origin)
    if column["response"] is None and column["image"] is None:
        frame = _long(frame.assign(**{_ROW: lines}), person, only or [], origin)
        column |= {"image": "image", "response": "response"}
        only = []
    image = column["image"] or _missing("image", header, origin)
    response = column["response"] or _missing("response", header, origin)

    if column["lag"]:
        frame[column["lag"]] = numbers(frame[column["lag"]], origin)
    if _ROW not in frame:
        frame[_ROW] = lines
    frame = rows_with(frame, only or [], header, origin)
    frame, left_out = _used(frame, origin)
    _one_version(frame, origin)
    for name in (person, image, response):
        if frame[name].isna().any():
            row = frame.loc[frame[name].isna(), _ROW].iloc[0]
            more = "; a miss is 0" if name == response else ""
            raise DataError(f"{path}: row {row}: no {name}{more}")

    rows = pd.DataFrame(
        {
            "row": frame[_ROW],
            "name": _category(frame[person]),
            "image": _category(frame[image]),
            "said": _binary(frame, response, origin, "1 (seen before) or 0 (not)"),
            "old": True,
            "lag": np.nan,
        }
    )
    if column["old"]:
        rows["old"] = _binary(frame, column["old"], origin, "1 (a repeat) or 0 (first)") == 1
    if column["lag"]:
        rows["lag"] = frame[column["lag"]]
    _once(rows, origin, column["old"] is not None)
    return _numbered(rows, left_out, origin)


def rows_with(
    frame: pd.DataFrame, only: list[tuple[str, str]], header: list[str], origin: str
) -> pd.DataFrame:
    """Return the rows that have the given values.

    Args:
        frame: cells as text.
        only: pairs of column and value.
        header: columns of the file, for messages.
        origin: name of the file.

    Raises:
        DataError: if there is no such column, or no row has the value.
    """
    for name, value in only:
        if name not in frame:
            hint = did_you_mean(name, header)
            raise DataError(f"{origin}: no column {name!r}{hint} (columns: {listed(header)})")
        frame = frame[frame[name].str.strip() == value]
        if frame.empty:
            raise DataError(f"{origin}: no row has {value!r} in column {name!r}")
    return frame


def _usual(header: list[str], what: str) -> str | None:
    lower = {normal(name): name for name in reversed(header)}
    return next((lower[name] for name in COLUMNS[what] if name in lower), None)


def _column(header: list[str], what: str, option: str | None, origin: str) -> str | None:
    return _usual(header, what) if option is None else named(header, option, origin)


def _missing(what: str, header: list[str], origin: str) -> str:
    option = OPTIONS.get(what, f"--{what}")
    raise DataError(
        f"{origin}: which column holds the {what}? give {option} NAME "
        f"(columns: {listed(header, 12)})"
    )


def _long(frame: pd.DataFrame, person: str, only: list[Any], origin: str) -> pd.DataFrame:
    if only:
        raise DataError(f"{origin}: --only is for tables with one row per answer")
    long = frame.melt(id_vars=[person, _ROW], var_name="image", value_name="response")
    long = long[long["response"].notna()]  # an empty cell means not shown
    bad = ~long["response"].str.strip().str.lower().isin(_YES | _NO)
    if bad.any():
        first = long[bad].iloc[0]
        raise DataError(
            f"{origin}: row {first[_ROW]}: {first['image']} {first['response']!r} is not 1 or 0: "
            "without a column response, every column but that of people is an image"
        )
    return long


def _used(frame: pd.DataFrame, origin: str) -> tuple[pd.DataFrame, dict[str, int]]:
    left_out = {}
    names = {name.strip().lower(): name for name in frame.columns}
    if "role" in names:
        vigilance = frame[names["role"]].str.strip().str.lower() == "vigilance"
        left_out["vigilance"] = int(vigilance.sum())
        frame = frame[~vigilance]
    for mark in ("excluded", "flagged"):
        if mark in names:
            filled = frame.assign(**{names[mark]: frame[names[mark]].fillna("0")})
            marked = _binary(filled, names[mark], origin, "1 or 0") == 1
            left_out[mark] = int(marked.sum())
            frame = frame[~marked]
    return frame, {why: count for why, count in left_out.items() if count}


def _one_version(frame: pd.DataFrame, origin: str) -> None:
    versions = list(frame["version"].dropna().unique()) if "version" in frame else []
    if len(versions) > 1:
        raise DataError(
            f"{origin}: {len(versions)} versions of the images ({', '.join(versions[:4])}): "
            f"a ceiling is that of one; give --only version={versions[0]}"
        )


def _binary(frame: pd.DataFrame, name: str, origin: str, meaning: str) -> pd.Series:
    # Map the few distinct values instead of all rows.
    text = frame[name].map({value: value.strip().lower() for value in frame[name].unique()})
    bad = ~text.isin(_YES | _NO)
    if bad.any():
        row, value = frame.loc[bad, _ROW].iloc[0], frame.loc[bad, name].iloc[0]
        raise DataError(f"{origin}: row {row}: {name} {value!r} is not {meaning}")
    return text.isin(_YES).astype(float)


def _category(column: pd.Series) -> pd.Series:
    codes, names = pd.factorize(column.map({name: name.strip() for name in column.unique()}), True)
    return pd.Series(pd.Categorical.from_codes(codes, names), index=column.index)


def _once(rows: pd.DataFrame, origin: str, tells_first: bool) -> None:
    again = rows.duplicated(["name", "image", "old"])
    if again.any():
        row = rows[again].iloc[0]
        same = rows[(rows["name"] == row["name"]) & (rows["image"] == row["image"])]
        earlier = same.loc[same["old"] == row["old"], "row"].iloc[0]
        remedy = "" if tells_first else ", or tell first showings apart in a column old (0 or 1)"
        raise DataError(
            f"{origin}: row {row['row']}: {row['name']} has answered to {row['image']} before, in "
            f"row {earlier}: keep one answer per person and image{remedy}"
        )


def _numbered(rows: pd.DataFrame, left_out: dict[str, int], origin: str) -> Responses:
    repeats, first = rows[rows["old"]], rows[~rows["old"]]
    if repeats.empty:
        why = "no answers" if rows.empty else "all are first showings, old 0: hits are of repeats"
        raise DataError(f"{origin}: no answer to a repeat: {why}")
    people, images = (sorted(repeats[name].unique()) for name in ("name", "image"))
    known = first["image"].isin(images) & first["name"].isin(people)
    if not known.all():
        left_out["first showings without a repeat"] = int((~known).sum())

    def part(of: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "person": of["name"].cat.set_categories(people).cat.codes.to_numpy(np.int64),
                "image": of["image"].cat.set_categories(images).cat.codes.to_numpy(np.int64),
                "said": of["said"].to_numpy(),
                "lag": of["lag"].to_numpy(),
            }
        )

    return Responses(people, images, part(repeats), part(first[known]), origin, left_out)
