"""Layer of a method that asks for `auto`: chosen by how far scores follow its maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from memlab.analysis.layer_choice import LayerChoice, choose_layer
from memlab.attributions.base import Attribution, LayerAttribution, require_feature_layer
from memlab.attributions.candidates import IMAGES, candidates
from memlab.attributions.views import AUTO
from memlab.data.inputs import Inputs
from memlab.progress import Advance
from memlab.progress import progress as bar
from memlab.scorer import Scorer
from memlab.types import Batch


def asks_for_layer(attribution: Attribution) -> TypeGuard[LayerAttribution]:
    """Return whether a method's layer has to be chosen."""
    return isinstance(attribution, LayerAttribution) and attribution.layer == AUTO


def chosen_layer(
    attribution: LayerAttribution,
    model: Scorer,
    images: Iterable[Batch],
    reference: Iterable[Batch],
    kind: str,
    seed: int = 0,
    advance: Advance = lambda _steps, _now="": None,
) -> tuple[LayerAttribution, LayerChoice]:
    """Return a method at the layer whose maps the scores follow most, and the choice.

    If the model has no or a single candidate, the method looks there, and nothing is measured.

    Args:
        attribution: the method.
        model: the model; its training flags stay unchanged.
        images: batches of float images in [0, 1], not those whose maps are reported, if possible.
        reference: batches of the images with whose mean a contrast compares, for one pass each.
        kind: which images the layer is chosen on, in words, such as `validation images`.
        seed: seed of the bootstrap.
        advance: called with the number of images done.

    Raises:
        MemlabError: if no image can be read, or the method does not support the model.
    """
    if not hasattr(model, "cam_layer"):
        require_feature_layer(model, attribution.name)
    found = candidates(attribution, model, images, reference, advance)
    if found.follows:
        choice = choose_layer(found.follows, found.cells, found.centre, kind, seed)
    else:
        layer = next(iter(found.cells), None)
        where = layer or f"the feature layer of {model.title}"
        reason = f"looks at {where}: no other layer has another grid to choose from"
        choice = LayerChoice(layer, kind, 0, None, [], reason)
    return attribution.at(choice.layer), choice


def layer_for(
    attribution: LayerAttribution,
    model: Scorer,
    inputs: Inputs,
    kind: str,
    batch_size: int,
    num_workers: int,
    progress: bool,
) -> tuple[LayerAttribution, LayerChoice]:
    """Return a method at the layer chosen on loose images, and the choice; see `chosen_layer`.

    Args:
        attribution: the method.
        model: the model, on the device to run on.
        inputs: the images on which the layer is chosen, and with whose mean a contrast compares.
        kind: which images these are, in words.
        batch_size: number of images per batch.
        num_workers: number of processes that decode files.
        progress: whether to show a progress bar on a terminal.
    """
    again = _Again(inputs, batch_size, num_workers)
    with bar("Choosing a layer", min(len(inputs), IMAGES), shown=progress) as advance:
        return chosen_layer(attribution, model, again, again, kind, advance=advance)


class _Again:
    """Batches of images in a random order that is the same each time they are read."""

    def __init__(self, inputs: Inputs, batch_size: int, num_workers: int) -> None:
        self.inputs, self.how = inputs, (batch_size, num_workers)

    def __iter__(self) -> Iterator[Batch]:
        return self.inputs.batches(*self.how, seed=0)
