"""memlab.fit and memlab.test do what the commands do, and raise what these print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import memlab
from memlab import MemlabError
from memlab.ablations.frequency import Blur


@pytest.mark.slow
def test_fit_and_test_from_python(synthetic: Path) -> None:
    tiny: dict[str, Any] = {
        "model": {"backbone": "timm", "backbone.name": "test_resnet", "backbone.pretrained": False},
        "data": {"root": synthetic, "image_size": 64, "num_workers": 0, "batch_size": 16},
        "trainer": {"accelerator": "cpu", "enable_progress_bar": False},
    }
    run = memlab.fit(
        "quickstart",
        out="runs/first",
        ablation="none",
        maps=2,
        **{**tiny, "trainer.max_epochs": 1, "data.source": None},
    )
    assert run == Path("runs/first")
    assert (run / "fit" / "results.json").is_file()
    quick: dict[str, Any] = {"trainer": tiny["trainer"], "data.num_workers": 0, "maps": 0}
    results = memlab.test(
        run, synthetic, ablations=[Blur(sigma=4), "grayscale"], controls=0, **quick
    )
    assert results.command == "test"
    assert [one.condition for one in results.conditions] == ["blur@4", "grayscale@1"]
    assert (run / "test-001-blur-grayscale" / "conditions.csv").is_file()
    other = memlab.test("white_box_redness", synthetic, out="elsewhere", **quick)
    assert other.n == 60
    assert Path("elsewhere/test-001/results.json").is_file()


def test_errors_are_exceptions(synthetic: Path) -> None:
    with pytest.raises(MemlabError, match="did you mean 'quickstart'"):
        memlab.fit("quickstar")
    with pytest.raises(MemlabError, match=r"trainer\.max_epochs"):
        memlab.fit("quickstart", trainer={"max_epochs": "many"})
    with pytest.raises(MemlabError, match="did you mean 'white_box_redness'"):
        memlab.test("white_box_rednes", synthetic)
