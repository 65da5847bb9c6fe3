"""Images on which people and models differ most, and on which they agree. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from memlab.stats.measures import Array

SHOWN = 8
"""Largest number of images of a strip."""

Kind = Literal[
    "people_above", "model_above", "both_high", "both_low", "people_above_all", "models_above_all"
]


@dataclass(frozen=True)
class Position:
    """Score of an image, and its position among the common images.

    Args:
        score: the score or prediction.
        below: share of the common images with a lower value; ties count half.
    """

    score: float
    below: float


@dataclass(frozen=True)
class ShownImage:
    """Image of a strip.

    Args:
        id: people's id of the image.
        people: people's score.
        models: the prediction of each model of the strip.
        gap: difference of the positions, model − people; of several models, the smallest in size.
    """

    id: str
    people: Position
    models: dict[str, Position]
    gap: float


@dataclass(frozen=True)
class Strip:
    """Images of one kind, the clearest first.

    Args:
        kind: `people_above` (people's score is high among the images, the model's is low),
            `model_above`, `both_high`, `both_low`, or `people_above_all` and `models_above_all`, on
            which all models differ from people in the same direction.
        model: label of the model; None for all models.
        images: the images.
    """

    kind: Kind
    model: str | None
    images: list[ShownImage]


def strips_of(frame: pd.DataFrame, models: Sequence[str]) -> list[Strip]:
    """Return the strips of every model, and those of all models together if there are several.

    The gap of an image is its position among the model's predictions minus its position among
    people's scores. People and model differ if one position is above .5 and the other below; an
    image on which all models differ from people counts with its smallest gap.

    Args:
        frame: `people` and one column per model, by id.
        models: the models, whose predictions are not constant.
    """
    below = {name: positions(frame[name].to_numpy(float)) for name in ("people", *models)}
    count = max(1, min(SHOWN, len(frame) // 4))

    def strip(kind: Kind, order: Array, allowed: NDArray[np.bool_], of: Sequence[str]) -> Strip:
        best = [place for place in np.argsort(-order, kind="stable") if allowed[place]][:count]
        images = [_shown(frame, below, int(place), of) for place in best]
        return Strip(kind, of[0] if len(of) == 1 and not kind.endswith("_all") else None, images)

    strips = []
    people = below["people"]
    for label in models:
        model = below[label]
        gap = model - people
        low, high = np.minimum(model, people), np.maximum(model, people)
        strips += [
            strip("people_above", -gap, (people > 0.5) & (model < 0.5), [label]),
            strip("model_above", gap, (people < 0.5) & (model > 0.5), [label]),
            strip("both_high", low, low > 0.5, [label]),
            strip("both_low", -high, high < 0.5, [label]),
        ]
    if len(models) > 1:
        of_models = np.stack([below[label] for label in models])
        least, most = of_models.min(axis=0), of_models.max(axis=0)
        strips += [
            strip("people_above_all", people - most, (people > 0.5) & (most < 0.5), models),
            strip("models_above_all", least - people, (people < 0.5) & (least > 0.5), models),
        ]
    return strips


def positions(values: Array) -> Array:
    """Return the share of values below each value, ties counted half, between 0 and 1.

    >>> positions(np.array([0.2, 0.9, 0.5, 0.5])).tolist()
    [0.125, 0.875, 0.5, 0.5]
    """
    return np.asarray((stats.rankdata(values) - 0.5) / len(values))


def _shown(
    frame: pd.DataFrame, below: dict[str, Array], place: int, models: Sequence[str]
) -> ShownImage:
    def position(name: str) -> Position:
        return Position(float(frame[name].iloc[place]), float(below[name][place]))

    gaps = [float(below[label][place] - below["people"][place]) for label in models]
    return ShownImage(
        id=str(frame.index[place]),
        people=position("people"),
        models={label: position(label) for label in models},
        gap=min(gaps, key=abs),
    )
