"""P and Q: effects of changed images on the rank correlation with people's scores.

The correlation of a condition with several draws is the mean of the draws' ρ. The ρ of averaged
draws would be higher than that of one draw, and the target has only one: eight averaged controls
against one exchangeable target would look like a loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memlab.analysis.arrays import ImageEffects
from memlab.stats import Correlations, rho, rho_difference
from memlab.stats.measures import Array


def performance_loss(effects: ImageEffects) -> Correlations:
    """Return P = ρ(f(control), y) - ρ(f(target), y), over images that have both.

    Args:
        effects: effects with targets and controls.
    """
    target, control = _predictions(effects, "target"), _predictions(effects, "control")
    eligible, controlled = _audited(effects, target), _audited(effects, control)
    among = eligible & controlled
    reason = "no control draw" if eligible.any() and not controlled.any() else None
    return rho_difference(target, control, effects.images.score, among, reason)


def sufficiency(effects: ImageEffects) -> tuple[Correlations, Correlations]:
    """Return Q = ρ(f(reduced), y), and ρ(f(clean), y) over the same images.

    Args:
        effects: effects whose targets are images reduced to one kind of information.
    """
    reduced = _predictions(effects, "target")
    among, score = _audited(effects, reduced), effects.images.score
    of_draws = Correlations(reduced, score, lambda rhos: np.asarray(rhos.mean(axis=-1)), among)
    return of_draws, rho(effects.images.predicted, score, among)


def _predictions(effects: ImageEffects, role: str) -> Array:
    """Return predictions (n, draws); an image's missing draws are filled by cycling its others."""
    values = effects.images.predicted[:, None] - effects.of(role)
    missing = ~np.isfinite(values)
    ordered = np.take_along_axis(values, np.argsort(missing, axis=1, kind="stable"), axis=1)
    counts = np.maximum((~missing).sum(axis=1, keepdims=True), 1)
    return np.take_along_axis(ordered, np.arange(values.shape[1]) % counts, axis=1)


def _audited(effects: ImageEffects, predictions: Array) -> NDArray[np.bool_]:
    return np.isfinite(predictions).any(axis=1) & (effects.images.audited > 0)
