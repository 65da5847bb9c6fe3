"""White-box matrix: does an ablation move the models that it must, and spare the others?

Every ablation runs at its primary dose, in all its roles, on rendered images. White-box models
(`memlab.validation.white_box`), whose reliance is known, score the changed images. The
measured effects are compared with the expected effects (`memlab.validation.expected`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.evaluate import changed_images
from memlab.ablations.plan import Condition, nuisance_baseline, plan
from memlab.ablations.preparation import Preparation
from memlab.analysis.arrays import ImageEffects, Images
from memlab.analysis.per_image import excess_square, mean_effect, specific, swap_square
from memlab.analysis.quantities import SESOI
from memlab.data.dataset import collate, to_float
from memlab.data.donors import DonorList
from memlab.data.geometry import Geometry
from memlab.models.base import MemorabilityModel
from memlab.progress import progress
from memlab.registry import load, plugins
from memlab.stats.measures import Array
from memlab.synthetic import REGIONS, Style, sample
from memlab.synthetic.sheet import ALL
from memlab.types import Context
from memlab.validation.expected import Expected, expected
from memlab.validation.rerender import Rendered, name_of
from memlab.validation.white_box import Watermark, WhiteBoxModel

SEED = 20_000
"""Seed of the images; differs from the seeds of training images and of `truth`."""
DONORS = 8
"""Donors in addition to one per image, so that every draw has its own donor."""

EffectsByRole = Mapping[str, Array]
"""Role to (white-box models, n, draws): clean minus changed score, NaN if not eligible."""


def white_box_matrix(
    ablations: Sequence[Ablation],
    n: int = 100,
    *,
    size: int = 64,
    style: Style = "A",
    seed: int = SEED,
    controls: int = 8,
    shown: bool = True,
) -> pd.DataFrame:
    """Run ablations against the white-box models, in a world where every feature varies.

    The effect is a root mean square over the eligible images, in SDs of the model's clean scores.
    It is taken over one of three quantities:

    - the effect clean − ablated, if the whole image is changed, or if no control can be made
      because the background leaves no room;
    - the specific effect, beyond the controls, if there are matched controls
      (RMS = sign(V) √|V|);
    - the effect of a swap beyond its round-trip control (g, with T = g² / 2).

    Args:
        ablations: any ablations, including those of regions, swaps and insertions.
        n: number of images.
        size: side of the images in pixels.
        style: rendering style.
        seed: seed of the images and of random ablations.
        controls: draws of each control, and of each swap; 2 at least.
        shown: whether to show a bar on a terminal.

    Returns:
        One row per ablation and white-box model: `ablation`, `family`, `control`, `dose`, `unit`,
        `model`, `declared` (must, must not, may), `n` (eligible images), `effect` with `low` and
        `high` (two standard errors of the mean square on either side), `shift` (S, the mean effect
        beyond the controls, in SDs; NaN without matched controls), `nuisance` (the largest effect
        of the nuisance changes on that model), `limit` (the value that `effect` or `shift` must
        exceed, or must not exceed: the smallest effect of interest, 0.05, or the nuisance baseline
        if that is larger and there are no controls), `verdict` (ok or breach). A negative effect
        means that the controls, or the round trip, move the scores more than the change itself.
    """
    models = _white_box_models(style)
    images, context, donors = images_and_donors(n, size, style, seed, controls)
    clean = _scores(models, images, context)
    nuisances = nuisance_baseline()
    groups = [plan([ablation], controls=controls) for ablation in ablations]
    total = len(nuisances) + sum(len(group) for group in groups)
    with progress("Testing white-box models", total, shown) as advance:

        def effects_of(conditions: Sequence[Condition]) -> EffectsByRole:
            return _measured_effects(models, clean, images, context, conditions, donors, advance)

        baselines = np.zeros(len(models))
        for nuisance in nuisances:
            moved = _effects(nuisance.ablation, effects_of([nuisance]), clean)
            baselines = np.maximum(baselines, [effect["effect"] for effect in moved])
        rows = [
            row
            for ablation, group in zip(ablations, groups, strict=True)
            for row in _rows(
                ablation,
                effects_of(_conditions_of(group, ablation)),
                clean,
                list(models),
                baselines,
            )
        ]
    return pd.DataFrame(rows)


def _conditions_of(group: Sequence[Condition], ablation: Ablation) -> list[Condition]:
    """Return the conditions of the ablation itself, without the shared nuisance baseline."""
    return [condition for condition in group if condition.ablation is ablation]


def _white_box_models(style: Style) -> dict[str, MemorabilityModel]:
    names = [plugin.name for plugin in plugins("models") if plugin.distribution == "memlab"]
    classes = {name: load("models", name) for name in names}
    return {
        name: cls(style=style) if cls is Watermark else cls()
        for name, cls in classes.items()
        if issubclass(cls, WhiteBoxModel)
    }


def images_and_donors(
    n: int, size: int, style: Style, seed: int, draws: int
) -> tuple[Tensor, Context, DonorList]:
    """Return images of a world where every feature varies, their masks, and separate donors."""
    originals = [sample(seed, index, ALL, style) for index in range(2 * n + draws + DONORS)]

    def rendered(part: slice) -> Rendered:
        selected = originals[part]
        changes = [(index, None) for index in range(len(selected))]
        return Rendered(selected, changes, ALL, size, Geometry(size), REGIONS)

    inside = rendered(slice(n))
    batch = to_float(collate([inside[index] for index in range(n)]))
    outside = rendered(slice(n, None))
    donors_by_region: dict[str, list[int]] = {region: [] for region in REGIONS}
    for index in range(len(outside)):
        masks = outside[index]["masks"]
        for region in REGIONS:
            if masks[region].any():
                donors_by_region[region].append(index)
    ids = [name_of(latents) for latents in originals[:n]]
    donors = DonorList(outside, donors_by_region, len(outside), ids, seed)
    return batch["images"], Context(ids, seed, masks=batch["masks"]), donors


@torch.no_grad()
def _scores(models: Mapping[str, MemorabilityModel], images: Tensor, context: Context) -> Array:
    """Return the scores of images by every white-box model: (white-box models, n)."""
    scores = torch.stack([model.scores(images, context) for model in models.values()])
    return scores.double().numpy()


def _measured_effects(
    models: Mapping[str, MemorabilityModel],
    clean: Array,
    images: Tensor,
    context: Context,
    conditions: Sequence[Condition],
    donors: DonorList,
    advance: Callable[[int], None],
) -> EffectsByRole:
    """Change the images once for all models, with the engine that `memlab test` uses."""
    preparation = Preparation(images, context, conditions, donors)
    by_role: dict[str, Array] = {}
    for condition in conditions:
        values = np.full((*clean.shape, condition.draws), np.nan)
        for draw in range(condition.draws):
            prepared = preparation.prepare(condition, draw)
            if not prepared.eligible.any():
                continue
            for positions, changed in changed_images(images, prepared, condition, micro_batch=64):
                rows = positions.numpy()
                values[:, rows, draw] = clean[:, rows] - _scores(
                    models, changed, context.select(positions)
                )
        by_role[condition.role] = values
        advance(1)
    return by_role


def _effects(ablation: Ablation, by_role: EffectsByRole, clean: Array) -> list[dict[str, float]]:
    """Return the size of the effect on each white-box model, in SDs of its clean scores."""
    summaries = []
    for index, scores in enumerate(clean):
        weights = np.ones_like(scores)
        images = Images(pd.DataFrame(), scores, weights * np.nan, weights, weights)
        of_role = {role: values[index] for role, values in by_role.items()}
        if "nuisance" in of_role:  # a nuisance change itself
            of_role["target"] = of_role.pop("nuisance")
        effects = ImageEffects(ablation.name, ablation.dose, images, of_role)
        squares = _squares(ablation, effects)
        shifts = specific(effects)[np.isfinite(specific(effects))]
        finite = squares[np.isfinite(squares)]
        n = len(finite)
        mean = finite.mean() if n else np.nan
        error = finite.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        sizes = [_in_sd(value, scores) for value in (mean, mean - 2 * error, mean + 2 * error)]
        shift = _ratio(float(shifts.mean()), scores) if len(shifts) else np.nan
        ends = dict(zip(("effect", "low", "high"), sizes, strict=True))
        summaries.append({"n": n, **ends, "shift": shift})
    return summaries


def _squares(ablation: Ablation, effects: ImageEffects) -> Array:
    """Return the contribution of each image to the mean square, (n,)."""
    kind = ablation.compared_with
    if (
        ablation.family == "nuisance"
        or kind == "nuisance-baseline"
        or _without_controls(ablation, effects.by_role)
    ):
        return mean_effect(effects) ** 2
    return swap_square(effects) if kind == "round-trip" else excess_square(effects)


def _without_controls(ablation: Ablation, by_role: EffectsByRole) -> bool:
    """Return whether matched controls are required but no image has room for one."""
    controls = by_role.get("control")
    return (
        ablation.compared_with == "matched-control"
        and controls is not None
        and not np.isfinite(controls).any()
    )


def _in_sd(square: float, scores: Array) -> float:
    return _ratio(float(np.sign(square) * np.sqrt(abs(square))), scores)


def _ratio(effect: float, scores: Array) -> float:
    sd = float(scores.std(ddof=1))
    if sd < 1e-9:  # constant: no ablation moves the score
        return 0.0 if abs(effect) < 1e-6 else float("inf")
    return effect / sd


def _rows(
    ablation: Ablation,
    by_role: EffectsByRole,
    clean: Array,
    models: Sequence[str],
    baselines: Array,
) -> Iterator[dict[str, object]]:
    effects = _effects(ablation, by_role, clean)
    above_baseline = ablation.family != "nuisance" and ablation.compared_with == "nuisance-baseline"
    above_baseline = above_baseline or _without_controls(ablation, by_role)
    expects = expected(type(ablation))
    for model, effect, least in zip(models, effects, baselines, strict=True):
        limit = max(SESOI, float(least)) if above_baseline else SESOI
        declared = _declared(expects, model)
        yield {
            "ablation": ablation.name,
            "family": ablation.family,
            "control": ablation.compared_with,
            "dose": ablation.dose,
            "unit": ablation.unit,
            "model": model,
            "declared": declared,
            **effect,
            "nuisance": float(least),
            "limit": limit,
            "verdict": "breach" if _breach(ablation, declared, effect, limit) else "ok",
        }


def _declared(expects: Expected, model: str) -> str:
    if model in expects.moves:
        return "must"
    return "must not" if model in expects.spares else "may"


def _breach(ablation: Ablation, declared: str, effect: Mapping[str, float], limit: float) -> bool:
    # A control that varies more than the target is inconclusive, but a swap that moves the score
    # less than its round trip is faulty.
    both = ablation.compared_with == "round-trip"
    size = abs(effect["effect"]) if both else effect["effect"]
    shift = abs(np.nan_to_num(effect["shift"]))
    if declared == "must":
        return not max(effect["effect"], shift) > limit  # NaN (no eligible image) is a breach too
    return declared == "must not" and not max(size, shift) <= limit
