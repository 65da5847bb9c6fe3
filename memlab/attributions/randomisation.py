"""Cascade randomisation: maps must change when the model loses what it has learned."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from memlab.scorer import Scorer


def randomised(model: Scorer, seed: int) -> Iterator[tuple[str, Scorer]]:
    """Yield copies of a model whose last layers are randomised, one more layer each time.

    From the output to the input (Adebayo et al. 2018, NeurIPS). The values of each tensor of
    weights are shuffled, so that their scale and distribution stay. Each copy contains the changes
    of those before it; use it before the next one is made.

    Args:
        model: the model, which stays as it is.
        seed: seed of the shuffles.

    Yields:
        Name of the last block that was randomised, and the model.
    """
    changed = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    for name, block in blocks_from_output(changed):
        with torch.no_grad():
            for weights in block.parameters():
                flat = weights.flatten()
                order = torch.randperm(len(flat), generator=generator).to(flat.device)
                weights.copy_(flat[order].view_as(weights))
        yield name, changed


def similarity(maps: Tensor, others: Tensor) -> Tensor:
    """Return Spearman's ρ over the cells of each pair of maps: (B,), NaN for a constant map.

    Args:
        maps: (B, 1, h, w).
        others: (B, 1, h, w).
    """
    one, other = (
        torch.from_numpy(rankdata(values.flatten(1).cpu().numpy(), axis=1))
        for values in (maps, others)
    )
    one, other = (ranks - ranks.mean(dim=1, keepdim=True) for ranks in (one, other))
    size = one.square().sum(dim=1).sqrt() * other.square().sum(dim=1).sqrt()
    rho: Tensor = (one * other).sum(dim=1) / size
    return rho


def cascade(
    explained: Callable[[Scorer], Tensor], model: Scorer, seed: int
) -> list[tuple[str, float]]:
    """Return how similar maps stay to those of the trained model, block by block.

    Args:
        explained: returns the maps (B, 1, h, w) of the same images by a model.
        model: the trained model.
        seed: seed of the shuffles.

    Returns:
        Name of each block, from the output to the input, and the mean ρ over images after it and
        all before it were randomised.
    """
    trained = explained(model)
    return [
        (name, float(similarity(trained, explained(changed)).nanmean()))
        for name, changed in randomised(model, seed)
    ]


def blocks_from_output(model: Scorer) -> Iterator[tuple[str, nn.Module]]:
    """Yield the names and blocks of a model that have weights, the last first.

    A module around the whole network, as around third-party ones, is no block: its children are.
    """
    backbone = getattr(model, "backbone", None)
    if backbone is None:
        children = _with_weights(model)
        while len(children) == 1 and (inner := _with_weights(children[0][1])):
            if next(children[0][1].parameters(recurse=False), None) is not None:
                break  # it has weights of its own
            children = inner
    else:
        blocks = [(f"block {at + 1}", one) for at, one in enumerate(backbone.blocks())]
        others = [(name, one) for name, one in model.named_children() if one is not backbone]
        children = [*blocks, *others]
    for name, block in reversed(children):
        if any(True for _ in block.parameters()):
            yield name, block


def _with_weights(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the names and children of a module that have weights."""
    children = module.named_children()
    return [(name, one) for name, one in children if any(True for _ in one.parameters())]
