"""Execution of a settled command: silenced warnings, error messages, cleanup."""

from __future__ import annotations

import logging
import os
import traceback
import warnings
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException

from memlab import tracking
from memlab.cli import ended, processes, runs
from memlab.cli.app import MemlabCLI
from memlab.cli.gate import gated
from memlab.cli.messages import known_error
from memlab.cli.names import load_named
from memlab.cli.optimizers import check_optimizers
from memlab.cli.trainer import Plan
from memlab.errors import CheckpointError, MemlabError

_QUIET = (
    "does not have many workers",  # the user's choice, and right on small machines
    "Checkpoint directory .* exists",  # the run folder is memlab's own
    "Experiment logs directory .* exists",
    "The number of training batches",  # small data sets are valid
    "resuming from a checkpoint that ended before",  # the sampler continues at its position
    "callbacks used to create the checkpoint",  # a test does not use the checkpoint callbacks
    "in eval mode at the start of training",  # frozen blocks are in eval mode on purpose
    "LeafSpec",  # lightning against torch 2.14
)


def _restoring(error: BaseException) -> bool:
    """Return whether Lightning raised an exception while restoring a checkpoint."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename.endswith("checkpoint_connector.py") for frame in frames)


def execute(plan: Plan) -> int:
    """Run a settled command; return the exit code."""
    load_named(plan.arguments)
    check_optimizers(plan.arguments)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for text in _QUIET:
            warnings.filterwarnings("ignore", message=f".*{text}")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="jsonargparse")
        try:
            with gated(), tracking.own_run(), ended.watched(plan):
                MemlabCLI(plan)
        except MisconfigurationException as error:
            text = " ".join(str(error).split())[:400]
            if "`training_step()`" in text:
                text = "this model cannot be trained: use it as it is, by memlab test or score"
            raise MemlabError(text) from error
        except Exception as error:
            # memlab's errors raised inside the parser or a worker may come wrapped.
            known = known_error(error)
            if known is None and plan.checkpoint is not None and _restoring(error):
                said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                raise CheckpointError(
                    f"{plan.checkpoint}: it cannot be taken up ({said}): damaged, or of another "
                    "kind of run; choose another --ckpt_path"
                ) from error
            if known is None:
                raise
            raise known from error
        finally:
            if plan.lock is not None:
                Path(plan.lock.lock_file).unlink(missing_ok=True)
                plan.lock.release()
            runs.remove_empty(os.environ.get(processes.FOLDER_VARIABLE))
    return 0
