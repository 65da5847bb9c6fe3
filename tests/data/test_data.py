"""Table, splits, loaders, and the data commands."""

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
from memlab.data.augmentation import mirrored
from memlab.data.dataset import ImageDataset, collate
from memlab.data.geometry import Geometry
from memlab.data.module import MemorabilityData
from memlab.data.samplers import UnpaddedDistributedSampler
from memlab.data.sources.base import recognise
from memlab.data.splits import parse_shares, random_split
from memlab.errors import DataError
from memlab.registry import say_renamed
from tests.builders.commands import TINY


def table_of(count: int, seed: int = 0):  # type: ignore[no-untyped-def]
    from memlab.data.sources.base import make_table

    ids = [f"{place}.jpg" for place in range(count)]
    scores = np.random.default_rng(seed).beta(6, 2, size=count)
    return make_table({"id": ids, "image": ids, "score": scores}, Path(), "here")


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("80/20", (0.72, 0.08, 0.2)),
        ("70/10/20", (0.7, 0.1, 0.2)),
        ("25/25/50", (0.25, 0.25, 0.5)),
        ("0.8/0.2", (0.72, 0.08, 0.2)),
    ],
)
def test_shares_are_read(text: str, shares: tuple[float, ...]) -> None:
    assert parse_shares(text) == pytest.approx(shares)


@pytest.mark.parametrize("text", ["80", "a/b", "80/-20", "0/0", "1/2/3/4", "80/30", "1/1/2"])
def test_bad_shares_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="80/20"):
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
def test_two_processes_share_out_each_image_once(count: int) -> None:
    parts = [list(UnpaddedDistributedSampler(range(count), 2, rank)) for rank in (0, 1)]
    assert sorted(parts[0] + parts[1]) == list(range(count))
    assert len(UnpaddedDistributedSampler(range(count), 2, 1)) == len(parts[1])


def test_a_bad_image_keeps_its_place(make_image: Callable[..., Path], tmp_path: Path) -> None:
    make_image("a.png", seed=1)
    (tmp_path / "b.png").write_bytes(b"junk")
    rows = pd.DataFrame({"id": ["a", "b"], "image": ["a.png", "b.png"], "score": [0.5, 0.6]})
    dataset = ImageDataset(rows, tmp_path, Geometry(16))
    batch = collate([dataset[0], dataset[1]])
    assert batch["valid"].tolist() == [True, False]
    assert batch["images"].dtype == torch.uint8
    assert "b.png" in batch["errors"][1]


def test_mirrored_turns_only_those_chosen() -> None:
    images = torch.arange(12.0).view(2, 1, 2, 3)
    turned = mirrored(images, torch.tensor([True, False]))
    assert torch.equal(turned[0], images[0].flip(-1))
    assert torch.equal(turned[1], images[1])


def test_the_table_is_validated_before_training(synthetic: Path) -> None:
    data = MemorabilityData(root=synthetic, split="80/20")
    counts = data.table.rows["split"].value_counts().to_dict()
    assert counts == {"train": 43, "val": 5, "test": 12}


@pytest.mark.slow
def test_data_check_finds_everything(
    lamem: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
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
    assert main(["data", "check", str(lamem), "--out", "check"]) == 1
    found = pd.read_csv("check/problems.csv").groupby("kind")["id"].apply(set).to_dict()
    assert found == {
        "missing": {"00000003.jpg"},
        "unreadable": {"00000002.jpg"},
        "duplicate": {"00000004.jpg"},
        "two splits": {"00000000.jpg", "00000005.jpg"},
        "score": {"00000005.jpg"},
    }
    assert "7 problems" not in capsys.readouterr().out.splitlines()[0]


def test_data_check_says_when_all_scores_are_equal(
    make_image: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in range(4):
        make_image(f"{place}.png", seed=place)
    lines = [f"{place}.png,0.7" for place in range(4)]
    (tmp_path / "a.csv").write_text("\n".join(["image,score", *lines]))
    assert main(["data", "check", str(tmp_path / "a.csv")]) == 1
    assert "all 4 scores equal 0.7" in capsys.readouterr().out


def test_data_subset_copies_images_masks_and_table(synthetic: Path) -> None:
    arguments = ["data", "subset", str(synthetic), "-n", "20", "--seed", "5", "--out"]
    assert main([*arguments, "one"]) == 0
    assert main([*arguments, "two"]) == 0
    one, two = pd.read_csv("one/subset.csv"), pd.read_csv("two/subset.csv")
    assert one.equals(two)
    assert len(one) == 20
    table = recognise(Path("one")).table(Path("one")).validated("x")
    whole = pd.read_csv(synthetic / "synthetic.csv").set_index("image")["score"]
    assert (table.rows["score"].to_numpy() == whole[one["image"]].to_numpy()).all()
    for name in one["mask_people"].dropna():
        assert (Path("one") / name).is_file()


def test_data_subset_loses_nothing(synthetic: Path, failing: Callable[..., str]) -> None:
    Path("full").mkdir()
    Path("full/keep.txt").write_text("mine")
    assert "not an empty folder" in failing(
        "data", "subset", str(synthetic), "-n", "5", "--out", "full"
    )
    assert "60 images there, 99 asked for" in failing(
        "data", "subset", str(synthetic), "-n", "99", "--out", "other"
    )
    assert Path("full/keep.txt").read_text() == "mine"


def test_data_scenes_is_the_former_name_of_data_synthetic(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_renamed.cache_clear()
    assert main(["data", "scenes", "here", "-n", "2", "--size", "48"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("memlab: 'memlab data scenes' is now called 'memlab data synthetic'")
    assert Path("here/synthetic.csv").is_file()


def test_data_synthetic_renders(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "synthetic", "here", "-n", "3", "--size", "48"]) == 0
    assert len(pd.read_csv("here/synthetic.csv")) == 3
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
