"""Claims of removals on simulated audits: how often they are wrong, and how often they are reached.

An image has a true effect, in SDs of the predictions: none, ±.10 with a random sign, or .10. Its
controls have an effect with noise. The target has noise of its own: less than the controls
("quiet"), the same, or more. Noise differs from draw to draw ("draws"), or from position to
position ("positions"), where all draws of the target share a position. Each audit is analysed as
`memlab test` does, with 2 draws of the target and 8 controls. Rates are shares of the audits.

A second table has the false-positive rate of three permutation tests of the mean effect at .05:
the first draw of the target against the controls (as memlab tests), the mean of its draws against
the controls, and all draws of target and controls permuted as one group.

    python benchmarks/claims.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from memlab.analysis.arrays import ImageEffects, read_images
from memlab.analysis.claims import removal_claim
from memlab.analysis.per_image import occlusions
from memlab.analysis.quantities import removal_quantities
from memlab.stats import CLAIM_LEVEL, bootstrap, chance_to_exclude, permutation_tests

K, DRAWS = 8, 2
PERMUTATIONS = 99
NAMES = ("specific_effect_sd", "rms_effect_sd_lower", "rms_effect_sd_upper")
EFFECTS = {"none": 0.0, "±.10": 0.1, ".10": 0.1}
RATIOS = {"quiet": 0.0, "equal": 1.0, "noisier": 1.5}
Array = np.ndarray


def effects_of(
    rng: np.random.Generator, n: int, effect: str, noise: float, ratio: float, kind: str
) -> tuple[Array, Array]:
    """Return effects of the target (n, DRAWS) and of the controls (n, K), in SDs."""
    sign = rng.choice([-1, 1], n) if effect.startswith("±") else np.ones(n)
    own = rng.normal(0, noise * ratio, (n, 1 if kind == "positions" else DRAWS))
    target = EFFECTS[effect] * sign[:, None] + np.broadcast_to(own, (n, DRAWS))
    return target, rng.normal(0, noise, (n, K))


def claim_of(rng: np.random.Generator, target: Array, control: Array, resamples: int) -> str:
    """Return the claim of one audit, from its arrays."""
    n = len(target)
    images = read_images(pd.DataFrame({"id": range(n), "predicted": rng.normal(size=n)}))
    effects = ImageEffects("remove@1", 1.0, images, {"target": target, "control": control})
    estimates = removal_quantities([effects])
    seed = int(rng.integers(2**31))
    wanted = {name: estimates[name] for name in NAMES}
    found = bootstrap(wanted, seed, resamples, level=CLAIM_LEVEL).statistics
    tests = permutation_tests(*occlusions([[effects]]), seed, permutations=resamples)
    three = [found[name] for name in NAMES]
    return removal_claim(*three, tests.either[0].p_all).claim


def rejects(
    rng: np.random.Generator, target: Array, control: Array, permutations: int
) -> list[bool]:
    """Return whether each of the three tests of the mean rejects at .05."""
    every = np.concatenate([target, control], axis=1)
    mean = np.concatenate([target.mean(axis=1, keepdims=True), control], axis=1)
    first = np.concatenate([target[:, :1], control], axis=1)
    return [
        _p(rng, first, 1, permutations) <= 0.05,
        _p(rng, mean, 1, permutations) <= 0.05,
        _p(rng, every, DRAWS, permutations) <= 0.05,
    ]


def _p(rng: np.random.Generator, values: Array, targets: int, permutations: int) -> float:
    """Return the two-sided p of S if `targets` of each image's values are chosen at random."""
    n, count = values.shape
    total = values.sum(axis=1)

    def statistic(chosen: Array) -> float:
        return abs(float((chosen / targets - (total - chosen) / (count - targets)).mean()))

    observed = statistic(values[:, :targets].sum(axis=1))
    hits = 1
    for _ in range(permutations):
        order = rng.random((n, count)).argsort(axis=1)[:, :targets]
        drawn = np.take_along_axis(values, order, axis=1).sum(axis=1)
        hits += statistic(drawn) >= observed - 1e-12
    return hits / (1 + permutations)


def main() -> None:
    """Simulate all cells and write `results/claims.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=120, help="audits per cell (%(default)s)")
    parser.add_argument("--resamples", type=int, default=300, help="per audit (%(default)s)")
    parser.add_argument("--tests", type=int, default=2000, help="tests per level (%(default)s)")
    options = parser.parse_args()
    cells = []
    for kind in ("draws", "positions"):
        for name, ratio in RATIOS.items():
            if kind == "positions" and name == "noisier":
                continue  # a position that differs more than others do is an effect
            for noise in (0.06, 0.13):
                for effect in EFFECTS:
                    for n in (100, 300, 1000):
                        rng = np.random.default_rng([n, round(1000 * noise), len(cells)])
                        claims = Counter(
                            claim_of(
                                rng,
                                *effects_of(rng, n, effect, noise, ratio, kind),
                                options.resamples,
                            )
                            for _ in range(options.audits)
                        )
                        cell = {
                            "noise": kind,
                            "target": name,
                            "control_noise": noise,
                            "effect": effect,
                            "images": n,
                            **{
                                claim: claims[claim] / options.audits
                                for claim in ("relies", "does not rely", "cannot tell")
                            },
                        }
                        if effect == "none":
                            shared = noise * ratio if kind == "positions" else 0.0
                            own = 0.0 if kind == "positions" else noise * ratio
                            planned = chance_to_exclude(
                                n, K, noise, sd_images=shared, target_draws=DRAWS, sd_target=own
                            )
                            cell["planned"] = round(planned, 3)
                        cells.append(cell)
                        print(json.dumps(cell, ensure_ascii=False), flush=True)
    levels = []
    for kind in ("draws", "positions"):
        rng = np.random.default_rng(11)
        found = [
            rejects(rng, *effects_of(rng, 60, "none", 0.13, 1.0, kind), PERMUTATIONS)
            for _ in range(options.tests)
        ]
        names = ("first draw", "mean of draws", "all draws as one group")
        shares = np.mean(found, axis=0).tolist()
        rates = dict(zip(names, shares, strict=True))
        levels.append({"noise": kind, **rates, "tests": options.tests})
        print(json.dumps(levels[-1]), flush=True)
    found = {
        "audits_per_cell": options.audits,
        "resamples": options.resamples,
        "target_draws": DRAWS,
        "controls": K,
        "claims": cells,
        "false_positives_of_tests_of_the_mean_at_.05": levels,
    }
    path = Path(__file__).parent / "results" / "claims.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
