"""Paths inside a run folder. Standard library only."""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = Path("fit", "checkpoints")
BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"
SPLIT = "split.csv"
"""File in `fit`, beside the checkpoints' folder, with the split of every image of the run."""


def tested_checkpoint(run: Path) -> Path:
    """Return the path of the checkpoint that a run was tested on; the file need not exist.

    This is the best checkpoint. It is the last checkpoint only if the run finished without a best
    one, because no epoch had a defined correlation.
    """
    best, last = run / CHECKPOINTS / BEST, run / CHECKPOINTS / LAST
    finished = (run / "fit" / "results.json").is_file()
    return last if finished and not best.is_file() else best
