"""Layers of methods that ask for `auto`, chosen on images that are not tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lightning.pytorch import Trainer

from memlab.analysis.layer_choice import LayerChoice, layer_text
from memlab.attributions.base import Attribution, LayerAttribution
from memlab.attributions.candidates import IMAGES
from memlab.callbacks.base import data_of
from memlab.callbacks.explaining import FAILURES, ReferenceImages, failure_text
from memlab.data.examples import examples
from memlab.data.module import MemorabilityData
from memlab.inference.chosen_layer import asks_for_layer, chosen_layer
from memlab.models.base import MemorabilityModel
from memlab.progress import occasional_lines
from memlab.types import Batch

SPLITS = (
    ("val", "validation images"),
    ("train", "training images"),
    ("test", "tested images, since there are no others: their checks are optimistic"),
)
"""Splits from which images are taken to choose a layer, the first that has any; and their words."""


@dataclass
class ChosenLayers:
    """Methods at their layers.

    Args:
        parts: the methods, without those that failed.
        choices: method to the choice of its layer, if it asked for one.
        failed: method to the reason why no layer could be chosen.
    """

    parts: list[Attribution]
    choices: dict[str, LayerChoice] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Return a sentence on each choice."""
        return [layer_text(name, choice) for name, choice in self.choices.items()]


def chosen_layers(
    trainer: Trainer, parts: Sequence[Attribution], model: MemorabilityModel, seed: int
) -> ChosenLayers:
    """Return methods at their layers; each process must call this, and each has the same result.

    All processes measure the same images, so that none waits; the first one's choice counts.

    Args:
        trainer: the Trainer.
        parts: the methods.
        model: the tested model.
        seed: seed of the choice of the images, and of the bootstrap.
    """
    if not any(asks_for_layer(part) for part in parts):
        return ChosenLayers(list(parts))
    data = data_of(trainer)
    reference = ReferenceImages(data, seed)
    found = ChosenLayers([])
    for part in parts:
        if isinstance(part, LayerAttribution) and asks_for_layer(part):
            choice = _choice(part, model, data, reference, seed)
            choice = trainer.strategy.broadcast(choice)
            if isinstance(choice, str):
                found.failed[part.name] = choice
                continue
            found.choices[part.name] = choice
            found.parts.append(part.at(choice.layer))
        else:
            found.parts.append(part)
    return found


def _choice(
    part: LayerAttribution,
    model: MemorabilityModel,
    data: MemorabilityData,
    reference: ReferenceImages,
    seed: int,
) -> LayerChoice | str:
    """Return the choice, or why there is none."""
    split, kind = next(one for one in SPLITS if len(data.table.part(one[0])))
    images: Iterator[Batch] = examples(data, split, IMAGES, seed)
    advance = occasional_lines(f"Layer of {part.name}", IMAGES)
    try:
        return chosen_layer(part, model, images, reference, kind, seed, advance)[1]
    except FAILURES as error:  # a missing map must not end the test, nor leave a process waiting
        return failure_text(error)
