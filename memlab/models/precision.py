"""Evaluation in single precision, whatever training used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
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
