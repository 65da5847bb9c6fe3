"""Parts of `imaging` that several transforms share: line maps, boxes, window sums, fills."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from memlab.imaging.boxes import SIDE, bounds, boxes_around
from memlab.imaging.colour import desaturate_light, flatten_palette, rotate_hue
from memlab.imaging.contrast import flatten_luma
from memlab.imaging.filters import gaussian_blur, gaussian_matrix
from memlab.imaging.lines import LineMap, mapped
from memlab.imaging.push_pull import spread, spread_by_halves
from memlab.imaging.windows import window_sums


def images(count: int, height: int, width: int, channels: int = 3) -> Tensor:
    """Random images."""
    generator = torch.Generator().manual_seed(height * width)
    return torch.rand(count, channels, height, width, generator=generator)


def boxed(height: int, width: int) -> Tensor:
    """Three masks: a box, one pixel in a corner, and none."""
    mask = torch.zeros(3, 1, height, width)
    mask[0, 0, 5:20, 30:34] = 1
    mask[1, 0, -1, 0] = 1
    return mask


def test_a_narrow_map_equals_the_product_of_the_whole_matrix() -> None:
    given = images(2, 150, 200)
    down, across = LineMap.of(gaussian_matrix(150, 2.0)), LineMap.of(gaussian_matrix(200, 2.0))
    assert down.narrow
    whole = down.matrix @ (given @ across.matrix.mT)
    assert (mapped(given, down, across) - whole).abs().max() < 1e-6
    view = images(2, 160, 210)[..., 10:, 10:]  # a crop is not contiguous
    whole = down.matrix @ (view @ across.matrix.mT)
    assert (mapped(view, down, across) - whole).abs().max() < 1e-6


def test_a_resizing_map_changes_the_size() -> None:
    given = images(2, 100, 70)
    matrices = [
        interpolate(torch.eye(side)[None, None], (2 * side, side), mode="bilinear")[0, 0]
        for side in (100, 70)
    ]
    twice = mapped(given, *(LineMap.of(matrix) for matrix in matrices))
    wanted = interpolate(given, scale_factor=2, mode="bilinear")
    assert (twice - wanted).abs().max() < 1e-6


def test_a_blur_has_gradients() -> None:
    given = images(1, 96, 96).requires_grad_()
    gaussian_blur(given, 1.0).sum().backward()
    assert given.grad is not None
    assert torch.allclose(given.grad.sum(), torch.tensor(given.numel() * 1.0), rtol=1e-3)


@pytest.mark.parametrize("change", [flatten_luma, flatten_palette, rotate_hue, desaturate_light])
def test_a_batch_in_parts_equals_its_images_alone(change) -> None:  # type: ignore[no-untyped-def]
    given = images(7, 230, 210)
    together = change(given, 0.6)
    alone = torch.cat([change(given[index : index + 1], 0.6) for index in range(7)])
    assert (together - alone).abs().max() < 1e-6
    assert together.min() >= 0
    assert together.max() <= 1


def test_bounds_are_the_first_and_last_rows_and_columns() -> None:
    first, last = bounds(boxed(40, 50))
    assert first.tolist() == [[5, 30], [39, 0], [40, 50]]
    assert last.tolist() == [[19, 33], [39, 0], [-1, -1]]


def test_boxes_hold_the_mask_and_its_surroundings() -> None:
    mask = boxed(40, 50)
    boxes = [box for group in boxes_around(mask, 2) for box in group]
    assert [box[0] for box in boxes] == [0, 1]  # an empty mask has none
    for index, _, rows, columns in boxes:
        assert mask[index, :, rows, columns].sum() == mask[index].sum()
        sides = (rows.stop - rows.start, columns.stop - columns.start)
        assert all(side % SIDE == 0 for side in sides)
    assert boxes[0][2].start <= 3
    assert boxes[0][2].stop >= 22


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 9])
def test_window_sums(size: int) -> None:
    given = images(2, 20, 30)
    wanted = avg_pool2d(given.double(), size, stride=1) * size**2
    assert (window_sums(given, size) - wanted).abs().max() < 1e-5


@pytest.mark.parametrize(("height", "width"), [(32, 48), (21, 13), (4, 40)])
def test_filling_keeps_known_pixels_and_a_constant(height: int, width: int) -> None:
    given, known = images(2, height, width), torch.ones(2, 1, height, width)
    known[..., 1:, width // 4 :] = 0
    for filled in (spread(given, known), spread_by_halves(given * known, known)):
        assert torch.equal(filled * known, given * known)
        assert filled.min() >= 0
        assert filled.max() <= 1
    flat = torch.full_like(given, 0.25)
    assert torch.allclose(spread(flat, known), flat)
    assert torch.allclose(spread_by_halves(flat * known, known), flat)
