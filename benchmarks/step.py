"""Overhead in microseconds of a memlab training step over a bare PyTorch loop, in turn by step.

After every step of `memlab fit`, a callback runs a bare step (next batch, forward, loss, backward,
optimizer) on a copy of the model, so both meet the same noise. Images are decoded once and kept,
so the measurement covers the loop and not the loader.
"""

from __future__ import annotations

import copy
import cProfile
import functools
import json
import os
import platform
import pstats
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader

from memlab.cli import main
from memlab.data.dataset import ImageDataset, collate
from memlab.models.regressor import MemorabilityRegressor
from memlab.synthetic import write

WARM_UP = 5
NETS = {
    "10k parameters": {
        "options": ["--model.backbone=step.Small", "--model.head=linear", "--data.image_size=32"],
        "batch": 16,
        "epochs": 20,
    },
    "ResNet50": {
        "options": [
            "--model.backbone=resnet50",
            "--model.backbone.pretrained=false",
            "--data.image_size=128",
        ],
        "batch": 16,
        "epochs": 2,
    },
}


def _small() -> type:
    from memlab.backbones.base import Backbone

    class Small(Backbone):
        """Backbone of three convolutions, 10 thousand parameters."""

        feature_dim, input_size = 32, 32

        def __init__(self) -> None:
            super().__init__()
            widths = [3, 16, 24, 32]
            layers: list[torch.nn.Module] = []
            for before, after in pairwise(widths):
                layers += [torch.nn.Conv2d(before, after, 3, stride=2), torch.nn.ReLU()]
            self.layers = torch.nn.Sequential(*layers)

        def stem(self, images: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.layers(images)
            return found

        def tail(self, activations: torch.Tensor) -> torch.Tensor:
            return activations.mean(dim=(2, 3))

        def grid(self, activations: torch.Tensor) -> torch.Tensor:
            return activations

    Small.__module__, Small.__qualname__ = "step", "Small"
    return Small


Small = _small()


TIMES: dict[str, list[float]] = {}


class InTurn(Callback):
    """Callback that runs a bare step after every step of memlab's, and times both."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Copy model and optimizer, and create a bare loader of the same images."""
        TIMES.update(memlab=[], bare=[])
        assert isinstance(pl_module, MemorabilityRegressor)
        trainer_, pl_module.trainer = pl_module.trainer, None  # type: ignore[assignment]
        self.model = copy.deepcopy(pl_module)
        pl_module.trainer = trainer_
        self.model.train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        data = trainer.datamodule  # type: ignore[attr-defined]
        dataset = ImageDataset(data.table.part("train"), data.table.root, data.geometry)
        self.loader = DataLoader(
            dataset, batch_size=data.batch_size, shuffle=True, collate_fn=collate, drop_last=True
        )
        self.batches = iter(self.loader)
        self.since: float | None = None

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Record memlab's time since the last bare step, and run a bare step."""
        now = time.perf_counter()
        if self.since is not None:
            TIMES["memlab"].append(now - self.since)
        start = time.perf_counter()
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.loader)
            batch = next(self.batches)
        predicted = self.model(batch["images"].float() / 255)
        loss = mse_loss(predicted, batch["scores"])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        TIMES["bare"].append(time.perf_counter() - start)
        self.since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the clock, because the time between epochs is not part of a step."""
        self.since = None


class Profiled(Callback):
    """Callback that profiles the epochs, to attribute a step's time to code."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the profile."""
        PROFILE.clear()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the profiler."""
        PROFILE.enable()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the profiler, because validation and checkpoints are not part of the steps."""
        PROFILE.disable()


PROFILE = cProfile.Profile()


def fit(net: dict[str, Any], data: Path, folder: Path, callback: str) -> None:
    """Train a network with memlab, with everything that is always active."""
    arguments = [
        *["fit", f"--data.root={data}", f"--run={folder}", *net["options"]],
        *["--data.augmentation=none", "--data.num_workers=0", f"--data.batch_size={net['batch']}"],
        *[f"--trainer.max_epochs={net['epochs']}", "--trainer.enable_progress_bar=false"],
        *["--trainer.accelerator=cpu", f"--trainer.callbacks=step.{callback}"],
        *["--trainer.limit_val_batches=1", "--ablation=none", "--maps=0"],
    ]
    if main(arguments) != 0:
        raise SystemExit("fit failed")


def measure(net: dict[str, Any], data: Path, folder: Path) -> dict[str, float]:
    """Fit, and compare step by step; in microseconds."""
    import step

    fit(net, data, folder, "InTurn")
    ours, bare = (step.TIMES[name][WARM_UP:] for name in ("memlab", "bare"))
    over = statistics.median(a - b for a, b in zip(ours, bare, strict=False))
    plain = statistics.median(bare)
    return {
        "steps": len(ours),
        "bare": round(plain * 1e6, 1),
        "memlab": round(statistics.median(ours) * 1e6, 1),
        "over": round(over * 1e6, 1),
        "share": round(over / plain, 4),
    }


def parts(net: dict[str, Any], data: Path, folder: Path) -> dict[str, float]:
    """Return the shares of a step's profiled time by the code that spends it."""
    import step

    fit(net, data, folder, "Profiled")
    shares: dict[str, float] = dict.fromkeys(("torch", "lightning", "memlab", "python"), 0.0)
    for (file, _, name), figures in pstats.Stats(step.PROFILE).stats.items():  # type: ignore[attr-defined]
        found = [part for part in shares if f"/{part}" in file or (file == "~" and part in name)]
        shares[found[0] if found else "python"] += figures[2]
    total = sum(shares.values())
    return {part: round(seconds / total, 3) for part, seconds in shares.items()}


def run() -> None:
    """Measure every network, and write the results."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    kept = functools.cache(ImageDataset.__getitem__)
    ImageDataset.__getitem__ = lambda self, index: kept(self, index)  # type: ignore[method-assign]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write(work / "data", n=400, seed=0, size=64)
        for place, (label, net) in enumerate(NETS.items()):
            found[label] = measure(net, work / "data", work / f"turn-{place}")
        small = next(iter(NETS.values()))
        shares = parts(small, work / "data", work / "profiled")
    result = {
        "unit": "microseconds per training step, medians; over: median of paired differences",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("memlab", "lightning", "torch")},
        "nets": found,
        "where the time of the small network's step goes": shares,
    }
    path = Path(__file__).parent / "results" / "step.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    run()
