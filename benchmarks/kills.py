"""Reproducibility after kills: ten killed runs must give the result of an unkilled run.

One run is trained without interruption. Ten more runs are killed (SIGKILL) at a random moment, some
of them twice, and resumed with `--ckpt_path auto`. The comparison is bit by bit: parameters of the
last and the best checkpoint, metrics.csv, and the rows of the test and of an ablation.
"""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

KILLS = 10
FIT = [
    *["fit", "--config", "quickstart", "--data.root", "data", "--data.source.n", "240"],
    *["--data.augmentation", "standard", "--trainer.max_epochs", "8", "--checkpoint_every", "2"],
    *["--trainer.enable_progress_bar", "false", "--ablation", "blur", "--maps", "4"],
]
TABLES = ("metrics.csv", "rows.csv", "conditions.csv")


def main() -> None:
    """Train, kill, resume and compare; write the results."""
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        start = time.perf_counter()
        run("whole", "0", None)
        lasted = time.perf_counter() - start
        found = []
        for number in range(KILLS):
            workers = "2" if number % 2 else "0"
            # Later than the imports, so that a training is killed.
            moments = sorted(rng.uniform(0.3, 1.0) for _ in range(1 + number % 2))
            killed = 0
            for moment in moments:
                killed += run(f"cut-{number}", workers, moment * lasted) == -9
            if run(f"cut-{number}", workers, None) != 0:
                raise SystemExit(f"cut-{number} did not finish")
            equal = differences(Path("whole"), Path(f"cut-{number}"))
            found.append({"workers": int(workers), "killed": killed, "differs": equal})
            print(found[-1], flush=True)
        result = {
            "whole_run_s": round(lasted, 1),
            "python": platform.python_version(),
            "versions": {name: version(name) for name in ("memlab", "lightning", "torch")},
            "runs": found,
            "kills": sum(entry["killed"] for entry in found),
            "equal": sum(not entry["differs"] for entry in found),
        }
    path = Path(__file__).parent / "results" / "kills.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{result['equal']} of {KILLS} runs equal, {result['kills']} kills")


def run(folder: str, workers: str, kill_after: float | None) -> int:
    """Fit, or resume fitting; kill it after some seconds. Return the exit code, -9 if killed."""
    command = [sys.executable, "-m", "memlab", *FIT, "--data.num_workers", workers]
    process = subprocess.Popen(
        [*command, "--run", folder, "--ckpt_path", "auto"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        return process.wait()


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of the results that are not equal bit by bit."""
    found = [
        name
        for name in TABLES
        if (one / "fit" / name).read_bytes() != (other / "fit" / name).read_bytes()
    ]
    for name in ("last.ckpt", "best.ckpt"):
        ours, theirs = (
            torch.load(path / "fit" / "checkpoints" / name, weights_only=True)["state_dict"]
            for path in (one, other)
        )
        found += [f"{name} {key}" for key in ours if not same(ours[key], theirs[key])]
    return found


def same(one: Any, other: Any) -> bool:
    """Return whether two tensors are equal bit by bit."""
    return bool(torch.equal(one, other))


if __name__ == "__main__":
    main()
