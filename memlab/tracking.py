"""Export of results to the configured trackers; the result files are always written too."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from memlab.analysis.effects_table import effects_table
from memlab.analysis.results import Results
from memlab.files import write_text
from memlab.reports.gallery import MapSet, beside, caption, panels, read_set

MAPS = 100
"""Largest number of maps in a tracker's list of images; it shows no more than 108."""


def same_run(folder: Path) -> dict[str, str]:
    """Return the arguments by which training resumed in a folder continues its W&B run.

    They are passed to the logger itself, because wandb may have read the environment for an
    earlier run. A run id that the user has set is left alone.
    """
    if "WANDB_RUN_ID" in os.environ:
        return {}
    path = folder / "wandb-id.txt"
    if not path.is_file():
        write_text(path, secrets.token_hex(4))
    return {"id": path.read_text(encoding="utf-8").strip(), "resume": "allow"}


@contextmanager
def own_run() -> Iterator[None]:
    """End the Weights & Biases run that a command starts, so that the next command starts its own.

    A run that existed before belongs to the caller and is left alone.
    """
    before = _active()
    failed = True
    try:
        yield
        failed = False
    finally:
        if _active() is not None and before is None:
            sys.modules["wandb"].finish(exit_code=int(failed))


def _active() -> Any:
    """Return the Weights & Biases run of this process, or None, without importing wandb."""
    return getattr(sys.modules.get("wandb"), "run", None)


def log_config(loggers: Iterable[Logger], config: dict[str, Any]) -> None:
    """Send the resolved configuration to every tracker except the CSV files."""
    for logger in _trackers(loggers):
        logger.log_hyperparams(config)


def log_results(loggers: Iterable[Logger], results: Results, folder: Path) -> None:
    """Send metrics, the ablation table, the figures and the maps to every tracker.

    Final numbers go into the summary, not onto a time axis, because a test has no step. Maps are
    one list of images for each method, `maps/METHOD`, with captions that say what each map says.
    """
    for logger in _trackers(loggers):
        summary = {
            f"{results.command}/{name}": statistic.value
            for name, statistic in results.metrics.items()
            if statistic.value is not None
        }
        if results.interval and results.interval.coverage.value is not None:
            summary[f"{results.command}/coverage"] = results.interval.coverage.value
        for effect in results.conditions:
            if effect.effect.value is not None and effect.role != "nuisance":
                summary[f"effect/{effect.condition}"] = effect.effect.value
        logger.experiment.summary.update(summary)
        if results.conditions:
            table = effects_table(results.conditions).astype(object)
            table = table.where(table.notna(), None)
            logger.log_table(key="ablations", columns=list(table), data=table.to_numpy().tolist())
        for name in results.figures:
            if name.endswith(".png"):  # a tracker shows no PDF
                logger.log_image(key=Path(name).stem, images=[str(folder / name)])
        for record in results.maps:
            _log_maps(logger, read_set(folder, record))


def _log_maps(logger: Any, maps: MapSet) -> None:
    shown = list(panels(maps, most=MAPS))
    logger.log_image(
        key=f"maps/{maps.method}",
        images=[beside(panel) for panel in shown],
        caption=[caption(panel, maps) for panel in shown],
    )


def _trackers(loggers: Iterable[Logger]) -> list[Any]:
    # Weights & Biases is the only tracker with tables and images. Its class is not imported here,
    # because importing it takes seconds and the package is optional.
    return [logger for logger in loggers if type(logger).__name__ == "WandbLogger"]
