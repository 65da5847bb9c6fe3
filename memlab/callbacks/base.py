"""Helpers shared by memlab's callbacks: output folders, and the interface to the results."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd
from lightning.pytorch import Trainer

from memlab.analysis.results import Results
from memlab.data.module import MemorabilityData
from memlab.models.base import MemorabilityModel
from memlab.types import Batch


@runtime_checkable
class Contributor(Protocol):
    """Interface of a callback that adds to the results of the command it runs in."""

    def contribute(self, results: Results, rows: pd.DataFrame, folder: Path) -> None:
        """Add this callback's findings; called once, on the first process, after rows are merged.

        Args:
            results: the results about to be written; add to them.
            rows: index, id, split, score, predicted: one row per image, without skipped images.
            folder: the command's folder, for this callback's own files.
        """


def readable(batch: Batch, chosen: Container[str]) -> list[int]:
    """Return the indices, within a batch, of the readable images whose ids are in `chosen`."""
    return [
        place for place, name in enumerate(batch["ids"]) if name in chosen and batch["valid"][place]
    ]


def command_folder(trainer: Trainer) -> Path:
    """Return the folder of the running command: the Trainer's default root, set by the CLI."""
    return Path(trainer.default_root_dir)


def model_of(trainer: Trainer) -> MemorabilityModel | None:
    """Return the memorability model being run, or None for a model that predicts no score."""
    module = trainer.lightning_module
    return module if isinstance(module, MemorabilityModel) else None


def data_of(trainer: Trainer) -> MemorabilityData:
    """Return the data module being run."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    if not isinstance(data, MemorabilityData):
        raise TypeError("memlab's callbacks need a memlab.data.module.MemorabilityData")
    return data
