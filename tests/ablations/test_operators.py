"""Fast operators against the formulas and library calls that define them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.nn.functional import interpolate, pad

from memlab.ablations.base import Ablation
from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import plan
from memlab.errors import PluginError
from memlab.imaging.colour import from_light, to_light
from memlab.imaging.nuisance import resize_roundtrip, shift
from memlab.types import Context


def test_srgb_to_light_and_back_meet_the_standard() -> None:
    values = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    light = torch.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    coded = torch.where(values > 0.0031308, 1.055 * values ** (1 / 2.4) - 0.055, 12.92 * values)
    assert (to_light(values.float()) - light).abs().max() < 1e-6
    assert (from_light(values.float()) - coded).abs().max() < 1e-6
    levels = torch.arange(256) / 255  # these take the table
    exact = torch.where(levels > 0.04045, ((levels + 0.055) / 1.055) ** 2.4, levels / 12.92)
    assert (to_light(levels) - exact).abs().max() < 1e-6
    assert from_light(torch.zeros(1)) == 0


@pytest.mark.parametrize("removed", [10.0, 33.0, 90.0])
def test_a_resize_round_trip_is_two_bicubic_resizes(removed: float) -> None:
    images = torch.rand(2, 3, 60, 45, generator=torch.Generator().manual_seed(0))
    smaller = [max(1, round(side * (1 - removed / 100))) for side in (60, 45)]
    small = interpolate(images, smaller, mode="bicubic", antialias=True)
    expected = interpolate(small, (60, 45), mode="bicubic")
    assert (resize_roundtrip(images, removed) - expected).abs().max() < 2e-6


@pytest.mark.parametrize(("down", "across"), [(3, -5), (-2, 4), (0, 7), (-6, 0), (0, 0)])
def test_a_shift_fills_the_edge_with_the_mirrored_image(down: int, across: int) -> None:
    images = torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    wide = pad(images, (8, 8, 8, 8), mode="reflect")
    expected = wide[..., 8 - down : 24 - down, 8 - across : 28 - across]
    moved = shift(images, torch.tensor([down, down]), torch.tensor([across, across]))
    assert torch.equal(moved, expected)


class _Unchecked(Ablation):
    """Overrides `forward`, so that only the engine can check what it returns."""

    family, unit, target, control = "colour", "share", "chroma", "nuisance-baseline"
    ladder, maximum = (0.2, 0.4, 0.6, 0.8, 1.0), 1.0

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    def forward(self, images, context, dose=None):
        return images + 2

    def change(self, images, context, dose):
        return images


def test_the_engine_checks_what_a_forward_of_its_own_returns() -> None:
    images = torch.rand(2, 3, 16, 16)
    rows = evaluate(
        lambda x, _: x.mean((1, 2, 3)), images, Context(["a", "b"]), plan([_Unchecked()])
    )
    with pytest.raises(PluginError, match="outside"):
        list(rows)


_FAULTS = """
import resource, sys
import numpy as np
from memlab.heap import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    print(-1)
    raise SystemExit
for turn in range(20):
    if turn == 5:  # the heap has grown by then
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    several = [np.ones(2_000_000) for _ in range(4)]
    del several
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
def test_freed_memory_is_used_again_without_clearing_its_pages() -> None:
    kept, returned = (
        int(subprocess.run([sys.executable, "-c", _FAULTS, how], capture_output=True).stdout)
        for how in ("kept", "returned")
    )
    if kept == -1:
        pytest.skip("this C library has no such setting")
    assert kept < returned / 10
