"""MODEL means the same in every command that takes one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import memlab
from memlab.cli import main
from memlab.cli.model_option import MODEL, absolute, is_trained
from memlab.cli.spelling import places

NET = """
import torch
class Net(torch.nn.Module):
    def forward(self, images):
        return images.mean((1, 2, 3))
"""


@pytest.mark.parametrize("command", ["score", "explain", "ablate", "study"])
def test_every_help_page_describes_it_alike(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    assert MODEL in capsys.readouterr().out


@pytest.mark.slow
def test_every_form_is_taken_by_score_and_ablate(
    finished: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text(NET)
    image = str(make_image("a.png"))
    checkpoint = finished / "fit" / "checkpoints" / "best.ckpt"
    for model in (finished, finished / "fit", checkpoint, "white_box_redness", "mine:Net"):
        assert main(["score", str(model), image]) == 0
        assert main(["ablate", str(model), image, "--ablation=grayscale", "--controls=0"]) == 0


def test_a_folder_named_as_a_plugin_is_no_run(finished: Path) -> None:
    Path("white_box_redness").mkdir()
    assert memlab.load("white_box_redness").weights_id() == "closed-form"
    assert not is_trained("white_box_redness")
    assert places("test", ["--model", "white_box_redness"]).run is None
    finished.rename("white_box_chroma")
    assert memlab.load("white_box_chroma").weights_id() != "closed-form"
    assert is_trained("white_box_chroma")


def test_a_recorded_model_means_the_same_in_every_folder(finished: Path) -> None:
    Path("weights.pth").write_bytes(b"")
    here = Path.cwd()
    assert absolute("vitmem:weights.pth") == f"vitmem:{here / 'weights.pth'}"
    assert absolute("runs/tiny") == str(finished.resolve())
    assert absolute("resmem") == "resmem"
