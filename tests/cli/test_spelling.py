"""How options are spelled: --out everywhere, other programs' names, full names in messages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import memlab
from memlab.cli import main
from memlab.cli.data_options import add_loading, add_masks, add_root
from memlab.cli.options import Options
from memlab.cli.spelling import ALIASES, hint
from tests.builders.commands import QUIET, TINY, results


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("--lr", "--model.optimizer.lr"),
        ("--learning-rate", "--model.optimizer.lr"),
        ("--epochs", "--trainer.max_epochs"),
        ("--batch-size", "--data.batch_size"),
        ("--seed", "--seed_everything"),
        ("--gpus", "--trainer.accelerator gpu --trainer.devices N"),
        ("--workers", "--data.num_workers"),
        ("--name", "--out DIR"),
        ("--output", "--out DIR"),
        ("-o", "--out DIR"),
        ("--resume", "--ckpt_path last"),
        ("--pretrained", "--model.backbone.pretrained"),
        ("--lr-scheduler", "--model.lr_scheduler"),
        ("--weight-decay", "--model.optimizer.weight_decay"),
        ("--masks", "--data.masks"),
    ],
)
def test_other_programs_names_are_answered(
    typed: str, written: str, failing: Callable[..., str]
) -> None:
    for arguments in ([typed, "3"], [f"{typed}=3"]):
        message = failing("fit", "--config", "quickstart", *arguments)
        assert message.startswith(f"memlab: unknown option {typed}; write {written}"), message


def test_own_commands_answer_with_options_that_they_have(failing: Callable[..., str]) -> None:
    assert "--gpu; write --device cuda" in failing("score", "model", "image", "--gpu")
    assert "--output; write --out" in failing("explain", "model", "image", "--output", "x")
    assert "optimizer" not in failing("score", "model", "image", "--lr", "3")


def test_no_alias_is_an_option_of_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--help", "all"]) == 0
    page = capsys.readouterr().out
    there = set(re.findall(r"^  (?:-\w, )?--(\w+)", page, re.MULTILINE))
    refused = {name for name in ALIASES if hint(name)}
    assert not there & refused


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--model.loss=rmse"], "--model.loss: one of"),
        (["--model.hidden=many"], "--model.hidden: expected int"),
        (["--model.backbone.pretrained=maybe"], "--model.backbone.pretrained: expected bool"),
        (["--model.backbone.nam=x"], "did you mean '--model.backbone.name'"),
        (["--model.lr=3"], "write --model.optimizer.lr"),
        (["--ablation=blur", "--ablation.sigma=four"], "--ablation.sigma: expected float"),
        (["--ablation=blur", "--ablation.sigm=4"], "did you mean '--ablation.sigma'"),
        (["--trainer.callbacks=ema", "--trainer.callbacks.decay=high"], "--trainer.callbacks.deca"),
        (["--model.lr_scheduler=StepLR"], "--model.lr_scheduler.step_size is needed"),
        (["--data.batch-size=3"], "write --data.batch_size"),
    ],
)
def test_messages_have_the_full_name(
    options: list[str], named: str, failing: Callable[..., str]
) -> None:
    assert named in failing("fit", *TINY, *options)


def test_a_mistake_in_a_file_is_named_with_the_file(failing: Callable[..., str]) -> None:
    Path("c.yaml").write_text("model: {backbone: {class_path: timm}, loss: rmse}\n")
    assert "c.yaml: --model.loss: one of" in failing("fit", "--config", "c.yaml")


def _messages() -> Iterator[tuple[str, str]]:
    """Options in texts of the source, docstrings left out, with their files."""
    for path in sorted(Path(memlab.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text())
        texts = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) in texts:
                    continue
                for option in re.findall(r"(?<![\w-])--[a-z][\w.-]*\w", node.value):
                    yield option, path.name


def _older() -> Iterator[str]:
    """Spellings of data options that the own commands take, and that no help shows."""
    parser = Options("any", "")
    add_root(parser, "")
    add_masks(parser)
    add_loading(parser)
    for action in parser._actions:
        yield from action.option_strings


@pytest.mark.slow
def test_every_option_in_a_message_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--help", "all"]) == 0
    helps = [("--model", "regressor"), ("--model.backbone", "timm"), ("--ablation", "blur")]
    helps += [("--data.source", "csv"), ("--data.source", "synthetic"), ("--model", "timm_file")]
    helps += [("--model.backbone", "efficientnet_lite")]
    for option, name in helps:
        assert main(["fit", f"{option}.help", name]) == 0
    page = capsys.readouterr().out.replace("--backbone.", "--model.backbone.")
    known = set(re.findall(r"--[a-z][\w.-]*\w", page))
    for path in Path(memlab.__file__).parent.rglob("cli/*.py"):
        known |= set(re.findall(r'add_argument\(\s*"(--[\w.-]+)"', path.read_text()))
        known |= set(re.findall(r'^ +"(--[\w.-]+)",$', path.read_text(), re.MULTILINE))
    known |= {*_older(), "--cards"}  # former names, which are read and said
    taken = {"--out", "--run", "--ckpt_path", "--version", "--help", "--config", "--print_config"}
    of_others = {
        "--model.target",
        "--porcelain",
        "--untracked-files",
        "--signal",
        "--force-reinstall",
        "--no-deps",
    }
    classes = r"--(model\.optimizer|model\.lr_scheduler|trainer\.callbacks|with)\.\w+"
    missing = {
        (option, file)
        for option, file in _messages()
        if option not in known | taken | of_others and not re.fullmatch(classes, option)
        if not any(name.startswith(f"{option}.") for name in known)  # a group: --data.source
    }
    assert missing == set()


@pytest.mark.slow
def test_out_names_where_fit_writes(synthetic: Path, failing: Callable[..., str]) -> None:
    data = [f"--data.root={synthetic}", "--data.image_size=64", "--ablation=none", "--maps=0"]
    assert "--out a and --run b" in failing("fit", "--out", "a", "--run", "b", *TINY)
    assert main(["fit", "--out", "a", *data, *TINY]) == 0
    assert (Path("a") / "fit" / "results.json").is_file()
    message = failing("fit", "--run", "a", *data, *TINY)  # the older spelling means the same
    assert "choose another --out" in message


@pytest.mark.slow
def test_out_and_model_of_test(finished: Path, failing: Callable[..., str]) -> None:
    more = ["--ablation=none", "--maps=0", *QUIET]
    ran = str(finished)
    checkpoint = str(finished / "fit" / "checkpoints" / "best.ckpt")
    for options, folder in (
        (["--run", ran, "--out", "elsewhere/a"], Path("elsewhere/a")),
        (["--model", ran], finished),
        (["--model", checkpoint, "--out", "b"], Path("b")),
        (["--model", ran, "--run", "c"], Path("c")),
    ):
        before = set(folder.glob("test-*"))
        assert main(["test", *options, *more]) == 0, options
        (made,) = set(folder.glob("test-*")) - before
        weights = results(made)["model"]["weights_id"]
        assert weights == results(finished / "fit")["model"]["weights_id"]
        assert not (folder / "fit").exists() or folder == finished
    assert "holds no run" in failing("test", "--model", "elsewhere", *more)
    assert "rows.csv" in failing("predict", "--model", ran, "--out", "scores.csv", *more)
    Path("other/fit").mkdir(parents=True)
    Path("other/fit/config.yaml").write_text("")
    assert "give one of them" in failing("test", "--model", ran, "--run", "other", *more)


@pytest.mark.slow
def test_a_plugins_model_is_tested_into_a_named_folder(synthetic: Path) -> None:
    more = ["--model", "white_box_redness", f"--data.root={synthetic}", "--data.image_size=64"]
    more += ["--attribution=none", *QUIET]
    assert main(["test", *more, "--run", "new"]) == 0
    assert main(["test", *more, "--out", "new"]) == 0
    assert sorted(path.name for path in Path("new").iterdir()) == ["test-001", "test-002"]


@pytest.mark.slow
def test_torchrun_takes_out_for_memlab_and_not_for_itself() -> None:
    """Its parser reads all arguments, those of memlab too, and takes abbreviations for its own."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "-m", "memlab"]
    command += ["fit", "--out", "x", "--data.batch_size", "0", "--lr", "3"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ambiguous" not in found.stderr
    assert "memlab: unknown option --lr" in found.stderr
