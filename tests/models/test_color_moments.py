"""Colour moments: a baseline without weights."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from memlab.backbones.color_moments import ColorMoments
from memlab.models.base import hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing import check_backbone, sample_images


def test_it_keeps_the_contract() -> None:
    check_backbone(ColorMoments)


def test_moments_are_those_of_numpy() -> None:
    images = sample_images(3, 32)
    features = ColorMoments()(images).double().numpy()
    for image, found in zip(images.double().numpy(), features, strict=True):
        pixels = image.reshape(3, -1)
        assert np.allclose(found[:3], pixels.mean(axis=1), atol=1e-5)
        assert np.allclose(found[7:10], pixels.std(axis=1), atol=1e-3)
        assert np.allclose(found[14:17], stats.skew(pixels, axis=1), atol=1e-2)
        correlations = np.corrcoef(pixels)[[0, 0, 1], [1, 2, 2]]
        assert np.allclose(found[21:], correlations, atol=1e-2)
        largest = pixels.max(axis=0)
        saturation = (largest - pixels.min(axis=0)) / np.maximum(largest, 1e-6)
        assert np.allclose(found[3:5], [saturation.mean(), largest.mean()], atol=1e-5)


def test_positions_of_pixels_do_not_matter_and_colours_do() -> None:
    images = sample_images(2, 16)
    order = torch.randperm(256, generator=torch.Generator().manual_seed(0))
    shuffled = images.flatten(2)[:, :, order].unflatten(2, (16, 16))
    backbone = ColorMoments()
    assert torch.allclose(backbone(images), backbone(shuffled), atol=1e-4)
    assert not torch.allclose(backbone(images), backbone(images.flip(1)), atol=1e-2)


def test_flat_and_grey_images_have_finite_features_and_gradients() -> None:
    ramp = torch.linspace(0, 1, 64).view(1, 1, 8, 8).expand(1, 3, 8, 8)
    for image in (torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), ramp):
        leaf = image.clone().requires_grad_()
        features = ColorMoments()(leaf)
        (gradient,) = torch.autograd.grad(features.sum(), leaf)
        assert features.isfinite().all()
        assert gradient.isfinite().all()
        assert features[0, 3].abs() < 1e-6  # saturation


def test_it_has_nothing_to_train_but_is_told_apart_from_other_networks() -> None:
    model = MemorabilityRegressor(ColorMoments(), head="linear")
    assert {name for name, _ in model.named_parameters()} == {"head.0.weight", "head.0.bias"}
    assert hash_weights(ColorMoments().state_dict()) != hash_weights({})
