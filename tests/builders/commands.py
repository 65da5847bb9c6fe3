"""Options for commands, and the results that commands leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

QUIET = ["--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
"""For commands that need no network described."""

TINY = [
    "--model.backbone=timm",
    "--model.backbone.name=test_resnet",
    "--model.backbone.pretrained=false",
    "--data.num_workers=0",
    "--data.batch_size=16",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.max_epochs=1",
]
"""A network that trains in a second."""


PLAIN = ["--ablation=none", "--maps=0"]
"""For fits and tests whose ablations and maps nobody looks at: the default of 16 maps is drawn."""


def results(folder: Path) -> dict[str, Any]:
    """Return results.json of a folder."""
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found
