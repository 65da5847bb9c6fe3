"""memlab data check: near duplicates, what files give away, reliability, and the page."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats

from memlab.cli import main
from memlab.data.near_duplicates import near_pairs, perceptual_hash
from tests.builders.commands import TINY


def table(rows: list[dict[str, object]], name: str = "a.csv") -> str:
    pd.DataFrame(rows).to_csv(name, index=False)
    return name


@pytest.fixture
def copies(make_image: Callable[..., Path]) -> str:
    """Ten images; of two there is a copy in another split, of a third one in its own."""
    names = [make_image(f"{place}.png", size=(80, 60), seed=place).name for place in range(10)]
    with Image.open("0.png") as first, Image.open("1.png") as second, Image.open("2.png") as third:
        first.save("again.jpg", quality=40)
        second.resize((40, 30)).save("small.png")
        third.save("same-split.jpg", quality=80)
    splits = dict.fromkeys(names, "train") | {"again.jpg": "test", "small.png": "val"}
    splits |= {"same-split.jpg": "train", "9.png": "test", "8.png": "val"}
    scores = np.linspace(0.4, 0.9, len(splits))
    return table(
        [
            {"image": name, "split": split, "score": score}
            for (name, split), score in zip(splits.items(), scores, strict=True)
        ]
    )


@pytest.mark.slow
def test_near_duplicates_across_splits_are_problems_and_inside_one_notes(copies: str) -> None:
    assert main(["data", "check", copies]) == 0
    assert main(["data", "check", copies, "--near", "--out", "out"]) == 1
    problems, notes = pd.read_csv("out/problems.csv"), pd.read_csv("out/notes.csv")
    assert problems.set_index("id")["kind"].to_dict() == {
        "0.png": "near leak",
        "1.png": "near leak",
    }
    assert notes.loc[notes["kind"] == "near duplicate", "id"].tolist() == ["2.png"]
    near = pd.read_csv("out/near-duplicates.csv")
    assert near["leak"].tolist() == [True, True, False]
    assert set(near["other_id"]) == {"again.jpg", "small.png", "same-split.jpg"}
    assert (near["bits"] <= 6).all()
    with Image.open("out/near-duplicates.jpg") as sheet:
        assert np.asarray(sheet).std() > 10


@pytest.mark.slow
def test_an_exact_copy_is_named_once_and_its_near_copy_too(copies: str) -> None:
    Path("exact.png").write_bytes(Path("0.png").read_bytes())
    rows = pd.read_csv(copies).to_dict("records")
    table([*rows, {"image": "exact.png", "split": "test", "score": 0.5}])
    assert main(["data", "check", copies, "--near", "--out", "out"]) == 1
    found = pd.read_csv("out/problems.csv")
    assert found["kind"].tolist().count("two splits") == 1
    pairs = pd.read_csv("out/near-duplicates.csv")[["id", "other_id"]].to_numpy().tolist()
    assert ["0.png", "exact.png"] not in pairs
    assert ["again.jpg", "exact.png"] in pairs


@pytest.mark.parametrize("n", [0, 1, 700])
def test_near_pairs_equal_comparing_one_by_one(n: int) -> None:
    rng = np.random.default_rng(n)
    hashes = rng.integers(0, 2**63, size=n, dtype=np.uint64)
    hashes[n // 2 :] = hashes[: n - n // 2] ^ (np.uint64(1) << rng.integers(0, 64, dtype=np.uint64))
    steps: list[int] = []
    pairs, bits = near_pairs(hashes, 20, steps.append)
    slow = {
        (one, other): int(hashes[one] ^ hashes[other]).bit_count()
        for one, other in itertools.combinations(range(n), 2)
    }
    wanted = {pair: distance for pair, distance in slow.items() if distance <= 20}
    assert dict(zip(map(tuple, pairs.tolist()), bits.tolist(), strict=True)) == wanted
    assert sum(steps) == n


def test_the_hash_is_imagehashs_and_flat_images_have_none(make_image: Callable[..., Path]) -> None:
    path = make_image("a.png", size=(90, 64), seed=4)
    with Image.open(path) as opened:
        pixels = torch.from_numpy(np.array(opened)).permute(2, 0, 1)
        assert perceptual_hash(pixels) == int(str(imagehash.phash(opened)), 16)
    for side in (1, 2, 50):
        assert perceptual_hash(torch.full((3, side, side), 90, dtype=torch.uint8)) is None


def test_too_many_pairs_are_refused(
    monkeypatch: pytest.MonkeyPatch, copies: str, failing: Callable[..., str]
) -> None:
    monkeypatch.setattr("memlab.data.near_duplicates.MOST_PAIRS", 2)
    assert "lower --near" in failing("data", "check", copies, "--near", "32")


def test_without_imagehash_the_install_line_is_given(
    monkeypatch: pytest.MonkeyPatch, copies: str, failing: Callable[..., str]
) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    assert "pip install 'memlab[check]'" in failing("data", "check", copies, "--near")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--near", "a.csv"], "the folder comes before --near"),
        (["a.csv", "--near", "40"], "'40' is not a number of bits, 0 to 32"),
        (["a.csv", "--out", "."], "an input of this command"),
        (["empty"], "empty: no images and no table found"),
    ],
)
def test_bad_options_are_one_line(
    arguments: list[str], message: str, copies: str, failing: Callable[..., str]
) -> None:
    Path("empty").mkdir()
    assert message in failing("data", "check", *arguments)


@pytest.mark.slow
def test_files_that_give_the_score_away_are_noted(make_image: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for place in range(60):
        score = float(rng.uniform(0.3, 1))
        suffix = "jpg" if score > 0.65 else "png"
        side = 40 + int(rng.integers(0, 30))
        size = (int(side * (0.5 + score)), side)
        name = make_image(f"{place}.{suffix}", size=size, seed=place).name
        rows.append({"image": name, "score": score})
    assert main(["data", "check", table(rows), "--out", "out"]) == 0
    notes = pd.read_csv("out/notes.csv")
    shortcuts = " ".join(notes.loc[notes["kind"] == "shortcut", "message"])
    assert "aspect ratio (width / height) correlates with the score: ρ = +1.00" in shortcuts
    assert "stored as" in shortcuts
    facts = pd.read_csv("out/images.csv").set_index("image")
    path = Path(str(rows[0]["image"]))
    with Image.open(path) as first:
        assert tuple(facts.loc[path.name, ["width", "height"]]) == first.size
    assert facts.loc[path.name, "bytes"] == path.stat().st_size
    found = json.loads(Path("out/check.json").read_text())["correlations"]["bytes per pixel"]
    rho = stats.spearmanr(facts["bytes"] / (facts["width"] * facts["height"]), facts["score"])
    assert found["value"] == pytest.approx(rho.statistic)
    deciles = pd.read_csv("out/deciles.csv")
    aspect = deciles[deciles["fact"] == "aspect"]
    assert aspect["images"].sum() == 60
    assert aspect["median"].is_monotonic_increasing


@pytest.mark.slow
def test_the_page_holds_everything_and_needs_nothing(copies: str) -> None:
    main(["data", "check", copies, "--near", "--out", "out"])
    page = Path("out/check.html").read_text()
    found = json.loads(Path("out/check.json").read_text())
    assert page.count("data:image/") == 3
    assert "http" not in page
    assert found["problems"] == {"near leak": 2}
    assert found["near_duplicates"]["across_splits"] == 2
    assert sum(sum(counts) for counts in found["scores"]["histogram"]["counts"].values()) == 13
    assert "again.jpg: nearly the same image in train and test" in page


def test_names_cannot_change_the_page(make_image: Callable[..., Path]) -> None:
    name = "<script>alert(1)<.png"
    Path(name).write_bytes(make_image("a.png").read_bytes())
    rows: list[dict[str, object]] = [{"image": "a.png"}, {"image": name}]
    assert main(["data", "check", table(rows), "--out", "out"]) == 1
    page = Path("out/check.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_sections_without_their_data_say_why(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("photos/a.png", size=(64, 48))
    Image.new("RGB", (1, 1), "red").save("photos/dot.png")
    Image.new("RGB", (1, 1), "blue").save("photos/dot2.png")
    assert main(["data", "check", "photos", "--near", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "no scores" in printed
    assert "2 images smaller than 32 pixels (first: dot.png)" in printed
    assert "2 images without contrast" in printed
    page = Path("out/check.html").read_text()
    assert "Not shown: the table has no scores" in page
    assert "needs columns <code>hits</code>" in page


def test_percent_is_asked_about_in_one_line(
    make_image: Callable[..., Path],
    failing: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows: list[dict[str, object]] = [
        {"image": make_image(f"{place}.png", seed=place).name, "score": 20 + 4 * place}
        for place in range(12)
    ]
    rows[3]["score"], rows[4]["score"] = 1, 250
    name = table(rows)
    assert main(["data", "check", name]) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  score")]
    assert len(problems) == 2
    assert "10 of 12 scores lie above 1, up to 64: is the column in percent?" in problems[0]
    assert "4.png: score 250 is not between 0 and 1" in problems[1]
    message = failing("fit", f"--data.root={name}", "--data.image_size=32", *TINY)
    assert "2 problems: 10 of 12 scores" in message


@pytest.mark.slow
def test_reliability_is_printed_and_kept(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for place in range(40):
        hits = int(rng.binomial(60, rng.beta(7, 2)))
        name = make_image(f"{place}.png", seed=place).name
        rows.append({"image": name, "score": round(hits / 60, 2), "hits": hits, "n": 60})
    rows[5]["hits"] = 61
    assert main(["data", "check", table(rows), "--out", "out"]) == 1
    printed = capsys.readouterr().out
    assert "5.png: 61 hits of 60 responses cannot be" in printed
    assert "from counts alone; split halves of people need per-person responses" in printed
    found = json.loads(Path("out/check.json").read_text())["reliability"]
    assert found["half"]["n"] == 39
    half, full = found["half"]["value"], found["full"]["value"]
    assert full == pytest.approx(2 * half / (1 + half))
    assert found["ceiling"]["value"] == pytest.approx(full**0.5)
