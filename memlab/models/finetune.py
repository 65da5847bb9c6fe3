"""Which part of a network is trained, at which rates, and through what."""

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
"""How many blocks, counted from the head, are trained."""


def freeze(backbone: Backbone, unfrozen: Unfrozen) -> tuple[list[nn.Module], list[nn.Module]]:
    """Take the first blocks of a backbone out of training.

    Args:
        backbone: its frozen blocks go into evaluation mode, their parameters need no gradient.
        unfrozen: how many of its last blocks are trained, or all.

    Returns:
        The frozen blocks and the others, from the input to the output.

    Raises:
        MemlabError: if there are not as many blocks; says how many there are.
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
    """Build an optimizer whose learning rate falls from the head towards the input.

    The head keeps the optimizer's own rate, and each block has that of the block behind it times
    `layer_decay`: the discriminative fine-tuning of Howard & Ruder 2018 (ACL, section 3.2), with
    the decay of BEiT (Bao et al. 2022, ICLR).

    Args:
        make: from parameters, or groups of them, to an optimizer.
        model: parameters of it that need no gradient are left out.
        blocks: the backbone's trained blocks, from the input to the output.
        layer_decay: above 0, at most 1.

    Raises:
        MemlabError: if the optimizer does not take its arguments, or no groups.
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
    """The same function through torch.compile.

    Raises:
        MemlabError: if there is no C++ compiler; torch would say so after minutes, and at length.
    """
    name = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(name) is None:
        raise MemlabError(
            f"--model.compile needs a C++ compiler and there is no {name}: install one, or name "
            "yours in the variable CXX"
        )
    return torch.compile(forward)


def check_mode(mode: str, monitor: str) -> None:
    """See that a scheduler waits for a correlation to rise, and for an error to fall.

    Raises:
        MemlabError: if it is the other way round: it would slow down a model that gets better.
    """
    rising = monitor.rpartition("/")[2] in ("spearman", "pearson", "r2")
    wanted = "max" if rising else "min"
    if mode != wanted:
        raise MemlabError(
            f"--model.lr_scheduler.mode {mode}: {monitor} is better when it "
            f"{'rises' if rising else 'falls'}: set it to {wanted}"
        )


def check_decay(optimizer: Optimizer, layer_decay: float) -> None:
    """See that a scheduler that was put on an optimizer kept the ratio of its groups' rates.

    Raises:
        MemlabError: if it did not; some (OneCycleLR, CyclicLR) set one rate for all.
    """
    top = float(optimizer.param_groups[0]["lr"])
    for depth, group in enumerate(optimizer.param_groups):
        if not math.isclose(float(group["lr"]), top * layer_decay**depth, rel_tol=1e-6):
            raise MemlabError(
                "--model.lr_scheduler: it sets one rate for the whole network, which undoes "
                f"--model.layer_decay {layer_decay:g}; choose another, or leave the decay out"
            )
