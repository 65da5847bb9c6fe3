"""Ground truth of a model's reliance, found by re-rendering images whose causes are known.

A feature is removed, added, or drawn anew among the causes of an image, and the image is rendered
again with everything else unchanged: grain, light and all other features. Nothing is covered,
filled or pasted, so no control is needed: rendering without a change reproduces the image bit for
bit. A re-rendered image has its own masks, and is scored like any other image.

Both estimates, `g_rem` and `g_res`, replace a feature by its marginal distribution. Under
correlated features their shares therefore need not sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from memlab.analysis.arrays import Images
from memlab.analysis.means import combine, mean, variance_of_predictions
from memlab.data.geometry import Geometry
from memlab.errors import MemlabError, did_you_mean
from memlab.inference.predict import scored
from memlab.models.base import MemorabilityModel
from memlab.stats.bootstrap import bootstrap
from memlab.stats.estimate import Estimate
from memlab.stats.measures import Array, Statistic
from memlab.synthetic import FEATURES, PRESENCE, Style, World, sample, score
from memlab.synthetic.render import check_size
from memlab.validation.rerender import Rendered, Rerendered, changes, name_of

SEED = 10_000
"""Seed of the images used to find the truth; differs from the default seed of training images."""


@dataclass(frozen=True)
class Truth:
    """Ground truth of a model's reliance in a world.

    Args:
        table: one row per feature; see `truth`.
        rows: one row per image, as in `rows.csv`: `index`, `id`, `score`, `predicted`, and 1 or 0
            for each presence feature.
        conditions: one row per image, condition and draw, as in `conditions.csv`. Condition
            `rerender-face` removes the face (role `target`) or replaces it by another (`swap`);
            `rerender-insert-face` adds a face where there was none. Their controls and round trips
            are renderings without a change, i.e. the images themselves.
    """

    table: pd.DataFrame
    rows: pd.DataFrame
    conditions: pd.DataFrame


def truth(
    model: MemorabilityModel,
    world: World,
    *,
    n: int = 300,
    seed: int = SEED,
    style: Style = "A",
    size: int | None = None,
    image_size: int | None = None,
    draws: int = 2,
    features: Sequence[str] = FEATURES,
    batch_size: int = 64,
    num_workers: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Truth:
    """Find a model's reliance in a world by re-rendering new images of the world.

    `g_rem` is the effect of removing a feature from the images that have it: D = f(x) - f(x
    without); for values, removing means setting the neutral value. `g_res` is the share of the
    predictions' variance that drawing the feature anew from its marginal moves: E (f(x) - f(x'))² /
    (2 Var f), the total-effect index of Jansen (1999). For a presence feature of probability p, the
    expectation over presence is exact: an image that has the feature loses it with probability
    1 - p and gets another value with p; an image that lacks the feature gets one with p.

    Args:
        model: any model; it need not be trained.
        world: the world of the images.
        n: number of images.
        seed: seed of the images; must differ from that of the training images.
        style: rendering style.
        size: side in pixels of the rendering, which should be that of the written training images;
            `image_size` by default.
        image_size: side in pixels to which images are resized, as by `--data.image_size`; the
            model's by default.
        draws: number of new values (other faces, other palettes) per image.
        features: which of `memlab.synthetic.FEATURES`.
        batch_size: number of images scored at once.
        num_workers: number of processes that render.
        device: device for scoring; the model's device by default.
        progress: whether to show a bar on a terminal.

    Returns:
        The truth. Its table has the columns `feature`; `kind` (presence or value); `prevalence` in
        these images; `n` and `eligible` images; `g_rem_mean` (signed) and `g_rem_rms`, in units of
        the score; `g_rem_mean_sd` and `g_rem_rms_sd` in SDs of the clean predictions, comparable to
        S, RMS and g of the audit; `g_ins_mean`, D = f(x with) - f(x) where the feature was absent;
        `g_res`, comparable to T; for each its `_low` and `_high`, the ends of its 95 % BCa
        bootstrap interval over images; and `reason`, why a value is empty.

    Raises:
        MemlabError: if `model` or `world` has the wrong type, a feature is unknown, the world
            consists of photographs, images cannot be rendered at that size, or there are no images,
            draws or features.
    """
    if not isinstance(model, MemorabilityModel):
        raise MemlabError(f"{model!r} is no model: give memlab.load of it")
    if not isinstance(world, World):
        raise MemlabError(f"{world!r} is no world: give read_declaration(DIR).world, or a World")
    features = (features,) if isinstance(features, str) else features
    for feature in features:
        if feature not in FEATURES:
            raise MemlabError(
                f"unknown feature {feature!r}{did_you_mean(feature, FEATURES)} "
                f"(there: {', '.join(FEATURES)})"
            )
    if min(n, draws, len(features)) < 1:
        raise MemlabError(f"{n} images, {draws} draws, {len(features)} features: at least 1 each")
    if world.photos:
        raise MemlabError(f"world {world.name}: photographs cannot be rendered again")
    image_size = image_size or model.input_size
    size = size or image_size
    try:
        check_size(size)
    except ValueError as error:
        raise MemlabError(f"{error}: give another size") from error
    originals = [sample(seed, index, world, style) for index in range(n)]
    plan = [
        (index, change)
        for index, latents in enumerate(originals)
        for change in (None, *changes(latents, features, draws))
    ]
    geometry = Geometry(image_size, model.resampler)
    images = Rendered(originals, plan, world, size, geometry, model.needs_context)
    predicted = [
        scores.numpy()
        for _, scores in scored(
            model, images, batch_size, num_workers, device, progress, "Re-rendering"
        )
    ]
    by_plan = dict(zip(plan, np.concatenate(predicted).astype(float), strict=True))
    rows = pd.DataFrame(
        {
            "index": range(n),
            "id": [name_of(latents) for latents in originals],
            "score": [score(latents, seed, world) for latents in originals],
            "predicted": [by_plan[index, None] for index in range(n)],
            **{
                feature: [int(getattr(latents, feature) is not None) for latents in originals]
                for feature in PRESENCE
            },
        }
    )
    effects = [Rerendered(feature, world, rows, by_plan, draws) for feature in features]
    conditions = [table for effect in effects for table in effect.conditions()]
    return Truth(_table(effects, rows, seed), rows, pd.concat(conditions, ignore_index=True))


def _table(effects: Sequence[Rerendered], rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    weights = np.ones(len(rows))
    predicted, scores = (rows[name].to_numpy(dtype=float) for name in ("predicted", "score"))
    images = Images(rows.set_index("id"), predicted, scores, weights, weights)
    estimates = {
        (effect.feature, name): estimate
        for effect in effects
        for name, estimate in _estimates(effect, images).items()
    }
    keys = {f"{feature} {name}": (feature, name) for feature, name in estimates}
    statistics = bootstrap({key: estimates[keys[key]] for key in keys}, seed).statistics
    lines = []
    for effect in effects:
        by_name = {
            name: statistics[key]
            for key, (feature, name) in keys.items()
            if feature == effect.feature
        }
        line: dict[str, Any] = {"feature": effect.feature, "kind": effect.kind}
        line |= {"prevalence": effect.has.mean(), "n": len(rows), "eligible": int(effect.has.sum())}
        for name, statistic in by_name.items():
            values = (statistic.value, statistic.low, statistic.high)
            line |= dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
        lines.append({**line, "reason": _reason(by_name)})
    table = pd.DataFrame(lines)
    numbers = [column for column in table if str(column).startswith("g_")]
    return table.astype(dict.fromkeys(numbers, float))


def _estimates(effect: Rerendered, images: Images) -> dict[str, Estimate]:
    """Return the estimates of a feature."""

    def over(values: Array, eligible: NDArray[np.bool_], none: str) -> Estimate:
        average = mean(images, np.where(eligible, values, np.nan))
        finite = np.isfinite(values[eligible]).all() and np.isfinite(images.predicted).all()
        reason = none if not eligible.any() else None if finite else "predictions are not finite"
        return replace(average, reason=reason or average.reason)

    difference = effect.clean - effect.removal[:, 0]
    variance = variance_of_predictions(images)
    removal = over(difference, effect.has, "no image has it")
    size = combine(np.sqrt, over(difference**2, effect.has, "no image has it"))
    moved = over(effect.moved(), np.full(len(difference), True), "no image")
    estimates = {
        "g_rem_mean": removal,
        "g_rem_mean_sd": combine(_in_sd, removal, variance),
        "g_rem_rms": size,
        "g_rem_rms_sd": combine(_in_sd, size, variance),
        "g_res": combine(lambda square, var: square / (2 * var), moved, variance),
    }
    if effect.kind == "presence":
        gain = effect.insertion.mean(axis=1) - effect.clean
        estimates["g_ins_mean"] = over(gain, ~effect.has, "every image has it")
    return estimates


def _in_sd(effect: Array, variance: Array) -> Array:
    return np.asarray(effect / np.sqrt(variance))


def _reason(statistics: dict[str, Statistic]) -> str:
    """Return why numbers are missing, each reason once."""
    reasons: dict[str, list[str]] = {}
    for name, statistic in statistics.items():
        if statistic.reason:
            reasons.setdefault(statistic.reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
