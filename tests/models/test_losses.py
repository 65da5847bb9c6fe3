"""Losses: soft ranks against SciPy, gradients, and that a rank loss trains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr
from torch import nn

from memlab.models.losses import LOSSES, SCORE_SD, rank_loss, soft_ranks, soft_spearman


@pytest.mark.parametrize("ties", [False, True])
def test_soft_ranks_become_mid_ranks(ties: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(size=40)
    values = np.round(values, 1) if ties else values
    found = soft_ranks(torch.tensor(values), temperature=1e-7)
    np.testing.assert_allclose(found.numpy(), rankdata(values), atol=1e-9)
    soft = soft_ranks(torch.tensor(values), temperature=0.3)
    assert soft.mean() == pytest.approx((40 + 1) / 2)
    assert 1 < soft.min() < soft.max() < 40


@pytest.mark.parametrize("ties", [False, True])
def test_soft_spearman_becomes_spearman(ties: bool) -> None:
    rng = np.random.default_rng(1)
    predicted, scores = rng.uniform(size=(2, 50))
    if ties:
        predicted, scores = np.round(predicted, 1), np.round(scores, 1)
    found = soft_spearman(torch.tensor(predicted), torch.tensor(scores), temperature=1e-7)
    assert float(found) == pytest.approx(spearmanr(predicted, scores).statistic, abs=1e-6)


def test_the_gradient_is_that_of_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(7, generator=generator, dtype=torch.float64, requires_grad=True)
    scores = torch.rand(7, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: soft_ranks(p, 0.2), (predicted,))
    assert torch.autograd.gradcheck(lambda p: rank_loss(p, scores), (predicted,))


def test_the_gradient_points_to_the_right_order() -> None:
    predicted = torch.tensor([0.5, 0.62, 0.58, 0.7], requires_grad=True)
    scores = torch.tensor([0.4, 0.5, 0.9, 0.95])  # the two in the middle are the wrong way round
    (1 - soft_spearman(predicted, scores)).backward()
    step = -predicted.grad
    assert step[1] < 0 < step[2]
    assert float(step.sum()) == pytest.approx(0, abs=1e-6)  # the level is left open


def test_nothing_to_rank_has_a_finite_gradient() -> None:
    for predicted, scores in (
        (torch.full((5,), 0.5), torch.rand(5)),
        (torch.rand(5), torch.full((5,), 0.5)),
        (torch.full((2,), 0.5), torch.full((2,), 0.5)),
    ):
        predicted.requires_grad_()
        loss = rank_loss(predicted, scores)
        loss.backward()
        assert loss.isfinite()
        assert predicted.grad.isfinite().all()


@pytest.mark.slow
def test_the_rank_loss_is_one_per_part_when_nothing_is_known() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = 0.7 + SCORE_SD * torch.randn(4000, generator=generator)
    shuffled = scores[torch.randperm(4000, generator=generator)]
    assert float(1 - soft_spearman(shuffled, scores)) == pytest.approx(1, abs=0.05)
    assert float(rank_loss(torch.full_like(scores, 0.7), scores)) == pytest.approx(2, abs=0.1)
    assert float(rank_loss(scores, scores)) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_learns_order_and_level(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(64, 5, generator=generator)
    weights = torch.tensor([0.6, -0.4, 0.2, 0.0, 0.3])
    scores = (0.75 + 0.08 * features @ weights).clamp(0, 1)
    head = nn.Linear(5, 1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        LOSSES[name](head(features).squeeze(1).sigmoid(), scores).backward()
        optimizer.step()
    predicted = head(features).squeeze(1).sigmoid().detach()
    assert spearmanr(predicted, scores).statistic > 0.98
    assert float((predicted - scores).abs().mean()) < 0.02
