"""Scores of loose images with prediction intervals, without a data set or a Trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.data.contents import contents_of
from memlab.data.inputs import Images, Inputs
from memlab.data.kept_split import used_note
from memlab.errors import MemlabError
from memlab.metrics.conformal import LEVEL
from memlab.precision import evaluation_mode, single_precision
from memlab.progress import progress as bar
from memlab.scorer import Scorer, with_unscored
from memlab.types import Batch, Context


def predict(
    model: Scorer,
    images: Images,
    *,
    batch_size: int = 32,
    num_workers: int = 0,
    device: str | torch.device | None = None,
    level: float = LEVEL,
    progress: bool = True,
) -> pd.DataFrame:
    """Score images.

    Only the table of results grows with the number of files; images are read batch by batch.

    Args:
        model: a model, which is in evaluation mode while it scores; for `memlab.predict` also a
            reference that `memlab.load` accepts.
        images: a path, a list of paths or a folder; or one or more images as arrays, tensors or PIL
            images. `memlab.data.inputs.pixels_from` describes how arrays are read.
        batch_size: number of images per batch.
        num_workers: number of processes that decode files.
        device: device to run on, where the model stays; by default the model's device.
        level: level of the intervals, above 0 and below 1.
        progress: whether to show a progress bar on a terminal.

    Returns:
        One row per image, in the given order. `image`: path, or index from 0. `predicted`: score,
        NaN if there is none. `low`, `high`: split-conformal interval at `level`. `percentile`: 0 to
        100, among the model's training labels. `error`: why there is no score (the image cannot be
        read, or the model predicts NaN), else empty. If intervals or percentiles are not available,
        their columns are NaN and `attrs["notes"]` says why. `attrs["level"]` is the level.

    Raises:
        MemlabError: if an input is not an image, a path does not exist, or the level is out of
            range.
    """
    half = model.calibration.half_width(level)  # an invalid level fails before scoring
    parts: dict[str, list[object]] = {"image": [], "predicted": [], "error": []}
    inputs = Inputs(images, model.input_size, resampler=model.resampler)
    for batch, predicted in scored(
        model,
        inputs,
        batch_size,
        num_workers,
        device,
        progress,
    ):
        parts["image"] += batch["ids"]
        parts["predicted"] += predicted.tolist()
        parts["error"] += batch["errors"]
    scores = np.array(parts["predicted"], dtype=float)
    rows = pd.DataFrame(
        {
            "image": parts["image"],
            "predicted": scores.astype("float32"),
            **score_columns(model, scores, level),
            "error": parts["error"],
        }
    )
    notes = [] if half.value is not None else [f"no interval: {half.reason}"]
    if model.calibration.labels is None:
        notes.append("no percentile: the model brings no training labels")
    notes += use_notes(model, inputs.ids if inputs.files else [], progress)
    rows.attrs = {"level": level, "notes": notes}
    return rows


def score_columns(
    model: Scorer, scores: NDArray[np.float64], level: float = LEVEL
) -> dict[str, NDArray[np.float32]]:
    """Return the columns `low`, `high` and `percentile` of a table of scores, (n,) each."""
    columns = model.calibration.columns(scores, level)
    return {name: values.astype("float32") for name, values in columns.items()}


def use_notes(model: Scorer, files: Sequence[str], progress: bool) -> list[str]:
    """Return the notes on a model's use: its card, and images that it was trained or chosen on.

    Args:
        model: any model.
        files: paths of the images; empty for images in memory.
        progress: whether to show a progress bar on a terminal.
    """
    notes = model.card_notes()
    if model.kept_split is not None and files:
        contents = contents_of([Path(name) for name in files], progress)
        notes += filter(None, [used_note(model.kept_split, contents)])
    return notes


class Batched(Protocol):
    """Images in batches: loose images (`memlab.data.inputs.Inputs`) or rendered images."""

    def __len__(self) -> int:
        """Return the number of images."""

    def batches(self, batch_size: int = 32, num_workers: int = 0) -> Iterator[Batch]:
        """Yield batches with float images in [0, 1]."""


def scored(
    model: Scorer,
    inputs: Batched,
    batch_size: int,
    num_workers: int,
    device: str | torch.device | None,
    progress: bool,
    title: str = "Scoring",
) -> Iterator[tuple[Batch, Tensor]]:
    """Yield each batch, on the model's device, with its scores (B,) on the CPU.

    The score is NaN for an image that is not valid. An image without a finite score is marked as
    not valid, with the reason in the batch's `errors`.

    Args:
        model: any model.
        inputs: the images, in batches.
        batch_size: number of images per batch.
        num_workers: number of processes that decode files.
        device: device to run on; by default the model's device.
        progress: whether to show a progress bar on a terminal.
        title: title of the bar.
    """
    model.to(device_named(device) if device is not None else model.device)
    with bar(title, len(inputs), shown=progress) as advance:
        for batch in inputs.batches(batch_size, num_workers):
            images = batch["images"].to(model.device)
            masks = {region: mask.to(model.device) for region, mask in batch["masks"].items()}
            with (
                evaluation_mode(model),
                torch.no_grad(),
                single_precision(model.device.type),
            ):
                predicted = model.scores(images, Context(batch["ids"], masks=masks)).float().cpu()
            if predicted.shape != batch["valid"].shape:
                raise MemlabError(
                    f"{model.title} returned scores of shape {tuple(predicted.shape)} for "
                    f"{len(images)} images; one score per image, (B,), is needed"
                )
            named = with_unscored(batch, predicted)
            yield (
                {**named, "images": images, "masks": masks},
                predicted.where(named["valid"], torch.nan),
            )
            advance(len(batch["ids"]))


def device_named(name: str | torch.device) -> torch.device:
    """Return a device that exists.

    Raises:
        MemlabError: if it does not exist.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)  # the name may be valid although the device is absent
    except (RuntimeError, AssertionError) as error:
        raise MemlabError(f"device {name}: {str(error).splitlines()[0]}") from error
    return device
