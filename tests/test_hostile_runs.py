"""Files of a run that name classes and files: nothing is imported, run or deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from memlab import load
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.spec import build
from tests.builders.commands import QUIET
from tests.builders.hostile_modules import FOREIGN, POPEN

pytestmark = pytest.mark.usefixtures("module")

TEST = [*QUIET, "--data.num_workers=0", "--ablation", "none", "--maps", "0"]


def _configure(run: Path, keys: str, value: Any) -> None:
    path = run / "fit" / "config.yaml"
    tree = yaml.safe_load(path.read_text())
    place = tree
    *parents, last = keys.split(".")
    for key in parents:
        place = place[key]
    place[last] = value
    path.write_text(yaml.safe_dump(tree))


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("trainer.callbacks", [{"class_path": "MODULE.Watcher"}]),
        ("trainer.callbacks", ["MODULE:Watcher"]),
        ("trainer.callbacks", "other.yaml"),
        (
            "trainer.callbacks",
            [
                {
                    "class_path": "lightning.pytorch.callbacks.LambdaCallback",
                    "init_args": {"setup": "os.system"},
                }
            ],
        ),
        ("trainer.logger", [{"class_path": "MODULE.Watcher"}]),
        ("trainer.plugins", [{"class_path": "MODULE.Watcher"}]),
        ("model.init_args.optimizer", {"class_path": "MODULE.Step", "init_args": {"lr": 0.1}}),
        ("model.init_args.optimizer", "os.system"),
        (
            "model.init_args.lr_scheduler",
            {
                "class_path": "torch.optim.lr_scheduler.LambdaLR",
                "init_args": {"lr_lambda": "os.system"},
            },
        ),
        ("model", "MODULE:Net"),
        ("model", {"class_path": FOREIGN, "init_args": {"target": "MODULE:Net"}}),
        ("data.source", "MODULE:Net"),
        ("ablation", ["MODULE.Net"]),
        ("attribution", [POPEN]),
    ],
)
def test_a_runs_configuration_names_no_class_of_its_own(
    keys: str,
    value: Any,
    module: str,
    finished: Path,
    unharmed: Callable[[], None],
    failing: Callable[..., str],
) -> None:
    value = json.loads(json.dumps(value).replace("MODULE", module))
    Path("other.yaml").write_text(f"class_path: {module}.Watcher\n")
    _configure(finished, keys, value)
    options = [word for word in TEST if word not in ("--ablation", "none", "--maps", "0")]
    said = failing("test", "--run", str(finished), *options)
    # a model is compared with the checkpoint's before it is made
    assert "names the class" in said or "is of another model" in said
    unharmed()


@pytest.mark.slow
def test_every_command_that_reads_it_refuses_it(
    module: str,
    finished: Path,
    unharmed: Callable[[], None],
    failing: Callable[..., str],
    synthetic: Path,
) -> None:
    _configure(finished, "trainer.callbacks", [{"class_path": f"{module}.Watcher"}])
    config = str(finished / "fit" / "config.yaml")
    for command in (
        ["test"],
        ["validate", "--run", str(finished)],
        ["predict", "--run", str(finished)],
        ["test", "--config", config, "--ckpt_path", "best"],
        ["fit", "--run", str(finished), "--ckpt_path", "last"],
        ["fit", "--config", config, "--run", "runs/new"],
        [
            "study",
            "--data.root",
            str(synthetic),
            "--model",
            str(finished),
            "-n",
            "10",
            "--out",
            "s",
        ],
    ):
        said = failing(*command, *QUIET)
        assert f"{module}.Watcher" in said, command
        assert f"--trust {module}:Watcher" in said
        unharmed()


def test_recorded_options_name_no_class(
    module: str,
    synthetic: Path,
    unharmed: Callable[[], None],
    failing: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {"root": str(synthetic), "n": 12, "model": f"{module}:Net", "rest": []}
    Path("study").mkdir()
    Path("study/asked.json").write_text(json.dumps(asked))
    assert f"study/asked.json: names the class '{module}.Net'" in failing("study", "--out", "study")
    unharmed()
    evil = ["--config=quickstart", f"--trainer.callbacks={module}.Watcher"]
    repeat = {"over": "seed", "members": [0, 1], "arguments": evil}
    Path("many").mkdir()
    Path("many/repeat.json").write_text(json.dumps(repeat))
    monkeypatch.setenv("MEMLAB_RECORDED", "many/repeat.json")  # as a member's process has it
    said = failing("fit", *evil, "--run=many/seed-0")
    assert f"many/repeat.json: names the class '{module}.Watcher'" in said
    monkeypatch.delenv("MEMLAB_RECORDED")
    repeat["arguments"] = [*evil, f"--trust={module}:Watcher"]
    Path("many/repeat.json").write_text(json.dumps(repeat))
    assert "--trust" in failing("repeat", "--run", "many")
    unharmed()


def test_members_are_told_where_their_options_are_from(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], str | None]] = []

    class Member:
        """Ends at once, without results."""

        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            asked.append((command, env.get("MEMLAB_RECORDED")))

        def __enter__(self) -> Member:
            return self

        def __exit__(self, *_: object) -> None: ...

        def wait(self) -> int:
            return 2

    monkeypatch.setattr("subprocess.Popen", Member)
    options = ["--config=quickstart", f"--trainer.callbacks={module}.Watcher"]
    named = [f"--trust={module}:Watcher"]
    assert main(["repeat", "--seeds", "2", "--run=many", *options]) == 2
    Path("many").mkdir(exist_ok=True)
    repeat = {"over": "seed", "members": [0, 1], "arguments": options}
    Path("many/repeat.json").write_text(json.dumps(repeat))
    assert main(["repeat", "--run", "many", *named]) == 2
    (typed, none), (read, file) = asked
    assert none is None
    assert file == "many/repeat.json"
    assert set(options) <= set(typed) & set(read)
    assert named[0].replace(":", ".") in read


@pytest.mark.slow
def test_a_class_that_the_user_names_is_taken(
    module: str,
    synthetic: Path,
    make_image: Callable[..., Path],
    failing: Callable[..., str],
) -> None:
    image = str(make_image("a.png"))
    fit = ["fit", "--run=runs/own", f"--data.root={synthetic}", "--data.image_size=64"]
    fit += ["--model.backbone", f"{module}.Tiny", "--trainer.callbacks", f"{module}.Watcher"]
    assert main([*fit, "--trainer.max_epochs=1", *TEST]) == 0
    said = failing("score", "runs/own", image)
    assert said.endswith(f"If you trust it: --trust {module}:Tiny")
    assert main(["score", "runs/own", image, "--trust", f"{module}:Tiny"]) == 0
    assert load("runs/own", trust=[f"{module}:Tiny"]).input_size == 64
    with pytest.raises(MemlabError, match="--trust"):  # it was trusted for one command
        load("runs/own")
    both = ["--trust", f"{module}:Tiny", f"--trust={module}:Watcher"]
    assert "Watcher" in failing("test", "--run", "runs/own", *both[:2], *TEST)
    assert main(["test", "--run", "runs/own", *both, *TEST]) == 0
    assert main(["test", "--run", "runs/own", *fit[4:], *TEST]) == 0  # named as options are
    assert "write MODULE:CLASS" in failing("score", "runs/own", image, "--trust", "nets")
    with pytest.raises(MemlabError, match="is no MemorabilityModel"):
        build({"class_path": f"{module}.Tiny"}, "models", "x.ckpt", [f"{module}:Tiny"])


@pytest.mark.slow
def test_a_checkpoint_names_no_file_to_delete(finished: Path) -> None:
    """Lightning deletes the file that was the best before, wherever a checkpoint says it is."""
    folder = finished / "fit" / "checkpoints"
    victim = Path("precious.txt")
    victim.write_text("mine")
    changed = torch.load(folder / "last.ckpt", weights_only=True)
    (state,) = (state for key, state in changed["callbacks"].items() if "BestCheckpoint" in key)
    away = f"{folder.resolve()}/../../../../precious.txt"
    assert Path(away).resolve() == victim.resolve()
    low = torch.tensor(-2.0)
    state |= {"dirpath": str(folder.resolve()), "best_model_path": away, "best_model_score": low}
    state |= {"kth_best_model_path": away, "kth_value": low, "best_k_models": {away: low}}
    torch.save(changed, folder / "last.ckpt")
    options = ["--trainer.max_epochs=2", f"--trainer.default_root_dir={finished / 'fit'}"]
    assert main(["fit", "--run", str(finished), "--ckpt_path=last", *options[:1], *TEST]) == 0
    assert victim.read_text() == "mine"
