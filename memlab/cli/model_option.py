"""The argument MODEL of memlab's own commands: one meaning, one description, one loader."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.spelling import trained_run
from memlab.registry import plugins

if TYPE_CHECKING:
    from memlab.models.base import MemorabilityModel

MODEL = """\
MODEL is a run folder, a checkpoint, a plugin's name, a plugin's name with a file of weights
(vitmem:FILE), or package.module:Class (also your own torch.nn.Module, from images (B, 3, H, W) in
[0, 1] to scores (B,))."""
"""What MODEL may be, for descriptions."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument MODEL."""
    parser.add_argument("model", metavar="MODEL", help="the model; see above")


def load_model(ref: str) -> MemorabilityModel:
    """Load the model that MODEL refers to; see `memlab.models.load.load`."""
    from memlab.models.load import load

    return load(ref)


def is_trained(ref: str) -> bool:
    """Return whether MODEL is a run folder or a checkpoint; a run comes before a plugin's name."""
    path = Path(ref)
    if path.is_dir():
        return trained_run(ref) is not None or ref not in {one.name for one in plugins("models")}
    return path.is_file()


def absolute(ref: str) -> str:
    """Return MODEL with absolute paths, so that it means the same in every folder."""
    if is_trained(ref):
        return str(Path(ref).resolve())
    name, colon, file = ref.partition(":")
    return f"{name}:{Path(file).resolve()}" if colon and Path(file).is_file() else ref


def model_files(ref: str) -> list[str]:
    """Return the paths that MODEL may name, to keep outputs apart from them."""
    return [ref.partition(":")[2], ref]
