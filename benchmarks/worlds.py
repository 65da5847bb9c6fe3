"""A small network trained on each world: its correlation with the scores, and its reliance.

The correlation is reported beside the highest correlation that the world's noise allows, which is
that of a predictor that knows the explained part of every score. The network's reliance is measured
by re-rendering new images: the share of its predictions' variance that drawing a cause anew moves.
Two worlds run at a time, on one thread each. Runs lie under --runs. Finished runs are not trained
again, so an interrupted benchmark can be resumed. W12 is left out without --photos.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import memlab
from memlab.synthetic.scoring import noise_ceiling
from memlab.synthetic.write import read_declaration
from memlab.validation.truth import truth

IMAGES = 100
"""Images re-rendered to measure a network's reliance, with two new values of each cause."""

WORLDS = [f"W{number}" for number in range(13)]


def train(world: str, style: str, runs: Path, photos: Path | None) -> Path:
    """Train on one world unless the run exists; return the folder of its test."""
    run = runs / f"{world}-{style}"
    if not (run / "fit" / "results.json").is_file():
        command = [sys.executable, "-m", "memlab", "fit", "--config", f"worlds/{world}"]
        command += ["--run", str(run), "--data.root", str(runs / f"images-{world}-{style}")]
        command += ["--data.source.style", style, "--trainer.enable_progress_bar", "false"]
        command += ["--data.num_workers", "0", "--ckpt_path", "auto", "--maps", "0"]
        if photos:
            command += ["--data.source.photos", str(photos)]
        with (runs / f"{run.name}.log").open("w") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            subprocess.run(command, check=True, stdout=log, stderr=log, env=environment)
    return run / "fit"


def measured(world: str, style: str, runs: Path, photos: Path | None) -> dict[str, Any]:
    """Return the correlation of one world's network, and its limit."""
    found = json.loads((train(world, style, runs, photos) / "results.json").read_text())
    declared = read_declaration(runs / f"images-{world}-{style}").world
    ceiling = noise_ceiling(declared).spearman
    spearman = found["metrics"]["spearman"]
    ratio = spearman["value"] / ceiling if ceiling and spearman["value"] is not None else None
    row = {
        "world": world,
        "style": style,
        "r2": declared.r2,
        "n": spearman["n"],
        "spearman": spearman["value"],
        "low": spearman["low"],
        "high": spearman["high"],
        "noise_ceiling": ceiling,
        "ratio": ratio,
    }
    row["g_res"] = relied_on(runs / f"{world}-{style}", world, style, runs)
    print("  ".join(f"{name} {_short(value)}" for name, value in row.items()), flush=True)
    return row


def _short(value: Any) -> Any:
    if isinstance(value, dict):  # the three largest
        largest = sorted(value.items(), key=lambda item: -(item[1] or 0))[:3]
        return ", ".join(f"{name} {_short(share)}" for name, share in largest)
    return f"{value:.3f}" if isinstance(value, float) else value


def relied_on(run: Path, world: str, style: str, runs: Path) -> dict[str, float | None] | None:
    """Return the share of prediction variance that each cause moves; None for photographs."""
    declared = read_declaration(runs / f"images-{world}-{style}")
    if declared.world.photos:
        return None
    model = memlab.load(run)
    table = truth(
        model, declared.world, n=IMAGES, style=declared.style, size=declared.size, progress=False
    ).table
    return {
        feature: None if math.isnan(share) else round(float(share), 4)
        for feature, share in zip(table["feature"], table["g_res"], strict=True)
    }


def main() -> None:
    """Train, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/worlds"))
    parser.add_argument("--styles", nargs="+", default=["A", "B"])
    parser.add_argument("--worlds", nargs="+", default=WORLDS)
    parser.add_argument("--photos", type=Path, help="photographs for W12")
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    asked = [
        (world, style)
        for style in options.styles
        for world in options.worlds
        if world != "W12" or options.photos
    ]

    def one(pair: tuple[str, str]) -> dict[str, Any]:
        photos = options.photos if pair[0] == "W12" else None
        return measured(*pair, options.runs, photos)

    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(one, asked))
    report = {
        "benchmark": "worlds",
        "machine": {"cpu_count": os.cpu_count(), "platform": platform.platform()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("memlab", "torch", "lightning", "numpy")},
        },
        "rows": rows,
    }
    path = Path(__file__).parent / "results" / "worlds.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(path)


if __name__ == "__main__":
    main()
