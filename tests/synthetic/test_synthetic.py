"""Synthetic images, whose causes of memorability are known."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV

from memlab.synthetic import (
    REGIONS,
    STYLES,
    Latents,
    Style,
    read_declaration,
    render,
    sample,
    score,
    signal,
    write,
)
from memlab.synthetic.latents import Palette

FIGURES = {"face": "faces", "person": "people", "object": "objects", "text": "text"}


def first(name: str, seed: int = 5) -> Latents:
    """The first latents in which a figure is present."""
    return next(
        latents
        for latents in (sample(seed, index) for index in range(100))
        if getattr(latents, name) is not None
    )


def test_an_image_is_a_function_of_its_latents() -> None:
    assert sample(3, 8) == sample(3, 8)
    assert len({sample(3, 8), sample(3, 9), sample(4, 8)}) == 3
    one, again = render(sample(3, 8), 64), render(sample(3, 8), 64)
    assert np.array_equal(one.image, again.image)
    assert all(np.array_equal(one.masks[region], again.masks[region]) for region in REGIONS)


@pytest.mark.parametrize("size", [48, 64, 97, 224])
def test_sizes_and_rules_of_the_masks(size: int) -> None:
    for index in range(6):
        rendered = render(sample(1, index), size)
        assert rendered.image.shape == (size, size, 3)
        assert rendered.image.dtype == np.uint8
        assert tuple(rendered.masks) == REGIONS
        assert all(m.shape == (size, size) and m.dtype == bool for m in rendered.masks.values())
        assert not (rendered.masks["faces"] & ~rendered.masks["people"]).any()
        whole = sum(
            rendered.masks[region].astype(int)
            for region in ("people", "objects", "text", "background")
        )
        assert (whole == 1).all(), "people, objects, text and background share out the image"


def test_a_size_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="size is 8 pixels"):
        render(sample(0, 0), 8)


def test_the_same_image_at_two_sizes_looks_the_same() -> None:
    for index in range(5):
        small = render(sample(2, index), 48)
        large = Image.fromarray(render(sample(2, index), 192).image).resize(
            (48, 48), Image.Resampling.BOX
        )
        shrunk = np.asarray(large, dtype=float)
        assert np.corrcoef(small.image.ravel(), shrunk.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("size", [64, 160])
def test_a_figure_taken_out_changes_only_its_own_pixels(name: str, size: int) -> None:
    latents = first(name)
    with_it, without = render(latents, size), render(replace(latents, **{name: None}), size)
    changed = (with_it.image != without.image).any(axis=2)
    alone = render(replace(latents, face=None, person=None, object=None, text=None), size)
    itself = render(alone_with(latents, name), size)
    own = (itself.image != alone.image).any(axis=2)
    assert changed.any()
    # Antialiased edges reach one pixel beyond the mask.
    assert not (changed & ~binary_dilation(itself.masks[FIGURES[name]], iterations=2)).any()
    assert not (changed & ~own).any()
    for other in set(FIGURES.values()) - {FIGURES[name], "people"}:
        grown = without.masks[other] & ~with_it.masks[other]
        assert not (grown & ~own).any(), "what a figure covered is seen again, nothing else moves"


def alone_with(latents: Latents, name: str) -> Latents:
    """The same image with one figure only."""
    return replace(latents, **{other: None for other in FIGURES if other != name})


def test_a_nearer_figure_hides_what_lies_behind() -> None:
    behind = alone_with(first("object"), "object")
    face = first("face").face
    there = behind.layout.object
    layout = replace(behind.layout, face=replace(there, size=0.9))
    assert render(behind, 64).masks["objects"].any()
    covered = replace(behind, face=face, layout=layout)
    assert not render(covered, 64).masks["objects"].any()


def test_a_person_turned_away_shows_no_face() -> None:
    person = alone_with(first("person"), "person")
    assert person.person is not None
    away = render(replace(person, person=replace(person.person, facing=False)), 96)
    front = render(replace(person, person=replace(person.person, facing=True)), 96)
    assert not away.masks["faces"].any()
    assert front.masks["faces"].any()
    assert (away.masks["people"] ^ front.masks["people"]).sum() < 0.05 * front.masks["people"].sum()


@pytest.mark.slow
def test_scores() -> None:
    drawn = [sample(0, index) for index in range(2000)]
    scores = np.array([score(latents, 0) for latents in drawn])
    assert 0.67 < scores.mean() < 0.73
    assert 0.10 < scores.std() < 0.13
    assert scores.min() > 0.2
    assert (scores < 1.0).mean() > 0.995
    assert len(np.unique(scores.round(6))) > 1900
    explained = np.corrcoef(scores, [signal(latents) for latents in drawn])[0, 1] ** 2
    assert explained == pytest.approx(0.9, abs=0.015)
    assert score(drawn[0], 0) == scores[0] != score(drawn[0], 1)


@pytest.mark.slow
def test_the_weights_are_ordered_and_colour_has_none() -> None:
    lost = {
        name: np.mean(
            [
                score(latents, 0) - score(replace(latents, **{name: None}), 0)
                for latents in (sample(0, index) for index in range(300))
                if getattr(latents, name) is not None
            ]
        )
        for name in FIGURES
    }
    assert lost["face"] > lost["person"] > lost["object"] > lost["text"] > 0.01
    latents = sample(0, 0)
    grey = Palette(hue=0.5, seed=1)
    recoloured = replace(latents, palette=grey, saturation=0.3, contrast=0.8, decoys=0)
    assert score(recoloured, 0) == score(latents, 0)


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_a_colour_histogram_does_not_give_the_score_away(style: Style) -> None:
    drawn = [sample(11, index, style=style) for index in range(600)]
    bins = [render(latents, 64).image.reshape(-1, 3) // 32 @ (64, 8, 1) for latents in drawn]
    histograms = np.stack([np.bincount(codes, minlength=512) / codes.size for codes in bins])
    scores = np.array([score(latents, 11) for latents in drawn])
    ridge = RidgeCV(np.logspace(-4, 4, 9)).fit(histograms[:450], scores[:450])
    assert spearmanr(ridge.predict(histograms[450:]), scores[450:]).statistic <= 0.3


def test_write(tmp_path: Path) -> None:
    done: list[int] = []
    table = write(tmp_path / "set", n=5, seed=2, size=48, progress=done.append)
    assert sum(done) == 5
    assert table == tmp_path / "set" / "synthetic.csv"
    note = json.loads((tmp_path / "set" / "synthetic.json").read_text())
    asked = {"schema": 1, "n": 5, "seed": 2, "size": 48, "memlab_synthetic": 3, "style": "A"}
    assert asked.items() <= note.items()
    assert note["world"]["name"] == "quickstart"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [f"images/{index:06d}.png" for index in range(5)]
    for index, row in enumerate(rows):
        latents = sample(2, index)
        rendered = render(latents, 48)
        assert float(row["score"]) == pytest.approx(score(latents, 2), abs=1e-6)
        assert row["face"] == str(int(latents.face is not None))
        assert (row["face_size"] == "") == (latents.face is None)
        with Image.open(tmp_path / "set" / row["image"]) as image:
            assert np.array_equal(np.asarray(image), rendered.image)
        for region, mask in rendered.masks.items():
            path = tmp_path / "set" / "masks" / region / f"{index:06d}.png"
            assert path.exists() == mask.any()
            if path.exists():
                with Image.open(path) as image:
                    assert np.array_equal(np.asarray(image), mask * 255)
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    write(tmp_path / "set", n=5, seed=2, size=48)
    assert before == {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}


def test_write_completes_what_was_interrupted(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        if len(list((tmp_path / "half" / "images").iterdir())) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "half", n=6, size=48, progress=stop)
    assert not (tmp_path / "half" / "synthetic.csv").exists()
    write(tmp_path / "half", n=6, size=48)
    write(tmp_path / "whole", n=6, size=48)
    files = [
        {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "half", tmp_path / "whole")
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize("other", [{"n": 4}, {"seed": 1}, {"size": 64}])
def test_write_refuses_a_folder_of_other_images(tmp_path: Path, other: dict[str, int]) -> None:
    write(tmp_path, **{"n": 3, "seed": 0, "size": 48})
    with pytest.raises(ValueError, match="choose another folder") as caught:
        write(tmp_path, **{"n": 3, "seed": 0, "size": 48} | other)
    assert "\n" not in str(caught.value)


def test_write_refuses_foreign_data_and_empty_sets(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="is not empty and holds no synthetic images"):
        write(tmp_path, n=3)
    with pytest.raises(ValueError, match="n = 0"):
        write(tmp_path / "new", n=0)
    with pytest.raises(ValueError, match="size is 8"):
        write(tmp_path / "new", n=3, size=8)
    assert not (tmp_path / "new").exists()


def test_needs_neither_torch_nor_lightning() -> None:
    heavy = "{'torch', 'lightning', 'scipy', 'pandas'}"
    code = f"import sys, memlab.synthetic; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_of_an_earlier_version_is_read_and_continued(tmp_path: Path) -> None:
    write(tmp_path / "new", n=3, size=48)
    former = tmp_path / "former"
    shutil.copytree(tmp_path / "new", former)
    note = json.loads((former / "synthetic.json").read_text())
    note["memlab_scenes"] = note.pop("memlab_synthetic")
    note["world"]["name"] = "scenes"
    (former / "scenes.json").write_text(json.dumps(note))
    (former / "synthetic.json").unlink()
    (former / "synthetic.csv").unlink()
    assert read_declaration(former) == read_declaration(tmp_path / "new")
    assert write(former, n=3, size=48) == former / "scenes.csv"
    assert (former / "scenes.csv").read_text() == (tmp_path / "new/synthetic.csv").read_text()
    assert not (former / "synthetic.json").exists()
