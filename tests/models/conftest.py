"""Files of a narrow MemNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat

from memlab.models.published.memnet import CaffeNet


@pytest.fixture
def mean() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform(80, 140, (256, 256, 3)).astype("float32")


@pytest.fixture
def narrow(mean: np.ndarray[Any, Any]) -> Path:
    """Weights of the narrow MemNet with its mean image."""
    torch.manual_seed(0)
    state = CaffeNet(8).state_dict()
    state["fc8.weight"] *= 0.002  # so that no score is cut off
    state["fc8.bias"][:] = 0.7626
    torch.save(state, "memnet.pth")
    savemat("memnet_mean.mat", {"image_mean": mean})
    return Path("memnet.pth")
