"""Simpler methods of the scorecard: mass of maps, and estimates from an audit's tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from memlab.audit.protocol import Protocol, read_protocol
from tests.builders.benchmarks import module

BACKGROUND = "swap_palette@1(luma=donor)[background]"


@pytest.fixture
def maps(monkeypatch: pytest.MonkeyPatch) -> Any:
    return module("scorecard_maps", monkeypatch)


@pytest.fixture
def methods(monkeypatch: pytest.MonkeyPatch) -> Any:
    return module("scorecard_methods", monkeypatch)


def test_mass_is_the_share_on_the_region_and_lift_that_over_its_area(maps: Any) -> None:
    drawn = torch.zeros(2, 1, 4, 4)
    drawn[:, 0, 0, 0], drawn[:, 0, 3, 3] = -3.0, 1.0  # signs do not matter
    face = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    face[0, 0, :2, :2] = True  # the second image has none
    mass, lift = maps.mass(drawn, {"face": face})["face"]
    assert mass == pytest.approx(0.75 / 2)
    assert lift == pytest.approx(0.75 / 0.25)


class Squares(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return (images**2).mean(dim=(1, 2, 3))


def test_integrated_gradients_add_up_to_the_difference_from_the_uniform_image(maps: Any) -> None:
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    uniform = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    model: Any = Squares()
    found = maps.IntegratedGradients().maps(model, images)
    assert torch.allclose(found.sum(dim=(1, 2, 3)), model(images) - model(uniform), atol=1e-6)


def test_guesses_depend_on_the_network_alone(maps: Any) -> None:
    assert maps.guesses("A/W2") == maps.guesses("A/W2") != maps.guesses("B/W2")


def colour() -> Protocol:
    """The built-in protocol with one feature."""
    protocol = read_protocol()
    return replace(protocol, features=(protocol.feature("colour_background"),))


def tables(swap: float, back: float, n: int = 40) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every swap moves the prediction by ±`swap`, every round trip by ±`back`; SD about .1."""
    ids, rng = [f"{i}.png" for i in range(n)], np.random.default_rng(0)
    predicted = rng.normal(0.5, 0.1, n)
    rows = pd.DataFrame({"id": ids, "predicted": predicted, "audited": 1, "weight": 1.0})
    rows["score"] = np.nan
    parts = []
    for role, size in (("swap", swap), ("round-trip", back)):
        for draw in range(2):
            sign = 1 - 2 * ((np.arange(n) + draw) % 2)
            parts.append(
                pd.DataFrame(
                    {
                        "condition": f"{BACKGROUND}:{role}",
                        "id": ids,
                        "draw": draw,
                        "role": role,
                        "dose": 1.0,
                        "region": "background",
                        "reason": None,
                        "eligible": True,
                        "predicted": predicted - size * sign,
                    }
                )
            )
    return rows, pd.concat(parts, ignore_index=True)


def test_without_controls_the_round_trip_counts_as_reliance(methods: Any) -> None:
    rows, conditions = tables(swap=0.05, back=0.05)
    found = methods.simple_estimates(rows, conditions, colour())
    one = found["without controls"]["colour_background"]
    assert one.value == pytest.approx(0.05**2 / (2 * rows["predicted"].var()))
    assert one.claim == "relies"


def test_the_signed_effect_misses_a_cue_that_cancels(methods: Any) -> None:
    rows, conditions = tables(swap=0.05, back=0.0)
    found = methods.simple_estimates(rows, conditions, colour())
    assert found["signed effect"]["colour_background"].value == pytest.approx(0.0, abs=1e-12)
    assert "colour_background" not in found["single dose"]  # the ladder was not run
