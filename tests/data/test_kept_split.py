"""A run keeps its split, image by image; a model that was not trained here is tested on all."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.data.kept_split import Entry, KeptSplit, split_of, unpacked
from memlab.data.known_images import recognise_images
from memlab.data.module import MemorabilityData
from memlab.data.split_rule import SplitUse, decide
from memlab.data.table import Table
from memlab.errors import CheckpointError, DataError, MemlabError
from tests.conftest import QUIET, TINY, results

FAST = [*QUIET, "--attribution=none", "--data.num_workers=0"]
DATA = "--data.root=data/scores.csv"


def image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((40, 30)).save(path)


def table(folder: Path, numbers: Sequence[int], **columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file and its images; no column of splits."""
    for number in numbers:
        image(folder / f"{number:03d}.png", number)
    scores = [round(0.3 + 0.6 * np.random.default_rng(n).uniform(), 3) for n in numbers]
    rows = pd.DataFrame({"image": [f"{n:03d}.png" for n in numbers], "score": scores, **columns})
    rows.to_csv(folder / "scores.csv", index=False)
    return rows


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


def ids(rows: pd.DataFrame, *splits: str) -> set[str]:
    return set(rows.index[rows["split"].isin(splits)])


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


def test_a_new_run_on_the_weights_of_another_never_tests_what_those_saw(home: Path) -> None:
    split = kept(home / "run")
    change(home)
    weights = "--ckpt_path=run/fit/checkpoints/last.ckpt"
    more = ["--trainer.max_epochs=2", "--data.split=50/50", DATA, *FAST]
    assert main(["fit", "--run=next", weights, *more]) == 0
    again = kept(home / "next")
    assert not ids(again, "test") & ids(split, "train", "val")
    assert {f"{number}.png" for number in range(100, 105)} <= set(again.index)


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


def test_the_runs_split_counts_and_not_an_edited_column(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = kept(home / "run")
    rows = pd.read_csv("data/scores.csv")
    rows.assign(split=["test"] * 40 + ["train"] * 5).to_csv("data/scores.csv", index=False)
    assert main(["test", "--run=run", DATA, *FAST]) == 0
    assert newest_ids(home / "run") == ids(split, "test")
    assert "are in another split than when run was trained" in capsys.readouterr().err


def test_a_declared_split_counts_for_images_that_are_new_to_the_run() -> None:
    run = run_of(NAMES, SPLITS)
    names = [*NAMES, "new-a.jpg", "new-b.jpg", "new-c.jpg"]
    rows = rows_of(names, [*SCORES, 0.5, 0.5, 0.5], split=[*SPLITS, "test", "train", "test"])
    found, rule, notes = decided(None, "test", run, rows)
    assert found == [*SPLITS, "test", "train", "test"]
    assert rule == "recorded"
    assert notes == [
        "testing 5 of 13 images: the test split of runs/a, and of the table for 2 images that are "
        "new to the run"
    ]


MODEL = """
from memlab import MemorabilityModel
class Bright(MemorabilityModel):
    input_size = 32
    def weights_id(self): return 'closed-form'
    def forward(self, images): return images.mean(dim=(1, 2, 3))
"""


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


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("purpose", ["test", "validate"])
def test_all_unless_the_table_or_the_user_says_otherwise(purpose: str, declared: bool) -> None:
    target = "val" if purpose == "validate" else "test"
    rows = rows_of(NAMES, SCORES, split=["train", target] * 5 if declared else None)
    use = SplitUse(purpose, model="resmem")  # type: ignore[arg-type]

    def chosen(asked: str | None) -> tuple[int, str]:
        found, rule = decide(Table(rows, Path(), "scores.csv"), asked, 0, use, list)
        assert rule.evaluated == (found.rows["split"] == target).sum()
        return rule.evaluated, rule.notes[0]

    verb = "validating on" if purpose == "validate" else "testing"
    assert chosen("all") == (10, f"{verb} all 10 images: resmem was not trained here")
    own = (
        5,
        f"{verb} 5 of 10 images: the table's own {target} split (--data.split all: all of them)",
    )
    assert chosen(None) == (own if declared else chosen("all"))
    part, said = chosen("50/30/20")
    assert part == (3 if purpose == "validate" else 2)
    assert said.startswith(f"{verb} {part} of 10 images: --data.split 50/30/20")


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


def rows_of(names: Sequence[str], scores: Sequence[float], **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"id": names, "image": names, "score": scores, "split": None} | columns)


def run_of(names: Sequence[str], splits: Sequence[str], **asked: object) -> KeptSplit:
    entries = [
        Entry(name, name, split, place / 100, f"content of {name}")
        for place, (name, split) in enumerate(zip(names, splits, strict=True))
    ]
    return KeptSplit(tuple(entries), **asked)  # type: ignore[arg-type]


NAMES = [f"{place}.jpg" for place in range(10)]
SPLITS = ["train"] * 6 + ["val"] + ["test"] * 3
SCORES = [place / 100 for place in range(10)]
CONTENTS = [f"content of {name}" for name in NAMES]


def test_content_comes_before_the_name() -> None:
    run = run_of(NAMES, SPLITS)
    # one deleted, the files numbered anew: every name has the next one's content
    known = recognise_images(run, rows_of(NAMES[:9], SCORES[1:]), CONTENTS[1:])
    assert list(known.split) == SPLITS[1:]
    assert known.gone == ["0.jpg"]
    assert len(known.renamed) == 9
    # a copy of a trained image under a new name was trained on, too
    more = recognise_images(
        run, rows_of([*NAMES, "copy.jpg"], [*SCORES, 0.5]), [*CONTENTS, CONTENTS[0]]
    )
    assert more.split[-1] == "train"
    # two names of one content: each keeps its own
    twice = KeptSplit((Entry("a", "a", "train", 0, "same"), Entry("b", "b", "test", 0, "same")))
    assert list(recognise_images(twice, rows_of(["a", "b"], [0, 0]), ["same"] * 2).split) == [
        "train",
        "test",
    ]
    assert list(recognise_images(twice, rows_of(["c"], [0]), ["same"]).split) == ["train"]


def test_a_changed_image_is_told_from_another_of_its_name() -> None:
    run = run_of(NAMES, SPLITS)
    saved_again = [f"{content}, saved again" for content in CONTENTS]
    known = recognise_images(run, rows_of(NAMES, SCORES), saved_again)
    assert list(known.split) == SPLITS  # the scores say that the images are the same
    assert known.changed == NAMES
    others = recognise_images(run, rows_of(NAMES, [0.9] * 10), saved_again)
    assert others.n == 0
    assert others.namesakes == 10
    bare = recognise_images(run, rows_of(NAMES, [math.nan] * 10), saved_again)
    assert bare.n == 0
    one = recognise_images(run, rows_of(NAMES, [0.9] * 10), [*CONTENTS[:9], "else"])
    assert one.changed == ["9.jpg"]
    unreadable = recognise_images(run, rows_of(NAMES, SCORES), [""] * 10)
    assert list(unreadable.split) == SPLITS


def decided(
    asked: int | str | None, purpose: str, run: KeptSplit | None, rows: pd.DataFrame, seed: int = 0
) -> tuple[list[str | None], str, list[str]]:
    use = SplitUse(purpose, run, "runs/a")  # type: ignore[arg-type]
    whole = Table(rows, Path(), "scores.csv")
    contents = [f"content of {name}" for name in rows["id"]]
    found, rule = decide(whole, asked, seed, use, lambda: contents)
    return list(found.rows["split"]), rule.rule, rule.notes


def test_another_numbered_split_tests_nothing_that_was_trained_on() -> None:
    run = run_of(NAMES, SPLITS, split=1)
    second = rows_of(NAMES, [0.5] * 10, split=["test"] * 5 + ["train"] * 5)
    found, rule, notes = decided(2, "test", run, second)
    assert "test" not in found
    assert rule == "table"
    assert any("5 of 5 images of that split were used" in note for note in notes)
    assert not any("another score" in note for note in notes)
    found, _, _ = decided(2, "validate", run, second.assign(split="val"))
    assert [one == "val" for one in found] == [one != "train" for one in SPLITS]


@pytest.mark.parametrize("known", range(11))
def test_whatever_is_known_nothing_used_is_tested(known: int) -> None:
    run = run_of(NAMES, SPLITS)
    names = [*NAMES[:known], *(f"new-{place}.jpg" for place in range(10 - known))]
    used = {name for name, split in zip(NAMES, SPLITS, strict=True) if split != "test"}
    columns = (None, ["test"] * 10)
    for asked in (None, "all", "0/100", "50/50"):
        for column in columns:
            found, _, notes = decided(asked, "test", run, rows_of(names, SCORES, split=column))
            chosen = {name for name, split in zip(names, found, strict=True) if split == "test"}
            assert not chosen & used
            assert notes[0].startswith(
                "testing all 10" if len(chosen) == 10 else f"testing {len(chosen)} of 10"
            )
            if asked == "all":
                assert chosen == set(names) - used


def test_training_needs_a_split() -> None:
    for purpose in ("draw", "go_on", "begin"):
        with pytest.raises(DataError, match=r"--data\.split all: that is for tests"):
            decided("all", purpose, run_of(NAMES, SPLITS), rows_of(NAMES, SCORES))


def test_what_a_checkpoint_keeps_is_data_that_may_be_damaged() -> None:
    run = run_of(["a,b\nc", 'q"', "é", "\udcff"], SPLITS[:4], split="80/20", split_seed=3)
    assert unpacked(run.packed(), Path("x.ckpt")) == KeptSplit(
        tuple(sorted(run.entries, key=lambda one: one.id)), "80/20", 3
    )
    packed = run.packed()
    for bad in (
        None,
        {},
        {**packed, "rows": packed["rows"][:-5]},
        {**packed, "rows": b"nothing"},
        {**packed, "split": ["x"]},
        {**packed, "split_seed": None},
    ):
        with pytest.raises(CheckpointError, match="damaged"):
            unpacked(bad, Path("x.ckpt"))


def donors_of(data: MemorabilityData, draws: int = 3) -> dict[str, set[str]]:
    found = data.donors("test", seed=0)
    names = list(found.ranks)
    given = [found.take(names, draw, (), torch.device("cpu")) for draw in range(draws)]
    assert all(one is not None for one in given)
    return {
        name: {one.donors.ids[place] for one in given if one is not None}
        for place, name in enumerate(names)
    }


@pytest.mark.parametrize("missing", ["", "val", "train"])
def test_donors_never_come_from_the_tested_split(tmp_path: Path, missing: str) -> None:
    splits = [split for split in ("test", "train", "val", "test") if split != missing]
    chosen = [splits[place % len(splits)] for place in range(12)]
    rows = table(tmp_path / "d", range(12), split=chosen).set_index("image")
    data = MemorabilityData(tmp_path / "d" / "scores.csv", image_size=16)
    found = donors_of(data)
    assert set(found) == ids(rows, "test")
    donor_ids = set().union(*found.values())
    assert donor_ids <= ids(rows, "train" if missing != "train" else "val")
    assert data.donated == ("train" if missing != "train" else "val")


def test_where_all_are_tested_they_donate_to_each_other(tmp_path: Path) -> None:
    table(tmp_path / "d", range(9), split=["test"] * 9)
    shutil.copy("d/000.png", "d/008.png")  # the same image under two names
    data = MemorabilityData(tmp_path / "d" / "scores.csv", image_size=16)
    found = donors_of(data, draws=7)
    assert data.donated == "tested images"
    for name, donors in found.items():
        assert name not in donors
        assert len(donors) >= 6
    assert "008.png" not in found["000.png"]
    assert "000.png" not in found["008.png"]
    assert found == donors_of(MemorabilityData(tmp_path / "d" / "scores.csv", image_size=16), 7)
    table(tmp_path / "one", [1], split=["test"])
    with pytest.raises(MemlabError, match="one image has no other"):
        MemorabilityData(tmp_path / "one" / "scores.csv", image_size=16).donors("test", 0)
