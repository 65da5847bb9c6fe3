"""What once went wrong: options that leaked, weights of another run, numbers of other images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from torch import Tensor, nn

from memlab import Attribution, load
from memlab.ablations.plan import plan
from memlab.analysis.results import read
from memlab.attributions.integrated_gradients import IntegratedGradients
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.models.base import hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.models.schedules import WarmupCosine
from memlab.spec import build
from tests.builders.commands import QUIET, TINY


def printed_config(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["fit", *arguments, "--print_config"]) == 0
    found: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)
    return found


def sigmas(config: dict[str, Any]) -> list[float]:
    return [
        item["init_args"]["sigma"] for item in config["ablation"] if "sigma" in item["init_args"]
    ]


@pytest.mark.slow
def test_a_name_brings_no_arguments_of_an_earlier_one(capsys: pytest.CaptureFixture[str]) -> None:
    Path("strong.yaml").write_text("ablation: [{class_path: blur, init_args: {sigma: 8}}]\n")
    Path("plain.yaml").write_text("ablation: [blur]\n")
    strong = ["--config", "strong.yaml"]
    assert sigmas(printed_config(capsys, *strong)) == [8]
    assert sigmas(printed_config(capsys, *strong, "--ablation", "blur")) == [2]
    assert sigmas(printed_config(capsys, *strong, "--ablation", "frequency"))[0] == 2
    assert sigmas(printed_config(capsys, *strong, "--config", "plain.yaml")) == [2]
    twice = ["--ablation", "blur", "--ablation.sigma", "4", "--ablation", "blur"]
    assert sigmas(printed_config(capsys, *twice)) == [4, 2]
    assert printed_config(capsys, *strong, "--ablation", "none")["ablation"] == []


def test_lists_on_the_command_line_take_short_names(capsys: pytest.CaptureFixture[str]) -> None:
    value = "[grayscale, {class_path: blur, init_args: {sigma: 1}}]"
    found = printed_config(capsys, "--ablation", value)["ablation"]
    assert [item["class_path"].rpartition(".")[2] for item in found] == ["Grayscale", "Blur"]
    assert found[1]["init_args"]["sigma"] == 1


def test_another_optimizer_inherits_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--config", "quickstart", "--model.optimizer", "SGD", "--model.optimizer.lr", "0.1"]
    optimizer = printed_config(capsys, *options)["model"]["init_args"]["optimizer"]
    assert optimizer["class_path"] == "torch.optim.SGD"
    assert optimizer["init_args"]["lr"] == 0.1
    assert optimizer["init_args"]["weight_decay"] == 0


@pytest.mark.slow
def test_a_copied_run_goes_on_with_its_own_weights(finished: Path) -> None:
    original = load(finished).weights_id()
    copy = Path(shutil.copytree(finished, "runs/copy"))
    shutil.rmtree(finished)
    more = ["--run", str(copy), "--ckpt_path", "last", "--trainer.max_epochs=2"]
    assert main(["fit", *more, "--ablation", "none", "--attribution", "none", *QUIET]) == 0
    found = read(copy / "fit")
    assert Path(found.model.checkpoint).resolve().is_relative_to(copy.resolve())
    last = torch.load(copy / "fit" / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["epoch"] == 1
    assert hash_weights(last["state_dict"]) != original
    assert pd.read_csv(copy / "fit" / "metrics.csv")["epoch"].tolist() == [0, 1]
    assert yaml.safe_load((copy / "fit" / "config.yaml").read_text()).get("ckpt_path") is None


def test_a_longer_run_does_not_train_at_a_rate_of_zero() -> None:
    def schedule(steps: int) -> WarmupCosine:
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
        made = WarmupCosine(optimizer)
        made.span(steps)
        return made

    short, long = schedule(10), schedule(20)
    for _ in range(10):
        short.optimizer.step()
        short.step()
    long.load_state_dict(short.state_dict())
    assert long.last_epoch == 10
    assert long.get_lr()[0] > 0.4


@pytest.mark.slow
def test_a_command_that_predicts_reports_no_accuracy(finished: Path, synthetic: Path) -> None:
    assert main(["predict", "--run", str(finished), *QUIET]) == 0
    found = read(finished / "predict-001")
    assert found.n == 60
    assert found.metrics == {}


@pytest.mark.slow
def test_a_run_without_a_best_is_tested_on_its_last(finished: Path) -> None:
    (finished / "fit" / "checkpoints" / "best.ckpt").unlink()
    assert main(["test", "--ablation", "none", "--attribution", "none", *QUIET]) == 0
    assert read(finished / "test-001-none").model.checkpoint.endswith("last.ckpt")
    assert load(finished).weights_id() is not None


def test_unreadable_images_do_not_move_the_others() -> None:
    from memlab.backbones.timm import Timm

    model = MemorabilityRegressor(Timm("test_resnet", pretrained=False, image_size=64), dropout=0.0)
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    images, scores = torch.rand(4, 3, 64, 64), torch.tensor([0.2, 0.5, 0.9, float("nan")])
    valid = torch.tensor([True, True, True, False])
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with_bad = model.training_step({"images": images, "scores": scores, "valid": valid}, 0)  # type: ignore[typeddict-item]
    model.load_state_dict(state)
    alone = {"images": images[:3], "scores": scores[:3], "valid": valid[:3]}
    assert model.training_step(alone, 0) == with_bad  # type: ignore[arg-type]
    none = {"images": images, "scores": scores, "valid": ~valid & valid}
    nothing = model.training_step(none, 0)  # type: ignore[arg-type]
    nothing.backward()  # type: ignore[no-untyped-call]
    assert nothing == 0


class Stubborn(Attribution):
    """Explains nothing."""

    unit = "nothing"

    def maps(self, model: Any, images: Tensor) -> Tensor:
        raise MemlabError("no spatial seam")


@pytest.mark.slow
def test_a_failing_map_costs_the_map_alone(finished: Path) -> None:
    option = ["--attribution", f"{__name__}.Stubborn", "--attribution", "grad_cam"]
    assert main(["test", "--run", str(finished), *option, "--maps=3", *QUIET]) == 0
    found = read(finished / "test-001")
    assert "No maps by stubborn: no spatial seam" in found.notes
    assert [entry.method for entry in found.maps] == ["grad_cam"]
    assert found.n == 12


def test_specs_of_classes_without_arguments_build() -> None:
    assert IntegratedGradients().spec["init_args"] == {}
    assert isinstance(build(IntegratedGradients().spec), IntegratedGradients)


def test_conditions_describe_the_dose_they_were_run_at() -> None:
    from memlab.ablations.frequency import Blur

    described = [vars(condition.record) for condition in plan([Blur()], "ladder")]
    assert [entry["parameters"]["sigma"] for entry in described] == [0.5, 1, 2, 4, 8]


def test_results_with_more_keys_are_still_read(finished: Path) -> None:
    path = finished / "fit" / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "later": 1}))
    assert read(finished / "fit").n == 12


def test_a_subset_stays_inside_its_folder(make_image: Callable[..., Path], tmp_path: Path) -> None:
    for place in range(4):
        make_image(f"images/{place}.png", seed=place)
    Path("lists").mkdir()
    lines = [f"../images/{place}.png,0.{place + 1}" for place in range(3)]
    absolute = f"{tmp_path / 'images' / '3.png'},0.9"
    Path("lists/a.csv").write_text("\n".join(["image,score", *lines, absolute]))
    before = sorted(Path("images").iterdir())
    assert main(["data", "subset", "lists", "-n", "4", "--outside", "--out", "deep/out"]) == 0
    copied = pd.read_csv("deep/out/subset.csv")
    assert all((Path("deep/out") / name).is_file() for name in copied["image"])
    assert sorted(Path("images").iterdir()) == before
    assert {path.name for path in Path("deep").iterdir()} == {"out"}


@pytest.mark.parametrize(
    "options",
    [
        ["--data.batch_size=0"],
        ["--data.num_workers=-1"],
        ["--data.image_size=1"],
        ["--model.hidden=0"],
        ["--model.dropout=1.5"],
        ["--maps=-1"],
        ["--trainer.accelerator=cpux"],
        ["--trainer.precision=bf16-true"],
        ["--trainer.max_epochs=0"],
        ["--model.optimizer=SGD", "--model.optimizer.lr=-1"],
        ["--trainer.callbacks=records"],
        ["--trainer.callbacks=recordz"],
        ["--attribution", "grad_cam", "--attribution", f"{__name__}.Impostor"],
    ],
)
def test_values_out_of_range_are_one_line(
    options: list[str], synthetic: Path, failing: Callable[..., str]
) -> None:
    failing("fit", f"--data.root={synthetic}", *TINY, *options)


class Impostor(Stubborn):
    """Goes by another's name."""

    name = "grad_cam"  # type: ignore[assignment]


@pytest.mark.slow
def test_a_last_batch_of_one_trains(synthetic: Path) -> None:
    # 42 training images in batches of 41
    options = [*TINY, "--data.batch_size=41", "--attribution=none"]
    assert main(["fit", f"--data.root={synthetic}", "--data.image_size=32", *options]) == 0


@pytest.mark.slow
def test_a_region_is_named_in_the_table(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    option = ["--ablation", "grayscale", "--ablation.region", "faces", "--attribution", "none"]
    assert main(["test", "--run", str(finished), *option, *QUIET]) == 0
    assert "grayscale@1[faces]" in capsys.readouterr().out


@pytest.mark.slow
def test_the_way_to_name_columns_works_as_told(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    for place in range(30):
        make_image(f"{place}.png", seed=place)
    lines = [f"{place}.png,{0.4 + place / 60}" for place in range(30)]
    Path("odd.csv").write_text("\n".join(["pic,how", *lines]))
    message = failing("fit", "--data.root=odd.csv", *TINY, "--data.image_size=32")
    assert "give --data.source.image NAME" in message
    assert "--model.backbone NAME" in failing("fit", "--data.root=odd.csv")
    named = ["--data.source.image", "pic", "--data.source.score", "how"]
    assert main(["data", "check", "odd.csv", *named]) == 0
    more = ["--data.root=odd.csv", *named, "--data.image_size=32"]
    assert main(["fit", *TINY, *more, "--run=runs/odd", "--attribution=none"]) == 0
    assert read(Path("runs/odd/fit")).n == 6
