"""Ridge head: solved from the features of the training images, before training."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from pydantic import TypeAdapter, ValidationError

from memlab.analysis.results import Results
from memlab.analysis.run_record import RidgeRecord, StrengthRecord
from memlab.callbacks.base import data_of
from memlab.callbacks.ema import EMA
from memlab.callbacks.frozen_features import encoder_of
from memlab.callbacks.lr_finder import LRFinder
from memlab.data.contents import copies_among
from memlab.errors import CheckpointError, DataError, MemlabError
from memlab.models.regressor import MemorabilityRegressor
from memlab.numbers import number
from memlab.stats.ridge import RidgeFit, cross_validated_ridge


class RidgeHead(Callback):
    """Callback that solves the head of a model with `head: ridge`; other models are left alone.

    The head is solved once, when training starts; a resumed run keeps the head of its checkpoint.
    If the whole backbone is frozen, training ends after one epoch, which measures the training loss
    and validates.

    Args:
        seed: seed of the cross-validation's folds.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.record: RidgeRecord | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse options without effect, and limit a fit that trains nothing to one epoch.

        Raises:
            MemlabError: if an option would do nothing; the message names it.
        """
        model = pl_module
        if stage != "fit" or not isinstance(model, MemorabilityRegressor) or not model.solved_head:
            return
        if _has(trainer, LRFinder):
            raise MemlabError(
                "lr_finder runs before --model.head ridge is solved: leave one of them out"
            )
        if not model.solved_only:
            return
        unused = _unused(trainer)
        if unused:
            raise MemlabError(
                f"{unused} would do nothing: --model.head ridge with --model.unfrozen 0 solves the "
                "head and trains nothing by gradient"
            )
        epochs = trainer.fit_loop.max_epochs
        if epochs != 1 and trainer.is_global_zero:
            _say(
                f"--model.head ridge with --model.unfrozen 0 trains nothing by gradient: 1 epoch "
                f"instead of {epochs}"
            )
        trainer.fit_loop.max_epochs = 1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Solve the head, unless the weights come from a checkpoint."""
        model = pl_module
        if not isinstance(model, MemorabilityRegressor) or not model.solved_head:
            return
        if trainer.ckpt_path is not None:
            return
        features, scores, groups = self._training_features(trainer, model)
        mean = float(scores.mean())
        if not 0 < mean < 1:
            raise DataError(
                f"{data_of(trainer).table.origin}: the mean score of the {len(scores)} training "
                f"images is {mean:.3g}, and models predict scores between 0 and 1: shift or "
                "rescale the scores"
            )
        solved = cross_validated_ridge(features, scores, self.seed, groups=groups)
        weights, bias = trainer.strategy.broadcast(solved.on_logit_scale())
        model.set_readout(torch.from_numpy(weights), bias)
        self.record = recorded(solved, self.seed)
        if trainer.is_global_zero:
            _say(described(self.record, solved.mean))

    def contribute(self, results: Results, rows: pd.DataFrame, folder: Path) -> None:
        """Add the choice of the strength to the results."""
        results.ridge = self.record

    def state_dict(self) -> dict[str, Any]:
        """Return the choice of the strength, for the checkpoint."""
        return {} if self.record is None else dataclasses.asdict(self.record)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the choice of the strength from a checkpoint.

        Raises:
            CheckpointError: if the checkpoint holds something else.
        """
        try:
            self.record = TypeAdapter(RidgeRecord).validate_python(state_dict)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise CheckpointError(
                f"the checkpoint's record of the ridge head is damaged: {where}: {first['msg']}"
            ) from error

    def _training_features(
        self, trainer: Trainer, model: MemorabilityRegressor
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features (n, D), scores (n,) and, the same for copies of a file, groups (n,)."""
        data = data_of(trainer)
        known = data.encoded(
            data.table.part("train"), encoder_of(model, trainer.strategy.root_device)
        )
        wrong = next((error for error in known.errors if error), "")
        if wrong and data.on_error == "fail":
            raise DataError(f"{wrong}\nto leave such images out: --data.on_error skip")
        valid = np.array([not error for error in known.errors])
        scores = np.asarray(known.images.scores, dtype=float)
        copies = copies_among(known.images.ids, known.images.images, data.table.root, {})
        groups = np.array([min(copies.get(name, [name])) for name in known.images.ids])[valid]
        if valid.sum() < 2:
            raise DataError(f"{data.table.origin}: fewer than 2 training images can be read")
        if len(set(groups)) < 2:  # all are copies: no strength predicts better than the mean
            groups = np.arange(len(groups))
        return known.features.numpy()[valid], scores[valid], groups


def _has(trainer: Trainer, kind: type[Callback]) -> bool:
    return any(isinstance(callback, kind) for callback in trainer.callbacks)  # type: ignore[attr-defined]


def _unused(trainer: Trainer) -> str:
    """Return an option that only matters for training by gradient, or "" if none is set."""
    given = {
        f"--data.augmentation {data_of(trainer).augmentation} (not none)": (
            data_of(trainer).augmentation != "none"
        ),
        "--trainer.overfit_batches": bool(trainer.overfit_batches),  # type: ignore[attr-defined]
        "--trainer.limit_train_batches": not trainer.fast_dev_run  # type: ignore[attr-defined]
        and (type(trainer.limit_train_batches), trainer.limit_train_batches) != (float, 1.0),
        "--trainer.gradient_clip_val": bool(trainer.gradient_clip_val),
        "--trainer.accumulate_grad_batches": trainer.accumulate_grad_batches != 1,
        "--trainer.callbacks ema": _has(trainer, EMA),
    }
    return next((option for option, is_set in given.items() if is_set), "")


def recorded(solved: RidgeFit, seed: int) -> RidgeRecord:
    """Return how the strength of a ridge head was chosen, for the results."""
    candidates = [
        StrengthRecord(None if math.isinf(one.strength) else one.strength, one.mse, one.spearman)
        for one in solved.candidates
    ]
    chosen = candidates[solved.candidates.index(solved.chosen)]
    return RidgeRecord(solved.n, solved.features, solved.folds, seed, chosen, candidates)


def described(record: RidgeRecord, mean: float) -> str:
    """Return one line on how the strength of a ridge head was chosen.

    Args:
        record: the choice.
        mean: mean score of the training images.
    """
    chosen, constant = record.chosen, record.candidates[-1]
    how = f"{record.folds}-fold cross-validation over {record.n} training images"
    if chosen.strength is None:
        return (
            f"ridge head: in {how}, no strength predicts better than the mean; every image gets "
            f"{number(mean, 3)}"
        )
    rho = "undefined" if chosen.spearman is None else number(chosen.spearman, 3)
    return (
        f"ridge head on {record.features} features: strength {chosen.strength:.3g}, chosen among "
        f"{len(record.candidates)} by {how}: MSE {number(chosen.mse, 5)} (the mean "
        f"{number(constant.mse, 5)}), ρ {rho}"
    )


def _say(text: str) -> None:
    print(f"memlab: {text}", file=sys.stderr)  # noqa: T201
