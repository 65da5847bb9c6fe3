"""A plugin that does not keep its promise is named in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memlab import registry
from tests.builders.commands import QUIET

MODULE = """
import pandas as pd
import torch
from lightning.pytorch import Callback
from torch import nn

from memlab.attributions.base import Attribution
from memlab.backbones.base import Backbone
from memlab.data.sources.base import Source, make_table
from memlab.data.table import Table
from memlab.models.base import MemorabilityModel


class Net(Backbone):
    feature_dim, input_size = 8, 64

    def __init__(self, mode: str = "sound", pretrained: bool = False):
        super().__init__()
        self.mode, self.conv = mode, nn.Conv2d(3, 8, 3, 4)
        if mode == "no length":
            self.feature_dim = None

    def stem(self, images):
        if self.mode == "raises":
            raise KeyError("oops")
        return self.conv(images)

    def tail(self, activations):
        found = activations.mean((2, 3))
        return {
            "longer": torch.cat([found, found], 1),
            "not pooled": activations.mean((2, 3), keepdim=True),
            "not finite": found * float("nan"),
            "integers": found.int(),
            "text": "features",
        }.get(self.mode, found)

    def grid(self, activations):
        return activations


class Model(MemorabilityModel):
    input_size = 64

    def __init__(self, mode: str = "two scores"):
        super().__init__()
        self.mode = mode

    def weights_id(self):
        return "closed-form"

    def forward(self, images):
        if self.mode == "raises":
            raise KeyError("oops")
        mean = images.mean((1, 2, 3))
        return {"two scores": torch.stack([mean, mean], 1), "one": mean[:1], "text": "high"}[
            self.mode
        ]


class Maps(Attribution):
    unit = "score"

    def maps(self, model, images):
        return images.mean((1, 2, 3))


class Rows(Source):
    def __init__(self, mode: str = "frame"):
        self.mode = mode

    @classmethod
    def recognises(cls, root):
        return False

    def table(self, root, split=None):
        if self.mode == "raises":
            raise KeyError("oops")
        ids = [f"{place}.png" for place in range(9)]
        frame = pd.DataFrame({"id": ids, "image": ids, "score": 0.5, "split": None})
        if self.mode == "columns":
            frame = frame.drop(columns="image")
        if self.mode == "text":
            frame["score"] = "high"
        if self.mode == "numbers":
            frame["id"] = range(9)
        if self.mode == "splits":
            frame["split"] = "trian"
        return frame if self.mode == "frame" else Table(frame, root, "here")


class Raises(Callback):
    def on_train_batch_end(self, *_):
        raise KeyError("oops")
"""

ENTRY_POINTS = """
[memlab.backbones]
bad_net = memlab_bad:Net
[memlab.models]
bad_model = memlab_bad:Model
[memlab.attributions]
bad_maps = memlab_bad:Maps
[memlab.sources]
bad_rows = memlab_bad:Rows
[memlab.callbacks]
bad_callback = memlab_bad:Raises
"""


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A third-party package, installed as far as Python can tell."""
    site = tmp_path_factory.mktemp("site")
    (site / "memlab_bad.py").write_text(MODULE)
    info = site / "memlab_bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: memlab-bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path.insert(0, str(site))
    registry._discover.cache_clear()
    yield
    sys.path.remove(str(site))
    registry._discover.cache_clear()


@pytest.fixture(autouse=True)
def _installed(distribution: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMLAB_PLUGINS", "memlab-bad")


@pytest.fixture
def fit(synthetic: Path) -> list[str]:
    return [
        *["fit", "--model.backbone=bad_net", "--data.image_size=64", f"--data.root={synthetic}"],
        *["--data.num_workers=0", "--trainer.max_epochs=1", "--maps=0", "--out=x", *QUIET],
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("longer", "shape (2, 16) for 2 images; by its feature_dim 8 it must be (2, 8)"),
        ("not pooled", "shape (2, 8, 1, 1)"),
        ("not finite", "not finite"),
        ("integers", "torch.int32"),
        ("text", "its features are str"),
        ("raises", "KeyError: 'oops'"),
        ("no length", "feature_dim is None"),
    ],
)
def test_backbones_are_tried_before_training(
    mode: str, said: str, fit: list[str], failing: Callable[..., str]
) -> None:
    message = failing(*fit, f"--model.backbone.mode={mode}")
    assert "plugin 'bad_net' (memlab-bad 1.0)" in message
    assert said in message
    assert not Path("x").exists()


@pytest.mark.slow
def test_frozen_backbones_are_tried_before_features_are_kept(
    fit: list[str], failing: Callable[..., str]
) -> None:
    probe = ["--model.unfrozen=0", "--data.augmentation=none", "--data.cache=cache"]
    message = failing(*fit, *probe, "--model.backbone.mode=longer")
    assert "feature_dim 8" in message
    assert not list(Path("cache").glob("*.features"))


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("two scores", "returned scores of shape"),
        ("one", "returned scores of shape (1,)"),
        ("text", "returned str"),
        ("raises", "failed: KeyError: 'oops' (memlab_bad.py, line "),
    ],
)
def test_models(mode: str, said: str, synthetic: Path, failing: Callable[..., str]) -> None:
    options = [f"--model.mode={mode}", f"--data.root={synthetic}", "--data.num_workers=0"]
    message = failing("test", "--model=bad_model", *options, "--maps=0", *QUIET)
    assert "plugin 'bad_model' (memlab-bad 1.0)" in message
    assert said in message


def test_loose_images(synthetic: Path, failing: Callable[..., str]) -> None:
    image = str(next((synthetic / "images").glob("*.png")))
    assert "plugin 'bad_model' (memlab-bad 1.0) returned" in failing("score", "bad_model", image)
    message = failing(
        "explain", "white_box_redness", image, "--method", "bad_maps", "--out", "maps"
    )
    assert "plugin 'bad_maps' (memlab-bad 1.0) returned (1,)" in message


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("frame", "returned DataFrame, not a Table"),
        ("columns", "lacks the columns image"),
        ("text", "its scores are not numbers"),
        ("numbers", "its ids are not text"),
        ("splits", "split 'trian' is none of"),
        ("raises", "failed: KeyError: 'oops'"),
    ],
)
def test_sources(mode: str, said: str, fit: list[str], failing: Callable[..., str]) -> None:
    message = failing(*fit, "--data.source=bad_rows", f"--data.source.mode={mode}")
    assert "plugin 'bad_rows' (memlab-bad 1.0)" in message
    assert said in message


def test_callbacks(fit: list[str], failing: Callable[..., str]) -> None:
    message = failing(*fit, "--trainer.callbacks=bad_callback")
    assert "plugin 'bad_callback' (memlab-bad 1.0) failed: KeyError: 'oops'" in message
