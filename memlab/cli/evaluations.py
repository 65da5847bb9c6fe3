"""What the Trainer's commands evaluate: options, images, and a fit without a test."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Literal

from jsonargparse import ActionYesNo, Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from memlab.ablations.base import Ablation
from memlab.ablations.plan import DRAWS
from memlab.attributions.base import Attribution
from memlab.cli import runs
from memlab.cli.plugin_names import class_path
from memlab.cli.trainer import Plan
from memlab.data.kept_split import KeptSplit
from memlab.data.split_use import SplitUse
from memlab.data.table import SPLITS, Table
from memlab.models.base import MemorabilityModel
from memlab.models.regressor import MemorabilityRegressor


def add_evaluations(parser: LightningArgumentParser) -> None:
    """Add the options of ablations, the blind scan, attribution maps and figures."""
    parser.add_argument(
        "--ablation",
        type=list[Ablation],
        default=[],
        help="ablation of the test images: a plugin's name, a family, all or none; may be "
        "repeated, and its parameters follow: --ablation.sigma 4.",
    )
    parser.add_argument(
        "--doses",
        type=Literal["primary", "ladder"],
        default="primary",
        help="one dose per ablation, or its whole ladder (the dose curve).",
    )
    parser.add_argument(
        "--scan",
        action=ActionYesNo,
        default=False,
        help="occlude test images cell by cell, outside all masks, to find marks that no region "
        "covers.",
    )
    parser.add_argument(
        "--controls",
        type=NonNegativeInt,
        default=DRAWS,
        help="draws of each control per image: the same change at another position, or the "
        "round trip of a swap; with 0 there are no controls and no nuisance baseline.",
    )
    parser.add_argument(
        "--attribution",
        type=list[Attribution],
        default=[{"class_path": class_path("attributions", "grad_cam")}],
        help="way to explain scores by maps: contrast_cam, grad_cam, grad_cam_relu, "
        "integrated_gradients, layer_cam, occlusion, a plugin's name, or none; may be repeated.",
    )
    parser.add_argument(
        "--maps", type=int, default=16, help="number of test images that are explained."
    )
    parser.add_argument(
        "--maps_of",
        type=str | list[str],
        default="sample",
        help="which test images are explained: sample, most (memorable), least, worst (errors), "
        "ids with commas between, or a .txt file with one id a line.",
    )
    parser.add_argument(
        "--figures",
        type=Literal["pdf", "svg"] | None,
        default=None,
        help="write figures in this format, too, with text as text; they are always PNG.",
    )
    parser.add_argument(
        "--checkpoint_every",
        type=PositiveInt | None,
        default=None,
        help="steps after which last.ckpt is written in fit, besides at each epoch's end.",
    )


def split_use(plan: Plan, kept: KeptSplit | None, model: Namespace) -> SplitUse:
    """Return the purpose of the images, and what the weights were trained on.

    Args:
        plan: the command.
        kept: split of the run whose weights are used, if it keeps one.
        model: configuration of the model.
    """
    command, checkpoint = plan.command, plan.checkpoint
    if checkpoint is None:
        purpose = "draw" if command == "fit" else command
        target = (model.get("init_args") or {}).get("target")  # of somebody's plain module
        title = target or str(model.class_path).rpartition(".")[2]
        return SplitUse(purpose, model=str(title))  # type: ignore[arg-type]
    trained = runs.run_of(checkpoint)
    of_this_run = checkpoint.resolve().is_relative_to(plan.run.resolve())
    purpose = command if command != "fit" else "go_on" if of_this_run else "begin"
    return SplitUse(purpose, kept, str(trained or checkpoint))  # type: ignore[arg-type]


def say_overfitted(trainer: Trainer) -> None:
    """Print the loss of a fit on a few batches, after which nothing is tested."""
    loss = float(trainer.callback_metrics.get("train/loss", math.nan))
    print(  # noqa: T201
        f"memlab: loss {loss:.2g} after {trainer.current_epoch} epochs on the same "
        f"{trainer.num_training_batches} batches; this checks that the network can learn, "
        "so nothing is tested",
        file=sys.stderr,
    )


def say_trained(model: MemorabilityModel, table: Table, run: Path) -> None:
    """Print how many parameters are trained, on how many images, and where the run is."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    parameters = sum(size for size, _ in sizes)
    trained = sum(size for size, needed in sizes if needed)
    part = "" if trained == parameters else f" ({trained / 1e6:.2f} M trained)"
    if isinstance(model, MemorabilityRegressor) and model.solved_only:
        part = f" (the {trained:,} of the head are solved, none is trained by gradient)"
    counts = table.rows["split"].value_counts()
    images = ", ".join(f"{counts.get(split, 0)} {split}" for split in SPLITS)
    print(  # noqa: T201
        f"memlab: {parameters / 1e6:.2f} M parameters{part}; images: {images}; run {run}",
        file=sys.stderr,
    )
