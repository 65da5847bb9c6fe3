"""A run keeps its split, image by image; a model that was not trained here is tested on all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from memlab.cli import main
from memlab.data.kept_split import split_of
from memlab.errors import MemlabError
from tests.builders.commands import QUIET, TINY, results
from tests.builders.numbered_images import ids, image, table

FAST = [*QUIET, "--attribution=none", "--data.num_workers=0"]

DATA = "--data.root=data/scores.csv"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` of 45 images without a split, and `run`, trained on it."""
    home = tmp_path_factory.mktemp("kept")
    table(home / "data", range(45))
    given = [f"--run={home / 'run'}", f"--data.root={home / 'data' / 'scores.csv'}"]
    assert main(["fit", *given, *TINY, "--data.image_size=64", "--attribution=none"]) == 0
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of both, and the current folder."""
    copy = Path(shutil.copytree(trained, tmp_path / "home"))
    monkeypatch.chdir(copy)
    return copy


def kept(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "fit" / "split.csv").set_index("id")


def newest_ids(run: Path) -> set[str]:
    newest = max(run.glob("test-*"))
    return set(pd.read_csv(newest / "rows.csv")["id"])


def change(home: Path) -> dict[str, str]:
    """Five rows more, a tested one gone, one renamed, a score corrected, a file replaced."""
    rows, split = pd.read_csv("data/scores.csv"), kept(home / "run")
    gone, renamed, scored = sorted(ids(split, "test"))[:3]
    replaced = min(ids(split, "train"))
    for number in range(100, 105):
        image(Path(f"data/{number}.png"), number)
        rows.loc[len(rows)] = [f"{number}.png", 0.5]
    rows = rows[rows["image"] != gone].set_index("image", drop=False)
    rows.loc[scored, "score"] = 0.999
    image(Path("data") / replaced, 999)
    Path("data", renamed).rename("data/other.png")
    rows.loc[renamed, "image"] = "other.png"
    rows.to_csv("data/scores.csv", index=False)
    return {"gone": gone, "renamed": renamed, "scored": scored, "replaced": replaced}


def test_fit_writes_the_split_of_every_image(trained: Path) -> None:
    split = kept(trained / "run")
    assert split["split"].value_counts().to_dict() == {"train": 31, "test": 9, "val": 5}
    assert list(split.columns) == ["image", "split", "score", "sha256"]
    assert ids(split, "test") == set(pd.read_csv(trained / "run" / "fit" / "rows.csv")["id"])
    rule = results(trained / "run" / "fit")["data"]["split_rule"]
    assert rule["rule"] == "random"
    checkpoint = trained / "run" / "fit" / "checkpoints" / "best.ckpt"
    found = split_of(checkpoint, torch.load(checkpoint, weights_only=True), beside=False)
    assert found is not None
    assert found.to_csv() == (trained / "run" / "fit" / "split.csv").read_bytes()
    assert found.sha256() == rule["sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("moved", [False, True], ids=["in the run", "a checkpoint alone"])
def test_a_table_that_changes_moves_nothing_into_the_test(
    home: Path, moved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    split = kept(home / "run")
    was = change(home)
    weights = []
    if moved:
        shutil.copy("run/fit/checkpoints/best.ckpt", "alone.ckpt")
        (home / "run" / "fit" / "split.csv").unlink()
        weights = ["--ckpt_path=alone.ckpt"]
    assert main(["test", "--run=run", *weights, DATA, *FAST]) == 0
    found = newest_ids(home / "run")
    expected = ids(split, "test") - {was["gone"], was["renamed"]} | {"other.png"}
    assert found == expected
    said = capsys.readouterr().err
    name = "alone.ckpt" if moved else "run"
    for line in (
        f"memlab: testing 8 of 49 images: the test split of {name}\n",
        f"memlab: 5 images (100.png, 101.png, 102.png, ...) are new to {name} and in no split of "
        "it; to include them: --data.split all\n",
        f"memlab: not in the table now: 1 of the 45 images of {name} ({was['gone']})\n",
        f"memlab: 1 image has another content than when {name} was trained ({was['replaced']})",
        f"memlab: 1 image has another score than when {name} was trained ({was['scored']})",
        f"(other.png, {was['renamed']} there)",
    ):
        assert line in said
    rule = results(max((home / "run").glob("test-*")))["data"]["split_rule"]
    assert (rule["rule"], rule["evaluated"], rule["of"]) == ("recorded", 8, 49)
    assert rule["left_out"] == {"new to the run": 5}


@pytest.mark.slow
def test_going_on_trains_on_the_same_images(
    home: Path, capsys: pytest.CaptureFixture[str], failing: Callable[..., str]
) -> None:
    split = kept(home / "run")
    change(home)
    more = ["--run=run", "--ckpt_path=last", "--trainer.max_epochs=2"]
    assert main(["fit", *more, DATA, *FAST]) == 0
    said = capsys.readouterr().err
    assert "images: 31 train, 5 val, 8 test" in said
    assert "5 images (100.png, 101.png, 102.png, ...) are new to run" in said
    again = kept(home / "run")
    assert ids(again, "train") == ids(split, "train")
    assert not ids(again, "test") & ids(split, "train", "val")
    assert not set(again.index) & {"100.png", "104.png"}
    for option in ("--data.split=80/20", "--data.split_seed=7", "--data.split=all"):
        message = failing("fit", *more[:2], "--trainer.max_epochs=3", option, *FAST)
        assert option.replace("=", " ") in message
    table(home / "strange", range(200, 220))
    message = failing("fit", *more[:2], "--data.root=strange/scores.csv", *FAST)
    assert "none of its 20 images belongs to run" in message


@pytest.mark.slow
def test_a_new_run_on_the_weights_of_another_never_tests_what_those_saw(home: Path) -> None:
    split = kept(home / "run")
    change(home)
    weights = "--ckpt_path=run/fit/checkpoints/last.ckpt"
    more = ["--trainer.max_epochs=2", "--data.split=50/50", DATA, *FAST]
    assert main(["fit", "--run=next", weights, *more]) == 0
    again = kept(home / "next")
    assert not ids(again, "test") & ids(split, "train", "val")
    assert {f"{number}.png" for number in range(100, 105)} <= set(again.index)


@pytest.mark.slow
def test_all_and_other_splits_test_nothing_that_was_trained_on(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = kept(home / "run")
    change(home)
    new = {f"{number}.png" for number in range(100, 105)}
    assert main(["test", "--run=run", "--data.split=all", DATA, *FAST]) == 0
    assert not newest_ids(home / "run") & ids(split, "train", "val")
    assert newest_ids(home / "run") >= new
    said = capsys.readouterr().err
    assert "memlab: testing 13 of 49 images: all that run was not trained or chosen on\n" in said
    assert "36 of 49 images were used to train or choose this model and are not tested" in said
    assert main(["test", "--run=run", "--data.split=0/100", DATA, *FAST]) == 0
    assert len(newest_ids(home / "run")) == 13
    said = capsys.readouterr().err
    assert "36 of 49 images of that split were used to train or choose this model" in said


@pytest.mark.slow
def test_another_data_set_is_tested_as_it_says(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # names that the run knows, other images
    for number in range(12):
        image(home / "other" / f"{number:03d}.png", 500 + number)
    names = [f"{number:03d}.png" for number in range(12)]
    rows = pd.DataFrame({"image": names, "score": 0.123})
    rows.to_csv("other/scores.csv", index=False)
    swaps = ["--ablation=swap_palette", "--controls=1"]
    assert main(["test", "--run=run", "--data.root=other/scores.csv", *swaps, *FAST]) == 0
    said = capsys.readouterr().err
    assert "memlab: testing all 12 images: run was trained on none of them\n" in said
    assert "12 of the names are also in run" in said
    folder = max((home / "run").glob("test-*"))
    conditions = pd.read_csv(folder / "conditions.csv").dropna(subset="donor")
    assert set(conditions["id"]) == set(names)
    assert (conditions["donor"] != conditions["id"]).all()
    assert results(folder)["data"]["donors"] == "tested images"
    assert any("donate to each other" in note for note in results(folder)["notes"])
    rows.assign(split=["train", "val", "test"] * 4).to_csv("other/scores.csv", index=False)
    assert main(["test", "--run=run", "--data.root=other/scores.csv", *FAST]) == 0
    assert newest_ids(home / "run") == set(names[2::3])
    said = capsys.readouterr().err
    assert "memlab: testing 4 of 12 images: the test split of the table; run was" in said


@pytest.mark.slow
def test_the_runs_split_counts_and_not_an_edited_column(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = kept(home / "run")
    rows = pd.read_csv("data/scores.csv")
    rows.assign(split=["test"] * 40 + ["train"] * 5).to_csv("data/scores.csv", index=False)
    assert main(["test", "--run=run", DATA, *FAST]) == 0
    assert newest_ids(home / "run") == ids(split, "test")
    assert "are in another split than when run was trained" in capsys.readouterr().err


MODEL = """
from memlab import MemorabilityModel
class Bright(MemorabilityModel):
    input_size = 32
    def weights_id(self): return 'closed-form'
    def forward(self, images): return images.mean(dim=(1, 2, 3))
"""


@pytest.mark.slow
def test_a_model_not_trained_here_is_tested_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "untrained_bright.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    table(tmp_path / "mine", range(14), split=["train", "test"] * 7)
    shutil.copytree("mine", "bare", ignore=shutil.ignore_patterns("*.csv"))
    for root, said in (
        ("bare", "all 14 images: Bright was not trained here\n"),
        ("mine", "7 of 14 images: the table's own test split (--data.split all: all of them)\n"),
    ):
        assert main(["test", "--model=untrained_bright:Bright", f"--data.root={root}", *FAST]) == 0
        assert f"memlab: testing {said}" in capsys.readouterr().err
    del sys.modules["untrained_bright"]


def test_score_says_what_the_model_was_trained_on(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = kept(home / "run")
    seen, chosen, free = (sorted(ids(split, name))[:2] for name in ("train", "val", "test"))
    image(Path("data/new.png"), 77)
    Path("data", seen[0]).rename("data/renamed.png")
    names = ["renamed.png", seen[1], chosen[0], *free, "new.png"]
    assert main(["score", "run", *(f"data/{name}" for name in names), "--out=s.csv"]) == 0
    said = capsys.readouterr().err
    assert "memlab: 2 of these 6 images were used to train this model, 1 to choose it\n" in said
    assert main(["score", "run", *(f"data/{name}" for name in free), "--out=s.csv"]) == 0
    assert "were used" not in capsys.readouterr().err


def test_a_split_that_was_edited_or_damaged_is_named(home: Path) -> None:
    file, path = home / "run" / "fit" / "split.csv", home / "run" / "fit" / "checkpoints/best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    text = file.read_text()
    file.write_text(text.replace(",train,", ",test,", 1))
    with pytest.raises(MemlabError, match=r"1 images have another split than in best\.ckpt"):
        split_of(path, checkpoint)
    file.write_text("id,image\n")
    with pytest.raises(MemlabError, match=r"split\.csv: damaged.*delete it: best\.ckpt has a copy"):
        split_of(path, checkpoint)
    file.write_text(text)
    checkpoint["MemorabilityData"]["split"] = None
    found = split_of(path, checkpoint)
    assert found is not None
    assert found.to_csv() == text.encode()


@pytest.mark.slow
def test_a_run_of_an_earlier_memlab_is_split_as_the_table_is_now(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "run" / "fit" / "split.csv").unlink()
    path = home / "run" / "fit" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["MemorabilityData"]["split"]
    torch.save(checkpoint, path)
    assert main(["test", "--run=run", DATA, *FAST]) == 0
    assert "memlab: run keeps no split" in capsys.readouterr().err
