"""A small net trained on each world, and the highest correlation that the world's noise allows.

The limit is that of a predictor that knows the explained part of every score. Two worlds train at
a time, on one thread each. Runs lie under --runs; those that are finished are not trained again, so
a benchmark that was cut off goes on. W12 is left out without --photos.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from memlab.scenes.scoring import noise_ceiling
from memlab.scenes.write import read_declaration

WORLDS = [f"W{number}" for number in range(13)]


def train(world: str, style: str, runs: Path, photos: Path | None) -> Path:
    """Train on one world, unless that was done; return the folder of its test."""
    run = runs / f"{world}-{style}"
    if not (run / "fit" / "results.json").is_file():
        command = [sys.executable, "-m", "memlab", "fit", "--config", f"worlds/{world}"]
        command += ["--run", str(run), "--data.root", str(runs / f"pictures-{world}-{style}")]
        command += ["--data.source.style", style, "--trainer.enable_progress_bar", "false"]
        command += ["--data.num_workers", "0", "--ckpt_path", "auto", "--maps", "0"]
        if photos:
            command += ["--data.source.photos", str(photos)]
        with (runs / f"{run.name}.log").open("w") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            subprocess.run(command, check=True, stdout=log, stderr=log, env=environment)
    return run / "fit"


def measured(world: str, style: str, runs: Path, photos: Path | None) -> dict[str, Any]:
    """The correlation of one world's net, and its limit."""
    found = json.loads((train(world, style, runs, photos) / "results.json").read_text())
    declared = read_declaration(runs / f"pictures-{world}-{style}").world
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
    shown = {
        name: f"{value:.3f}" if isinstance(value, float) else value for name, value in row.items()
    }
    print("  ".join(f"{name} {value}" for name, value in shown.items()), flush=True)
    return row


def main() -> None:
    """Train, print, and write the figures."""
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
