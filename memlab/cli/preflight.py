"""Checks before a network is built or its weights are downloaded."""

from __future__ import annotations

import math
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch import Trainer
from torch import nn
from torch.optim import lr_scheduler

from memlab.callbacks.ablation_evaluation import AblationEvaluation
from memlab.data.module import MemorabilityData
from memlab.data.reading import check_split
from memlab.errors import CheckpointError, DataError, MemlabError
from memlab.files import make_folder
from memlab.spec import import_class

SPLITS_NEEDED = {"fit": ("train", "val", "test"), "validate": ("val",), "test": ("test",)}
"""Splits that a command uses; `predict` uses every image of the table."""


def check_model_options(model: dict[str, Any]) -> None:
    """Check that a model, its optimizer and its scheduler accept their options.

    A model class may provide a class method `check_options(**options)` for this. The options
    exclude the backbone.

    Args:
        model: `class_path` and `init_args`, with nested objects in the same form.

    Raises:
        MemlabError: if an option is not accepted; names the option.
    """
    options = model.get("init_args") or {}
    check = getattr(import_class(str(model["class_path"])), "check_options", None)
    plain = ("backbone", "optimizer", "lr_scheduler")
    if check is not None:
        check(**{name: value for name, value in options.items() if name not in plain})
    made = _made("optimizer", options.get("optimizer"), [nn.Parameter(torch.zeros(1))])
    if made is not None:
        _made("lr_scheduler", options.get("lr_scheduler"), made)


def _made(name: str, asked: Any, first: Any) -> Any:
    """Create the requested optimizer or scheduler, if any, on a dummy parameter."""
    if asked is None:
        return torch.optim.Adam(first) if name == "optimizer" else None
    cls = import_class(str(asked["class_path"]))
    options = asked.get("init_args") or {}
    if float(options.get("lr") or 0) < 0:  # torch checks this for some optimizers only
        raise MemlabError(f"--model.{name}.lr {options['lr']:g}: 0 or more")
    try:
        made = cls(first, **options)
        if type(made).__module__ == lr_scheduler.__name__ and not isinstance(
            made, lr_scheduler.ReduceLROnPlateau
        ):
            made.optimizer.step()
            made.step()  # some check their options only in the first step
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise MemlabError(f"--model.{name} {cls.__name__}: {error}") from error
    return made


def check_data(
    command: str, data: MemorabilityData, trainer: Trainer, evaluation: AblationEvaluation
) -> None:
    """Read the table, and check that it suffices for a command and its number of processes.

    The data module keeps the table, so it is not read again.

    Args:
        command: fit, validate, test or predict.
        data: data module with images and scores.
        trainer: trainer, for its processes and limits.
        evaluation: callback whose ablations may need masks.

    Raises:
        MemlabError: if something is missing or wrong; names it.
    """
    if command == "fit" and data.batch_size < 2:
        raise DataError("--data.batch_size 1: at least 2 to train, for batch normalisation")
    if command == "fit":
        _check_counts(trainer)
    if data.cache is not None:
        make_folder(data.cache)
    data.prepare_data()
    table = data.table
    for split in SPLITS_NEEDED.get(command, ()):
        check_split(table, split, trainer.world_size)
    if command == "fit":
        batches = math.ceil(len(table.part("train")) / (data.batch_size * trainer.world_size))
        _check_interval(trainer, batches)
    if command in ("fit", "test"):
        evaluation.check(data)


def _check_counts(trainer: Trainer) -> None:
    """Check that the counts that Lightning accepts unchecked lead to at least some training."""
    for name in ("max_epochs", "max_steps", "limit_train_batches", "accumulate_grad_batches"):
        if getattr(trainer, name) == 0:
            raise MemlabError(f"--trainer.{name} 0: nothing would be trained")
    if trainer.accumulate_grad_batches < 0:
        value = trainer.accumulate_grad_batches
        raise MemlabError(f"--trainer.accumulate_grad_batches {value}: at least 1")
    if (trainer.gradient_clip_val or 0) < 0:
        raise MemlabError(f"--trainer.gradient_clip_val {trainer.gradient_clip_val}: 0 or more")


def _check_interval(trainer: Trainer, batches: int) -> None:
    interval: Any = trainer.val_check_interval
    if trainer.check_val_every_n_epoch is None or not isinstance(interval, int):
        return
    if interval > batches:
        raise MemlabError(
            f"--trainer.val_check_interval {interval}: at most {batches}, the batches of an epoch, "
            "or a share such as 0.5"
        )


def check_config(config: Namespace) -> None:
    """Check options that contradict memlab's own; drop callbacks that are given twice.

    The same command, repeated to resume a run, adds its callbacks to those recorded by the run.

    Raises:
        CheckpointError: if a configuration names a checkpoint.
        MemlabError: if the precision of the weights is not single.
    """
    if isinstance(config.trainer.callbacks, list):
        callbacks = config.trainer.callbacks
        config.trainer.callbacks = [
            callback
            for index, callback in enumerate(callbacks)
            if callback not in callbacks[:index]
        ]
    if config.get("ckpt_path") is not None:
        raise CheckpointError("give --ckpt_path on the command line, not in a configuration")
    precision = str(config.trainer.precision)
    if precision.endswith("-true") and precision != "32-true":
        raise MemlabError(
            f"--trainer.precision {precision}: weights stay in single precision, which "
            "evaluation needs; use bf16-mixed or 16-mixed"
        )
