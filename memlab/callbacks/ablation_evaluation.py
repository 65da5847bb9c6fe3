"""Scores ablated copies of every test batch, and says what each ablation did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab.ablations.base import Ablation, Context
from memlab.ablations.donors import DonorList
from memlab.ablations.evaluate import ConditionScores, evaluate
from memlab.ablations.placement import MEASURES
from memlab.ablations.plan import DRAWS, Condition, Doses, plan
from memlab.callbacks.base import command_folder, data_of, model_of
from memlab.data.dataset import Batch
from memlab.reports import effect_figures, rows
from memlab.reports.effects import summarise
from memlab.reports.results import Results

KEY = ["condition", "draw", "index"]


class AblationEvaluation(Callback):
    """Changes every test picture in every way asked for, and scores it beside the unchanged one.

    Args:
        ablations: the ways.
        doses: primary for one dose each, ladder for the whole curve.
        controls: draws of each control per picture at the primary dose, at most 2 at the others; 0
            for none.
        micro_batch: the most changed pictures that exist at once; bounds the memory.
        seed: of random ablations and of the intervals.
    """

    def __init__(
        self,
        ablations: Sequence[Ablation] = (),
        doses: Doses = "primary",
        controls: int = DRAWS,
        micro_batch: int = 64,
        seed: int = 0,
    ) -> None:
        self.parts = list(ablations)
        self.micro_batch = micro_batch
        self.seed = seed
        self.conditions: list[Condition] = plan(self.parts, doses, controls)
        self._writer: rows.ShardWriter | None = None
        self._donors: DonorList | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Ask for the masks that the ablations need; before training, see that they exist."""
        if stage not in ("fit", "test") or not self.conditions:
            return
        data = data_of(trainer)
        data.require_regions({name for part in self.parts for name in part.regions})
        if stage == "fit":
            return
        if any(one.ablation.compared_with == "placed" for one in self.conditions):
            data.load_regions(data.table.regions)  # a control must not lie on anything labelled
        else:
            data.load_regions({name for part in self.parts for name in part.masks_read})
        if any(part.needs_donors for part in self.parts):
            self._donors = data.donors("test", self.seed)
        self._writer = rows.ShardWriter(command_folder(trainer), "conditions", trainer.global_rank)
        if trainer.is_global_zero:
            self._writer.clear()
        trainer.strategy.barrier()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring ablations that hold tensors to the device."""
        for part in self.parts:
            part.to(pl_module.device)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        *_: Any,
    ) -> None:
        """Change and score the pictures of the batch that could be read."""
        model = model_of(trainer)
        if model is None or self._writer is None:
            return
        context = Context(batch["ids"], self.seed, masks=batch["masks"])
        places = batch["valid"].nonzero().flatten().cpu()
        if len(places) == 0:
            return
        images = batch["images"][places.to(batch["images"].device)]
        shown = {
            "index": batch["index"].cpu()[places].numpy(),
            "id": [batch["ids"][place] for place in places.tolist()],
        }
        known = context.select(places)
        scores = evaluate(
            model.scores, images, known, self.conditions, self.micro_batch, self._donors
        )
        self._writer.write(pd.concat([_rows(one, shown) for one in scores], ignore_index=True))

    def contribute(self, results: Results, rows_: pd.DataFrame, folder: Path) -> None:
        """Add the conditions, their table and their figure to the results."""
        if results.command != "test" or not self.conditions:
            return
        merged = rows.merge(folder, "conditions", KEY)
        details = [condition.describe() for condition in self.conditions]
        shown = ["condition", "ablation", "family", "region", "fill", "dose", "unit", "role"]
        described = pd.DataFrame(details)[shown]
        table = merged.merge(described, on="condition", how="left", validate="many_to_one")
        rows.write_table(table, folder, "conditions")
        summary = summarise(rows_, table, details, self.seed)
        results.conditions = summary.conditions
        results.dose_curves = summary.dose_curves
        results.notes += summary.notes
        results.figures += effect_figures.forest(results.conditions, folder)
        results.figures += effect_figures.curves(results.dose_curves, folder)


def _rows(scored: ConditionScores, shown: dict[str, Any]) -> pd.DataFrame:
    columns = {
        "condition": scored.condition.key,
        "draw": scored.draw,
        **shown,
        "eligible": scored.eligible.numpy(),
        "donor": pd.array(list(scored.donors), dtype="string"),
        "predicted": scored.predicted.numpy(),
        **{name: _measured(scored, name) for name in MEASURES},
    }
    return pd.DataFrame(columns)


def _measured(scored: ConditionScores, name: str) -> Any:
    values = scored.measures.get(name)
    return float("nan") if values is None else values.numpy()
