"""Files that are passed on are data: nothing that they name runs, is imported, or is deleted."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from memlab import load
from memlab.errors import MemlabError
from tests.builders.commands import QUIET
from tests.builders.hostile_modules import FOREIGN, POPEN

pytestmark = pytest.mark.usefixtures("module")

TEST = [*QUIET, "--data.num_workers=0", "--ablation", "none", "--maps", "0"]


@pytest.fixture
def hostile(finished: Path) -> Callable[..., Path]:
    """The run's best checkpoint with one argument of its model changed, or its whole model."""
    path = finished / "fit" / "checkpoints" / "best.ckpt"
    original = torch.load(path, weights_only=True)

    def make(value: Any, name: str = "") -> Path:
        changed = copy.deepcopy(original)
        if name:
            changed["memlab"]["model"]["init_args"][name] = value
        else:
            changed["memlab"]["model"] = value
        torch.save(changed, path)
        return path

    return make


@pytest.mark.parametrize(
    "name", ["head", "backbone", "loss", "unfrozen", "optimizer", "lr_scheduler", ""]
)
def test_a_checkpoint_runs_nothing(
    name: str,
    module: str,
    hostile: Callable[..., Path],
    unharmed: Callable[[], None],
    make_image: Callable[..., Path],
    failing: Callable[..., str],
) -> None:
    image = str(make_image("a.png"))
    for value in (POPEN, {"class_path": f"{module}.Net", "init_args": {}}):
        checkpoint = hostile(value, name)
        said = failing("score", str(checkpoint), image)
        assert f"{checkpoint}: " in said
        assert value["class_path"] in said
        assert said.count("\n") == 0
        assert "nothing was imported" in said
        unharmed()


@pytest.mark.slow
def test_every_command_that_loads_one_refuses_it(
    module: str,
    hostile: Callable[..., Path],
    unharmed: Callable[[], None],
    make_image: Callable[..., Path],
    failing: Callable[..., str],
    synthetic: Path,
) -> None:
    image = str(make_image("a.png"))
    checkpoint = hostile(POPEN, "head")
    shutil.copy(checkpoint, checkpoint.with_name("last.ckpt"))
    run, file = "runs/tiny", str(checkpoint)
    for command in (
        ["score", run, image],
        ["explain", run, image, "--out", "maps"],
        ["explain", file, image, "--out", "maps"],
        *([command, "--run", run, *QUIET] for command in ("test", "validate", "predict")),
        ["test", "--ckpt_path", file, *TEST],
        ["fit", "--run", run, "--ckpt_path", "last", *QUIET],
        ["study", "--data.root", str(synthetic), "--model", run, "-n", "10", "--out", "s", *QUIET],
    ):
        assert "'subprocess.Popen'" in failing(*command), command
        unharmed()


@pytest.mark.slow
def test_what_hides_deeper_is_found_too(
    module: str, hostile: Callable[..., Path], unharmed: Callable[[], None]
) -> None:
    model = torch.load(hostile(0, "hidden"), weights_only=True)["memlab"]["model"]
    backbone = model["init_args"]["backbone"]
    nested = {**backbone, "init_args": {**backbone["init_args"], "name": POPEN}}
    sources = {"class_path": "memlab.data.sources.csv.CsvSource", "init_args": {}}
    circle: dict[str, Any] = copy.deepcopy(model)
    circle["init_args"]["head"] = circle
    bomb: list[Any] = ["x"]
    for _ in range(30):
        bomb = [bomb] * 8
    for value, name, message in (
        (nested, "backbone", r"backbone\.name names the class 'subprocess.Popen'"),
        (sources, "backbone", "backbone: memlab.data.sources.csv.CsvSource is no Backbone"),
        (sources, "", "is no registered model"),
        (circle, "", "within itself"),
        (bomb, "head", "more than 1000000 values"),
        ({"class_path": FOREIGN, "init_args": {"target": f"{module}:Net"}}, "", "--trust"),
        ({"class_path": FOREIGN, "init_args": {"target": POPEN}}, "", "no registered model"),
        ({"class_path": "memlab.__main__.x"}, "", "no registered model"),
        ({"class_path": 5}, "", "damaged: memlab.model is"),
    ):
        with pytest.raises(MemlabError, match=message):
            load(hostile(value, name))
        unharmed()


def test_pickled_code_is_not_run(hostile: Callable[..., Path], failing: Callable[..., str]) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, ("touch RUN",)

    torch.save({"memlab": Payload()}, "evil.ckpt")
    Path("plain.ckpt").write_bytes(pickle.dumps(Payload()))
    for name in ("evil.ckpt", "plain.ckpt"):
        assert f"{name}: " in failing("score", name, ".")
        assert not Path("RUN").exists()


def test_results_name_no_class(
    module: str, finished: Path, unharmed: Callable[[], None], failing: Callable[..., str]
) -> None:
    path = finished / "fit" / "results.json"
    found = json.loads(path.read_text())
    for source in (POPEN, {"class_path": f"{module}.Net"}):
        found["data"]["source"] = source
        path.write_text(json.dumps(found))
        said = failing("attributes", str(finished))
        assert f"{path}: names the class {source['class_path']!r}" in said
        unharmed()
    found["figures"] = ["../../../secret.png"]
    path.write_text(json.dumps(found))
    assert "the figure '../../../secret.png' is not beside it" in failing(
        "attributes", str(finished)
    )
