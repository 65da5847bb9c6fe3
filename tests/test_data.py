"""Sources, table, splits, loaders, and the data commands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.data.dataset import PictureDataset, collate
from memlab.data.geometry import Geometry
from memlab.data.module import MemorabilityData, mirrored
from memlab.data.samplers import UnpaddedDistributedSampler
from memlab.data.sources.base import recognise
from memlab.data.sources.csv import CsvSource
from memlab.data.sources.folder import FolderSource
from memlab.data.sources.lamem import LaMemSource
from memlab.data.sources.scenes import ScenesSource
from memlab.data.splits import parse_shares, random_split
from memlab.errors import DataError
from tests.conftest import TINY


@pytest.fixture
def lamem(tmp_path: Path, picture: Callable[..., Path]) -> Path:
    """LaMem's layout: 20 pictures, two splits with different labels for the same picture."""
    root = tmp_path / "lamem"
    for place in range(20):
        picture(f"lamem/images/{place:08d}.jpg", seed=place)
    (root / "splits").mkdir()
    for split in (1, 2):
        rng = np.random.default_rng(split)
        lines = [f"{place:08d}.jpg {rng.uniform(0.4, 1):.6f}\n" for place in range(20)]
        for part, chosen in (("train", lines[:12]), ("val", lines[12:16]), ("test", lines[16:])):
            (root / "splits" / f"{part}_{split}.txt").write_text("".join(chosen))
    return root


def test_lamem_reads_one_split_and_keeps_labels_apart(lamem: Path) -> None:
    source = recognise(lamem)
    assert isinstance(source, LaMemSource)
    first, second = source.table(lamem, 1), source.table(lamem, 2)
    assert len(first.rows) == 20
    assert first.rows["split"].value_counts().to_dict() == {"train": 12, "val": 4, "test": 4}
    assert first.rows["id"].tolist() == second.rows["id"].tolist()
    assert (first.rows["score"] != second.rows["score"]).all()
    assert source.table(lamem).rows.equals(first.rows)


def test_a_missing_lamem_split_names_those_there(lamem: Path) -> None:
    with pytest.raises(DataError, match=r"train_3\.txt.*train_1\.txt"):
        LaMemSource().table(lamem, 3)


@pytest.mark.parametrize("line", ["00000001.jpg", "00000001.jpg high", " 0.5"])
def test_a_bad_lamem_line_is_named(line: str, lamem: Path) -> None:
    (lamem / "splits" / "val_1.txt").write_text(f"00000012.jpg 0.5\n{line}\n")
    with pytest.raises(DataError, match=r"val_1\.txt: line 2"):
        LaMemSource().table(lamem, 1)


def test_the_prototypes_csv_loads_as_it_is(tmp_path: Path, picture: Callable[..., Path]) -> None:
    for place in range(10):
        picture(f"images/{place}.jpg", seed=place)
    lines = [f"images/{place}.jpg,{0.5 + place / 25}" for place in range(10)]
    table = tmp_path / "image_list_with_scores.csv"
    table.write_text("\n".join(["image_path,memorability_score", *lines]))
    for root in (tmp_path, table):
        source = recognise(root)
        assert isinstance(source, CsvSource)
        rows = source.table(root).validated("x").rows
        assert rows["score"].tolist() == [0.5 + place / 25 for place in range(10)]


def test_csv_takes_any_columns_and_keeps_the_rest(tmp_path: Path) -> None:
    text = "picture,how,category,n,split\n0001,0.5,food,40,Train\n0002,,animal,38,validation\n"
    (tmp_path / "a.csv").write_text(text)
    rows = CsvSource(image="picture", score="how").table(tmp_path).rows
    assert rows["id"].tolist() == ["0001", "0002"]
    assert rows["split"].tolist() == ["train", "val"]
    assert rows["n"].tolist() == [40, 38]
    assert rows["category"].tolist() == ["food", "animal"]
    assert np.isnan(rows["score"][1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "which column holds the image"),
        ("image,score\nx.jpg,high\n", "row 2: score 'high' is not a number"),
        ("image,score,split\nx.jpg,.5,dev\n", "split 'dev' is not train, val or test"),
        ("image,score\n,.5\n", "row 2: no image"),
        ("image,score\n", "no pictures in it"),
    ],
)
def test_a_bad_csv_names_file_row_and_value(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(DataError, match=rf"scores\.csv.*{message}"):
        CsvSource().table(tmp_path)


def test_a_wrong_column_is_answered_with_the_closest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,memory\nx.jpg,.5\n")
    with pytest.raises(DataError, match="did you mean 'memory'"):
        CsvSource(score="memroy").table(tmp_path)


def test_a_folder_has_pictures_and_no_scores(tmp_path: Path, picture: Callable[..., Path]) -> None:
    picture("cats/b.png")
    picture("a.JPG".lower())
    (tmp_path / "notes.txt").write_text("x")
    source = recognise(tmp_path)
    assert isinstance(source, FolderSource)
    rows = source.table(tmp_path).rows
    assert rows["id"].tolist() == ["a.jpg", "cats/b.png"]
    assert rows["score"].isna().all()


def test_scenes_bring_masks_and_render_only_once(tmp_path: Path) -> None:
    source = ScenesSource(n=8, seed=1, size=48)
    with pytest.raises(DataError, match="no rendered scenes"):
        source.table(tmp_path / "s")
    source.prepare(tmp_path / "s")
    table = source.table(tmp_path / "s").validated("x")
    assert set(table.regions) == {"faces", "people", "objects", "text", "background"}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.png")}
    again = recognise(tmp_path / "s")
    assert isinstance(again, ScenesSource)
    again.prepare(tmp_path / "s")
    assert again.table(tmp_path / "s").fingerprint() == table.fingerprint()
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.png")}
    with pytest.raises(DataError):
        ScenesSource(n=9, seed=1, size=48).prepare(tmp_path / "s")


def table_of(count: int, seed: int = 0):  # type: ignore[no-untyped-def]
    from memlab.data.sources.base import make_table

    ids = [f"{place}.jpg" for place in range(count)]
    scores = np.random.default_rng(seed).beta(6, 2, size=count)
    return make_table({"id": ids, "image": ids, "score": scores}, Path(), "here")


@pytest.mark.parametrize(
    ("text", "shares"),
    [("80/20", (0.72, 0.08, 0.2)), ("70/10/20", (0.7, 0.1, 0.2)), ("1/1/2", (0.25, 0.25, 0.5))],
)
def test_shares_are_read(text: str, shares: tuple[float, ...]) -> None:
    assert parse_shares(text) == pytest.approx(shares)


@pytest.mark.parametrize("text", ["80", "a/b", "80/-20", "0/0", "1/2/3/4"])
def test_bad_shares_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="as in 80/20"):
        parse_shares(text)


def test_random_splits_are_exact_stratified_and_seeded() -> None:
    table = table_of(500)
    split = random_split(table, (0.7, 0.1, 0.2), seed=4)
    counts = split.rows["split"].value_counts()
    assert counts.to_dict() == {"train": 350, "test": 100, "val": 50}
    means = split.rows.groupby("split")["score"].mean()
    assert means.max() - means.min() < 0.01
    assert split.rows.equals(random_split(table, (0.7, 0.1, 0.2), seed=4).rows)
    assert not split.rows.equals(random_split(table, (0.7, 0.1, 0.2), seed=5).rows)


def test_a_random_split_does_not_depend_on_the_order_of_rows() -> None:
    table = table_of(60)
    turned = type(table)(table.rows.iloc[::-1].reset_index(drop=True), table.root, table.origin)
    one = random_split(table, (0.5, 0.2, 0.3), 1).rows.set_index("id")["split"]
    other = random_split(turned, (0.5, 0.2, 0.3), 1).rows.set_index("id")["split"]
    assert one.sort_index().equals(other.sort_index())


@pytest.mark.parametrize("count", [13, 12, 3])
def test_two_processes_share_out_each_picture_once(count: int) -> None:
    parts = [list(UnpaddedDistributedSampler(range(count), 2, rank)) for rank in (0, 1)]
    assert sorted(parts[0] + parts[1]) == list(range(count))
    assert len(UnpaddedDistributedSampler(range(count), 2, 1)) == len(parts[1])


def test_a_bad_picture_keeps_its_place(picture: Callable[..., Path], tmp_path: Path) -> None:
    picture("a.png", seed=1)
    (tmp_path / "b.png").write_bytes(b"junk")
    rows = pd.DataFrame({"id": ["a", "b"], "image": ["a.png", "b.png"], "score": [0.5, 0.6]})
    dataset = PictureDataset(rows, tmp_path, Geometry(16))
    batch = collate([dataset[0], dataset[1]])
    assert batch["valid"].tolist() == [True, False]
    assert batch["images"].dtype == torch.uint8
    assert "b.png" in batch["errors"][1]


def test_mirrored_turns_only_those_chosen() -> None:
    images = torch.arange(12.0).view(2, 1, 2, 3)
    turned = mirrored(images, torch.tensor([True, False]))
    assert torch.equal(turned[0], images[0].flip(-1))
    assert torch.equal(turned[1], images[1])


def test_the_table_is_validated_before_training(scenes: Path) -> None:
    data = MemorabilityData(root=scenes, split="80/20")
    counts = data.table.rows["split"].value_counts().to_dict()
    assert counts == {"train": 43, "val": 5, "test": 12}


def test_data_check_finds_everything(
    lamem: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(lamem)]) == 0
    images, splits = lamem / "images", lamem / "splits"
    shutil.copy(images / "00000000.jpg", images / "00000019.jpg")  # train = test
    truncated = images / "00000002.jpg"
    truncated.write_bytes(truncated.read_bytes()[:-100])
    (images / "00000003.jpg").unlink()
    with (splits / "train_1.txt").open("a") as file:
        file.write("00000004.jpg 0.5\n")
    with (splits / "test_1.txt").open("a") as file:
        file.write("00000005.jpg 1.5\n")
    assert main(["data", "check", str(lamem), "--out", "problems.csv"]) == 1
    found = pd.read_csv("problems.csv").groupby("kind")["id"].apply(set).to_dict()
    assert found == {
        "missing": {"00000003.jpg"},
        "unreadable": {"00000002.jpg"},
        "duplicate": {"00000004.jpg"},
        "two splits": {"00000000.jpg", "00000005.jpg"},
        "score": {"00000005.jpg"},
    }
    assert "7 problems" not in capsys.readouterr().out.splitlines()[0]


def test_data_check_says_when_all_scores_are_equal(
    picture: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in range(4):
        picture(f"{place}.png", seed=place)
    lines = [f"{place}.png,0.7" for place in range(4)]
    (tmp_path / "a.csv").write_text("\n".join(["image,score", *lines]))
    assert main(["data", "check", str(tmp_path / "a.csv")]) == 1
    assert "all 4 scores equal 0.7" in capsys.readouterr().out


def test_data_subset_copies_pictures_masks_and_table(scenes: Path) -> None:
    arguments = ["data", "subset", str(scenes), "-n", "20", "--seed", "5", "--out"]
    assert main([*arguments, "one"]) == 0
    assert main([*arguments, "two"]) == 0
    one, two = pd.read_csv("one/subset.csv"), pd.read_csv("two/subset.csv")
    assert one.equals(two)
    assert len(one) == 20
    table = recognise(Path("one")).table(Path("one")).validated("x")
    whole = pd.read_csv(scenes / "scenes.csv").set_index("image")["score"]
    assert (table.rows["score"].to_numpy() == whole[one["image"]].to_numpy()).all()
    for name in one["mask_people"].dropna():
        assert (Path("one") / name).is_file()


def test_data_subset_loses_nothing(scenes: Path, failing: Callable[..., str]) -> None:
    Path("full").mkdir()
    Path("full/keep.txt").write_text("mine")
    assert "not an empty folder" in failing(
        "data", "subset", str(scenes), "-n", "5", "--out", "full"
    )
    assert "60 pictures there, 99 asked for" in failing(
        "data", "subset", str(scenes), "-n", "99", "--out", "other"
    )
    assert Path("full/keep.txt").read_text() == "mine"


def test_data_scenes_renders(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "scenes", "here", "-n", "3", "--size", "48"]) == 0
    assert len(pd.read_csv("here/scenes.csv")) == 3
    with Image.open("here/images/000000.png") as first:
        assert first.size == (48, 48)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "nope.jpg: no such file"),
        ("empty", "the val split is empty"),
        ("equal", "all 12 training scores equal 0.5"),
        ("twice", "00000016.jpg: in test and train"),
        ("range", "score 1.5 is not between 0 and 1"),
    ],
)
def test_bad_data_stop_a_run_before_it_starts(
    change: str, message: str, lamem: Path, failing: Callable[..., str]
) -> None:
    splits = lamem / "splits"
    train = (splits / "train_1.txt").read_text()
    if change == "missing":
        (splits / "train_1.txt").write_text(train + "nope.jpg 0.5\n")
    elif change == "empty":
        (splits / "val_1.txt").write_text("")
    elif change == "equal":
        names = [line.split()[0] for line in train.splitlines()]
        (splits / "train_1.txt").write_text("".join(f"{name} 0.5\n" for name in names))
    elif change == "twice":
        (splits / "train_1.txt").write_text(train + "00000016.jpg 0.5\n")
    else:
        (splits / "val_1.txt").write_text("00000012.jpg 1.5\n")
    assert message in failing("fit", f"--data.root={lamem}", "--data.image_size=32", *TINY)
