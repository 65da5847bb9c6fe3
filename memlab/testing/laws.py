"""Laws that every ablation must satisfy: identity, range, randomness, dose ladder."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.statistics import STATISTICS
from memlab.errors import MemlabError
from memlab.testing.breach import near, require
from memlab.testing.samples import Trial

SIZES = ((41, 57), (56, 35))
"""Heights and widths in pixels, odd and far from square."""


def check_laws(ablation: Ablation) -> None:
    """Check that invalid doses are refused, dose 0 is the identity, and randomness is per image.

    Raises:
        PluginError: if a law is broken; names the law.
    """
    cls, trial = type(ablation), Trial.of(ablation)
    images, context = trial.images, trial.context
    first = next(iter(ablation.spec["init_args"]))
    for dose in (-1.0, cls.maximum * 1.01, float("nan")):
        given = {**ablation._arguments, first: dose}
        for attempt in (lambda g=given: cls(**g), lambda d=dose: ablation(images, context, d)):
            require(_refused(attempt), cls, f"takes dose {dose:g}, outside 0 to {cls.maximum:g}")
    eligible = ablation.eligible(context)
    well_formed = (
        eligible.shape == (4,) and eligible.dtype == torch.bool and eligible.device.type == "cpu"
    )
    require(well_formed, cls, "eligible() does not return (B,) bool on the CPU")
    require(bool(eligible.all()), cls, "rejects images that have what it needs")
    require(torch.equal(ablation(images, context, 0), images), cls, "dose 0 is not the identity")
    before = _chance()
    changed = ablation(images, context)
    require(_chance() == before, cls, "uses the process's own random numbers: ask context for some")
    if context.asked:
        for word, changed_context in (
            ("draw", replace(context, draw=1)),
            ("seed", replace(context, seed=8)),
        ):
            differs = not torch.equal(ablation(images, changed_context), changed)
            require(differs, cls, f"is random, but the same for another {word}")


def check_ladder(ablation: Ablation) -> None:
    """Check shape, range, purity and batch independence at every dose, and that the target falls.

    Raises:
        PluginError: if a check fails; names the dose.
    """
    cls, trial = type(ablation), Trial.of(ablation)
    images, context = trial.images, trial.context
    statistic = STATISTICS[cls.target]
    last = statistic(ablation, images, context, 0).mean()
    changed_at: dict[float, Tensor] = {}
    asked_at: dict[float, set[str]] = {}
    for dose in cls.ladder:
        context.asked.clear()
        changed = changed_at[dose] = sound(ablation, trial, dose)
        asked_at[dose] = set(context.asked)
        again = ablation(images, context, dose)
        require(torch.equal(changed, again), cls, "is not a function of (seed, id, draw)")
        backwards = [3, 2, 1, 0]
        turned = trial.part(backwards)
        changed_back = ablation(turned.images, turned.context, dose)[backwards]
        require(near(changed_back, changed), cls, "depends on the order of the batch")
        for index in range(4):
            alone_in_batch = trial.part([index])
            alone = ablation(alone_in_batch.images, alone_in_batch.context, dose)
            equal = near(alone, changed[index : index + 1])
            require(equal, cls, "depends on the other images of the batch")
        now = statistic(ablation, images, context, dose).mean()
        require(bool(now < last), cls, f"{cls.target} does not fall at dose {dose:g}")
        last = now
    for dose in reversed(cls.ladder):
        equal = torch.equal(ablation(images, context, dose), changed_at[dose])
        require(equal, cls, "depends on the doses asked before")
    one_for_all = all(names == asked_at[cls.ladder[0]] for names in asked_at.values())
    require(one_for_all, cls, "asks for other random numbers at another dose")


def check_sizes(ablation: Ablation) -> None:
    """Check that the ablation works on odd and oblong sizes.

    Raises:
        PluginError: if it does not; names the size.
    """
    cls = type(ablation)
    for height, width in SIZES:
        trial = Trial.of(ablation, (height, width))
        for dose in sorted({ablation.dose, cls.ladder[-1]}):
            try:
                sound(ablation, trial, dose)
            except (RuntimeError, ValueError, IndexError) as error:  # raised by tensor operations
                first = str(error).splitlines()[0]
                breach = f"cannot change images of {height} × {width} pixels: {first}"
                require(False, cls, breach)


def sound(ablation: Ablation, trial: Trial, dose: float) -> Tensor:
    """Return the changed images, (4, 3, H, W), after checking their shape, type and range.

    Raises:
        PluginError: if a check fails, or the input was changed in place.
    """
    cls = type(ablation)
    context = trial.context
    donated = (
        [] if context.donors is None else [context.donors.images, *context.donors.masks.values()]
    )
    inputs = [trial.images, *context.masks.values(), *donated]
    before = [tensor.clone() for tensor in inputs]
    changed: Tensor = ablation(trial.images, context, dose)
    shape = "×".join(map(str, trial.images.shape[2:]))
    require(changed.shape == trial.images.shape, cls, f"changes the shape ({shape} pixels)")
    require(changed.dtype == trial.images.dtype, cls, "changes the type")
    inside = bool(((changed >= 0) & (changed <= 1)).all())
    require(inside, cls, f"leaves [0, 1] or returns NaN at dose {dose:g} ({shape} pixels)")
    unchanged = all(torch.equal(old, new) for old, new in zip(before, inputs, strict=True))
    require(unchanged, cls, "changes its input in place")
    return changed


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except MemlabError:
        return True
    return False


def _chance() -> tuple[object, ...]:
    """Return the state of all random generators in the process."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    torch_state = torch.random.get_rng_state().numpy().tobytes()
    return random.getstate(), numpy_state[1].tobytes(), numpy_state[2], torch_state
