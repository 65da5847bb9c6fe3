"""The changed pictures themselves, on disk: a folder per condition, and a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from memlab.ablations.base import Context
from memlab.ablations.donors import DonorList
from memlab.ablations.evaluate import Preparation, Prepared, changed_pictures
from memlab.ablations.originals import Original
from memlab.ablations.plan import Condition
from memlab.data.pixels import to_bytes, to_unit
from memlab.files import make_folder, replacing

Lending = Callable[[tuple[int, int]], DonorList]

_DESCRIBED = ("condition", "ablation", "dose", "unit", "region", "role")


def export(
    originals: Sequence[Original],
    conditions: Sequence[Condition],
    out: Path,
    *,
    size: int | None = None,
    seed: int = 0,
    donors: Lending | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> pd.DataFrame:
    """Change pictures and write them as PNG, without loss, and `manifest.csv`.

    A picture that lacks what an ablation needs is listed with the reason, and not written.

    Args:
        originals: the pictures.
        conditions: how to change them.
        out: the folder.
        size: side in pixels that pictures are brought to; their own by default.
        seed: of what is random.
        donors: from the height and width of a picture, where swaps and insertions take theirs
            from.
        advance: called after each picture with 1.

    Returns:
        The manifest: a row a picture, condition and draw: `image` (path in `out`, empty where
        nothing was written), `original`, `condition`, `ablation`, `dose`, `unit`, `region`, `role`,
        `draw`, `donor`, `eligible`, `reason` (why not).
    """
    rows: list[dict[str, Any]] = []
    for original in originals:
        pixels, masks = original.read(size)
        images = to_unit(pixels[None])
        known = {region: mask[None] for region, mask in masks.items()}
        looked = {region: torch.tensor([original.looked_for(region)]) for region in known}
        context = Context([original.name], seed, masks=known, looked=looked)
        lent = None if donors is None else donors((images.shape[2], images.shape[3]))
        preparation = Preparation(images, context, conditions, lent)
        for condition in conditions:
            described = condition.describe()
            shown = {name: described[name] for name in _DESCRIBED}
            for draw in range(condition.draws):
                prepared = preparation.prepare(condition, draw)
                image = ""
                for places, changed in changed_pictures(images, prepared, condition, 1):
                    if len(places) == 0:
                        continue
                    number = f"-{draw}" if condition.draws > 1 else ""
                    folder = condition.key.replace(":", "-")  # no colon in names on Windows
                    image = f"{folder}/{original.name}{number}.png"
                    _save(changed[0], out / image)
                given = prepared.context.donors
                rows.append(
                    {
                        "image": image,
                        "original": str(original.path),
                        **shown,
                        "draw": draw,
                        "donor": given.ids[0] if given is not None and image else "",
                        "eligible": bool(image),
                        "reason": "" if image else why_not(condition, prepared),
                    }
                )
        advance(1)
    manifest = pd.DataFrame(rows)
    with replacing(out / "manifest.csv") as temporary:
        manifest.to_csv(temporary, index=False)
    return manifest


def why_not(condition: Condition, prepared: Prepared) -> str:
    """Why the first of some pictures cannot be changed in a way, in a few words."""
    ablation, context = condition.ablation, prepared.context
    for region in ablation.regions:
        if region not in context.masks:
            return f"no masks of {region!r}"
        if not context.looked_for(region)[0]:
            return f"nobody looked for {region}"
        mask = context.masks[region][0] > 0
        if not mask.any():
            return f"no {region} in it"
        if mask.all():
            return f"{region} everywhere"
    if ablation.needs_donors and context.donors is None:
        return "no donors"
    if condition.role == "control" and bool(ablation.eligible(context)[0]):
        return "no place for the control"
    return "lacks what the ablation needs"


def _save(image: Tensor, path: Path) -> None:
    array = to_bytes(image).permute(1, 2, 0).numpy()
    make_folder(path.parent)
    with replacing(path) as temporary:
        Image.fromarray(array).save(temporary)
