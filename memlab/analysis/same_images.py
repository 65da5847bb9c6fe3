"""The images that people's scores and all models have in common. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from memlab.analysis.tested import SAME
from memlab.ceiling.people import People
from memlab.data.predictions import Predictions
from memlab.errors import MemlabError
from memlab.masks.names import Names

LEAST = 3
"""Smallest number of common images for a correlation."""


@dataclass(frozen=True)
class LeftOut:
    """Images of one source that the others lack.

    Args:
        source: file, folder or label.
        count: number of these images.
        example: name of the first.
        why: what the images lack.
    """

    source: str
    count: int
    example: str
    why: str


@dataclass(frozen=True)
class Matched:
    """Images that people and all models have.

    Args:
        frame: `people` and one column per model, by people's id of the image, in people's order.
        models: labels of the models.
        names: paths and ids that the sources give each image, by people's id; the best first.
        left_out: images left out, by source.
    """

    frame: pd.DataFrame
    models: list[str]
    names: dict[str, tuple[str, ...]]
    left_out: list[LeftOut]


def match_images(people: People, models: Sequence[Predictions]) -> Matched:
    """Match images by id, by path, or by the end of either.

    Args:
        people: people's scores.
        models: predictions of the models, with distinct labels.

    Raises:
        MemlabError: if fewer than three images are common to all; names examples of both sides.
    """
    rows = people.rows
    names = Names(rows)
    frame = pd.DataFrame({"people": rows["score"].to_numpy(float)}, index=rows["id"].astype(str))
    paths = {str(row.id): [str(row.image), str(row.id)] for row in rows.itertuples()}
    left_out = []
    for model in models:
        found, key = _found(names, model)
        if not found:
            raise MemlabError(
                f"{people.origin} and {model.path} have no image in common: {rows['id'].iloc[0]!r} "
                f"there, {model.rows['id'].iloc[0]!r} here; give both the same ids or paths"
            )
        by_name = model.rows.set_index(key)
        frame[model.label] = by_name.loc[list(found.values()), "predicted"].set_axis(list(found))
        for name, given in found.items():
            paths[name].append(str(by_name.at[given, "image"]))
        without = model.rows.loc[~model.rows[key].isin(set(found.values())), key]
        if len(without):
            why = f"not in {people.origin}"
            left_out.append(LeftOut(str(model.path), len(without), str(without.iloc[0]), why))
        if model.unscored:
            left_out.append(LeftOut(str(model.path), model.unscored, "", "without a prediction"))
    for model in models:
        missing = frame.index[frame[model.label].isna()]
        if len(missing):
            why = f"not in {model.path}"
            left_out.append(LeftOut(people.origin, len(missing), str(missing[0]), why))
    common = frame.dropna()
    if len(common) < LEAST:
        raise MemlabError(
            f"{people.origin} and {', '.join(str(model.path) for model in models)}: "
            f"{len(common)} image{'s' * (len(common) != 1)} in common; a correlation needs {LEAST}"
        )
    chosen = {str(name): tuple(dict.fromkeys(paths[str(name)])) for name in common.index}
    return Matched(common, [model.label for model in models], chosen, left_out)


def people_of(models: Sequence[Predictions]) -> tuple[People, list[str]]:
    """Return the people's scores that the models' own tests and tables hold, with notes.

    An image whose scores differ between the sources is left out.

    Raises:
        MemlabError: if no source has scores, or most scores differ.
    """
    scored = [model for model in models if model.rows["score"].notna().any()]
    if not scored:
        raise MemlabError(
            f"{', '.join(str(model.path) for model in models)}: no scores of people in "
            f"{'it' if len(models) == 1 else 'them'}; give --people TABLE"
        )
    known = [model.rows[model.rows["score"].notna()].reset_index(drop=True) for model in scored]
    rows = known[0][["id", "image", "score"]]
    names = Names(rows)
    differing: set[str] = set()
    for model, part in zip(scored[1:], known[1:], strict=True):
        found, _ = names.match(part["id"], str(model.path))
        other = part.set_index("id")["score"].loc[list(found.values())].set_axis(list(found))
        own = rows.set_index("id")["score"].loc[list(found)]
        here = set(own.index[(own - other).abs() > SAME])
        if len(here) * 2 > len(found):
            raise MemlabError(
                f"{scored[0].path} and {model.path}: {len(here)} of {len(found)} common images "
                "have another score; say which are people's: --people TABLE"
            )
        differing |= here
    notes = []
    if differing:
        notes.append(
            f"{len(differing)} images have another score in another test; they are left out."
        )
        rows = rows[~rows["id"].isin(differing)].reset_index(drop=True)
    origin = str(scored[0].path)
    return People(rows, scored[0].root, origin, "score"), notes


def with_distinct_names(models: Sequence[Predictions]) -> list[Predictions]:
    """Return the models with labels that differ; equal labels get more of their path.

    Raises:
        MemlabError: if one model is given twice.
    """
    taken = {"id", *_columns("people")}
    seen: dict[tuple[Path, str], Predictions] = {}
    named = []
    for model in models:
        key = (model.path.resolve(), model.label)
        if key in seen:
            raise MemlabError(f"{model.path} is given twice")
        seen[key] = model
        parts = model.path.resolve().with_suffix("").parts
        label, depth = model.label, 1
        while taken & _columns(label):
            depth += 1
            label = (
                "/".join([*parts[-depth:-1], model.label]) if depth <= len(parts) else f"{label}'"
            )
        taken |= _columns(label)
        named.append(replace(model, label=label))
    return named


def _columns(label: str) -> set[str]:
    """Return the columns of a label in `images.csv`."""
    return {label, f"{label}_below", f"{label}_gap"}


def _found(names: Names, model: Predictions) -> tuple[dict[str, str], str]:
    """Return people's ids to the model's names, and the column that holds these names."""
    for key in ("id", "image"):
        found, _ = names.match(model.rows[key].astype(str), str(model.path))
        if found:
            return found, key
    return {}, "id"
