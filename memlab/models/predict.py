"""Scores for loose pictures: no data set, no trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from memlab.data.dataset import Batch, PictureDataset, collate, to_float
from memlab.data.geometry import Geometry
from memlab.errors import MemlabError
from memlab.models.base import MemorabilityModel
from memlab.models.precision import single_precision


@torch.no_grad()
def predict_files(
    model: MemorabilityModel,
    paths: Sequence[Path],
    batch_size: int = 32,
    num_workers: int = 0,
    device: str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Score some files.

    Args:
        model: in evaluation mode.
        paths: the files.
        batch_size: pictures scored at once.
        num_workers: processes that decode.
        device: where the model runs.
        progress: called with the number of pictures done since the last call.

    Returns:
        Columns `image` (path as given), `predicted` (NaN where the picture cannot be read) and
        `error` (why not, else empty), in the order given.
    """
    names = [str(path) for path in paths]
    rows = pd.DataFrame({"id": names, "image": names, "score": np.nan})
    dataset = PictureDataset(rows, Path(), Geometry(model.input_size))
    loader = DataLoader(dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=collate)
    model = model.to(device)
    parts = []
    for loaded in loader:
        batch: Batch = loaded
        with single_precision(torch.device(device).type):
            predicted = model(to_float(batch)["images"].to(device)).float().cpu()
        if predicted.shape != batch["valid"].shape:
            raise MemlabError(f"scores of shape {tuple(predicted.shape)}; (B,) is needed")
        predicted = predicted.where(batch["valid"], torch.nan)
        parts.append(
            pd.DataFrame(
                {"image": batch["ids"], "predicted": predicted.numpy(), "error": batch["errors"]}
            )
        )
        if progress:
            progress(len(batch["ids"]))
    return pd.concat(parts, ignore_index=True)
