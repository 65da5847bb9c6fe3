"""Seconds until memlab answers, beside the import that it avoids; interleaved."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROUNDS = 5
MEMLAB = [sys.executable, "-m", "memlab"]
COMMANDS = {
    "memlab --help": [*MEMLAB, "--help"],
    "memlab plugins": [*MEMLAB, "plugins"],
    "memlab fit --help": [*MEMLAB, "fit", "--help"],
    "memlab test --ablation blurr": [*MEMLAB, "test", "--ablation", "blurr"],
    "import LightningCLI": [sys.executable, "-c", "from lightning.pytorch.cli import LightningCLI"],
}


def main() -> None:
    """Run every command once to warm the disk cache, then in turn, and write the results."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_ in range(ROUNDS + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, capture_output=True, check=False)
            if round_:
                seconds[name].append(time.perf_counter() - start)
    peer = statistics.median(seconds["import LightningCLI"])
    figures = {
        name: {
            "min": round(min(values), 3),
            "median": round(statistics.median(values), 3),
            "ratio_to_peer": round(statistics.median(values) / peer, 4),
        }
        for name, values in seconds.items()
    }
    result = {
        "rounds": ROUNDS,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("memlab", "lightning", "torch")},
        "seconds": figures,
    }
    path = Path(__file__).parent / "results" / "startup.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
