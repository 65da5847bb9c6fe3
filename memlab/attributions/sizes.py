"""Images that are too small for a network or for a grid of cells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from memlab.errors import MemlabError
from memlab.scorer import Scorer


@contextmanager
def large_enough(model: Scorer, images: Tensor) -> Iterator[None]:
    """Say in one line that images are too small, if that is why a network cannot compute them.

    Args:
        model: the model.
        images: (B, 3, H, W).

    Raises:
        MemlabError: if the network refuses the size of images below the model's own size.
    """
    try:
        yield
    except (AssertionError, RuntimeError) as error:
        reason = (str(error).splitlines() or [""])[0]
        small = min(images.shape[-2:]) < model.input_size
        if not small or not any(word in reason.lower() for word in ("size", "height", "width")):
            raise
        raise MemlabError(
            f"{model.title} cannot compute {_shape(images)} ({reason}): give images of "
            f"{model.input_size} × {model.input_size} pixels"
        ) from error


def require_cells(method: str, images: Tensor, maps: Tensor) -> None:
    """Raise a MemlabError if the maps of a layer have a single cell, which is no position.

    Args:
        method: name of the method.
        images: (B, 3, H, W).
        maps: (B, K, h, w).
    """
    if maps.shape[-2:].numel() == 1 < images.shape[-2:].numel():
        raise MemlabError(
            f"{method}: {_shape(images)} are a single cell of the layer, which has no position: "
            "give larger images, or an earlier layer (--layer)"
        )


def _shape(images: Tensor) -> str:
    return f"images of {images.shape[-1]} × {images.shape[-2]} pixels"
