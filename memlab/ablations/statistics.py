"""Statistics that measure what an ablation removes, and that must fall as its dose grows.

Each function takes the ablation, images, their context and a dose, and returns one number per
image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from memlab.ablations import donor_distances
from memlab.ablations.base import Ablation
from memlab.ablations.donor_distances import donors_of
from memlab.imaging import colour, contrast, grain, palette, plates, saturation, spectrum, texture
from memlab.imaging import filters as frequency
from memlab.masks.expression import mask_of
from memlab.types import Context

Statistic = Callable[[Ablation, Tensor, Context, float], Tensor]


def high_frequency_energy(
    ablation: Ablation, images: Tensor, context: Context, dose: float
) -> Tensor:
    """Return the mean squared luma after subtraction of 3 × 3 means: (B,)."""
    left = frequency.detail(ablation(images, context, dose))
    return left.square().flatten(1).mean(dim=1)


def chroma(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the mean distance of R, G and B from luma: (B,), in units of the pixel range."""
    return colour.chroma(ablation(images, context, dose)).flatten(1).mean(dim=1)


def field_of_view(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the share of the image's area that is still visible: (B,), 0 to 1.

    The ablation is applied to an image of coordinates. The visible coordinates span the field of
    view.
    """
    shown = ablation(_coordinates(images), context, dose)[:, :2].flatten(2)
    area: Tensor = (shown.amax(dim=2) - shown.amin(dim=2)).prod(dim=1)
    return area


def fine_texture(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the median distance of luma from its 3 × 3 means: (B,), in units of the pixel range.

    The median is used because a few strong edges, which are not texture, dominate the mean energy.
    """
    return frequency.detail(ablation(images, context, dose)).abs().flatten(1).median(dim=1).values


def low_frequency_energy(
    ablation: Ablation, images: Tensor, context: Context, dose: float
) -> Tensor:
    """Return the variance of luma between the cells of an 8 × 8 grid: (B,)."""
    cells = adaptive_avg_pool2d(colour.luma(ablation(images, context, dose)), 8)
    return cells.flatten(1).var(dim=1, correction=0)


def chroma_sd(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the root mean squared distance of (R, G, B) − luma from its mean: (B,)."""
    offsets = _offsets(ablation(images, context, dose))
    apart = offsets - offsets.mean(dim=(2, 3), keepdim=True)
    return apart.square().sum(dim=1).flatten(1).mean(dim=1).sqrt()


def hue_agreement(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the mean cosine of the angle between hues before and after: (B,), −1 to 1.

    Weights are the products of the chromas, because pixels without colour have no hue.
    """
    before, after = _offsets(images), _offsets(ablation(images, context, dose))
    weights = before.norm(dim=1) * after.norm(dim=1)
    agreed: Tensor = (before * after).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2)).clamp(min=1e-9)
    return agreed


def luma_mean(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the mean luma: (B,), 0 to 1."""
    return colour.luma(ablation(images, context, dose)).flatten(1).mean(dim=1)


def luma_sd(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the standard deviation of luma (RMS contrast): (B,), in units of the pixel range."""
    return colour.luma(ablation(images, context, dose)).flatten(1).std(dim=1, correction=0)


def phase_agreement(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the mean cosine of the changes of luma's Fourier phases: (B,), −1 to 1.

    Weights are the original amplitudes; the zero frequency is excluded.
    """
    before, after = (
        torch.fft.rfft2(colour.luma(one)).flatten(1)[:, 1:]
        for one in (images, ablation(images, context, dose))
    )
    weights = before.abs()
    agreed = (before.conj() * after).real / after.abs().clamp(min=1e-9)
    mean: Tensor = agreed.sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)
    return mean


def spectral_distance(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the RMS log ratio of luma's radial amplitudes to the 1/f reference: (B,).

    See `memlab.imaging.texture.spectral_distance`.
    """
    _, distance = texture.spectral_distance(ablation(images, context, dose))
    return distance[:, 1:].square().mean(dim=1).sqrt()


def layout(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the share of pixel pairs that keep their relative position: (B,), 0 to 1.

    The ablation is applied to an image of coordinates. Pairs lie 1/2, 1/4, … 1/32 of the side
    apart along either axis. All distances have equal weight.
    """
    shown = ablation(_coordinates(images), context, dose)[:, :2]
    kept = []
    for axis, side in ((2, images.shape[2]), (3, images.shape[3])):
        step = torch.zeros(1, 2, 1, 1).to(shown)
        for distance in {max(1, round(side / parts)) for parts in (2, 4, 8, 16, 32)}:
            step[0, axis - 2] = distance / (side - 1)
            first = shown.narrow(axis, 0, side - distance)
            second = shown.narrow(axis, distance, side - distance)
            near = (second - first - step).abs().amax(dim=1) < 0.5 / max(images.shape[2:])
            kept.append(near.flatten(1).float().mean(dim=1))
    return torch.stack(kept).mean(dim=0)


def overlap(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return 1 − the mean distance by which pixels move: (B,), 1 if no pixel moves.

    The ablation is applied to an image of coordinates. The unit of distance is the image side.
    """
    own = _coordinates(images)
    moved = (ablation(own, context, dose) - own)[:, :2]
    near: Tensor = 1 - moved.norm(dim=1).flatten(1).mean(dim=1)
    return near


def likeness(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return 1 − the mean absolute difference from the original in the changed area: (B,)."""
    changed = ablation(images, context, dose)
    difference = (changed - images).abs().mean(dim=1, keepdim=True)
    weights = ablation.within(context)
    where = torch.ones_like(difference) if weights is None else weights
    total: Tensor = (difference * where).flatten(1).sum(dim=1) / where.flatten(1).sum(dim=1)
    return 1 - total


def unchanged(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the share of pixels that stay the same bit for bit: (B,), 0 to 1."""
    same = (ablation(images, context, dose) == images).all(dim=1)
    share: Tensor = same.flatten(1).float().mean(dim=1)
    return share


def palette_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the distance to the donor's palette, (B,); see `palette.palette_distance`."""
    changed, donors = ablation(images, context, dose), donors_of(ablation, context)
    own, theirs = (ablation.place.core(masks) for masks in (context.masks, donors.masks))
    return palette.palette_distance(changed, donors.images, own, theirs)


def saturation_to_donor(
    ablation: Ablation, images: Tensor, context: Context, dose: float
) -> Tensor:
    """Return the absolute log ratio of mean chroma to the donor's, (B,): 0.1 is 10 %."""
    changed = ablation(images, context, dose)
    return _log_ratio(ablation, changed, context, saturation.saturation, saturation.GREY)


def contrast_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the absolute log ratio of the SD of luma to the donor's, (B,): 0.1 is 10 %."""
    changed = ablation(images, context, dose)
    return _log_ratio(ablation, changed, context, contrast.contrast, contrast.FLAT)


def _log_ratio(
    ablation: Ablation,
    changed: Tensor,
    context: Context,
    measure: Callable[[Tensor, Tensor | None], Tensor],
    least: float,
) -> Tensor:
    """Return the absolute log ratio of a measure of the changed images to the donors': (B,).

    Args:
        ablation: the ablation, in whose region the measure is taken.
        changed: the changed images.
        context: context of the images, with donors.
        measure: function of images and the pixels that count.
        least: smallest value that is told from 0.
    """
    donors = donors_of(ablation, context)
    found, wanted = (
        measure(shown, ablation.place.core(masks)).clamp(min=least)
        for shown, masks in ((changed, context.masks), (donors.images, donors.masks))
    )
    return (found / wanted).log().abs()


def spectrum_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the distance to the donor's spectrum, (B,); see `spectrum.spectrum_distance`."""
    changed = ablation(images, context, dose)
    return spectrum.spectrum_distance(changed, donors_of(ablation, context).images)


def texture_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the distance to the donor's grain, (B,); see `grain.texture_distance`."""
    changed, donors = ablation(images, context, dose), donors_of(ablation, context)
    own, theirs = (ablation.place.core(masks) for masks in (context.masks, donors.masks))
    return grain.texture_distance(changed, donors.images, own, theirs)


def background_to_donor(
    ablation: Ablation, images: Tensor, context: Context, dose: float
) -> Tensor:
    """Return the distance to the donor's background, (B,); see `plates.background_distance`."""
    donors = donors_of(ablation, context)
    own, theirs = (_background(masks, images) for masks in (context.masks, donors.masks))
    changed = ablation(images, context, dose)
    return plates.background_distance(changed, own, donors.images, theirs)


def face_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the distance of the largest faces, (B,); see `plates.face_distance`."""
    donors = donors_of(ablation, context)
    own, theirs = (
        plates.largest_part((masks["faces"] > 0).to(images))
        for masks in (context.masks, donors.masks)
    )
    return plates.face_distance(ablation(images, context, dose), own, donors.images, theirs)


def _offsets(images: Tensor) -> Tensor:
    return images - colour.luma(images)


def _coordinates(images: Tensor) -> Tensor:
    """Return images whose red is the row and whose green is the column coordinate, 0 to 1."""
    height, width = images.shape[-2:]
    down = torch.linspace(0, 1, height, device=images.device).view(1, 1, -1, 1)
    across = torch.linspace(0, 1, width, device=images.device).view(1, 1, 1, -1)
    shape = (len(images), 1, height, width)
    ramps = torch.cat([down.expand(shape), across.expand(shape), torch.zeros(shape).to(down)], 1)
    return ramps.to(images.dtype)


def _background(masks: Mapping[str, Tensor], like: Tensor) -> Tensor:
    mask = mask_of("background", masks)
    return torch.ones_like(like[:, :1]) if mask is None else (mask > 0).to(like)


STATISTICS: dict[str, Statistic] = {
    "background_to_donor": background_to_donor,
    "chroma": chroma,
    "chroma_sd": chroma_sd,
    "contrast_to_donor": contrast_to_donor,
    "face_to_donor": face_to_donor,
    "field_of_view": field_of_view,
    "fine_texture": fine_texture,
    "high_frequency_energy": high_frequency_energy,
    "hue_agreement": hue_agreement,
    "layout": layout,
    "layout_to_donor": donor_distances.layout_to_donor,
    "likeness": likeness,
    "low_frequency_energy": low_frequency_energy,
    "luma_mean": luma_mean,
    "luma_sd": luma_sd,
    "overlap": overlap,
    "palette_to_donor": palette_to_donor,
    "pattern_to_donor": donor_distances.pattern_to_donor,
    "phase_agreement": phase_agreement,
    "saturation_to_donor": saturation_to_donor,
    "sharpness_to_donor": donor_distances.sharpness_to_donor,
    "slope_to_donor": donor_distances.slope_to_donor,
    "spectral_distance": spectral_distance,
    "spectrum_to_donor": spectrum_to_donor,
    "texture_to_donor": texture_to_donor,
    "unchanged": unchanged,
}
"""Statistics by the name that an ablation declares as its `target`."""
