"""Help, version, plugins and mistyped names: fast, and without torch."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from memlab.cli import COMMANDS, main, pages

PROBE = """
import sys
from memlab.cli import main
code = main(sys.argv[1:])
heavy = {"torch", "lightning", "timm", "pandas", "matplotlib", "wandb"} & set(sys.modules)
print("heavy:", sorted(heavy), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--help"], 0),
        (["--version"], 0),
        (["plugins"], 0),
        (["fit", "--help"], 0),
        (["test", "--help"], 0),
        (["score", "--help"], 0),
        (["data", "check", "--help"], 0),
        (["repeat", "--help"], 0),
        (["compare", "--help"], 0),
        (["attributes", "--help"], 0),
        (["study", "--help"], 0),
        (["fitt"], 2),
        (["test", "--ablation", "blurr"], 2),
        (["fit", "--model.backbone", "resnet51"], 2),
        (["fit", "--config", "quickstar"], 2),
        (["test", "--run", "nowhere"], 2),
        (["repeat", "--seeds", "1"], 2),
        (["repeat", "--seeds", "2", "--config", "quickstar"], 2),
    ],
)
def test_light_commands_do_not_import_torch(arguments: list[str], code: int) -> None:
    found = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False
    )
    assert found.stderr.splitlines()[-1] == "heavy: []", found.stderr
    assert found.returncode == code


def test_module_runs_as_a_program() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "memlab", "--version"], capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith("memlab 0.")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert all(f"  {command} " in page for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "closest"),
    [
        (["tset"], "'test'"),
        (["test", "--ablation", "blr"], "'blur'"),
        (["fit", "--model", "regresor"], "'regressor'"),
        (["fit", "--data.source", "lamen"], "'lamem'"),
        (["fit", "--attribution", "gradcam"], "'grad_cam'"),
        (["fit", "--config", "quickstrat"], "'quickstart'"),
        (["data", "chekc"], "'check'"),
        (["score", "model", "image", "--ot", "x"], "'--out'"),
        (["fit", "--trainer.max_epoch", "1"], "'--trainer.max_epochs'"),
        (["fit", "--data.rooot", "x"], "'--data.root'"),
    ],
)
def test_mistyped_names_are_answered_with_the_closest(
    arguments: list[str], closest: str, failing: Callable[..., str]
) -> None:
    assert f"did you mean {closest}?" in failing(*arguments)


def test_options_before_the_command_are_explained(failing: Callable[..., str]) -> None:
    assert "options follow the command" in failing("--config", "x", "fit")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_short_pages_name_only_options_that_exist(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = pages.page(command)
    named = {word.strip(",.)(") for word in page.split() if word.strip("(").startswith("--")}
    ours = {
        "--out",
        "--run",
        "--help",
        "--ckpt_path",
        "--print_config",
        "--trust",
    }  # taken before, or by, the parser
    assert main([command, "--help", "all"]) == 0
    for option, name in (
        ("--model", "regressor"),
        ("--model.backbone", "timm"),
        ("--data.source", "csv"),
        ("--ablation", "blur"),
    ):
        assert main([command, f"{option}.help", name]) == 0
    everything = capsys.readouterr().out.replace("--backbone.", "--model.backbone.")
    optimizer = {"--model.optimizer.lr"}  # of a class of torch's
    missing = [
        name for name in named - ours - optimizer if not re.search(f"{name}[ ,]", everything)
    ]
    assert missing == []


def test_wrong_values_name_option_and_value(failing: Callable[..., str]) -> None:
    message = failing("fit", "--trainer.max_epochs", "many")
    assert "trainer.max_epochs" in message
    assert "'many'" in message
