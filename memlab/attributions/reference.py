"""Reference of a contrast: the mean activations of images to which a score is compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memlab.attributions.base import Attribution, Given, seen_by
from memlab.errors import MemlabError
from memlab.precision import evaluation_mode, single_precision
from memlab.scorer import Scorer
from memlab.types import Batch, Context

MOST = 512
"""Largest number of images whose mean a contrast compares with."""


@dataclass(frozen=True)
class Reference:
    """Mean of images, and of their activations at the feature layer.

    Args:
        activations: mean activations, (1, ...) each; a tuple if the model's are. Empty for a model
            without a feature layer.
        image: (1, 3, H, W), mean image in [0, 1].
        sd: standard deviation of the images' scores.
        count: number of images.
    """

    activations: tuple[Tensor, ...]
    image: Tensor
    sd: float
    count: int


def parts_of(activations: Any) -> tuple[Tensor, ...]:
    """Return activations as a tuple; those of most models are a single tensor."""
    return tuple(activations) if isinstance(activations, tuple | list) else (activations,)


def whole_of(parts: tuple[Tensor, ...], like: Any) -> Any:
    """Return parts in the form that the model's own activations have."""
    return parts if isinstance(like, tuple | list) else parts[0]


def reference_for(attribution: Attribution, model: Scorer, batches: Iterable[Batch]) -> Reference:
    """Return the reference of a method, from the first `MOST` readable images of batches.

    Args:
        attribution: the method, which may look at a layer of its own.
        model: the model; its training flags stay unchanged.
        batches: batches of float images in [0, 1], on any device.

    Raises:
        MemlabError: if there are no images, or the model has no such layer.
    """

    def images() -> Iterator[tuple[Tensor, Given]]:
        left = MOST
        for batch in batches:
            places = batch["valid"].nonzero().flatten()[:left].cpu()
            left -= len(places)
            if len(places):
                masks = {name: mask.to(model.device) for name, mask in batch["masks"].items()}
                context = Context(batch["ids"], masks=masks).select(places)
                yield batch["images"][places].to(model.device), Given(context=context)
            if left == 0:
                return

    with evaluation_mode(model), single_precision(model.device.type):
        return _reference(seen_by(attribution, model), images())


def reference_of(model: Scorer, batches: Iterable[Tensor], given: Given | None = None) -> Reference:
    """Return the reference of images: their mean, and that of their activations.

    Images without a finite score do not count.

    Args:
        model: model in evaluation mode.
        batches: images (B, 3, H, W) in [0, 1].
        given: context of the images, if the model needs masks; then they are a single batch.

    Raises:
        MemlabError: if there are no images.
    """
    return _reference(model, ((images, given or Given()) for images in batches))


@torch.no_grad()
def _reference(model: Scorer, batches: Iterable[tuple[Tensor, Given]]) -> Reference:
    """Return the reference of images, each batch with the context of its images."""
    network: Any = model
    layered = all(hasattr(model, name) for name in ("stem", "score", "grid"))
    sums: list[tuple[Tensor, ...]] = []
    scores = []
    for images, given in batches:
        parts: tuple[Tensor, ...] = (images,)
        if layered:
            activations = network.stem(images)
            predicted = network.score(activations)
            parts += parts_of(activations)
        else:
            places = torch.arange(len(images), device=images.device)
            predicted = given.scores(model, images, places)
        finite = predicted.isfinite()
        scores.append(predicted[finite])
        sums.append(tuple(part[finite].double().sum(dim=0, keepdim=True) for part in parts))
    if not sum(map(len, scores)):
        raise MemlabError("no reference images: a contrast needs images to compare with")
    every = torch.cat(scores).double()
    count = len(every)
    image, *activations_of = (
        (torch.stack(parts).sum(dim=0) / count).float() for parts in zip(*sums, strict=True)
    )
    sd = float(every.std()) if count > 1 else 0.0
    return Reference(tuple(activations_of), image, sd, count)
