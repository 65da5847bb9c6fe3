"""Choice of the layer at which maps look: which layer's maps do the scores follow most?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memlab.numbers import interval, number
from memlab.stats.bootstrap import bootstrap
from memlab.stats.estimate import Estimate
from memlab.stats.measures import Array, Statistic


@dataclass(frozen=True)
class LayerLift:
    """How far scores follow the maps of a candidate layer.

    Args:
        layer: step of the backbone.
        cells: height and width of its grid.
        lift: mean of deletion and insertion, minus that of a map that knows nothing of the network,
            in units of the score, over images.
        behind: how much less this is than that of the best candidate, paired; 0 for the best.
    """

    layer: str
    cells: tuple[int, int]
    lift: Statistic
    behind: Statistic


@dataclass(frozen=True)
class LayerChoice:
    """Layer that was chosen for a method, and what the candidates had.

    Args:
        layer: the chosen layer; None for the model's feature layer, if no other can be chosen.
        images: which images the layer was chosen on, in words.
        n: number of these images.
        chance: mean of deletion and insertion of a map that knows nothing of the network: a
            Gaussian in the middle, or 0 (random cells) if that is more.
        candidates: the candidates, from the input to the output; empty if there was no choice.
        reason: why there was no choice; empty if there was one.
    """

    layer: str | None
    images: str
    n: int
    chance: float | None
    candidates: list[LayerLift]
    reason: str = ""


def choose_layer(
    follows: Mapping[str, Array],
    cells: Mapping[str, tuple[int, int]],
    centre: Array,
    images: str,
    seed: int,
) -> LayerChoice:
    """Return the layer whose maps the scores follow most: the one with the largest mean.

    Candidates whose difference from it is not shown (its paired 95 % interval includes 0) are named
    in `layer_text`. To take the deepest or the finest of them instead was tried, and is no better.

    Args:
        follows: layer to (n,) mean of deletion and insertion, from the input to the output.
        cells: layer to its grid.
        centre: (n,) the same for a Gaussian in the middle.
        images: which images these are, in words.
        seed: seed of the bootstrap.
    """
    chance = np.maximum(0.0, centre.mean())
    base = centre if chance > 0 else np.zeros_like(centre)
    best = max(follows, key=lambda name: float(follows[name].mean()))
    lifts = _means({name: values - base for name, values in follows.items()}, seed)
    behind = _means({name: follows[best] - values for name, values in follows.items()}, seed)
    found = [LayerLift(name, cells[name], lifts[name], behind[name]) for name in follows]
    return LayerChoice(best, images, len(centre), float(chance), found)


def layer_text(method: str, choice: LayerChoice) -> str:
    """Return one sentence on the chosen layer and on what the others had."""
    if choice.reason:
        return f"{method} {choice.reason}."
    by_name = {one.layer: one for one in choice.candidates}
    chosen = by_name.pop(choice.layer or "")
    kind = choice.images.replace("images", "image", 1) if choice.n == 1 else choice.images
    found = (
        f"{number(chosen.lift.value, 3)} {interval(chosen.lift.low, chosen.lift.high, 3)}".rstrip()
    )
    doubt = ""
    if chosen.lift.low is None:
        doubt = "; these are too few images to tell layers apart"
    elif chosen.lift.low <= 0:
        doubt = "; this is not shown to be more than nothing"
    else:
        equal = [one.layer for one in by_name.values() if (one.behind.low or 0.0) <= 0]
        doubt = f"; {', '.join(equal)} may be as good" if equal else ""
    others = ", ".join(f"{one.layer} {number(one.lift.value, 3)}" for one in by_name.values())
    return (
        f"{method} looks at {chosen.layer} ({chosen.cells[0]} × {chosen.cells[1]} cells), chosen "
        f"on {choice.n} {kind}: scores follow its maps by {found} more than maps that know nothing "
        f"of the model ({others}){doubt}."
    )


def _means(values: Mapping[str, Array], seed: int) -> dict[str, Statistic]:
    estimates = {
        name: Estimate(one[:, None].astype(float), lambda means: means[..., 0])
        for name, one in values.items()
    }
    return bootstrap(estimates, seed).statistics
