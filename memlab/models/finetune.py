"""Fine-tuning: which blocks are trained, at which learning rates, compiled or not."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from memlab.backbones.base import Backbone
from memlab.errors import MemlabError

Unfrozen = int | Literal["all"]
"""Number of trained blocks, counted from the head, or all."""


def freeze(backbone: Backbone, unfrozen: Unfrozen) -> tuple[list[nn.Module], list[nn.Module]]:
    """Freeze the first blocks of a backbone.

    Args:
        backbone: its frozen blocks switch to evaluation mode and their parameters need no gradient.
        unfrozen: how many of its last blocks are trained, or all.

    Returns:
        The frozen blocks and the trained blocks, each from the input to the output.

    Raises:
        MemlabError: if the backbone has fewer blocks; the message says how many it has.
    """
    blocks = backbone.blocks()
    count = len(blocks) if unfrozen == "all" else unfrozen
    if not 0 <= count <= len(blocks):
        raise MemlabError(
            f"--model.unfrozen {unfrozen}: {type(backbone).__name__} has {len(blocks)} "
            f"block{'s' * (len(blocks) != 1)}; 0 to {len(blocks)}, or all"
        )
    frozen, trained = blocks[: len(blocks) - count], blocks[len(blocks) - count :]
    for block in frozen:
        block.requires_grad_(False).eval()
    return frozen, trained


def make_optimizer(
    make: Callable[[Iterable[Any]], Optimizer],
    model: nn.Module,
    blocks: Sequence[nn.Module],
    layer_decay: float,
) -> Optimizer:
    """Build an optimizer whose learning rate decreases from the head towards the input.

    The head keeps the optimizer's learning rate. Each block has the rate of the next block towards
    the head times `layer_decay`: the discriminative fine-tuning of Howard & Ruder 2018 (ACL,
    section 3.2), with the decay of BEiT (Bao et al. 2022, ICLR).

    Args:
        make: function from parameters, or parameter groups, to an optimizer.
        model: the model; its parameters that need no gradient are left out.
        blocks: the backbone's trained blocks, from the input to the output.
        layer_decay: above 0, at most 1.

    Raises:
        MemlabError: if the optimizer rejects its arguments or the parameter groups.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        if layer_decay == 1:
            return make(trained)
        inside = {id(parameter) for block in blocks for parameter in block.parameters()}
        head = [parameter for parameter in trained if id(parameter) not in inside]
        groups = [{"params": head, "name": "head"}]
        for number, block in reversed(list(enumerate(blocks, start=1))):
            groups.append({"params": list(block.parameters()), "name": f"block_{number}"})
        optimizer = make(groups)
    except ValueError as error:
        raise MemlabError(f"--model.optimizer: {error}") from error
    for depth, group in enumerate(optimizer.param_groups):
        group["lr"] = group["lr"] * layer_decay**depth
    return optimizer


def compiled(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the function compiled by torch.compile.

    Raises:
        MemlabError: if there is no C++ compiler; torch would fail only after minutes, with a long
            trace.
    """
    name = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(name) is None:
        raise MemlabError(
            f"--model.compile needs a C++ compiler and there is no {name}: install one, or name "
            "yours in the variable CXX"
        )
    return torch.compile(forward)


def check_mode(mode: str, monitor: str) -> None:
    """Check that a scheduler expects a correlation to rise, and an error to fall.

    Raises:
        MemlabError: if the mode is reversed; the scheduler would reduce the rate of an improving
            model.
    """
    rising = monitor.rpartition("/")[2] in ("spearman", "pearson", "r2")
    right_mode = "max" if rising else "min"
    if mode != right_mode:
        raise MemlabError(
            f"--model.lr_scheduler.mode {mode}: {monitor} is better when it "
            f"{'rises' if rising else 'falls'}: set it to {right_mode}"
        )


def check_decay(optimizer: Optimizer, layer_decay: float) -> None:
    """Check that a scheduler kept the ratios between the learning rates of an optimizer's groups.

    Raises:
        MemlabError: if the ratios changed; OneCycleLR and CyclicLR set one rate for all groups.
    """
    top = float(optimizer.param_groups[0]["lr"])
    for depth, group in enumerate(optimizer.param_groups):
        if not math.isclose(float(group["lr"]), top * layer_decay**depth, rel_tol=1e-6):
            raise MemlabError(
                "--model.lr_scheduler: it sets one rate for the whole network, which undoes "
                f"--model.layer_decay {layer_decay:g}; choose another, or leave the decay out"
            )
