"""Evaluation of ablations on the test set: effects of each ablation on the model's scores."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import LightningModule, Trainer

from memlab import shards
from memlab.ablations.base import Ablation
from memlab.ablations.evaluate import evaluate
from memlab.ablations.needs import donor_notes, left_out_note, with_masks
from memlab.ablations.plan import DRAWS, Condition, Doses, plan
from memlab.ablations.surprise import CleanFeatures, clean_features
from memlab.analysis.analyse import analyse_records
from memlab.analysis.results import Results
from memlab.callbacks.base import command_folder, data_of
from memlab.callbacks.sharded import ShardedEvaluation
from memlab.data.donors import DonorList
from memlab.data.mask_summary import annotation_notes, region_notes
from memlab.data.module import MemorabilityData
from memlab.errors import DataError, PluginError
from memlab.files import write_text
from memlab.inference.condition_rows import condition_rows, with_descriptions
from memlab.masks.base import known_regions
from memlab.models.base import MemorabilityModel
from memlab.progress import Advance, progress
from memlab.reading import read_json
from memlab.reports.effect_files import write_effects
from memlab.types import Batch, Context

KEY = ["condition", "draw", "index"]
BROKEN = "broken"


class AblationEvaluation(ShardedEvaluation):
    """Callback that ablates every test image with each ablation and scores it beside the original.

    An ablation that breaks its contract is reported at once and left out. The other ablations
    continue. `broken` maps each condition of such an ablation to its error message.

    Args:
        ablations: the ablations to evaluate.
        doses: primary for one dose each, ladder for the whole dose curve.
        controls: draws of each control per image at the primary dose, at most 2 at other doses; 0
            for none.
        micro_batch: maximum number of changed images that exist at once; bounds the memory.
        seed: seed of random ablations and of the intervals.
    """

    table = "conditions"
    batches = "batches of changed images"

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
        self.notes: list[str] = []
        self.broken: dict[str, str] = {}
        self._planned = doses, controls
        self._donors: DonorList | None = None
        self._tested: Any = None
        self._clean: CleanFeatures | None = None
        self._bars = ExitStack()
        self._advance: Advance = _nobody

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Request the masks that the ablations need; before training, check that they exist."""
        if stage not in ("fit", "test") or not self.conditions:
            return
        data = data_of(trainer)
        self._leave_out(data, trainer.is_global_zero)
        if stage == "fit":
            return
        if any(one.ablation.compared_with == "matched-control" for one in self.conditions):
            data.load_regions(data.table.regions)  # controls must avoid every annotated region
        else:
            data.load_regions({name for part in self.parts for name in part.masks_read})
        tested = [str(name) for name in data.table.part("test")["id"]]
        self.notes += annotation_notes(data.table.masks, data.regions, tested)
        read = {name for part in self.parts for name in part.masks_read}
        self.notes += region_notes(data.table.masks, read)
        if any(part.needs_donors for part in self.parts):
            self._donors = self._lent(data, trainer.is_global_zero)
        if self._donors is not None:
            told = donor_notes(self._donors, self.conditions)
            self.notes += [note for note in told if note not in self.notes]
        self.open(trainer)

    def check(self, data: MemorabilityData) -> None:
        """Check that the masks for the ablations exist, and leave out ablations without masks.

        Raises:
            DataError: as in `setup`, which repeats the check. This method needs no model.
        """
        if self.conditions:
            self._leave_out(data, first=True)

    def _leave_out(self, data: MemorabilityData, first: bool) -> None:
        """Leave out and report ablations whose masks are missing, unless the user named the region.

        Raises:
            DataError: if no ablation is left, or the data lack a region that the user named.
        """
        there = known_regions(data.table.regions)
        lacking = {
            part: sorted({*part.regions, *part.donor_regions} - there) for part in self.parts
        }
        kept, required = with_masks(lacking)
        data.require_regions({name for part in required for name in lacking[part]})
        regions = sorted({name for names in lacking.values() for name in names})
        if regions:
            self._keep(kept, f"masks of {', '.join(regions)}", first)

    def _lent(self, data: MemorabilityData, first: bool) -> DonorList | None:
        """Return the donors; if all images are tested, leave out ablations that need donors."""
        try:
            return data.donors("test", self.seed)
        except DataError:
            kept = [part for part in self.parts if not part.needs_donors]
            if not any(part.family != "nuisance" for part in kept):
                raise
            self._keep(kept, "donors outside the test split", first)
            return None

    def _keep(self, kept: list[Ablation], wanting: str, first: bool) -> None:
        note = left_out_note(self.parts, kept, wanting)
        if first:
            print(f"memlab: {note[0].lower()}{note[1:]}", file=sys.stderr)  # noqa: T201
        self.notes.append(note)
        self.parts = kept
        self.conditions = plan(self.parts, *self._planned)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the rows of an identical evaluation that was interrupted; start the progress bar."""
        for part in self.parts:
            part.to(pl_module.device)
        super().on_test_start(trainer, pl_module)

    def resume(self, trainer: Trainer, writer: shards.ShardWriter) -> None:
        """Read which ablations are broken, and start the progress bar."""
        self.broken = self._read_broken(command_folder(trainer))
        loader: Any = trainer.test_dataloaders
        self._tested = loader.dataset
        self._show(trainer, writer)

    def _show(self, trainer: Trainer, writer: shards.ShardWriter) -> None:
        """Replace the Trainer's bar by a bar that counts this process's changed images."""
        bar = trainer.progress_bar_callback
        if bar is None or not trainer.is_global_zero:
            return
        loader: Any = trainer.test_dataloaders
        images, size = len(loader.sampler), loader.batch_size
        limit = int(trainer.num_test_batches[0])
        left = sum(
            min(size, images - batch * size)
            for batch in range(limit)
            if not writer.path(batch).is_file()
        )
        changes = sum(condition.draws for condition in self.conditions)
        bar.disable()
        self._advance = self._bars.enter_context(progress("Changed images", left * changes))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the progress bar."""
        self._bars.close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the progress bar."""
        self._bars.close()

    def evaluate_batch(
        self, model: MemorabilityModel, writer: shards.ShardWriter, batch: Batch, batch_idx: int
    ) -> None:
        """Ablate and score the readable images of the batch, unless their rows exist already."""
        context = Context(
            batch["ids"], self.seed, masks=batch["masks"], annotated=batch["annotated"]
        )
        places = batch["valid"].nonzero().flatten().cpu()
        if len(places) == 0:
            return
        if writer.has(batch_idx, batch["index"][places].tolist()):
            return
        if self._tested is not None:  # once, and not for a run that is complete
            self._clean = clean_features(model, self._tested, len(self._tested), self.seed)
            self._tested = None
        images = batch["images"][places.to(batch["images"].device)]
        shown = {
            "index": batch["index"].cpu()[places].numpy(),
            "id": [batch["ids"][place] for place in places.tolist()],
        }
        known = context.select(places)
        conditions = [one for one in self.conditions if one.key not in self.broken]
        scores = evaluate(
            model.scores,
            images,
            known,
            conditions,
            self.micro_batch,
            self._donors,
            self._leave_out_broken,
            self._clean,
        )
        tables = []
        self._advance(0, conditions[0].key if conditions else "")
        following = dict(pairwise(one.key for one in conditions))
        for one in scores:
            tables.append(condition_rows(one, shown))
            last, key = one.draw + 1 == one.condition.draws, one.condition.key
            self._advance(len(places), following.get(key, "") if last else key)
        every = sum(condition.draws for condition in self.conditions)
        self._advance(len(places) * (every - len(tables)))  # count images of broken ablations
        if tables:
            writer.write(pd.concat(tables, ignore_index=True), batch_idx)

    def _leave_out_broken(self, ablation: Ablation, error: PluginError) -> None:
        """Report a broken ablation and record it for other processes and for resumed runs."""
        print(f"memlab: left out: {error}", file=sys.stderr)  # noqa: T201
        keys = [one.key for one in self.conditions if one.ablation is ablation]
        self.broken |= dict.fromkeys(keys, str(error))
        if self._writer is not None:
            note = self._writer.folder / f"{BROKEN}-{self._writer.rank:05d}.json"
            write_text(note, json.dumps(self.broken))

    @staticmethod
    def _read_broken(folder: Path) -> dict[str, str]:
        """Return the recorded errors of broken ablations, from all processes and earlier starts."""
        found: dict[str, str] = {}
        for note in sorted((folder / shards.SHARDS / "conditions").glob(f"{BROKEN}-*.json")):
            found |= read_json(note, "delete it, and give the same command again")
        return found

    def contribute(self, results: Results, rows_: pd.DataFrame, folder: Path) -> None:
        """Add the conditions, their table and their figure to the results."""
        if results.command != "test" or not self.conditions:
            return
        results.notes += self.notes
        self.broken = self._read_broken(folder)
        results.notes += [f"Left out: {text}." for text in dict.fromkeys(self.broken.values())]
        kept = [condition for condition in self.conditions if condition.key not in self.broken]
        if not kept:
            return
        merged = shards.merge(folder, "conditions", KEY)
        merged = merged[~merged["condition"].isin(self.broken)].reset_index(drop=True)
        records = [condition.record for condition in kept]
        table = with_descriptions(merged, records)
        shards.write_table(table, folder, "conditions")
        analysis = analyse_records(rows_, table, records, self.seed)
        results.conditions = analysis.conditions
        results.dose_curves = analysis.dose_curves
        results.notes += analysis.notes
        results.figures += write_effects(analysis, folder)


def _nobody(_steps: int, _now: str = "") -> None:
    """Ignore progress; used where no bar is shown."""
