"""Worlds as files: written, trained on, planted on photographs, with degraded masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from memlab.cli import main
from memlab.cli.configs import shipped
from memlab.data.sources.synthetic import SyntheticSource
from memlab.errors import DataError
from memlab.spec import build
from memlab.synthetic import (
    World,
    noise_ceiling,
    read_declaration,
    render,
    sample,
    score,
    signal,
    write,
)
from memlab.synthetic.degraded import degraded
from memlab.synthetic.latents import PRESENCE
from memlab.synthetic.planted import planted
from memlab.synthetic.scoring import number
from memlab.synthetic.watermark import watermark_template
from tests.builders.commands import QUIET
from tests.builders.worlds import OWN, table


def test_data_synthetic_writes_a_world_and_says_what_made_it(
    capsys: pytest.CaptureFixture[str], failing: Callable[..., str]
) -> None:
    make = ["data", "synthetic", "--world", "W3", "--style", "B", "--r2", ".6", "-n", "6"]
    assert main([*make, "--size", "48", "w3"]) == 0
    limit = noise_ceiling(World(**asdict(OWN["W3"]) | {"r2": 0.6}))
    assert f"can expect Spearman {limit.spearman:.3f}" in capsys.readouterr().out
    made = read_declaration(Path("w3"))
    assert made.world == World(**asdict(OWN["W3"]) | {"r2": 0.6})
    assert (made.style, made.seed, made.size, made.n) == ("B", 0, 48, 6)
    rows = table(Path("w3"))
    for index, row in enumerate(rows):
        latents = sample(made.seed, index, made.world, made.style)
        with Image.open(f"w3/{row['image']}") as image:
            assert np.array_equal(np.asarray(image), render(latents, 48).image)
        assert float(row["score"]) == pytest.approx(score(latents, 0, made.world), abs=1e-6)
        assert float(row["signal"]) == pytest.approx(signal(latents, made.world), abs=1e-6)
        for feature in PRESENCE:
            assert float(row[feature]) == number(latents, feature)
        for feature in ("palette", "layout"):
            assert float(row[feature]) == pytest.approx(
                number(latents, feature, made.world), abs=1e-6
            )
    assert main(["data", "check", "w3"]) in (0, 1)
    told = failing("data", "synthetic", "--world", "W4", "-n", "6", "w3")
    assert told.startswith("memlab: w3 holds images of world W3, not W4; ")
    assert len(told.splitlines()) == 1
    make += ["--size", "48"]
    told = failing(*make[:4], "--style", "A", *make[6:], "w3")
    assert told == "memlab: w3 holds images of style B, not A: choose another folder"
    told = failing(*make[:6], *make[8:], "w3")
    assert told == "memlab: w3 holds images of world W3 with r2 0.6, not 0.3: choose another folder"


def test_options_change_a_world(failing: Callable[..., str]) -> None:
    assert (
        main(["data", "synthetic", "--world", "W1", "--weights", "text=1", "-n", "2", "text"]) == 0
    )
    assert read_declaration(Path("text")).world.weights == {"text": 1.0}
    assert read_declaration(Path("text")).world.r2 == OWN["W1"].r2
    begin = ["data", "synthetic", "--world"]
    assert "did you mean 'W3'?" in failing(*begin, "W33", "x")
    assert "no 'fac'; did you mean" in failing(*begin, "W1", "--weights", "fac=1", "x")
    assert "write face=1,text=.5" in failing(*begin, "W1", "--weights", "face", "x")
    assert "no weights, but r2 0.5" in failing(*begin, "W0", "--r2", ".5", "x")
    assert "say which" in failing("data", "synthetic", "--r2", ".5", "x")
    assert not Path("x").exists()


def test_a_world_of_ones_own(failing: Callable[..., str]) -> None:
    Path("hats.yaml").write_text("weights: {person: 1}\nprevalence: {person: .2}\n")
    assert main(["data", "synthetic", "--world", "hats.yaml", "-n", "2", "hats"]) == 0
    made = read_declaration(Path("hats")).world
    assert (made.name, made.rate("person")) == ("hats", 0.2)
    Path("hats.yaml").write_text("weight: {person: 1}\n")
    told = failing("data", "synthetic", "--world", "hats.yaml", "x")
    assert "hats.yaml: unknown key 'weight'; did you mean 'weights'?" in told
    Path("hats.yaml").write_text("- 3\n")
    assert "hats.yaml: no world in it" in failing("data", "synthetic", "--world", "hats.yaml", "x")
    for entry, said in (
        ("sise: 64", "unknown key 'sise'; did you mean 'size'?"),
        ("n: ten", "n 'ten': a whole number"),
        ("style: C", "style 'C': A or B"),
        ("masks: [exact]", "masks ['exact']: exact or degraded"),
    ):
        Path("hats.yaml").write_text(
            f"data: {{source: {{init_args: {{world: {{weights: {{face: 1}}}}, {entry}}}}}}}\n"
        )
        assert f"hats.yaml: {said}" in failing("data", "synthetic", "--world", "hats.yaml", "x")
    Path("hats.yaml").write_text("weights: {prson: 1}\n")
    assert "hats.yaml: world hats: weights" in failing(
        "data", "synthetic", "--world", "hats.yaml", "x"
    )


@pytest.mark.slow
def test_fit_takes_a_world_and_changes_to_it(
    capsys: pytest.CaptureFixture[str], failing: Callable[..., str]
) -> None:
    tiny = ["--data.source.n=40", "--data.source.size=48", "--data.image_size=48", *QUIET]
    tiny += ["--trainer.max_epochs=1", "--data.num_workers=0", "--attribution", "none"]
    fit = ["fit", "--config", "worlds/W3", *tiny]
    assert main([*fit, "--data.source.world.r2=.6", "--data.source.style=B", "--run=one"]) == 0
    made = read_declaration(Path("data/worlds/W3"))
    assert (made.world.r2, made.style, made.n) == (0.6, "B", 40)
    assert made.world.correlations == {"face,text": 0.95}
    found = json.loads(Path("one/fit/results.json").read_text())
    source = found["data"]["source"]
    assert source["init_args"]["world"]["weights"] == {"face": 1.0, "text": 1.0}
    again = build(source)
    assert isinstance(again, SyntheticSource)
    assert again.world == made.world
    assert "r2 0.6, not 0.3" in failing(*fit, "--data.source.style=B", "--run=two")
    capsys.readouterr()
    # another world by its name, nothing of the first left
    assert main([*fit, "--data.source.world", "W4", "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)["data"]["source"]["init_args"]["world"]
    assert World(**printed) == OWN["W4"]
    only = ["--data.source.world.weights", '{"text": 1}']
    assert main([*fit, *only, "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)["data"]["source"]["init_args"]["world"]
    assert printed["weights"] == {"text": 1.0}
    assert "did you mean 'W5'?" in failing(*fit, "--data.source.world", "W55")
    told = failing(*fit, "--data.source.world.r2=7")
    assert told == "memlab: world W3: r2 7.0: from 0 to below 1, for people never agree wholly"
    assert "one of 'A', 'B'; got 'C'" in failing(*fit, "--data.source.style=C")


@pytest.mark.parametrize("name", ["W0", "W1", "W12"])
def test_the_networks_are_small(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from memlab.backbones.timm import Timm

    tree = yaml.safe_load((shipped() / "worlds" / f"{name}.yaml").read_text())
    network = Timm(**tree["model"]["backbone"]["init_args"])
    assert sum(parameter.numel() for parameter in network.parameters()) <= 0.2e6


def test_photographs_with_a_planted_mark(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    for place in range(20):
        make_image(f"photos/{place:02d}.jpg", size=(80, 60), seed=place)
    begin = ["data", "synthetic", "--world", "W12"]
    assert "--photos DIR" in failing(*begin, "out")
    assert not Path("out").exists()
    assert "20 photographs, 30 asked for" in failing(*begin, "--photos=photos", "-n", "30", "out")
    assert "leave out --photos" in failing(
        "data", "synthetic", "--world=W3", "--photos=photos", "x"
    )
    assert main([*begin, "--photos", "photos", "out"]) == 0
    rows = table(Path("out"))
    assert len(rows) == 20
    marked = [row["watermark"] == "1" for row in rows]
    assert 4 <= sum(marked) <= 16
    for index, row in enumerate(rows):
        latents = sample(0, index, OWN["W12"])
        assert (latents.watermark is not None) == marked[index]
        assert float(row["score"]) == pytest.approx(score(latents, 0, OWN["W12"]), abs=1e-6)
        with Image.open(f"out/{row['image']}") as opened:
            pixels = np.asarray(opened).astype(int)
        plain = planted(Path(row["photo"]), replace(latents, watermark=None), 64).astype(int)
        changed = (pixels != plain).any(axis=2)
        assert changed.any() == marked[index]
        assert not (changed & (watermark_template("A", 64)[..., 3] == 0)).any()
    scores = np.array([float(row["score"]) for row in rows])
    assert scores[np.array(marked)].mean() > scores[~np.array(marked)].mean() + 0.1
    assert not Path("out/masks").exists()
    # a folder that is complete needs the photographs no more
    SyntheticSource(world=OWN["W12"]).prepare(Path("out"))
    with pytest.raises(DataError, match="size 64, not 48"):
        SyntheticSource(size=48).prepare(Path("out"))
    Path("photos/05.jpg").write_bytes(b"no image")
    assert "05.jpg: " in failing(*begin, "--photos", "photos", "other")


@pytest.mark.slow
def test_degraded_masks() -> None:
    overlaps, missed, found = [], 0, 0
    for index in range(60):
        for region, mask in render(sample(4, index), 64).masks.items():
            if region == "background" or mask.sum() < 20:
                continue
            rng = np.random.default_rng((4, index, len(region)))
            poor = degraded(mask, rng)
            missed, found = missed + (not poor.any()), found + 1
            if poor.any():
                overlaps.append((poor & mask).sum() / (poor | mask).sum())
                assert 0.75 < poor.sum() / mask.sum() < 1.3
    assert np.mean(overlaps) == pytest.approx(0.6, abs=0.01)
    assert np.ptp(overlaps) < 0.1
    assert missed / found == pytest.approx(0.2, abs=0.07)


def test_degraded_masks_on_disk_leave_images_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "exact", n=8, size=48)
    assert (
        main(["data", "synthetic", "-n", "8", "--size", "48", "--masks", "degraded", "poor"]) == 0
    )
    for path in sorted((tmp_path / "exact" / "images").iterdir()):
        assert path.read_bytes() == (tmp_path / "poor" / "images" / path.name).read_bytes()
        where = "masks/background/" + path.name
        exact, poor = (np.asarray(Image.open(tmp_path / f / where)) > 0 for f in ("exact", "poor"))
        assert not np.array_equal(exact, poor)
    assert read_declaration(tmp_path / "poor").masks == "degraded"
    with pytest.raises(ValueError, match="masks degraded, not exact"):
        write(tmp_path / "poor", n=8, size=48)
    SyntheticSource().prepare(tmp_path / "poor")  # as it is


def test_a_declaration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no synthetic images"):
        read_declaration(tmp_path)
    (tmp_path / "synthetic.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        read_declaration(tmp_path)
    (tmp_path / "synthetic.json").write_text('{"memlab_synthetic": 1, "n": 3}')
    with pytest.raises(DataError, match="another version of memlab"):
        read_declaration(tmp_path)
