"""Check of changed pixels, and contexts of all images."""

from __future__ import annotations

import math
import struct

import pytest
import torch

from memlab.ablations.base import ROUNDING
from memlab.ablations.checks import require_images
from memlab.errors import PluginError
from memlab.types import Context

NEGATIVE_NAN = struct.unpack("f", struct.pack("I", 0xFFC00000))[0]


@pytest.mark.parametrize("value", [math.nan, NEGATIVE_NAN, math.inf, -math.inf, 1.01, -0.01])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_bad_pixel_is_found(value: float, dtype: torch.dtype) -> None:
    images = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(0)).to(dtype)
    changed = images.clone()
    changed[1, 2, 17, 33] = value
    with pytest.raises(PluginError, match="for image b at dose 1"):
        require_images(changed, images, ["a", "b", "c"], "ablation", "at dose 1", ROUNDING)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -5e-4, 1.0005, 0.5])
def test_the_range_is_returned(value: float) -> None:
    images = torch.full((2, 3, 40, 40), 0.25)
    changed = images.clone()
    changed[0, 0, 3, 5] = value
    low, high = require_images(changed, images, ["a", "b"], "ablation", "at dose 1", ROUNDING)
    assert low == pytest.approx(min(value, 0.25))
    assert high == pytest.approx(max(value, 0.25))


def test_a_context_of_all_images_shares_its_masks() -> None:
    context = Context(["a", "b"], masks={"faces": torch.zeros(2, 1, 4, 4)})
    everything = context.select(torch.tensor([0, 1]))
    assert everything.masks["faces"].data_ptr() == context.masks["faces"].data_ptr()
    assert list(context.select(torch.tensor([1, 0])).ids) == ["b", "a"]
    assert list(context.select(torch.tensor([1])).ids) == ["b"]
