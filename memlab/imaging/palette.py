"""Palette of an image: mean and covariance of chroma, apart from luma and from saturation."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import LUMA, luma
from memlab.imaging.saturation import GREY, saturation

STEPS = 8
"""Corrections of the map for clipping to the gamut."""
FLOOR = (1 / 255) ** 2
"""Variance added to both palettes, that of one grey level, so that grey images have a map."""
STEP = 2.0
"""Largest change of the palette's scale in one correction."""
GAIN = 32.0
"""Largest amplification of chroma, so that noise of a nearly grey image does not become colour."""


def palette(images: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return mean and covariance of chroma.

    Chroma here is (R, G, B) − luma, in two orthonormal coordinates of the plane of zero luma. Its
    length is `colour.chroma`.

    Args:
        images: (B, 3, H, W) in [0, 1].
        weights: (B, 1, H, W) of the pixels; None for equal weights.

    Returns:
        Means (B, 2) and covariances (B, 2, 2), in units of the pixel range.
    """
    return _moments(_coordinates(images), _shares(weights))


def palette_distance(
    images: Tensor, donors: Tensor, own: Tensor | None = None, theirs: Tensor | None = None
) -> Tensor:
    """Return the Wasserstein distance of two images' palettes as Gaussian distributions: (B,).

    The distance is the root of ‖m − m'‖² + tr(C + C' − 2 (C C')^½) (Dowson and Landau 1982).
    Chroma is divided by the mean chroma of its image, so that saturation does not count: 1 means
    that colours differ as much as a colour of mean chroma differs from grey.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W), weights of the images' pixels; None for equal weights.
        theirs: (B, 1, H, W), weights of the donors' pixels.
    """
    (mean, covariance), (other_mean, other) = (
        _scaled(palette(*one), 1 / saturation(*one).clamp(min=GREY))
        for one in ((images, own), (donors, theirs))
    )
    product = covariance @ other
    # the trace of a 2 × 2 square root, from trace and determinant
    root = (_trace(product) + 2 * _determinant(product).clamp(min=0).sqrt()).clamp(min=0).sqrt()
    square = (mean - other_mean).square().sum(dim=1) + _trace(covariance + other) - 2 * root
    return square.clamp(min=0).sqrt()


def swap_palette(
    images: Tensor,
    donors: Tensor,
    own: Tensor | None = None,
    theirs: Tensor | None = None,
    whole: Tensor | None = None,
    keep: bool = True,
) -> Tensor:
    """Replace the palettes of images by the donors', and keep luma and mean chroma.

    The donor's palette is scaled so that the mean chroma stays that of the image. The chroma of
    each pixel is transformed by the linear map that carries one Gaussian to the other with the
    least change (Monge–Kantorovich; Pitié and Kokaram 2007). Colours outside the gamut move towards
    grey of the same luma, and the map is corrected for this loss.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W), weights of the images' pixels in their palettes; None for equal weights.
        theirs: (B, 1, H, W), weights of the donors' pixels.
        whole: (B, 1, H, W), weights of the images' pixels in the mean chroma that stays; `own` by
            default.
        keep: whether the mean chroma stays; otherwise it becomes the donor's, with the palette.

    Returns:
        (B, 3, H, W) in [0, 1], with luma and mean chroma of `images`. Where the scaled palette does
        not fit the luma of the image, such as saturated colours in dark areas, the result only
        approaches the palette.
    """
    whole = own if whole is None else whole
    grey, colours, shares = luma(images), _coordinates(images), _shares(own)
    mean, covariance = _moments(colours, shares)
    amount, donated = saturation(images, whole), palette(donors, theirs)
    scale = torch.ones_like(amount)
    if keep:
        scale = amount / saturation(donors, theirs).clamp(min=GREY)
    centred = colours - mean[..., None]
    wanted_mean, wanted = _scaled(donated, scale)
    stretch, shift = _capped(_transport(covariance, wanted)), wanted_mean
    for _ in range(STEPS):
        shown, found_chroma = _in_gamut(grey, stretch @ centred + shift[..., None])
        found_mean, found = _moments(found_chroma, shares)
        if keep:
            change = amount / saturation(shown, whole).clamp(min=1e-6)
            scale = (scale * change.clamp(1 / STEP, STEP)).clamp(max=GAIN)
        wanted_mean, wanted = _scaled(donated, scale)
        stretch = _capped(_transport(found, wanted) @ stretch)
        shift = (shift + wanted_mean - found_mean).clamp(-1, 1)
    for _ in range(
        STEPS if keep else 0
    ):  # the mean chroma exactly, at the cost of little of the palette
        shown, _ = _in_gamut(grey, stretch @ centred + shift[..., None])
        change = (amount / saturation(shown, whole).clamp(min=1e-6)).clamp(1 / STEP, STEP)
        stretch, shift = _capped(change[:, None, None] * stretch), change[:, None] * shift
    return _in_gamut(grey, stretch @ centred + shift[..., None])[0]


def _scaled(found: tuple[Tensor, Tensor], scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and covariance of chroma that is multiplied by `scale`, (B,)."""
    mean, covariance = found
    return scale[:, None] * mean, scale.square()[:, None, None] * covariance


def _coordinates(images: Tensor) -> Tensor:
    """Return chroma in the two coordinates of its plane: (B, 2, H · W)."""
    return _axes(images) @ (images - luma(images)).flatten(2)


def _axes(like: Tensor) -> Tensor:
    """Return two orthonormal directions of zero luma in RGB: (2, 3)."""
    weights = torch.tensor(LUMA, dtype=torch.float64)
    first = torch.stack([weights[2], torch.zeros_like(weights[0]), -weights[0]])
    second = torch.linalg.cross(weights, first)
    return torch.stack([first / first.norm(), second / second.norm()]).to(like)


def _shares(weights: Tensor | None) -> Tensor | None:
    """Return weights of pixels, (B, 1, H, W), as shares of their sum: (B, 1, H · W)."""
    if weights is None:
        return None
    flat = weights.flatten(2)
    return flat / flat.sum(dim=2, keepdim=True).clamp(min=1e-6)


def _moments(chroma: Tensor, shares: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return mean (B, 2) and covariance (B, 2, 2) of (B, 2, N) values.

    Args:
        chroma: (B, 2, N).
        shares: (B, 1, N), weights with a sum of 1; None for equal weights.
    """
    if shares is None:
        mean = chroma.mean(dim=2)
        centred = chroma - mean[..., None]
        return mean, centred @ centred.mT / chroma.shape[2]
    mean = (shares * chroma).sum(dim=2)
    centred = chroma - mean[..., None]
    return mean, (shares * centred) @ centred.mT


def _transport(covariance: Tensor, wanted: Tensor) -> Tensor:
    """Return the symmetric 2 × 2 matrix T with T C T = C', the geometric mean of C⁻¹ and C'."""
    floor = FLOOR * torch.eye(2).to(covariance)
    own, other = covariance + floor, wanted + floor
    size, other_size = _determinant(own).sqrt(), _determinant(other).sqrt()
    adjugate = _trace(own)[:, None, None] * torch.eye(2).to(own) - own
    total = adjugate / size[:, None, None] + other / other_size[:, None, None]
    scale = (other_size / size / _determinant(total)).sqrt()
    transport: Tensor = scale[:, None, None] * total
    return transport


def _capped(stretch: Tensor) -> Tensor:
    """Return the maps (B, 2, 2) with their amplification limited to `GAIN` in any direction."""
    left, sizes, right = torch.linalg.svd(stretch)
    capped: Tensor = (left * sizes.clamp(max=GAIN)[:, None]) @ right
    return capped


def _in_gamut(grey: Tensor, chroma: Tensor) -> tuple[Tensor, Tensor]:
    """Return images of a luma (B, 1, H, W) and a chroma (B, 2, H · W), scaled to fit the gamut.

    Returns:
        The images (B, 3, H, W) and their chroma.
    """
    offsets: Tensor = (_axes(grey).mT @ chroma).view(-1, 3, *grey.shape[2:])
    # the largest offset that keeps each channel in [0, 1]; the smallest share limits all three
    room = torch.where(offsets > 0, 1 - grey, grey)
    share = (room / offsets.abs().clamp(min=1e-6)).amin(dim=1, keepdim=True).clamp(max=1)
    return grey + share * offsets, share.flatten(2) * chroma


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(dim=-1)


def _determinant(matrices: Tensor) -> Tensor:
    return matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] * matrices[..., 1, 0]
