"""Mechanics of every installed method: nothing stays behind, wherever and however it ends."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memlab import registry
from memlab.attributions import integrals
from memlab.attributions.base import Attribution, Given, explain, explain_branches
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.reference import reference_of
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing import sample_images
from tests.builders.attributions import METHODS, Hooked
from tests.builders.small_networks import Pooled, tiny

CALLS = 200


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Integrals in few steps: each is like the others."""
    monkeypatch.setattr(integrals, "FEWEST", 2)
    monkeypatch.setattr(integrals, "MOST", 4)


def made(name: str) -> Attribution:
    method: Attribution = registry.load("attributions", name)()
    return method


class Failing(MemorabilityRegressor):
    """Regressor whose score fails at a call that is set."""

    left = 0

    def score(self, activations: Any) -> Tensor:
        scores = super().score(activations)
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("in mid-batch")
        return scores


def state_of(model: nn.Module) -> dict[str, Any]:
    """Everything that a call could leave changed, with gradients that must stay."""
    every = [*model.named_parameters(), *model.named_buffers()]
    return {
        "values": {name: one.detach().clone() for name, one in every},
        "gradients": {name: None if one.grad is None else one.grad.clone() for name, one in every},
        "requires_grad": [one.requires_grad for _, one in every],
        "training": [module.training for module in model.modules()],
        "hooks": [
            {name: len(hooks) for name, hooks in vars(module).items() if name.endswith("_hooks")}
            for module in model.modules()
        ],
        "random": (torch.get_rng_state(), random.getstate()),
        "random of numpy": np.random.get_state()[1].tobytes(),  # noqa: NPY002
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    }


def require_same(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            require_same(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            require_same(*pair)
    else:
        assert one == other


def in_training(model: nn.Module) -> nn.Module:
    """Put a model in a state with gradients, frozen weights and mixed training flags."""
    model.train()
    for place, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, float(place)) if place % 3 else None
        parameter.requires_grad_(place % 2 == 0)
    next(iter(model.children())).eval()
    return model


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("inference", [False, True])
def test_a_call_leaves_everything_as_it_was(name: str, inference: bool) -> None:
    model = in_training(tiny())
    with torch.inference_mode(inference):
        before = state_of(model)
        explain(made(name), model, sample_images(2, 64))
        require_same(state_of(model), before)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("call", [1, 3])
def test_an_exception_in_mid_batch_leaves_everything_as_it_was(name: str, call: int) -> None:
    model = Failing(Pooled())
    in_training(model)
    model.left = call
    before = state_of(model)
    if call > 1 and not made(name).contrasts and name != "occlusion":
        explain(made(name), model, sample_images(2, 16))  # a single call
    else:
        with pytest.raises(RuntimeError, match="in mid-batch"):
            explain(made(name), model, sample_images(2, 16))
    require_same(state_of(model), before)


def test_an_exception_leaves_no_hooks() -> None:
    model = Hooked()
    model.fails = True
    before = state_of(model)
    with pytest.raises(RuntimeError, match="in mid-batch"):
        explain(GradCAM(), model, sample_images(2, 16))
    require_same(state_of(model), before)


@pytest.mark.parametrize("name", METHODS)
def test_inference_mode_changes_no_map(name: str) -> None:
    model, images = tiny("test_vit").eval(), sample_images(2, 64)
    outside = explain_branches(made(name), model, images)
    with torch.inference_mode():
        inside = explain_branches(made(name), model, images.clone())
    require_same(inside.maps, outside.maps)
    require_same(dict(inside.columns), dict(outside.columns))
    assert outside.maps.abs().max() > 0


def live(calls: Callable[[], object]) -> tuple[int, int]:
    """Return how many tensors, and objects of all kinds, are alive after calls."""
    calls()
    gc.collect()
    objects = gc.get_objects()
    return sum(issubclass(type(one), Tensor) for one in objects), len(objects)


@pytest.mark.parametrize("name", [*METHODS, "leaking"])
def test_memory_is_flat_over_many_calls(name: str) -> None:
    kept = []

    class Leaking(GradCAM):
        def maps(self, model: Any, images: Tensor) -> Tensor:
            maps = super().maps(model, images)
            kept.append(maps)
            return maps

    model, images = MemorabilityRegressor(Pooled()).eval(), sample_images(2, 16)
    given = Given(replace(reference_of(model, [images]), sd=float("inf")))
    method = Leaking() if name == "leaking" else made(name)
    if name == "occlusion":
        method.cells = 2  # type: ignore[attr-defined]

    def calls(count: int) -> Callable[[], object]:
        return lambda: [explain_branches(method, model, images, given) for _ in range(count)] and 0

    tensors, objects = live(calls(3))
    more_tensors, more_objects = live(calls(CALLS))
    if name == "leaking":
        assert more_tensors - tensors == CALLS
    else:
        assert more_tensors == tensors
        assert more_objects - objects < CALLS / 2
