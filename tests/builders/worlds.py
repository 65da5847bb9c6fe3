"""memlab's own worlds, and the table of a world that was written."""

from __future__ import annotations

import csv
from pathlib import Path

from memlab.cli.worlds import read_world, worlds

OWN = {name: read_world(name)[0] for name in worlds()}


def table(root: Path) -> list[dict[str, str]]:
    with (root / "synthetic.csv").open(newline="") as file:
        return list(csv.DictReader(file))
