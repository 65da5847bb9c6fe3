"""What trackers are sent after a test: figures and maps as images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lightning.pytorch.loggers import Logger
from PIL import Image

from memlab import tracking
from memlab.analysis.results import read


class WandbLogger:
    """Tracker that keeps what it is sent; memlab knows it by its name."""

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        self.experiment = SimpleNamespace(summary={})

    def log_image(self, key: str, **sent: Any) -> None:
        self.images[key] = sent

    def log_table(self, key: str, **sent: Any) -> None:
        pass


def test_maps_are_sent_as_one_list_for_each_method_with_their_texts(run: Path) -> None:
    results = read(run / "fit")
    figures = [*results.figures, "maps/grad_cam.pdf"]  # as --figures pdf lists it
    tracker: Any = WandbLogger()
    trackers: list[Logger] = [tracker]
    tracking.log_results(trackers, replace(results, figures=figures), run / "fit")
    sent = tracker.images["maps/grad_cam"]
    assert len(sent["images"]) == len(sent["caption"]) == 1
    assert isinstance(sent["images"][0], Image.Image)
    assert sent["images"][0].size == (480, 240)  # the image, and the map over it
    (caption,) = sent["caption"]
    for said in ("images/", "predicted 0.", "by people 0.", "of what", "full colour is "):
        assert said in caption
    others = [one["images"] for key, one in tracker.images.items() if "/" not in key]
    assert others
    assert all(path.endswith(".png") for paths in others for path in paths)
