"""Selectivity profile: statistics of what else an ablation changes besides its target.

An effect on a model's score is evidence about the ablated property only as far as the ablation
changes nothing else (Burgert et al., NeurIPS 2025, arXiv:2509.20234, compare suppressors this way).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pandas as pd
import torch
from kornia.metrics import ssim
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.evaluate import changed_images
from memlab.ablations.plan import Condition, plan
from memlab.ablations.preparation import Preparation
from memlab.ablations.statistics import STATISTICS
from memlab.data.donors import DonorList
from memlab.imaging.colour import chroma, luma
from memlab.imaging.filters import detail
from memlab.roles import Role
from memlab.types import Context

Measure = Callable[[Tensor], Tensor]
Comparison = Callable[[Tensor, Tensor], Tensor]


def gradient_correlation(images: Tensor, changed: Tensor) -> Tensor:
    """Return the correlation of luma gradients, both directions: (B,); 1 if edges are kept."""
    pairs = []
    for photos in (images, changed):
        slopes = torch.cat(torch.gradient(luma(photos), dim=(2, 3)), dim=1).flatten(1)
        pairs.append(slopes - slopes.mean(dim=1, keepdim=True))
    size = pairs[0].norm(dim=1) * pairs[1].norm(dim=1)
    agreement: Tensor = (pairs[0] * pairs[1]).sum(dim=1) / size.clamp(min=1e-12)
    return agreement


def _structural_similarity(images: Tensor, changed: Tensor) -> Tensor:
    """Return the mean SSIM of luma with an 11 × 11 window (Wang et al. 2004): (B,)."""
    similar: Tensor = ssim(luma(images), luma(changed), 11).mean(dim=(1, 2, 3))
    return similar


def changed_area(images: Tensor, changed: Tensor) -> Tensor:
    """Return the share of pixels with a channel changed by over half a grey level of 255: (B,)."""
    return ((changed - images).abs().amax(dim=1) > 0.5 / 255).float().mean(dim=(1, 2))


def clipped(images: Tensor) -> Tensor:
    """Return the share of values at the ends of the range, 0 or 1: (B,)."""
    return ((images <= 0) | (images >= 1)).float().mean(dim=(1, 2, 3))


VALUES: dict[str, Measure] = {
    "high_frequency_energy": lambda images: detail(images).square().mean(dim=(1, 2, 3)),
    "chroma": lambda images: chroma(images).mean(dim=(1, 2, 3)),
    "luma_mean": lambda images: luma(images).mean(dim=(1, 2, 3)),
    "luma_sd": lambda images: luma(images).flatten(1).std(dim=1, correction=0),
    "clipped": clipped,
}
"""Statistics of each image."""
COMPARISONS: dict[str, Comparison] = {
    "gradient_correlation": gradient_correlation,
    "ssim": _structural_similarity,
    "changed_area": changed_area,
}
"""Statistics between an image and its changed copy: 1 (for the area 0) if nothing changed."""
AGREEMENTS = (
    *("gradient_correlation", "ssim", "likeness", "overlap"),
    *("hue_agreement", "phase_agreement"),
)
"""Statistics that are 1 if nothing changed and at least −1; their ratios are not informative."""
SHARES = ("clipped", "changed_area", "field_of_view", "layout", "unchanged")
"""Statistics that are shares of values, pixels, pairs or area: 0 to 1."""


def selectivity(
    batches: Iterable[tuple[Tensor, Context]],
    ablations: Sequence[Ablation],
    donors: DonorList | None = None,
) -> pd.DataFrame:
    """Measure what ablations change at every dose of their ladders.

    Args:
        batches: (B, 3, H, W) images in [0, 1], with ids, seed and masks.
        ablations: any ablations.
        donors: donors for the ablations that need them.

    Returns:
        One row per ablation, dose and statistic, and at the primary dose one row for the control,
        if the ablation has its own control: `ablation`, `family`, `dose`, `unit`, `primary`,
        `control`, `statistic`, `target` (whether the ablation declares it), `eligible` images,
        `clean` and `changed` (means over these images), `clean_sd` (SD over these images), `scale`
        and `change`: changed / clean − 1 if the scale is `relative`, changed − clean if it is
        `agreement` or `share`. NaN if no image is eligible.
    """
    conditions = [condition for ablation in ablations for condition in _profiled(ablation)]
    tables = [
        _measured(images, context, condition, donors)
        for images, context in batches
        for condition in conditions
    ]
    by = pd.concat(tables, ignore_index=True).groupby(["condition", "statistic"], sort=False)
    summed = by[["clean", "changed"]].mean()
    summed = summed.assign(clean_sd=by["clean"].std(), eligible=by["clean"].count())
    rows = []
    for condition in conditions:
        ablation = condition.ablation
        for statistic, means in summed.loc[condition.key].iterrows():
            before, after = float(means["clean"]), float(means["changed"])
            scale = _scale(str(statistic))
            rows.append(
                {
                    "ablation": ablation.name,
                    "family": ablation.family,
                    "dose": condition.dose,
                    "unit": ablation.unit,
                    "primary": condition.dose == ablation.dose,
                    "control": condition.role in _CONTROLS,
                    "statistic": statistic,
                    "target": statistic == ablation.target,
                    "eligible": int(means["eligible"]),
                    "clean": before,
                    "clean_sd": float(means["clean_sd"]),
                    "changed": after,
                    "scale": scale,
                    "change": _relative(before, after) if scale == "relative" else after - before,
                }
            )
    return pd.DataFrame(rows)


def example(
    images: Tensor, context: Context, ablation: Ablation, donors: DonorList | None = None
) -> list[Tensor] | None:
    """Return an eligible image unchanged, at every dose, and with its control at the primary dose.

    This is the first eligible image with room for the control. If no image has room, it is the
    first eligible image, without the control. The result is None if no image is eligible.

    Returns:
        (3, H, W) each, in the order of the ablation's rows in `selectivity`.
    """
    conditions = _profiled(ablation)
    prepare = Preparation(images, context, conditions, donors).prepare
    eligible = [prepare(condition, 0).eligible for condition in conditions]
    if not eligible[0].any():
        return None
    best = int(torch.stack(eligible).sum(dim=0).argmax())
    image, image_context = images[best : best + 1], context.select(torch.tensor([best]))
    preparation = Preparation(image, image_context, conditions, donors)
    panels = [image[0]]
    for condition in conditions:
        prepared = preparation.prepare(condition, 0)
        panels += [changed[0] for _, changed in changed_images(image, prepared, condition, 1)]
    return panels


_CONTROLS: tuple[Role, ...] = ("control", "round-trip")


def _profiled(ablation: Ablation) -> list[Condition]:
    """Return every dose, then the control at the primary dose; one draw of each."""
    conditions = [
        condition
        for condition in plan([ablation], "ladder", controls=1)
        if condition.ablation is ablation
    ]
    doses = [condition for condition in conditions if condition.role not in _CONTROLS]
    controls = [
        condition
        for condition in conditions
        if condition.role in _CONTROLS and condition.dose == ablation.dose
    ]
    return [replace(condition, draws=1) for condition in doses + controls]


def _measured(
    images: Tensor, context: Context, condition: Condition, donors: DonorList | None
) -> pd.DataFrame:
    """Return one row per image and statistic; NaN where the image is not eligible."""
    ablation = condition.ablation
    prepared = Preparation(images, context, [condition], donors).prepare(condition, 0)
    chosen = prepared.eligible.nonzero().flatten()
    names = list(dict.fromkeys([*VALUES, *COMPARISONS, ablation.target]))
    by_name = {name: (torch.full((len(images),), torch.nan),) * 2 for name in names}
    if len(chosen):
        clean = images[chosen.to(images.device)]
        parts = list(changed_images(images, prepared, condition, micro_batch=64))
        changed = torch.cat([photos for _, photos in parts])
        context_chosen = prepared.context.select(chosen)
        pairs = {name: (measure(clean), measure(changed)) for name, measure in VALUES.items()}
        for name, compare in COMPARISONS.items():
            pairs[name] = compare(clean, clean), compare(clean, changed)
        target = STATISTICS[ablation.target]
        before, after = (
            target(ablation, clean, context_chosen, dose) for dose in (0.0, condition.dose)
        )
        pairs[ablation.target] = before, after
        for name, pair in pairs.items():
            columns = [torch.full((len(images),), torch.nan) for _ in pair]
            for values, measured in zip(columns, pair, strict=True):
                values[chosen] = measured.float().cpu()
            by_name[name] = columns[0], columns[1]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "condition": condition.key,
                    "statistic": name,
                    "clean": before.double().numpy(),
                    "changed": after.double().numpy(),
                }
            )
            for name, (before, after) in by_name.items()
        ]
    )


def _scale(statistic: str) -> str:
    if statistic in AGREEMENTS:
        return "agreement"
    return "share" if statistic in SHARES else "relative"


def _relative(before: float, after: float) -> float:
    if abs(before) < 1e-9:
        return 0.0 if abs(after) < 1e-9 else float("nan")
    return after / before - 1
