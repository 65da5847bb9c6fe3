"""Backgrounds and faces of donors, fitted into an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.ndimage import label
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from memlab.imaging.filters import gaussian_blur
from memlab.imaging.grain import noise_like
from memlab.imaging.morphology import dilated, pixels_of
from memlab.imaging.push_pull import spread

EDGE = 1.5
"""Width of the border strip of a region, % of the image's width."""


def inner_weights(mask: Tensor) -> Tensor:
    """Return weights that rise from 0 at the border of a 0–1 mask to 1 inside: (B, 1, H, W).

    Pixels outside the mask have weight 0. The edge of the image does not count as a border.
    """
    blurred = gaussian_blur(mask, EDGE / 2)
    return mask * (2 * blurred - 1).clamp(0, 1)


def eroded(mask: Tensor) -> Tensor:
    """Return a 0–1 mask without its border strip; the image's edge is no border: (B, 1, H, W)."""
    return 1 - dilated(1 - mask, pixels_of(EDGE, mask.shape[-1]) or 1)


def empty_plate(
    donors: Tensor, background: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """Return images without their foreground, which is filled smoothly and given grain.

    Args:
        donors: (B, 3, H, W) in [0, 1].
        background: (B, 1, H, W) of 0 and 1.
        generators: CPU generators of the grain, one per image.

    Returns:
        (B, 3, H, W). Background pixels stay unchanged, except in a strip along the foreground,
        which is filled too because its pixels mix background and foreground.
    """
    clear = eroded(background)
    # if the foreground nearly covers the image, only the border strip is left
    seen = torch.where(clear.amax(dim=(2, 3), keepdim=True) > 0, clear, background)
    filled = spread(donors, seen)
    rest = seen * (donors - gaussian_blur(filled, 2 * EDGE))
    share = seen.mean(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    grain = noise_like(rest, generators) / share.sqrt()
    return torch.where(seen > 0, donors, filled + grain)


def largest_part(mask: Tensor) -> Tensor:
    """Return the largest connected component of each mask (B, 1, H, W) of 0 and 1."""
    parts = []
    for one in mask[:, 0].cpu().numpy() > 0:
        labels, count = label(one)
        found = torch.from_numpy(labels)
        sizes = torch.bincount(found.flatten(), minlength=count + 1)
        sizes[0] = 0
        parts.append(found == (int(sizes.argmax()) if count else -1))
    return torch.stack(parts)[:, None].to(mask)


def face_over(images: Tensor, faces: Tensor, donors: Tensor, donor_faces: Tensor) -> Tensor:
    """Fit donors' faces to the position, size and border colour of the images' faces.

    Centroid and spread of the donor's mask, across and down, are mapped to those of the image's
    mask. Pixels of the image's face that the donor's face does not cover are extrapolated from the
    donor's face. The median colour difference along the border of the image's face is added to all
    pixels.

    Args:
        images: (B, 3, H, W) in [0, 1].
        faces: (B, 1, H, W) of 0 and 1: one face each.
        donors: (B, 3, H, W) in [0, 1].
        donor_faces: (B, 1, H, W) of 0 and 1: one face each.

    Returns:
        (B, 3, H, W); valid inside `faces` only.
    """
    warped = _warped(spread(donors, donor_faces), _boxes(donor_faces), _boxes(faces))
    ring = faces - eroded(faces)
    beside = torch.where(ring > 0, images - warped, torch.nan).flatten(2)
    offset = beside.nanmedian(dim=2).values.nan_to_num()
    return warped + offset[..., None, None]


def face_distance(images: Tensor, faces: Tensor, donors: Tensor, donor_faces: Tensor) -> Tensor:
    """Return the dissimilarity of images' and donors' faces, apart from mean colour: (B,), 0 to 2.

    The value is 1 − the correlation over the three channels and the pixels inside the border strip,
    each channel minus its mean, after the donor's face is fitted to the same position and size.

    Args:
        images: (B, 3, H, W) in [0, 1].
        faces: (B, 1, H, W) of 0 and 1: one face each.
        donors: (B, 3, H, W) in [0, 1].
        donor_faces: (B, 1, H, W) of 0 and 1: one face each.
    """
    warped = _warped(spread(donors, donor_faces), _boxes(donor_faces), _boxes(faces))
    inner = (inner_weights(faces) > 0.99).to(images)
    area = inner.sum(dim=(2, 3), keepdim=True).clamp(min=1)

    def centred(photos: Tensor) -> Tensor:
        mean = (photos * inner).sum(dim=(2, 3), keepdim=True) / area
        return ((photos - mean) * inner).flatten(1)

    own, other = centred(images), centred(warped)
    product = (own * other).sum(dim=1)
    distance: Tensor = 1 - product / (own.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-6)
    return distance


def background_distance(
    images: Tensor, background: Tensor, donors: Tensor, donor_background: Tensor
) -> Tensor:
    """Return the mean absolute difference where both images show background: (B,).

    The border strips are excluded.

    Args:
        images: (B, 3, H, W) in [0, 1].
        background: (B, 1, H, W) of 0 and 1.
        donors: (B, 3, H, W) in [0, 1].
        donor_background: (B, 1, H, W) of 0 and 1.
    """
    both = (inner_weights(eroded(background)) > 0.99) & (eroded(donor_background) > 0)
    area = both.flatten(1).sum(dim=1).clamp(min=1)
    return ((images - donors).abs().mean(dim=1, keepdim=True) * both).flatten(1).sum(dim=1) / area


def _boxes(mask: Tensor) -> Tensor:
    """Return centre and SD of each mask, across and down: (B, 4), with the image as -1 to 1.

    An empty mask counts as the whole image.
    """
    mask = torch.where(mask.amax(dim=(2, 3), keepdim=True) > 0, mask, 1.0)
    area = mask.sum(dim=(1, 2, 3))
    moments = []
    for axis, size in ((3, mask.shape[3]), (2, mask.shape[2])):
        shape = [1, 1, 1, 1]
        shape[axis] = size
        place = ((2 * torch.arange(size) + 1) / size - 1).to(mask).view(shape)
        mean = (mask * place).sum(dim=(1, 2, 3)) / area
        square = (mask * (place - mean.view(-1, 1, 1, 1)).square()).sum(dim=(1, 2, 3)) / area
        moments += [mean, (square + (1 / size) ** 2 / 3).sqrt()]  # plus the variance within a pixel
    centre_across, across, centre_down, down = moments
    return torch.stack([centre_across, centre_down, across, down], dim=1)


def _warped(donors: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Shift and scale images so that a source box maps to a target box; both (B, 4).

    Images that shrink are halved first, as often as needed, so that no detail is skipped.
    """
    scale = source[:, 2:] / target[:, 2:]
    matrix = torch.zeros(len(donors), 2, 3).to(donors)
    matrix[:, 0, 0], matrix[:, 1, 1] = scale.unbind(dim=1)
    matrix[:, :, 2] = source[:, :2] - scale * target[:, :2]
    grid = affine_grid(matrix, list(donors.shape), align_corners=False)
    halvings = scale.amax(dim=1).clamp(min=1).log2().round().long().clamp(max=5)
    warped, level = torch.zeros_like(donors), donors
    for step in range(int(halvings.max()) + 1):
        if step:
            size = [max(1, side // 2) for side in level.shape[-2:]]
            level = interpolate(level, size=size, mode="area")
        chosen = (halvings == step).nonzero().flatten()
        warped[chosen] = grid_sample(
            level[chosen], grid[chosen], padding_mode="border", align_corners=False
        )
    return warped
