"""Evaluation in single precision and evaluation mode, whatever training used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.backends import cudnn


@contextmanager
def single_precision(device: str) -> Iterator[None]:
    """Switch autocast and TF32 convolutions off for a block; what was set before comes back.

    An ablation's effect may be smaller than the grain of bf16 or TF32, and the grain of TF32
    depends on the batch size.

    Args:
        device: type of the device, `cpu` or `cuda`.
    """
    convolutions = cudnn.flags(
        enabled=cudnn.enabled,
        benchmark=cudnn.benchmark,
        deterministic=cudnn.deterministic,
        allow_tf32=False,
    )
    with torch.autocast(device, enabled=False), convolutions:
        yield


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode for a block; each module's own flag comes back."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, training in modes.items():
            module.training = training
