"""Seconds of 10,000 resamples × 30 conditions × 10,000 images, beside scipy.stats.bootstrap.

Means: SciPy is called in three ways: once per condition, as a user would; once per condition with
`batch` tuned; and once for all conditions as columns of one array, which share their resamples as
in memlab. rho: SciPy gets a vectorised statistic (`rankdata` along the last axis) and fewer
resamples, and the time is scaled linearly. SciPy's BCa also needs one leave-one-out rho per image;
this cost is left out, in SciPy's favour. All run on one thread, in turn; seconds are CPU time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats

MEMORY = """
import json, sys
from pathlib import Path
import numpy as np
from memlab.stats import Estimate, rho
from memlab.stats import bootstrap

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

n, conditions, resamples, kind = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
rng = np.random.default_rng(0)
drops, score = rng.normal(size=(n, conditions)), rng.normal(size=n)
if kind == "means":
    one = {str(at): Estimate(drops[:, [at]], lambda m: m[..., 0]) for at in range(conditions)}
else:
    one = {str(at): rho(drops[:, at], score) for at in range(conditions)}
bootstrap(one, 0, 20)
before = peak()
bootstrap(one, 0, resamples)
print(json.dumps({"before_mb": round(before, 1), "peak_mb": round(peak(), 1)}))
"""


def seconds(work) -> float:
    """Return the CPU seconds of one call, which exclude other load on the machine."""
    start = time.process_time()
    work()
    return time.process_time() - start


def memlab_means(drops: np.ndarray, resamples: int) -> dict:
    """Bootstrap the means of all conditions at once."""
    from memlab.stats import Estimate, bootstrap

    conditions = range(drops.shape[1])
    means = {str(at): Estimate(drops[:, [at]], lambda m: m[..., 0]) for at in conditions}
    return bootstrap(means, 0, resamples).statistics


def memlab_rho(drops: np.ndarray, score: np.ndarray, resamples: int) -> dict:
    """Bootstrap rho of all conditions with one score."""
    from memlab.stats import bootstrap, rho

    rhos = {str(at): rho(drops[:, at], score) for at in range(drops.shape[1])}
    return bootstrap(rhos, 0, resamples).statistics


def vectorised_rho(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return Spearman's rho along the last axis."""
    x, y = (stats.rankdata(values, axis=axis) for values in (x, y))
    x, y = (values - values.mean(axis=axis, keepdims=True) for values in (x, y))
    product = (x * y).sum(axis=axis)
    return product / np.sqrt((x * x).sum(axis=axis) * (y * y).sum(axis=axis))


def measure(options: argparse.Namespace) -> dict:
    """Run one round: each candidate once, in turn."""
    rng = np.random.default_rng(0)
    drops = rng.exponential(size=(options.n, options.conditions))
    score = drops.mean(axis=1) + rng.normal(size=options.n)
    found: dict = {}
    taken = {"memlab means": seconds(lambda: found.update(memlab_means(drops, options.resamples)))}
    conditions, resamples = options.conditions, options.resamples

    def scipy_means(**batch):
        result = stats.bootstrap(
            (drops[:, 0],), np.mean, n_resamples=resamples, rng=np.random.default_rng(0), **batch
        )
        ends = result.confidence_interval
        ours = found["0"]
        spread = ours.high - ours.low
        gap = max(abs(ends.low - ours.low), abs(ends.high - ours.high)) / spread
        taken["largest gap of an interval's end"] = float(gap)

    taken["scipy, a call per condition"] = conditions * seconds(scipy_means)
    tuned = conditions * seconds(lambda: scipy_means(batch=100))
    taken["scipy, a call per condition, batch=100"] = tuned
    # With BCa, SciPy would hold n × n × conditions values here (24 GB), so percentiles are used.
    few = max(1, resamples // 10)
    taken["scipy, one call for all columns, percentiles"] = 10 * seconds(
        lambda: stats.bootstrap(
            (drops.T,), np.mean, axis=-1, n_resamples=few, batch=10, method="percentile"
        )
    )
    taken["memlab rho"] = seconds(lambda: memlab_rho(drops, score, resamples))
    fewer = options.rho_resamples
    taken["scipy, rho"] = (
        conditions
        * resamples
        / fewer
        * seconds(
            lambda: stats.bootstrap(
                (drops[:, 0], score),
                vectorised_rho,
                paired=True,
                n_resamples=fewer,
                batch=20,
                method="percentile",
            )
        )
    )
    return taken


def main() -> None:
    """Measure in rounds, then measure the peak memory in fresh processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10_000, help="images (%(default)s)")
    parser.add_argument("--conditions", type=int, default=30, help="conditions (%(default)s)")
    parser.add_argument("--resamples", type=int, default=10_000, help="resamples (%(default)s)")
    parser.add_argument("--rho-resamples", type=int, default=300, help="of SciPy's rho (300)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (%(default)s)")
    options = parser.parse_args()
    memlab_means(np.random.default_rng(0).normal(size=(100, 2)), 100)
    rounds = [measure(options) for _ in range(options.rounds)]
    taken = {name: [each[name] for each in rounds] for name in rounds[0]}
    gap = max(taken.pop("largest gap of an interval's end"))
    ratios = {}
    for name in taken:
        if name.startswith("scipy"):
            ours = taken["memlab rho" if "rho" in name else "memlab means"]
            each = [theirs / own for theirs, own in zip(taken[name], ours, strict=True)]
            ratios[name] = {
                "median": round(statistics.median(each), 1),
                "all": [round(ratio, 1) for ratio in each],
            }
    memory = {
        kind: {str(n): _memory(n, options, kind) for n in (options.n // 10, options.n)}
        for kind in ("means", "rho")
    }
    result = {
        "images": options.n,
        "conditions": options.conditions,
        "resamples": options.resamples,
        "resamples_of_scipys_rho": options.rho_resamples,
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "rounds": options.rounds,
        "cpu_seconds": {
            name: round(statistics.median(values), 2) for name, values in taken.items()
        },
        "ratio_to_peer": ratios,
        "largest_gap_to_scipys_interval_in_widths": gap,
        "memory": memory,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("memlab", "numpy", "scipy")},
    }
    path = Path(__file__).parent / "results" / "bootstrap.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _memory(n: int, options: argparse.Namespace, kind: str) -> dict[str, float]:
    arguments = [str(n), str(options.conditions), str(options.resamples), kind]
    found = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout)


if __name__ == "__main__":
    main()
