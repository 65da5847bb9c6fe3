"""Models seen at another layer: the feature layer may lie at any step of the backbone."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from memlab.errors import MemlabError
from memlab.scorer import Scorer

AUTO = "auto"
"""Layer that is chosen before maps are computed."""


class LayerView:
    """A model whose feature layer is another one: `score(stem(x))` is the same score.

    Everything else is the model's own.

    Args:
        model: model with a `chain` of steps up to its feature layer.
        layer: name of a step of the chain.

    Raises:
        MemlabError: if the model has no such step; lists those that it has.
    """

    def __init__(self, model: Scorer, layer: str) -> None:
        found: Any = model
        chain = found.chain() if hasattr(model, "chain") else {}
        if not chain:
            raise MemlabError(
                f"{model.title} has one feature layer, and no other can be chosen: leave out layer"
            )
        if layer == AUTO:
            raise MemlabError(
                f"layer {AUTO} is chosen by memlab fit, test and explain (from Python: "
                f"memlab.inference.chosen_layer); here give {', '.join(chain)}"
            )
        if layer not in chain:
            raise MemlabError(f"{model.title} has no layer {layer!r}; give {', '.join(chain)}")
        place = list(chain).index(layer) + 1
        steps = list(chain.values())
        self._model = found
        self._before, self._after = steps[:place], steps[place:]

    def __getattr__(self, name: str) -> Any:
        """Return what the model has."""
        return getattr(self._model, name)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the model's scores (B,)."""
        scores: Tensor = self._model(images)
        return scores

    def stem(self, images: Tensor) -> Tensor:
        """Return the activations at the layer."""
        return _through(self._before, images)

    def score(self, activations: Tensor) -> Tensor:
        """Return scores (B,) from the activations at the layer."""
        # steps may work in place, and a leaf of the graph must not change
        scores: Tensor = self._model.score(_through(self._after, activations.clone()))
        return scores


def seen_at(model: Scorer, layer: str | None) -> Any:
    """Return the model with its feature layer at a step of its backbone; None for its own."""
    return model if layer is None else LayerView(model, layer)


def _through(steps: list[Any], values: Tensor) -> Tensor:
    for step in steps:
        values = step(values)
    return values
