"""Context managers for evaluation mode and single precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import backends, nn
from torch.backends import cudnn


@contextmanager
def single_precision(device: str) -> Iterator[None]:
    """Disable autocast and TF32 for a block and restore the previous settings.

    An ablation's effect may be smaller than the rounding error of bf16 or TF32, and the TF32 error
    depends on the batch size. Convolutions and matrix products, such as those of a blur, use single
    precision on every device.

    Args:
        device: type of the device, `cpu` or `cuda`.
    """
    with torch.autocast(device, enabled=False), _no_tf32():
        yield


@contextmanager
def _no_tf32() -> Iterator[None]:
    switches: Any = backends  # torch types only some of these
    try:
        products, convolutions = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    except RuntimeError:  # set by torch 2.9's newer switches, which the older ones cannot read
        with ExitStack() as every:
            convolving = (switches.cudnn.conv, switches.cudnn.rnn)
            for part in (switches.cuda.matmul, switches.mkldnn.matmul, *convolving):
                every.enter_context(_switched(part, "ieee"))
            yield
        return
    # the older switches also set the newer ones, but do not fully restore them
    parts = [switches.cuda.matmul, getattr(switches.mkldnn, "matmul", None)]
    newer = [(part, part.fp32_precision) for part in parts if hasattr(part, "fp32_precision")]
    try:
        torch.set_float32_matmul_precision("highest")
        cudnn.allow_tf32 = False
        yield
    finally:
        cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)
        for part, before in newer:
            part.fp32_precision = before


@contextmanager
def _switched(part: Any, precision: str) -> Iterator[None]:
    before = part.fp32_precision
    try:
        part.fp32_precision = precision
        yield
    finally:
        part.fp32_precision = before


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode for a block and restore each module's own flag."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, training in modes.items():
            module.training = training
