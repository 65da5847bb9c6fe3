"""Guard that keeps the parser from importing untrusted classes named by a run folder's files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from typing import Any

from memlab.errors import MemlabError
from memlab.trust import Guard, guard

_PREFIXES = ("torch.optim", "lightning.", "memlab.")


class ImportRefusedError(ImportError, ValueError):
    """Error of a refused import; jsonargparse treats both base classes as an invalid value."""


@contextmanager
def gated() -> Iterator[None]:
    """Check each import of jsonargparse while recorded files are read; see `memlab.trust.Guard`.

    jsonargparse imports every class path, of any key or nested argument, through one function. If a
    trusted class is a re-export, its other path is trusted too.

    Raises:
        MemlabError: if an import was refused and the block failed; names the file and the class.
    """
    judge = guard()
    if judge is None:
        yield
        return
    holders = _holders()
    original: Callable[..., Any] = holders[0].import_object

    def judged(name: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("check_path") is False or (args and args[0] is False):
            return original(name, *args, **kwargs)  # a path from code, not from a file
        if isinstance(name, str) and "." in name and not judge.allows(name):
            judge.refusal(name)
            raise ImportRefusedError(f"{name!r} is not registered; nothing was imported")
        imported = original(name, *args, **kwargs)
        _check_kind(name, imported, judge)
        return imported

    for module in holders:
        module.import_object = judged
    try:
        yield
    except Exception as error:
        if judge.refused and not isinstance(error, MemlabError):
            raise judge.refusal(judge.refused) from error
        if judge.refused and "is not registered; nothing was imported" in str(error):
            raise judge.refusal(judge.refused) from error
        raise
    finally:
        for module in holders:
            module.import_object = original


def _check_kind(name: str, cls: Any, judge: Guard) -> None:
    """Check that a path below an allowed package is a class of that package, of a kind in use."""
    if isinstance(cls, type):
        path = f"{cls.__module__}.{cls.__qualname__}"
        if judge.trusts(name):
            judge.named.add(path)
            return
        inside = path.startswith(_PREFIXES)
        right = not inside or issubclass(cls, _kinds()) or is_dataclass(cls)
        if right and (path == name or judge.allows(path)):
            return
    elif judge.trusts(name):
        return
    judge.refusal(name)
    raise ImportRefusedError(f"{name!r} is not registered; nothing was imported")


def _kinds() -> tuple[type[Any], ...]:
    from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment
    from lightning.fabric.plugins.precision import Precision
    from lightning.pytorch import Callback, LightningDataModule, LightningModule
    from lightning.pytorch.accelerators import Accelerator
    from lightning.pytorch.loggers import Logger
    from lightning.pytorch.plugins import LayerSync
    from lightning.pytorch.profilers import Profiler
    from lightning.pytorch.strategies import Strategy
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from memlab.ablations.base import Ablation
    from memlab.attributions.base import Attribution
    from memlab.backbones.base import Backbone
    from memlab.data.sources.base import Source

    return (
        *(CheckpointIO, ClusterEnvironment, Precision, Callback, LightningDataModule),
        *(LightningModule, Accelerator, Logger, LayerSync, Profiler, Strategy, Optimizer),
        *(LRScheduler, Ablation, Attribution, Backbone, Source),
    )


def _holders() -> list[Any]:
    """Return the modules of jsonargparse that hold the function which imports by path."""
    import jsonargparse  # noqa: F401

    modules = [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "jsonargparse" and "import_object" in vars(module)
    ]
    if not modules:
        raise MemlabError("this jsonargparse imports by another way; install jsonargparse 4.47")
    return modules
