"""Check of optimizer and scheduler names before parsing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim import lr_scheduler

from memlab.errors import MemlabError, did_you_mean


def check_optimizers(arguments: Iterable[str]) -> None:
    """Raise a MemlabError for an unknown optimizer or scheduler; suggest the closest name."""
    known = {
        "--model.optimizer": _subclasses(torch.optim, torch.optim.Optimizer),
        "--model.lr_scheduler": _subclasses(lr_scheduler, lr_scheduler.LRScheduler),
    }
    for argument in arguments:
        option, _, name = argument.partition("=")
        if option in known and name.isidentifier() and name != "null" and name not in known[option]:
            raise MemlabError(f"{option}: torch has no {name!r}{did_you_mean(name, known[option])}")


def _subclasses(module: Any, base: type) -> list[str]:
    """Return the names of the classes of a module that derive from `base`."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, base)
    ]
