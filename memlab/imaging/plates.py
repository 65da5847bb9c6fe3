"""Backgrounds and faces of other images, fitted into an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.ndimage import label
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from memlab.imaging.filters import gaussian_blur
from memlab.imaging.grain import noise_like
from memlab.imaging.morphology import dilated, pixels_of

EDGE = 1.5
"""Width of the seam at a region's border, % of the image's width."""


def spread(images: Tensor, known: Tensor) -> Tensor:
    """Fill what is not known smoothly from what is, by a pyramid (push-pull; Gortler et al. 1996).

    Args:
        images: (B, C, H, W).
        known: (B, 1, H, W) of 0 and 1.

    Returns:
        (B, C, H, W): known pixels as they are; all 0 where nothing is known.
    """
    height, width = images.shape[-2:]
    if height == width == 1:
        return images * known
    size = ((height + 1) // 2, (width + 1) // 2)
    share = interpolate(known, size=size, mode="area")
    mean = interpolate(images * known, size=size, mode="area") / share.clamp(min=1e-6)
    coarse = spread(mean, (share > 0).to(known))
    smooth = interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return torch.lerp(smooth, images, known)


def inner_weights(mask: Tensor) -> Tensor:
    """A mask of 0 and 1 that rises from 0 at its border to 1 inside: (B, 1, H, W).

    Nothing outside the mask has weight; the image's own edge is no border.
    """
    blurred = gaussian_blur(mask, EDGE / 2)
    return mask * (2 * blurred - 1).clamp(0, 1)


def eroded(mask: Tensor) -> Tensor:
    """A mask of 0 and 1 without its seam: (B, 1, H, W). The image's own edge is no border."""
    return 1 - dilated(1 - mask, pixels_of(EDGE, mask.shape[-1]) or 1)


def empty_plate(
    donors: Tensor, background: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """Images without their foreground: what it hid is filled smoothly, and given grain.

    Args:
        donors: (B, 3, H, W) in [0, 1].
        background: (B, 1, H, W) of 0 and 1.
        generators: CPU generators, one per image, of the grain.

    Returns:
        (B, 3, H, W); background pixels as they are, but for a seam beside the foreground, where
        edges of figures are smeared.
    """
    clear = eroded(background)
    # a figure that all but covers its image leaves no more than the seam
    seen = torch.where(clear.amax(dim=(2, 3), keepdim=True) > 0, clear, background)
    filled = spread(donors, seen)
    rest = seen * (donors - gaussian_blur(filled, 2 * EDGE))
    share = seen.mean(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    grain = noise_like(rest, generators) / share.sqrt()
    return torch.where(seen > 0, donors, filled + grain)


def largest_part(mask: Tensor) -> Tensor:
    """The largest connected part of each mask (B, 1, H, W) of 0 and 1."""
    parts = []
    for one in mask[:, 0].cpu().numpy() > 0:
        labels, count = label(one)
        found = torch.from_numpy(labels)
        sizes = torch.bincount(found.flatten(), minlength=count + 1)
        sizes[0] = 0
        parts.append(found == (int(sizes.argmax()) if count else -1))
    return torch.stack(parts)[:, None].to(mask)


def face_over(images: Tensor, faces: Tensor, donors: Tensor, donor_faces: Tensor) -> Tensor:
    """Faces of other images, brought to the place, size and border colour of images' own.

    Centre and spread, across and down, of the donor's mask are brought to those of the image's.
    What of the image's face the donor's does not cover is filled from it. The median
    difference in colour along the border of the image's face is added throughout.

    Args:
        images: (B, 3, H, W) in [0, 1].
        faces: (B, 1, H, W) of 0 and 1: one face each.
        donors: the same of the donors.
        donor_faces: the same of the donors.

    Returns:
        (B, 3, H, W); of use inside `faces` only.
    """
    warped = _warped(spread(donors, donor_faces), _boxes(donor_faces), _boxes(faces))
    ring = faces - eroded(faces)
    beside = torch.where(ring > 0, images - warped, torch.nan).flatten(2)
    offset = beside.nanmedian(dim=2).values.nan_to_num()
    return warped + offset[..., None, None]


def face_distance(images: Tensor, faces: Tensor, donors: Tensor, donor_faces: Tensor) -> Tensor:
    """How unlike images' faces are to others' faces, colour apart: (B,), 0 to 2.

    1 − the correlation, over pixels inside the seam and the three channels, each less its mean,
    with the donor's face brought to the same place and size.

    Args:
        images: (B, 3, H, W) in [0, 1].
        faces: (B, 1, H, W) of 0 and 1: one face each.
        donors: the same of the donors.
        donor_faces: the same of the donors.
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
    """Mean absolute difference where both images show background, beside the seams: (B,).

    Args:
        images: (B, 3, H, W) in [0, 1].
        background: (B, 1, H, W) of 0 and 1.
        donors: the same of the donors.
        donor_background: the same of the donors.
    """
    both = (inner_weights(eroded(background)) > 0.99) & (eroded(donor_background) > 0)
    area = both.flatten(1).sum(dim=1).clamp(min=1)
    return ((images - donors).abs().mean(dim=1, keepdim=True) * both).flatten(1).sum(dim=1) / area


def _boxes(mask: Tensor) -> Tensor:
    """Centre and standard deviation of each mask, across and down: (B, 4), the image as -1 to 1.

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
        moments += [mean, (square + (1 / size) ** 2 / 3).sqrt()]  # a pixel has a width, too
    centre_across, across, centre_down, down = moments
    return torch.stack([centre_across, centre_down, across, down], dim=1)


def _warped(donors: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Images moved and scaled so that one box comes to lie on another; both (B, 4).

    Where they shrink they are halved first, as often as it takes, so that no detail is skipped.
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
