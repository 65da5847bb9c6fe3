"""Bias and coverage of pooled out-of-fold correlations, in simulated worlds with a known truth.

The truth is the mean rho of the folds' models with many new images; without any signal it is 0. The
peer is the usual practice: rho of the raw pooled predictions, with a bootstrap over images.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import numpy as np
from scipy import stats

from memlab.analysis.out_of_fold import pooled_statistic
from memlab.data.folds import fold_numbers
from memlab.data.sources.base import make_table
from memlab.metrics.metric import SPEARMAN
from memlab.stats.ridge import cross_validated_ridge

NEW = 1500
RANDOM = "constant, random folds"
CHOSEN = "ridge, strength chosen"
WORLDS = [
    ("constant", 138, 10, 20, 0.0),
    (RANDOM, 138, 10, 20, 0.0),
    ("ridge", 138, 10, 20, 0.0),
    ("ridge", 138, 10, 200, 0.0),
    ("ridge", 138, 10, 20, 0.5),
    ("ridge", 138, 10, 200, 0.5),
    ("ridge", 138, 5, 20, 0.5),
    ("ridge", 60, 10, 20, 0.5),
    ("shifted ridge", 138, 10, 20, 0.5),
    (CHOSEN, 138, 10, 20, 0.0),
    (CHOSEN, 138, 10, 20, 0.5),
]
"""Model, images, folds, features, signal: correlation of the best linear model with the scores."""


def main() -> None:
    """Simulate every world and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=500, help="data sets per world (500)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    worlds = []
    for world in WORLDS:
        rng = np.random.default_rng([options.seed, len(worlds)])
        worlds.append(simulated(world, options.n, rng))
        print(worlds[-1], flush=True)
    found = {"data_sets": options.n, "seed": options.seed, "worlds": worlds}
    found |= {"python": platform.python_version(), "numpy": np.__version__}
    path = Path(__file__).parent / "results/out-of-fold.json"
    path.write_text(json.dumps(found, indent=2) + "\n")


def simulated(
    world: tuple[str, int, int, int, float], count: int, rng: np.random.Generator
) -> dict[str, object]:
    """Return the means over data sets of one world, and the coverage of the intervals."""
    model, n, folds, features, signal = world
    rows = [one_data_set(model, n, folds, features, signal, rng) for _ in range(count)]
    raw, low, high, value, value_low, value_high, truth = np.array(rows, dtype=float).T
    none = np.isnan(value_low)
    result: dict[str, object] = {
        **{"model": model, "images": n, "folds": folds, "features": features, "signal": signal},
        "truth": mean(truth),
        "raw": mean(raw),
        "raw_coverage": mean((low <= truth) & (truth <= high)),
        "none": mean(none),
    }
    if not none.all():
        covered = (value_low <= truth) & (truth <= value_high)
        result |= {"memlab": mean(value[~none]), "memlab_sd": round(float(value[~none].std()), 3)}
        result |= {"memlab_coverage": mean(covered[~none])}
    return result


def mean(values: np.ndarray) -> float:
    """Return the mean, to three decimals."""
    return round(float(np.mean(values)), 3)


def one_data_set(
    model: str, n: int, folds: int, features: int, signal: float, rng: np.random.Generator
) -> list[float | None]:
    """Return rho and interval of the peer, rho and interval of memlab, and the truth."""
    weights = rng.normal(size=features)
    x = rng.normal(size=(n + NEW, features))
    noise = np.sqrt(1 - signal**2) * rng.normal(size=n + NEW)
    y = 0.75 + 0.1 * (signal * x @ weights / np.linalg.norm(weights) + noise)
    names = [f"{place:04d}" for place in range(n)]
    table = make_table({"id": names, "image": names, "score": y[:n]}, Path(), "simulated")
    fold = fold_numbers(table, folds, int(rng.integers(2**31)), [""] * n)
    if model == RANDOM:
        fold = rng.permutation(fold)
    predicted, truths = np.empty(n), []
    for number in range(1, folds + 1):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        centre, level = x[train].mean(axis=0), y[train].mean()
        solved = np.zeros(features)
        if model == CHOSEN:  # as the head ridge does; it may choose the constant
            solved = cross_validated_ridge(x[train], y[train]).weights
        elif not model.startswith("constant"):
            z = x[train] - centre
            square = z.T @ z + max(10, features) * np.eye(features)
            solved = np.linalg.solve(square, z.T @ (y[train] - level))
        shift = 0.1 * rng.normal() if model.startswith("shifted") else 0
        predicted[test] = level + (x[test] - centre) @ solved + shift
        if signal:
            truths.append(stats.spearmanr(x[n:] @ solved, y[n:])[0] if solved.any() else 0.0)
    seed = int(rng.integers(2**31))
    peer = SPEARMAN.with_interval(predicted, y[:n], seed, 1000)
    own = pooled_statistic(SPEARMAN, predicted, y[:n], fold)
    truth = float(np.mean(truths)) if truths else 0.0
    return [peer.value, peer.low, peer.high, own.value, own.low, own.high, truth]


if __name__ == "__main__":
    main()
