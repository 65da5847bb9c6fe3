"""Predictions of a model, read from a table: from memlab score, from folds, from other software."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memlab.data.columns import IMAGES, SCORES, canonical, named, usual
from memlab.data.table_rows import listed
from memlab.data.tables import read_text_table
from memlab.errors import DataError
from memlab.image_files import what_is

PREDICTED = (
    "predicted", "prediction", "predictions", "predicted_score", "predicted_memorability", "pred",
)  # fmt: skip
"""Names of columns of predictions; the first that a table has is used, before any score."""
FOLDS = "predictions.csv"
"""Table of out-of-fold predictions in a folder; the folder then stands for one model."""

CENTRED = (
    "predictions are centred within their fold, because shifts between the folds' models would "
    "change correlations; the interval holds the models fixed (memlab repeat's does not)"
)
"""Note on out-of-fold predictions; see `memlab.analysis.out_of_fold`."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of one model for images.

    Args:
        label: name of the model in tables.
        path: file or folder that was read.
        rows: columns `id`, `image` (path as the source gives it), `predicted` and `score` (people's
            score; NaN where the source has none).
        root: folder that paths of images may be relative to.
        unscored: number of images without a prediction, which are not in `rows`.
        note: how the file was read, if worth a note.
    """

    label: str
    path: Path
    rows: pd.DataFrame
    root: Path
    unscored: int = 0
    note: str = ""


def is_folds(path: Path) -> bool:
    """Return whether a path is a folder with out-of-fold predictions."""
    return what_is(path) == "folder" and what_is(path / FOLDS) == "file"


def table_and_column(path: Path) -> tuple[Path, str | None]:
    """Split `TABLE.csv:COLUMN` into the table and its column of predictions; None by default."""
    name, colon, column = str(path).rpartition(":")
    if colon and column and what_is(path) == "nothing" and what_is(Path(name)) == "file":
        return Path(name), column
    return path, None


def read_predictions(path: Path, column: str | None = None) -> Predictions:
    """Read the predictions of one model from a table.

    The column `id` or a column of paths (`image`, ...) names the image. The predictions are those
    of `column`, of the first column named like `predicted`, or of the first score. If there are
    both, the score is taken for that of people. Out-of-fold predictions of a folder are centred
    within their fold.

    Args:
        path: the table, or a folder that holds `predictions.csv`.
        column: the column of predictions.

    Raises:
        DataError: if there is no such column, a value is no number, or an image is listed twice.
    """
    from memlab.data.table import numbers  # imports torch

    file = path / FOLDS if is_folds(path) else path
    text = read_text_table(file, option=None)
    names, told = list(text.frame.columns), str(file)
    images = usual(names, IMAGES, told)
    by_id = canonical(text.frame, "id")
    key = by_id or (images.name if images else None)
    if key is None:
        raise DataError(
            f"{told}: which column names the image? call it image or id (columns: {listed(names)})"
        )
    score = usual(names, SCORES, told)
    if column is not None:
        predicted = named(names, column, told)
    else:
        found = usual(names, PREDICTED, told) or score
        if found is None:
            raise DataError(
                f"{told}: no predictions in it: call their column predicted, or give "
                f"{told}:COLUMN (columns: {listed(names)})"
            )
        predicted = found.name
    values = text.values(keep=[key])
    frame = pd.DataFrame(
        {
            "id": values[key],
            "image": values[images.name if images else key],
            "predicted": numbers(values[predicted], told),
            "score": float("nan"),
        }
    )
    if score is not None and score.name != predicted and column is None:
        frame["score"] = numbers(values[score.name], told)
    frame = frame[frame["id"].notna()]
    require_once(frame["id"], told)
    known = frame["predicted"].notna()
    if not known.any():
        raise DataError(f"{told}: column {predicted!r} holds no number")
    label = column or (path.name if file.stem in ("scores", "predictions") else file.stem)
    if label == file.name:  # a table called scores.csv: its folder tells more
        label = file.resolve().parent.name
    note = text.note
    fold = canonical(text.frame, "fold") if is_folds(path) and column is None else None
    if fold is not None:
        group = values[fold].fillna("").astype(str)
        frame["predicted"] = _centred(frame["predicted"], group.loc[frame.index])
        note = f"{note}; {CENTRED}" if note else f"{told}: {CENTRED}"
    rows = frame[known].reset_index(drop=True)
    return Predictions(label, path, rows, file.parent, int((~known).sum()), note)


def _centred(predicted: pd.Series, fold: pd.Series) -> pd.Series:
    """Return predictions whose mean is the same in every fold."""
    return predicted - predicted.groupby(fold).transform("mean") + predicted.mean()


def require_once(names: pd.Series, origin: str) -> None:
    """Raise a DataError if an image is listed twice; the message names it."""
    twice = names[names.duplicated()]
    if len(twice):
        raise DataError(f"{origin}: {twice.iloc[0]} is listed twice; one row per image")
