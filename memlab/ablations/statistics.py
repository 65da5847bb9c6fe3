"""What an ablation takes out, as a number: the statistics that must fall as its dose grows.

Each takes the ablation, pictures, their context and a dose, and returns one number per picture.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, Context, Donors
from memlab.ablations.functional import colour, frequency, grain, palette, plates, spectrum
from memlab.errors import MemlabError

Statistic = Callable[[Ablation, Tensor, Context, float], Tensor]


def high_frequency_energy(
    ablation: Ablation, images: Tensor, context: Context, dose: float
) -> Tensor:
    """Mean squared luma left after taking out 3 × 3 means: (B,)."""
    left = frequency.detail(ablation(images, context, dose))
    return left.square().flatten(1).mean(dim=1)


def chroma(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Mean distance of R, G and B from luma: (B,), in units of the pixel range."""
    return colour.chroma(ablation(images, context, dose)).flatten(1).mean(dim=1)


def field_of_view(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Share of the picture's area still shown: (B,), 0 to 1.

    The ablation is applied to a picture of coordinates; what it shows spans the field of view.
    """
    height, width = images.shape[-2:]
    down = torch.linspace(0, 1, height, device=images.device).view(1, 1, -1, 1)
    across = torch.linspace(0, 1, width, device=images.device).view(1, 1, 1, -1)
    shape = (len(images), 1, height, width)
    ramps = torch.cat([down.expand(shape), across.expand(shape), torch.zeros(shape)], dim=1)
    shown = ablation(ramps.to(images.dtype), context, dose)[:, :2].flatten(2)
    area: Tensor = (shown.amax(dim=2) - shown.amin(dim=2)).prod(dim=1)
    return area


def palette_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Distance to the donor's palette, (B,); see `palette.palette_distance`."""
    changed = ablation(images, context, dose)
    return palette.palette_distance(changed, _lent(ablation, context).images)


def spectrum_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Distance to the donor's radial spectrum, (B,); see `spectrum.spectrum_distance`."""
    changed = ablation(images, context, dose)
    return spectrum.spectrum_distance(changed, _lent(ablation, context).images)


def texture_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Distance to the donor's grain, (B,); see `grain.texture_distance`."""
    changed = ablation(images, context, dose)
    return grain.texture_distance(changed, _lent(ablation, context).images)


def background_to_donor(
    ablation: Ablation, images: Tensor, context: Context, dose: float
) -> Tensor:
    """Distance to the donor's background, (B,); see `plates.background_distance`."""
    donors = _lent(ablation, context)
    own, theirs = ((masks["background"] > 0).to(images) for masks in (context.masks, donors.masks))
    changed = ablation(images, context, dose)
    return plates.background_distance(changed, own, donors.images, theirs)


def face_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Distance of the largest face to the donor's largest, (B,); see `plates.face_distance`."""
    donors = _lent(ablation, context)
    own, theirs = (
        plates.largest_part((masks["faces"] > 0).to(images))
        for masks in (context.masks, donors.masks)
    )
    return plates.face_distance(ablation(images, context, dose), own, donors.images, theirs)


def _lent(ablation: Ablation, context: Context) -> Donors:
    if context.donors is None:
        raise MemlabError(f"{ablation.name}: {ablation.target} needs donors")
    return context.donors


STATISTICS: dict[str, Statistic] = {
    "background_to_donor": background_to_donor,
    "chroma": chroma,
    "face_to_donor": face_to_donor,
    "field_of_view": field_of_view,
    "high_frequency_energy": high_frequency_energy,
    "palette_to_donor": palette_to_donor,
    "spectrum_to_donor": spectrum_to_donor,
    "texture_to_donor": texture_to_donor,
}
"""Statistics by the name that an ablation declares as its `target`."""
