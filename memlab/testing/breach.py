"""Messages for a breach of a contract: the class, and one sentence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab.errors import PluginError


def require(fact: bool, cls: type[Any], breach: str) -> None:
    """Raise a PluginError with the class's name and the breach, unless the fact holds."""
    if not fact:
        raise PluginError(f"{cls.__name__} {breach}")


def near(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> bool:
    """Return whether two tensors are equal up to the error of another batch size or device."""
    return torch.allclose(actual, expected, atol=tolerance, rtol=0)
