"""What a second attacker found after the areas were merged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from memlab.cli import main
from tests.builders.commands import QUIET, TINY

Failing = Callable[..., str]


def test_a_recorded_configuration_replaces_no_files_elsewhere(
    finished: Path, tmp_path: Path, failing: Failing
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "best.ckpt").write_bytes(b"mine")
    path = finished / "fit" / "config.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["trainer"]["callbacks"] = [
        {
            "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
            "init_args": {"dirpath": str(victim), "filename": "best"},
        }
    ]
    path.write_text(yaml.safe_dump(tree))
    for command in (["test", "--run"], ["fit", "--ckpt_path=last", "--out"]):
        told = failing(*command, str(finished), *QUIET)
        assert f"dirpath {str(victim)!r} is outside the run" in told
    assert (victim / "best.ckpt").read_bytes() == b"mine"


@pytest.mark.slow
def test_a_checkpoint_outside_every_run_says_itself_what_it_is(
    finished: Path, synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(finished / "fit" / "checkpoints" / "best.ckpt", "moved.ckpt")
    shutil.rmtree(finished)
    options = [f"--data.root={synthetic}", "--data.num_workers=0", *QUIET, "--ablation=none"]
    assert main(["test", "--model", "moved.ckpt", "--out", "tested", *options]) == 0
    said = capsys.readouterr().err
    assert "newest finished run" not in said
    assert "testing 12 of 60 images: the test split of moved.ckpt" in said
    assert len(pd.read_csv("tested/test-001-none/rows.csv")) == 12


def test_score_does_not_replace_the_table_that_it_reads(
    synthetic: Path, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [str(path) for path in sorted((synthetic / "images").iterdir())[:2]]
    assert main(["score", "white_box_redness", *images, "--out", "s.csv"]) == 0
    table = pd.read_csv("s.csv").assign(notes="mine")
    table.to_csv("s.csv", index=False)
    assert "an input of this command" in failing(
        "score", "white_box_redness", "s.csv", "--out", "s.csv"
    )
    assert "notes" in pd.read_csv("s.csv")


def test_runs_are_not_written_among_the_images(synthetic: Path, failing: Failing) -> None:
    root = Path(shutil.copytree(synthetic / "images", "album"))
    given = ["--data.root=album", *QUIET]
    model = ["--model", "white_box_redness"]
    assert "among the images" in failing("test", *model, *given, "--out", "album")
    assert "among the images" in failing("test", *model, *given, "--out", "album/new")
    assert "among the images" in failing("fit", *TINY, *given, "--out", "album")
    assert "among the images" in failing("data", "cache", "album", "--out", "album")
    assert sorted(path.suffix for path in root.iterdir()) == [".png"] * 60


def test_a_test_is_not_written_into_another_run(finished: Path, failing: Failing) -> None:
    other = Path(shutil.copytree(finished, "runs/other"))
    told = failing("test", "--run", str(finished), "--out", str(other), *QUIET)
    assert "holds another run" in told


@pytest.mark.parametrize(
    ("header", "read"), [("image,score,notes,notes", True), ("image,score,score,notes", False)]
)
def test_two_columns_of_one_name_matter_only_if_they_are_used(
    header: str, read: bool, make_image: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [make_image(f"{place}.png", seed=place).name for place in range(3)]
    rows = "".join(f"{name},0.{place + 4},0.{place + 5},b\n" for place, name in enumerate(names))
    Path("t.csv").write_text(f"{header}\n{rows}")
    assert main(["data", "check", "t.csv"]) == (0 if read else 2)
    assert ("both called 'score'" in capsys.readouterr().err) == (not read)
