"""Effects of ablations on the scores of loose images, without a data set or a Trainer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from memlab import registry
from memlab.ablations.base import Ablation
from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import Doses, plan
from memlab.data.inputs import Images, Inputs
from memlab.errors import MemlabError, did_you_mean
from memlab.inference.loose_donors import loose_donors
from memlab.inference.predict import scored
from memlab.masks.base import known_regions
from memlab.masks.given import Masks
from memlab.precision import evaluation_mode
from memlab.scorer import Scorer
from memlab.types import Context


def ablate_images(
    model: Scorer,
    images: Images,
    ablations: str | Ablation | Sequence[str | Ablation],
    doses: Doses = "primary",
    masks: Masks | None = None,
    batch_size: int = 32,
    num_workers: int = 0,
    device: str | torch.device | None = None,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Ablate images and score each changed image next to the unchanged image.

    Args:
        model: any model.
        images: as for `memlab.inference.predict.predict`.
        ablations: ablations, or plugins' names, which stand for the default parameters.
        doses: `primary` for one dose each, `ladder` for the dose curve.
        masks: region masks: the path of a mask store, a COCO file or a folder with
            REGION/IMAGE.png; or a mapping from region to a mask per image; see
            `memlab.masks.given.Masks`.
        batch_size: number of images per batch.
        num_workers: number of processes that decode files.
        device: device to run on; by default the model's device.
        seed: seed of random ablations.
        progress: whether to show a progress bar on a terminal.

    Returns:
        One row per image, condition and draw: `image`, `condition`, `ablation`, `dose`, `unit`,
        `draw`, `eligible`, `clean` (score of the unchanged image), `predicted` (score of the
        changed image), `drop` (the effect, clean − predicted, positive where the score falls),
        `error`. `clean`, `predicted` and `drop` are NaN for an unreadable image; `predicted` and
        `drop` are also NaN for an image that is not eligible.

    Raises:
        MemlabError: if an ablation does not exist or needs missing masks, or a mask does not fit
            its image.
    """
    given = [ablations] if isinstance(ablations, str | Ablation) else ablations
    parts = [registry.load("ablations", one)() if isinstance(one, str) else one for one in given]
    conditions = plan(parts, doses)
    if not conditions:
        raise MemlabError('no ablation given: a name ("blur") or an Ablation (see memlab plugins)')
    tables = []
    inputs = Inputs(images, model.input_size, masks, model.resampler)
    _require_regions(parts, inputs.regions)
    side = model.input_size
    donors = loose_donors((side, side), inputs.ids, seed)
    for batch, clean in scored(
        model, inputs, batch_size, num_workers, device, progress, "Ablating"
    ):
        context = Context(batch["ids"], seed, masks=batch["masks"], annotated=batch["annotated"])
        for part in parts:
            part.to(model.device)
        with evaluation_mode(model):
            evaluated = evaluate(model.scores, batch["images"], context, conditions, donors=donors)
            for scores in evaluated:
                shown = scores.condition
                predicted = scores.predicted.where(batch["valid"], torch.nan)
                tables.append(
                    pd.DataFrame(
                        {
                            "image": batch["ids"],
                            "condition": shown.key,
                            "ablation": shown.ablation.name,
                            "dose": shown.dose,
                            "unit": shown.ablation.unit,
                            "draw": scores.draw,
                            "eligible": (scores.eligible & batch["valid"]).numpy(),
                            "clean": clean.numpy(),
                            "predicted": predicted.numpy(),
                            "drop": (clean - predicted).numpy(),
                            "error": batch["errors"],
                        }
                    )
                )
    return pd.concat(tables, ignore_index=True)


def _require_regions(ablations: Sequence[Ablation], there: Sequence[str]) -> None:
    for ablation in ablations:
        for region in ablation.regions:
            if region not in known_regions(there):
                known = ", ".join(there) or "none"
                raise MemlabError(
                    f"{ablation.name}: no masks of {region!r}{did_you_mean(region, there)} "
                    f"(there: {known}); give some with masks=PATH or masks={{{region!r}: [...]}}"
                )
