"""The lag model fitted to people's answers, with intervals over people and images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from memlab.ceiling.lag import LagModel, fit_lag
from memlab.ceiling.responses import Responses
from memlab.errors import DataError
from memlab.stats import LEVEL
from memlab.stats.measures import Array, Statistic

METHOD = "cluster-robust over people and images"


@dataclass(frozen=True)
class LagEstimate:
    """Effect of the lag, and the hit rate of targets at one lag.

    Args:
        model: the lag model; its scores are of targets only.
        alpha: alpha with an interval over people and images.
        hit_rate: mean over images of the hit rate of targets at lag T, with an interval.
        corrected: (repeats,) answers to target repeats, corrected to lag T.
        targets: number of answers to target repeats.
        vigilance: number of answers to vigilance repeats.
        without_lag: number of answers to vigilance repeats without a lag, which are not used.
        lags: shortest and longest lag.
    """

    model: LagModel
    alpha: Statistic
    hit_rate: Statistic
    corrected: Array
    targets: int
    vigilance: int
    without_lag: int
    lags: tuple[float, float]


def estimate_lag(responses: Responses, at: float = 100) -> LagEstimate:
    """Fit the lag model to the answers to target repeats and vigilance repeats.

    Alpha compares answers to the same image at different lags. Vigilance repeats come back soon, so
    they tell most about it. They count in alpha alone: scores are of targets.

    The variance of an estimate is V_people + V_images - V_answers, the two-way cluster-robust
    variance (Cameron, Gelbach & Miller 2011), with Student's t at min(people, images) - 1 degrees
    of freedom. A bootstrap that draws people and images together would count the noise of the
    answers three times.

    Args:
        responses: the answers.
        at: the lag T.

    Raises:
        DataError: if a target repeat has no lag, or all lags of each image are equal.
    """
    repeats = responses.repeats
    target_lag = responses.lags()
    names = list(responses.images)
    image = [repeats["image"].to_numpy(np.int64)]
    person, said, lag = [repeats["person"].to_numpy()], [repeats["said"].to_numpy()], [target_lag]
    without = 0
    if responses.vigilance is not None:
        rows = responses.vigilance
        known = (rows["lag"] > 0).to_numpy()
        without, rows = int((~known).sum()), rows[known]
        index = {name: place for place, name in enumerate(names)}
        for name in sorted(set(rows["image"]) - set(index)):
            index[name] = len(index)
        names = list(index)
        image.append(rows["image"].map(index).to_numpy(np.int64))
        person.append(rows["person"].to_numpy())
        said.append(rows["said"].to_numpy(float))
        lag.append(rows["lag"].to_numpy(float))
    images, people, values, lags = (np.concatenate(part) for part in (image, person, said, lag))
    try:
        model = fit_lag(images, values, lags, len(names), at)
    except DataError as error:
        raise DataError(f"{responses.origin}: {error}") from error
    corrected = model.corrected(said[0], target_lag)
    count = len(responses.images)
    n = np.bincount(image[0], minlength=count)
    scores = np.bincount(image[0], corrected, count) / n

    slope = _influence_on_alpha(images, values, np.log(lags / at), model.alpha, len(names))
    alpha = _statistic(model.alpha, slope, people, images, len(names), np.zeros(len(names)))
    log_mean = float((np.bincount(image[0], np.log(target_lag / at), count) / n).mean())
    influence = -log_mean * slope
    influence[: len(repeats)] += (corrected - scores[image[0]]) / (count * n[image[0]])
    between = np.zeros(len(names))
    between[:count] = (scores - scores.mean()) / count
    rate = _statistic(float(scores.mean()), influence, people, images, count, between)
    return LagEstimate(
        replace(model, scores=scores), alpha, rate, corrected, len(repeats),
        len(values) - len(repeats), without, (float(lags.min()), float(lags.max())),
    )  # fmt: skip


def _influence_on_alpha(
    image: NDArray[np.int64], value: Array, log: Array, alpha: float, images: int
) -> Array:
    """Return (answers,) what each answer adds to alpha; images have equal weight, as in fit_lag."""
    n = np.bincount(image, minlength=images)[image]
    centred = log - np.bincount(image, log, images)[image] / n
    residual = value - np.bincount(image, value, images)[image] / n - alpha * centred
    return np.asarray(centred * residual / n / (centred**2 / n).sum())


def _statistic(
    value: float,
    influence: Array,
    person: NDArray[np.int64],
    image: NDArray[np.int64],
    n: int,
    between: Array,
) -> Statistic:
    """Return a value with its two-way interval.

    Args:
        value: the estimate.
        influence: (answers,) what each answer adds to it.
        person: (answers,) index of the person.
        image: (answers,) index of the image.
        n: number of images that the value is of.
        between: (images,) what each image adds beyond its answers.
    """
    people = np.unique(person).size
    images = np.unique(image).size
    if min(people, images) < 3:
        return Statistic(value, n, reason="fewer than three people or images: no interval")
    by_person = np.bincount(person, influence)
    by_image = np.bincount(image, influence, len(between)) + between
    parts = (
        float((by_person**2).sum()) * people / (people - 1),
        float((by_image**2).sum()) * images / (images - 1),
    )
    variance = sum(parts) - float((influence**2).sum())
    spread = (variance if variance > 0 else max(parts)) ** 0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, min(people, images) - 1)) * spread
    return Statistic(value, n, value - reach, value + reach, LEVEL, METHOD)
