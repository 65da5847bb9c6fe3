"""Gradients of scores, for models that have them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from memlab.errors import MemlabError
from memlab.scorer import Scorer


def gradients_of(scores: Tensor, inputs: Sequence[Tensor], model: Scorer) -> tuple[Tensor, ...]:
    """Return the gradients of scores with respect to inputs; 0 for an input that is not used.

    Args:
        scores: (B,) scores.
        inputs: tensors that the scores were computed from.
        model: the model, for messages.

    Raises:
        MemlabError: if the scores have no gradient, such as those computed under `torch.no_grad`.
    """
    if not (scores.requires_grad and all(one.requires_grad for one in inputs)):
        raise MemlabError(
            f"{model.title}: its scores have no gradient (computed under torch.no_grad?): compute "
            "them with gradients, or explain them by occlusion, which needs none"
        )
    return torch.autograd.grad(scores.sum(), inputs, materialize_grads=True)
