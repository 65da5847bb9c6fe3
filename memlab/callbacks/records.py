"""Per-image rows, and the results file of each command."""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from memlab import shards, tracking
from memlab.analysis.results import FILE, Intervals, Results
from memlab.analysis.run_record import ModelRecord, Plugin, Provenance, data_record
from memlab.callbacks.base import Contributor, command_folder, data_of, model_of
from memlab.drawing import also_as
from memlab.errors import CheckpointError, DataError
from memlab.files import write_text
from memlab.metrics.conformal import coverage_entry
from memlab.metrics.metric import METRICS
from memlab.models.base import MemorabilityModel
from memlab.models.leak import leak_notes
from memlab.provenance import commit, now, plugins_used, versions
from memlab.reading import read_json
from memlab.reports import figures
from memlab.scorer import UNSCORED
from memlab.spec import Spec, loaded_class
from memlab.types import Batch

_SPLITS = {"validate": "val", "test": "test", "predict": "all"}


class Records(Callback):
    """Callback that writes `rows.parquet`, `rows.csv` and `results.json` after evaluation commands.

    It runs after validate, test and predict. Other callbacks add to the results with a method
    `contribute`; see `memlab.callbacks.base.Contributor`.

    Args:
        seed: seed of the run, for the results and their intervals.
        figures: format of figures besides PNG: `pdf` or `svg`.
    """

    def __init__(self, seed: int = 0, figures: str | None = None) -> None:
        self.seed = seed
        self.formats = [figures] if figures else []
        self.started = now()
        self.notes: list[str] = []
        self.results: Results | None = None
        self._writer: shards.ShardWriter | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Remove the files of an earlier run."""
        folder = command_folder(trainer)
        self._writer = shards.ShardWriter(folder, "rows", trainer.global_rank)
        if trainer.is_global_zero:
            self._writer.clear()
        trainer.strategy.barrier()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the results of a resumed run: they belong to earlier weights."""
        if trainer.is_global_zero:
            (command_folder(trainer) / FILE).unlink(missing_ok=True)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse weights that were not loaded from a file; do nothing while fitting."""
        if _validating(trainer):
            self._require_proof(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse weights that were not loaded from a file."""
        self._require_proof(trainer)

    on_predict_start = on_test_start

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        *_: Any,
    ) -> None:
        """Write the batch's rows; do nothing while fitting."""
        if _validating(trainer):
            self._write(trainer, outputs, batch, batch_idx)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        *_: Any,
    ) -> None:
        """Write the batch's rows."""
        self._write(trainer, outputs, batch, batch_idx)

    on_predict_batch_end = on_test_batch_end  # type: ignore[assignment]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Merge and check the rows, and write the results; do nothing while fitting."""
        if _validating(trainer):
            self._finish(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Merge and check the rows, and write the results."""
        self._finish(trainer)

    on_predict_end = on_test_end

    def _require_proof(self, trainer: Trainer) -> None:
        model = model_of(trainer)
        if model is not None and model.weights_id() is None:
            raise CheckpointError(
                "no weights were loaded into the model; give --ckpt_path (best, last or a file)"
            )

    def _write(
        self, trainer: Trainer, outputs: dict[str, Tensor], batch: Batch, number: int
    ) -> None:
        if model_of(trainer) is None or self._writer is None:
            return
        predicted = outputs["predicted"].detach().float().cpu()
        columns = {
            "index": batch["index"].cpu().numpy(),
            "id": batch["ids"],
            "score": batch["scores"].cpu().numpy(),
            "predicted": predicted.where(batch["valid"].cpu(), float("nan")).numpy(),
            "error": batch["errors"],
        }
        self._writer.write(pd.DataFrame(columns), number)

    def _finish(self, trainer: Trainer) -> None:
        with also_as(self.formats):
            self._write_results(trainer)

    def _write_results(self, trainer: Trainer) -> None:
        folder, data = command_folder(trainer), data_of(trainer)
        # Each process read different images, and may have met other unreadable images while
        # training.
        note = folder / shards.SHARDS / "skipped" / f"{trainer.global_rank:05d}.json"
        write_text(note, json.dumps(data.skipped))
        trainer.strategy.barrier()
        model = model_of(trainer)
        if model is None or not trainer.is_global_zero:
            return
        command = str(trainer.state.fn and trainer.state.fn.value)
        everything = shards.merge(folder, "rows", ["index"])
        split = _SPLITS[command]
        expected = data.table.rows if split == "all" else data.table.part(split)
        if not (trainer.fast_dev_run or _limited(trainer, command)):  # type: ignore[attr-defined]
            shards.check_complete(everything["index"], len(expected))
        splits = dict(zip(expected["id"], expected["split"], strict=True))
        everything.insert(2, "split", everything["id"].map(splits))
        for path in sorted(note.parent.glob("[0-9]*.json")):
            data.skipped |= read_json(path, "give the same command again")
        unscored = [error for error in everything["error"] if error.endswith(UNSCORED)]
        if unscored:
            told = f"{len(unscored)} of {len(everything)} images are left out: {unscored[0]}"
            print(f"memlab: {told}", file=sys.stderr)  # noqa: T201
            self.notes.append(f"{told}.")
        table = everything[everything["error"] == ""].drop(columns="error").reset_index(drop=True)
        shown = model.calibration.columns(table["predicted"].to_numpy(dtype=float))
        table = table.assign(**{name: values.astype("float32") for name, values in shown.items()})

        described = data.describe()
        results = Results(
            command=command,
            status="finished",
            started=self.started,
            finished=now(),
            provenance=_provenance(trainer, model, described["source"]),
            model=ModelRecord(
                **model.spec,
                weights_id=model.weights_id(),
                checkpoint=str(trainer.ckpt_path) if trainer.ckpt_path else None,
                precision="32 in evaluation",
                card=model.card,
                seen_data=None if model.seen_data is None else list(model.seen_data),
            ),
            data=data_record(described),
            seed=self.seed,
            n=len(table),
            notes=[
                *self.notes,
                *model.card_notes(),
                *leak_notes(model, described["source"]["class_path"], data.root),
            ],
        )
        if table.empty:
            why = next(iter(everything["error"]), "")
            raise DataError(
                f"{data.table.origin}: no image of the {split} split has a prediction: {why}"
            )
        # predict mixes training images with others, so no accuracy is reported.
        if split != "all" and table["score"].notna().all():
            pairs = [table[name].to_numpy(dtype=float) for name in ("predicted", "score")]
            for name, metric in METRICS.items():
                results.metrics[name] = metric.with_interval(pairs[0], pairs[1], self.seed)
            if split == "test":  # val chose the checkpoint, so it cannot check the intervals
                results.interval = Intervals(
                    **coverage_entry(model.calibration, pairs[0], pairs[1])
                )
            results.figures += figures.predicted_against_true(table, results, folder)
        shards.write_table(table, folder, "rows")
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Contributor):
                callback.contribute(results, table, folder)
        results.finished = now()
        results.write(folder)
        tracking.log_results(trainer.loggers, results, folder)
        shards.remove_shards(folder)
        self.results = results


def _validating(trainer: Trainer) -> bool:
    return bool(trainer.state.fn == TrainerFn.VALIDATING)


def _limited(trainer: Trainer, command: str) -> bool:
    limit = {"validate": "val"}.get(command, command)
    return bool(getattr(trainer, f"limit_{limit}_batches") != 1.0)


def _provenance(trainer: Trainer, model: MemorabilityModel, source: Spec) -> Provenance:
    specs = [*_nested(model.spec), *_nested(source)]
    callbacks = list(trainer.callbacks)  # type: ignore[attr-defined]
    for callback in callbacks:
        specs += _nested([part.spec for part in getattr(callback, "parts", [])])
    found = [loaded_class(spec["class_path"]) for spec in specs]
    classes = [cls for cls in found if cls is not None]
    return Provenance(
        commit=commit(),
        versions=versions(),
        plugins=[Plugin(**one) for one in plugins_used([*classes, *map(type, callbacks)])],
        device=str(trainer.strategy.root_device),
        processes=trainer.world_size,
    )


def _nested(value: Any) -> list[Spec]:
    if isinstance(value, list):
        return [spec for entry in value for spec in _nested(entry)]
    if not isinstance(value, dict):
        return []
    own = [value] if "class_path" in value else []
    return own + [spec for entry in value.values() for spec in _nested(entry)]
