"""Where a run keeps what it trained. The standard library only."""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = Path("fit", "checkpoints")
BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"
SPLIT = "split.csv"
"""In `fit`, beside the checkpoints' folder: the split of every image of the run."""


def tested_checkpoint(run: Path) -> Path:
    """The checkpoint that a run was tested on; it need not exist.

    The best one; the last only where a run finished without a best, because no epoch had a defined
    correlation.
    """
    best, last = run / CHECKPOINTS / BEST, run / CHECKPOINTS / LAST
    finished = (run / "fit" / "results.json").is_file()
    return last if finished and not best.is_file() else best
