"""Configuration files: shipped, composed, short names, unknown keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from memlab import registry
from memlab.cli import configs, main
from tests.builders.commands import QUIET, results


def test_unknown_keys_name_file_and_closest_key(failing: Callable[..., str]) -> None:
    Path("mine.yaml").write_text("trainer:\n  max_epoch: 3\n")
    message = failing("fit", "--config", "mine.yaml")
    assert message == (
        "memlab: mine.yaml: unknown key 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?"
    )
    Path("mine.yaml").write_text("ablation: [blurr]\n")
    assert "mine.yaml: unknown ablation 'blurr'" in failing("fit", "--config", "mine.yaml")
    Path("mine.yaml").write_text("a: [b\n")
    assert "mine.yaml: not YAML" in failing("fit", "--config", "mine.yaml")


def test_a_config_is_found_by_its_former_name(capsys: pytest.CaptureFixture[str]) -> None:
    registry.say_renamed.cache_clear()
    assert configs.find_config("study/prototype").name == "student-study.yaml"
    assert configs.find_config("study/prototype.yaml").name == "student-study.yaml"
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("memlab: 'study/prototype' is now called 'study/student-study'")


@pytest.mark.slow
@pytest.mark.parametrize("name", configs.shipped_names())
def test_every_shipped_config_parses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", name, "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    given = yaml.safe_load(configs.find_config(name).read_text())
    for group in given:
        assert printed[group.removesuffix("+")]


def test_configs_compose(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["resnet50", "data/lamem", "trainer/gpu", "tracking/wandb"]
    arguments = [part for name in names for part in ("--config", name)]
    assert main(["fit", *arguments, "--data.split", "3", "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["model"]["init_args"]["backbone"]["class_path"].endswith("ResNet50")
    assert printed["data"]["split"] == 3
    assert printed["trainer"]["precision"] == "bf16-mixed"
    assert printed["trainer"]["logger"][0]["class_path"].endswith("WandbLogger")


@pytest.mark.slow
def test_yaml_takes_short_names(synthetic: Path) -> None:
    Path("mine.yaml").write_text(
        "model:\n  backbone:\n    class_path: timm\n"
        "    init_args: {name: test_resnet, pretrained: false}\n"
        f"data: {{root: {synthetic}, source: synthetic, image_size: 64, num_workers: 0}}\n"
        "ablation: [grayscale, {class_path: blur, init_args: {sigma: 1}}]\n"
        "attribution: none\n"
        "trainer: {max_epochs: 1, accelerator: cpu, enable_progress_bar: false}\n"
    )
    assert main(["fit", "--config", "mine.yaml", "--run", "runs/yaml"]) == 0
    entries = results(Path("runs/yaml/fit"))["conditions"]
    targets = [entry["condition"] for entry in entries if entry["role"] == "target"]
    assert targets == ["grayscale@1", "blur@1"]
    saved = yaml.safe_load(Path("runs/yaml/fit/config.yaml").read_text())
    assert saved["ablation"][0]["class_path"] == "memlab.ablations.colour.Grayscale"


@pytest.mark.slow
def test_families_are_expanded(finished: Path) -> None:
    assert main(["test", "--run", str(finished), "--ablation", "colour", "--maps=0", *QUIET]) == 0
    entries = results(finished / "test-001-colour")["conditions"]
    targets = {entry["ablation"] for entry in entries if entry["role"] != "nuisance"}
    swaps = {"swap_palette", "swap_saturation"}
    assert targets == {"color_contrast", "desaturate", "grayscale", "hue_rotate", *swaps}


@pytest.mark.parametrize("end", ["min", "max"])
def test_the_sweeps_commands_parse(end: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = yaml.safe_load((configs.shipped() / "tracking" / "sweep.yml").read_text())
    pick = {"min": 0, "max": -1}[end]
    chosen = {
        name: choice["values"][pick] if "values" in choice else choice[end]
        for name, choice in sweep["parameters"].items()
    }
    given = [f"--{name}={value}" for name, value in chosen.items()]  # as the agent writes ${args}
    words = {"${env}": [], "${program}": [sweep["program"]], "${args}": given}
    command = [part for word in sweep["command"] for part in words.get(word, [word])]
    assert command[0] == "memlab"
    assert main([*command[1:], "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    for name, value in chosen.items():
        found = printed
        for key in name.split("."):
            found = found.get("init_args", found) if key not in found else found
            found = found[key]
        assert found == value, name
    assert sweep["metric"]["name"] in (run / "fit" / "metrics.csv").read_text().splitlines()[0]
    assert sweep["metric"]["goal"] == "maximize"


def test_finetune_is_averaged_and_slower_towards_the_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fit", "--config", "finetune", "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    (callback,) = printed["trainer"]["callbacks"]
    assert callback == {"class_path": "memlab.callbacks.ema.EMA", "init_args": {"decay": 0.999}}
    assert printed["model"]["init_args"]["layer_decay"] == 0.7
    assert printed["data"]["augmentation"] == "standard"
