"""What taking something out does to the scores of loose pictures: no data set, no trainer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch

from memlab import registry
from memlab.ablations.base import Ablation, Context
from memlab.ablations.evaluate import evaluate
from memlab.ablations.loose_donors import loose_donors
from memlab.ablations.plan import Doses, plan
from memlab.data.inputs import Inputs, Pictures
from memlab.errors import MemlabError
from memlab.models.base import MemorabilityModel
from memlab.models.precision import evaluation_mode
from memlab.models.predict import scored


def ablate_pictures(
    model: MemorabilityModel,
    pictures: Pictures,
    ablations: str | Ablation | Sequence[str | Ablation],
    doses: Doses = "primary",
    batch_size: int = 32,
    num_workers: int = 0,
    device: str | torch.device | None = None,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Change pictures, and score them beside their unchanged selves.

    Args:
        model: any.
        pictures: as for `memlab.models.predict.predict`.
        ablations: plugins' names, which mean their defaults, or ablations.
        doses: `primary` for one dose each, `ladder` for the whole curve.
        batch_size: pictures at once.
        num_workers: processes that decode files.
        device: where to; by default where the model is.
        seed: of random ablations.
        progress: whether to show a bar on a terminal.

    Returns:
        One row a picture, condition and draw: `image`, `condition`, `ablation`, `dose`, `unit`,
        `draw`, `eligible`, `clean` (score of the unchanged picture), `predicted` (of the changed
        one), `drop` (clean − predicted, positive where the score falls), `error`. The three are NaN
        for a picture that cannot be read, and the last two for one that is not eligible.

    Raises:
        MemlabError: if there is no such ablation, or one is confined to a region: loose pictures
            have no masks.
    """
    given = [ablations] if isinstance(ablations, str | Ablation) else ablations
    parts = [registry.load("ablations", one)() if isinstance(one, str) else one for one in given]
    require_no_regions(parts)
    conditions = plan(parts, doses)
    if not conditions:
        raise MemlabError('no ablation given: a name ("blur") or an Ablation (see memlab plugins)')
    tables = []
    inputs = Inputs(pictures, model.input_size)
    side = model.input_size
    donors = loose_donors((side, side), inputs.ids, seed)
    for batch, clean in scored(
        model, inputs, batch_size, num_workers, device, progress, "Taking apart"
    ):
        context = Context(batch["ids"], seed)
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


def require_no_regions(ablations: Sequence[Ablation]) -> None:
    """Raise a MemlabError if an ablation needs masks, which loose pictures do not have."""
    for ablation in ablations:
        if ablation.regions:
            raise MemlabError(
                f"{ablation.name}: loose pictures have no masks of {ablation.regions[0]!r}; "
                "use memlab test on a data set with masks"
            )
