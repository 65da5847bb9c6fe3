"""What memlab's callbacks share: where they write, and how they join the results."""

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
    """A callback that adds to the results of the command it ran in."""

    def contribute(self, results: Results, rows: pd.DataFrame, folder: Path) -> None:
        """Add what was found; called once, on the first process, after all rows are merged.

        Args:
            results: what is about to be written; add to it.
            rows: index, id, split, score, predicted: one row per image, those skipped left out.
            folder: the command's folder, for files of its own.
        """


def readable(batch: Batch, chosen: Container[str]) -> list[int]:
    """Places, in a batch, of those images that were chosen by id and could be read."""
    return [
        place for place, name in enumerate(batch["ids"]) if name in chosen and batch["valid"][place]
    ]


def command_folder(trainer: Trainer) -> Path:
    """The folder of the command that runs: memlab's command line sets it as the default root."""
    return Path(trainer.default_root_dir)


def model_of(trainer: Trainer) -> MemorabilityModel | None:
    """The memorability model being run; None for one that predicts no score."""
    module = trainer.lightning_module
    return module if isinstance(module, MemorabilityModel) else None


def data_of(trainer: Trainer) -> MemorabilityData:
    """The data module being run."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    if not isinstance(data, MemorabilityData):
        raise TypeError("memlab's callbacks need a memlab.data.module.MemorabilityData")
    return data
