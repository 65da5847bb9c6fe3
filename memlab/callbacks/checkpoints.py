"""Checkpoints of a training run: the best weights, and the last complete training state."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from torch import Tensor

from memlab.errors import Interrupted
from memlab.run_folder import LAST
from memlab.stop_signals import StopSignals, requeue


class LastCheckpoint(Checkpoint):
    """Callback that keeps `last.ckpt`, the complete training state, for resuming.

    The file is written at the end of every epoch, every `every` steps, and when a signal asks the
    run to stop. In the last case it is written after the current batch. If a validation follows
    that batch, it is written after the next batch or at the end of the epoch. Lightning's own
    `last.ckpt` is written only together with another checkpoint.

    Args:
        folder: folder of the file.
        every: number of steps between two writes, in addition to each epoch's end.
    """

    def __init__(self, folder: Path, every: int | None = None) -> None:
        self.path = folder / LAST
        self.every = every
        self.signals = StopSignals()
        self._saved = 0
        self._ended = False

    def state_dict(self) -> dict[str, Any]:
        """Return whether training ended by itself, for example by early stopping."""
        return {"ended": self._ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore whether training had ended by itself."""
        self._ended = state_dict["ended"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Skip to the test if only the test is missing; train a finished run further."""
        if self._ended and not (self.path.parents[1] / "results.json").is_file():
            trainer.should_stop = True
        self._ended = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Catch signals instead of Lightning, which would stop between two checkpoints."""
        self.signals.install()
        self._saved = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the checkpoint if it is due; stop all processes together if requested."""
        stop = self._asked(trainer)
        if _validates_next(trainer, batch_idx):
            return  # Lightning cannot resume between a batch and the validation after it
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return  # accumulated gradients are not part of a checkpoint
        due = self.every and trainer.global_step // self.every > self._saved // self.every
        if due or stop:
            self._save(trainer)
        if stop:
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoint; stop if a stop was requested."""
        self._save(trainer)
        if self._asked(trainer):
            self._stop(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the previous signal handlers."""
        self.signals.remove()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Catch signals during the test, so that SLURM can requeue the job."""
        self.signals.install()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stop if a stop was requested; the trained weights are already saved."""
        if self.signals.received is not None:
            self._stop(trainer)

    on_test_end = on_train_end

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Restore the previous signal handlers."""
        self.signals.remove()

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Convert the loop state at an epoch's end to the next epoch's start, for `max_steps`.

        With `max_steps`, Lightning resumes as if in mid-epoch, and counts the epoch twice.
        """
        loop = checkpoint["loops"]["fit_loop"]
        epochs = loop["epoch_progress"]
        if trainer.max_steps == -1 or epochs["current"]["processed"] < epochs["current"]["started"]:
            return
        for counts in epochs.values():
            done = counts["processed"]
            counts.update(ready=done + 1, started=done, completed=done)
        batches = loop["epoch_loop.batch_progress"]
        batches["current"] = dict.fromkeys(batches["current"], 0)
        batches["is_last_batch"] = False

    def _asked(self, trainer: Trainer) -> bool:
        asked = self.signals.received is not None
        return bool(trainer.strategy.reduce_boolean_decision(asked, all=False))

    def _save(self, trainer: Trainer) -> None:
        self._ended = trainer.should_stop
        trainer.save_checkpoint(self.path)
        self._saved = trainer.global_step

    def _stop(self, trainer: Trainer) -> None:
        number = self.signals.received or signal.SIGTERM
        run = self.path.parents[2]
        message = (
            f"stopped by {signal.Signals(number).name} in epoch {trainer.current_epoch}, step "
            f"{trainer.global_step}\ngo on: memlab fit --out {run} --ckpt_path last"
        )
        if number == getattr(signal, "SIGUSR1", None) and trainer.is_global_zero:
            message += requeue()
        raise Interrupted(message, number)


def _validates_next(trainer: Trainer, batch_idx: int) -> bool:
    loop = trainer.fit_loop.epoch_loop
    if loop.batch_progress.is_last_batch:
        return True
    if trainer.val_check_batch is None or not loop._should_check_val_epoch():
        return False  # None: due by wall-clock time, which a resumed run measures again
    counted = loop.total_batch_idx if trainer.check_val_every_n_epoch is None else batch_idx
    return (counted + 1) % trainer.val_check_batch == 0


class BestCheckpoint(ModelCheckpoint):
    """Callback that keeps `best.ckpt`, chosen by the validation Spearman correlation.

    An epoch with an undefined correlation (NaN) is never the best, even if no other epoch exists.

    Args:
        folder: folder of the file.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor="val/spearman",
            mode="max",
            save_top_k=1,
            save_on_train_epoch_end=False,  # right after the validation that provides the score
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score from a checkpoint if the file with the best weights is present.

        Paths stored in a checkpoint are ignored: a run may have been copied or moved, and Lightning
        deletes the previous best file.
        """
        own = Path(str(self.dirpath)) / "best.ckpt"
        score = state_dict["best_model_score"]
        if not own.is_file() or score is None:
            return
        super().load_state_dict(
            {
                **state_dict,
                "dirpath": str(self.dirpath),
                "best_model_path": str(own),
                "kth_best_model_path": str(own),
                "best_k_models": {str(own): score},
                "last_model_path": "",
            }
        )

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Return whether an epoch is the best so far."""
        if current is None or bool(torch.isnan(current)):
            return False
        return super().check_monitor_top_k(trainer, current)
