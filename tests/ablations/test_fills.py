"""Fills of a hole: what they continue, copy and leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from memlab.ablations.removal import RemoveFaces
from memlab.imaging.fills import detail_covariance, filled
from memlab.imaging.harmonic import harmonic, residual
from memlab.imaging.morphology import blobs, dilated, feathered
from memlab.testing import sample_images
from tests.builders.images_with_masks import wide_images

FILLS = ["harmonic", "mean", "blur", "donor", "grey"]


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(place) for place in range(count)]


@pytest.mark.parametrize("size", [(64, 64), (45, 70)])
def test_blobs_have_their_area_to_the_pixel_and_are_nested(size: tuple[int, int]) -> None:
    last = torch.zeros(3, 1, *size)
    for share in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8):
        found = blobs(torch.full((3,), share), size, generators(3))
        assert (found.sum(dim=(1, 2, 3)) == round(share * size[0] * size[1])).all()
        assert (found >= last).all()
        last = found
    assert not torch.equal(last[0], last[1])
    alone = blobs(torch.full((1,), 0.8), size, generators(2)[1:])
    assert torch.equal(alone[0], last[1])


def test_weights_are_one_on_the_mask_and_nothing_beyond_the_margin() -> None:
    mask = blobs(torch.full((3,), 0.2), (50, 70), generators(3))
    for pixels in range(8):
        weights = feathered(mask, pixels)
        assert (weights[mask > 0] == 1).all()
        assert (weights[dilated(mask, pixels) == 0] == 0).all()
        assert ((weights > 0) == (dilated(mask, pixels) > 0)).all()


def solved(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Laplace's equation by a sparse direct solver; nothing flows across the frame."""
    height, width = hole.shape
    places = np.argwhere(hole)
    number = {tuple(place): k for k, place in enumerate(places)}
    matrix, right = lil_matrix((len(places),) * 2), np.zeros((len(places), 3))
    for (y, x), k in number.items():
        for other in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if 0 <= other[0] < height and 0 <= other[1] < width:
                matrix[k, k] += 1
                if other in number:
                    matrix[k, number[other]] -= 1
                else:
                    right[k] += image[:, other[0], other[1]]
    result = image.copy()
    result[:, hole] = spsolve(matrix.tocsc(), right).T
    return result


@pytest.mark.parametrize("size", [(64, 64), (45, 61)])
def test_the_harmonic_fill_is_scipys(size: tuple[int, int]) -> None:
    images = sample_images(4, 64)[..., : size[0], : size[1]].contiguous()
    hole = blobs(torch.tensor([0.05, 0.15, 0.3, 0.6]), size, generators(4))
    hole[3] = 1
    hole[3, :, 20:30, 20:35] = 0  # nearly everything
    found = harmonic(images, hole)
    wanted = [
        solved(image.double().numpy(), inside[0].numpy() > 0)
        for image, inside in zip(images, hole, strict=True)
    ]
    assert np.abs(found.numpy() - np.stack(wanted)).max() < 1e-3
    assert residual(found, hole).abs().max() < 1e-4
    assert torch.equal(found * (1 - hole), images * (1 - hole))


@pytest.mark.parametrize("fill", FILLS)
def test_a_fill_does_not_know_what_it_replaces(fill: str) -> None:
    images, context = wide_images()
    remove = RemoveFaces(fill=fill)
    weights = remove.within(context)
    assert weights is not None
    garbage = torch.where(weights > 0, torch.rand(images.shape), images)
    whole = torch.where(weights == 1, 1.0, 0.0)
    one, other = remove(images, context) * whole, remove(garbage, context) * whole
    assert torch.allclose(one, other, atol=1e-6)
    assert torch.equal(
        remove(images, context)[(weights == 0).expand_as(images)],
        images[(weights == 0).expand_as(images)],
    )


def test_fills_are_what_they_say() -> None:
    images, context = wide_images()
    hole = (context.masks["faces"] > 0).float()
    around = (dilated(hole, 7) - hole)[0, 0] > 0
    mean = filled("mean", images, hole, generators(3))
    assert torch.allclose(mean[1, :, 0, 0], images[1][:, around].mean(dim=1), atol=1e-5)
    assert (filled("grey", images, hole, generators(3)) == 0.5).all()
    blurred = filled("blur", images, hole, generators(3))
    low, high = images.amin(dim=(2, 3)), images.amax(dim=(2, 3))
    assert (blurred >= low[..., None, None] - 1e-5).all()
    assert (blurred <= high[..., None, None] + 1e-5).all()
    flat = torch.full_like(images, 0.3)
    for fill in ("mean", "blur", "harmonic"):
        same = filled(fill, flat, hole, generators(3))  # type: ignore[arg-type]
        assert torch.allclose(same * hole, flat * hole, atol=1e-3)


def test_noise_is_as_strong_as_the_surroundings() -> None:
    noisy = 0.5 + 0.05 * torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    hole = torch.zeros(2, 1, 96, 96)
    hole[..., 30:66, 30:66] = 1
    inside = filled("harmonic", noisy, hole, generators(2))[..., 34:62, 34:62]
    assert torch.allclose(inside.flatten(2).std(dim=2), torch.tensor(0.05), atol=0.006)
    moments = detail_covariance(noisy, hole) * 9 / 8
    assert torch.allclose(moments, 0.0025 * torch.eye(3), atol=4e-4)


def test_channels_that_are_the_same_have_noise_that_is_the_same() -> None:
    hole = torch.zeros(60, 1, 64, 64)
    hole[..., 20:40, 20:40] = 1
    drawn = [torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(s)) for s in range(60)]
    black_and_white = (torch.stack(drawn) > 0.5).float().expand(-1, 3, -1, -1)
    made = filled("harmonic", black_and_white, hole, generators(60)) * hole
    assert made.isfinite().all()
    apart = (made - made.mean(dim=1, keepdim=True)).abs().amax()
    assert apart < 0.05 * made.std()


def test_the_donor_lends_the_same_place_without_its_own_region() -> None:
    images, context = wide_images()
    inside = (context.masks["faces"] > 0)[0, 0]
    donated = context.donors
    assert donated is not None
    own = dilated(donated.masks["faces"].float(), 2)[0, 0] > 0
    changed = RemoveFaces(fill="donor")(images, context)
    free = inside & ~own
    assert free.any()
    assert torch.allclose(changed[:, :, free], donated.images[:, :, free], atol=1e-6)
    both = inside & (donated.masks["faces"][0, 0] > 0)
    assert both.any()
    assert (changed[:, :, both] - donated.images[:, :, both]).abs().max() > 0.01
