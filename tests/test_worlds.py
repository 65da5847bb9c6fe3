"""Worlds: what is declared is what pictures and scores have, and what cannot be is refused."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.stats import multivariate_normal, norm, spearmanr

from memlab.cli import main
from memlab.cli.configs import shipped
from memlab.cli.worlds import read_world, worlds
from memlab.data.sources.scenes import ScenesSource
from memlab.errors import DataError, MemlabError
from memlab.scenes import (
    SCENES,
    Latents,
    World,
    noise_ceiling,
    read_declaration,
    render,
    sample,
    score,
    signal,
    write,
)
from memlab.scenes.copula import correlation, factor
from memlab.scenes.degraded import degraded
from memlab.scenes.latents import FEATURES, PRESENCE, VALUES
from memlab.scenes.planted import planted
from memlab.scenes.scoring import number, numbers
from memlab.scenes.watermark import watermark_template
from memlab.spec import build
from tests.conftest import QUIET

OWN = {name: read_world(name)[0] for name in worlds()}
N = 200_000

MIXED = World(
    name="mixed",
    weights={"face*palette": 1, "face": 0.5, "palette*texture": -0.7, "layout": 0.4, "text": 0.3},
    correlations={"face,texture": 0.5, "texture,palette": -0.4, "text,object": 0.3},
    prevalence={"face": 0.3},
    sizes={"face": (0.4, 0.4)},
)
"""Products of features that go together, and one figure whose size does not vary."""


def table(root: Path) -> list[dict[str, str]]:
    with (root / "scenes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def pictures(name: str) -> list[Latents]:
    return [sample(5, index, ALL[name]) for index in range(600)]


ALL = {**OWN, "mixed": MIXED, "scenes": SCENES}


def signals(world: World, drawn: dict[str, Any]) -> Any:
    """The signal as declared, from numbers, brought to mean 0 and SD 1 by what was drawn."""
    total = np.zeros(N)
    for term, weight in world.weights.items():
        values = math.prod(drawn[name] for name in term.split("*"))
        total += weight * (values - values.mean()) / values.std()
    return (total - total.mean()) / total.std()


def test_there_are_thirteen_each_a_file_that_fits() -> None:
    assert list(OWN) == [f"W{k}" for k in range(13)]
    for name, world in OWN.items():
        tree = yaml.safe_load((shipped() / "worlds" / f"{name}.yaml").read_text())
        assert world.name == name
        assert tree["data"]["root"] == f"data/worlds/{name}"
        assert set(tree) == {"data", "model", "trainer"}
    assert {world.r2 for world in OWN.values()} == {0.0, 0.3, 0.6, 0.9}


@pytest.mark.parametrize("name", ALL)
def test_the_signal_has_mean_0_and_sd_1_and_explains_r2(name: str) -> None:
    world = ALL[name]
    drawn = numbers(world, N)
    latents = pictures(name)
    found = np.array([signal(one, world) for one in latents])
    if world.r2 == 0:
        assert not found.any()
        return
    # the sampled pictures' signals are those of their numbers, by the declared formula
    own = {f: np.array([number(one, f, world) for one in latents]) for f in FEATURES}
    large = _affine(world, drawn)
    assert np.allclose(found, _affine(world, own), atol=1e-9)
    assert abs(large.mean()) < 0.01
    assert large.std() == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(large, signals(world, drawn))[0, 1] == pytest.approx(1.0, abs=1e-4)
    scores = np.array([score(one, 5, world) for one in latents])
    assert np.corrcoef(found, scores)[0, 1] ** 2 == pytest.approx(world.r2, abs=0.08)


def _affine(world: World, drawn: dict[str, Any]) -> Any:
    from memlab.scenes.scoring import _terms

    parts = [
        term.slope * (math.prod(drawn[name] for name in term.features) - term.mean)
        for term in _terms(world)
    ]
    return np.sum(parts, axis=0)


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_as_frequent_and_as_correlated_as_declared(name: str) -> None:
    world = ALL[name]
    many, few = numbers(world, N), pictures(name)
    for feature in FEATURES:
        own = np.array([number(one, feature, world) for one in few])
        if feature in PRESENCE:
            assert many[feature].mean() == pytest.approx(world.rate(feature), abs=0.015)
            assert own.mean() == pytest.approx(world.rate(feature), abs=0.08)
        elif world.varies(feature):
            assert abs(many[feature].mean()) < 0.03
            assert many[feature].std() == pytest.approx(1.0, abs=0.02)
            assert own.std() == pytest.approx(1.0, abs=0.1)
        else:
            assert not many[feature].any()
            assert not own.any()
    for (first, second), wanted in world.pairs.items():
        assert np.corrcoef(many[first], many[second])[0, 1] == pytest.approx(wanted, abs=0.005)
        pair = [[number(one, feature, world) for one in few] for feature in (first, second)]
        assert np.corrcoef(pair)[0, 1] == pytest.approx(wanted, abs=0.12)


def test_the_shares_of_the_mixture() -> None:
    drawn = numbers(OWN["W2"], N)
    whole = signals(OWN["W2"], drawn)
    shares = [np.corrcoef(whole, drawn[name])[0, 1] ** 2 for name in ("face", "palette", "text")]
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.02)


def test_what_each_world_is_for() -> None:
    drawn = {name: numbers(world, N) for name, world in OWN.items()}
    eighth = signals(OWN["W8"], drawn["W8"])
    there = drawn["W8"]["face"] == 1
    assert abs(eighth[there].mean() - eighth[~there].mean()) < 0.05  # S = 0
    assert eighth[there].std() > 1.3  # V > 0
    assert not eighth[~there].std() > 1e-9
    seventh = signals(OWN["W7"], drawn["W7"])
    both = drawn["W7"]["face"] * drawn["W7"]["text"]
    assert np.unique(seventh.round(6)).size == 2
    assert np.corrcoef(seventh, both)[0, 1] == pytest.approx(1.0)
    tenth = OWN["W10"]
    faces = [one for one in pictures("W10") if one.face is not None][:20]
    assert len(faces) == 20
    lost = [signal(one, tenth) - signal(_without(one, "face"), tenth) for one in faces]
    words = [signal(one, tenth) - signal(_without(one, "text"), tenth) for one in faces if one.text]
    assert np.mean(lost) / np.mean(words) == pytest.approx(0.5 / 0.3)
    small = pictures("W9")[0].layout
    assert small.face.size <= 0.36 < 0.85 < small.person.size


def _without(latents: Latents, feature: str) -> Latents:
    from memlab.scenes import removed

    return removed(latents, feature)


def test_the_copula_against_scipy() -> None:
    for p, q, r in product((0.1, 0.5, 0.8), (0.3, 0.5), (-0.9, 0.4, 0.99)):
        h, k = norm.ppf([1 - p, 1 - q])
        joint = multivariate_normal.cdf([-h, -k], cov=[[1, r], [r, 1]])
        phi = (joint - p * q) / math.sqrt(p * (1 - p) * q * (1 - q))
        assert correlation((1 - p,), (1 - q,), r) == pytest.approx(phi, abs=1e-5)
    # two even numbers: Spearman of a normal pair; two halves: the arcsine law
    assert correlation((), (), 0.5) == pytest.approx(6 / math.pi * math.asin(0.25))
    assert correlation((0.5,), (0.5,), 0.5) == pytest.approx(2 / math.pi * math.asin(0.5))
    normals = factor({"a": (0.5,), "b": (0.5,)}, {("a", "b"): 0.95})
    assert normals[1, 0] == pytest.approx(math.sin(0.95 * math.pi / 2))  # tetrachoric


def test_sampling_depends_on_its_arguments_alone() -> None:
    world = OWN["W3"]
    alone = sample(7, 9, World(**asdict(world)))
    assert [sample(7, index, world) for index in (3, 9)][1] == alone
    one, other = (World(name="same", weights={"face": w, "text": 1}) for w in (1, 3))
    assert signal(alone, one) != signal(alone, other)  # what is kept of a world is that world's
    free = sample(7, 9, World(name="free", weights={"face": 1}))
    mixed = sample(7, 9, World(name="m", weights={"face": 1}, correlations={"face,text": 0.9}))
    assert free.palette == mixed.palette  # what has no part in a correlation stays


def test_noise_ceilings() -> None:
    gaussian = World(
        name="g",
        weights=dict.fromkeys([name for name in VALUES if name != "texture"], 1),
        r2=0.6,
    )
    found = noise_ceiling(gaussian)
    assert found.spearman == pytest.approx(6 / math.pi * math.asin(math.sqrt(0.6) / 2), abs=0.006)
    for name in ("W1", "W3", "W7", "scenes"):
        world = ALL[name]
        limit = noise_ceiling(world)
        assert limit.pearson == pytest.approx(math.sqrt(world.r2), abs=0.003)
        known = [signal(one, world) for one in pictures(name)]
        scores = [score(one, 1, world) for one in pictures(name)]
        assert spearmanr(known, scores).statistic == pytest.approx(limit.spearman, abs=0.04)
    assert noise_ceiling(OWN["W0"]) == (0.0, 0.0)


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"weights": {"fac": 1}}, "weights: no 'fac'; did you mean 'face'?"),
    ({"weights": {"face*": 1}}, "weights: no ''"),
    ({"weights": {"face*face": 1}}, "names a feature twice"),
    ({"weights": {"face*text": 1, "text*face": 1}}, "are the same; keep one"),
    ({"weights": {"face": float("nan")}}, "face nan: a number"),
    ({"weights": {"face": 1}, "prevalence": {"face": 1}}, "face is the same in all pictures"),
    ({"weights": {"blur": 1}, "ranges": {"blur": [1, 1]}}, "blur is the same in all pictures"),
    ({"weights": {}}, "no weights, but r2 0.9: give one"),
    ({"weights": {"face": 0}}, "no weights, but r2 0.9"),
    ({"r2": 1.0}, "r2 1.0: from 0 to below 1"),
    ({"r2": -0.1}, "r2 -0.1: from 0 to below 1"),
    ({"facing": 2}, "facing 2: a number from 0 to 1"),
    ({"prevalence": {"face": 1.5}}, "prevalence of face 1.5: a number from 0 to 1"),
    ({"prevalence": {"skin": 0.5}}, "prevalence: no 'skin'"),
    ({"ranges": {"blur": [2, 1]}}, "the smaller comes first"),
    ({"ranges": {"blur": [-1, 1]}}, "ranges of blur -1 to 1: from 0"),
    ({"ranges": {"skin": [-1, 2]}}, "ranges of skin -1 to 2: from -1 to 1"),
    ({"ranges": {"palette": [0, 1]}}, "ranges: no 'palette'"),
    ({"ranges": {"blur": 3}}, "ranges of blur 3: two numbers"),
    ({"sizes": {"face": [0, 0.5]}}, "sizes of face 0 to 0.5: above 0"),
    ({"correlations": {"face": 0.5}}, "'face' is no pair of features"),
    ({"correlations": {"face,layout": 0.5}}, "layout goes with nothing"),
    ({"correlations": {"face,txt": 0.5}}, "no 'txt'; did you mean 'text'?"),
    ({"correlations": {"face,text": 0.5, "text,face": 0.5}}, "are given twice"),
    ({"correlations": {"face,text": 1}}, "face,text 1: a number between -1 and 1"),
    ({"correlations": {"skin,text": 0.9}}, "only from -0.866 to 0.866"),
    (
        {"correlations": {"face,text": 0.9}, "prevalence": {"face": 0.1}},
        "only from -0.333 to 0.333",
    ),
    ({"correlations": {"face,text": 0.5}, "prevalence": {"text": 0}}, "text is the same in all"),
    (
        {"correlations": {"face,text": 0.8, "text,object": 0.8, "face,object": -0.5}},
        "contradict each other",
    ),
    ({"photos": True, "weights": {"face": 1}}, "face: on photos only the watermark"),
    ({"photos": "mine/"}, "photos 'mine/': true or false"),
]


@pytest.mark.parametrize(("fields", "said"), IMPOSSIBLE, ids=[said for _, said in IMPOSSIBLE])
def test_what_cannot_be_is_told_in_a_line(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(MemlabError) as caught:
        World(**{"name": "mine", "weights": {"face": 1}} | fields)
    assert str(caught.value).startswith("world mine: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_scenes_writes_a_world_and_says_what_made_it(
    capsys: pytest.CaptureFixture[str], failing: Callable[..., str]
) -> None:
    make = ["data", "scenes", "--world", "W3", "--style", "B", "--r2", ".6", "-n", "6"]
    assert main([*make, "--size", "48", "w3"]) == 0
    limit = noise_ceiling(World(**asdict(OWN["W3"]) | {"r2": 0.6}))
    assert f"can expect Spearman {limit.spearman:.3f}" in capsys.readouterr().out
    made = read_declaration(Path("w3"))
    assert made.world == World(**asdict(OWN["W3"]) | {"r2": 0.6})
    assert (made.style, made.seed, made.size, made.n) == ("B", 0, 48, 6)
    rows = table(Path("w3"))
    for index, row in enumerate(rows):
        latents = sample(made.seed, index, made.world, made.style)
        with Image.open(f"w3/{row['image']}") as picture:
            assert np.array_equal(np.asarray(picture), render(latents, 48).image)
        assert float(row["score"]) == pytest.approx(score(latents, 0, made.world), abs=1e-6)
        assert float(row["signal"]) == pytest.approx(signal(latents, made.world), abs=1e-6)
        for feature in PRESENCE:
            assert float(row[feature]) == number(latents, feature)
        for feature in ("palette", "layout"):
            assert float(row[feature]) == pytest.approx(
                number(latents, feature, made.world), abs=1e-6
            )
    assert main(["data", "check", "w3"]) in (0, 1)
    told = failing("data", "scenes", "--world", "W4", "-n", "6", "w3")
    assert told.startswith("memlab: w3 holds scenes of world W3, not W4; ")
    assert len(told.splitlines()) == 1
    make += ["--size", "48"]
    told = failing(*make[:4], "--style", "A", *make[6:], "w3")
    assert told == "memlab: w3 holds scenes of style B, not A: choose another folder"
    told = failing(*make[:6], *make[8:], "w3")
    assert told == "memlab: w3 holds scenes of world W3 with r2 0.6, not 0.3: choose another folder"


def test_options_change_a_world(failing: Callable[..., str]) -> None:
    assert main(["data", "scenes", "--world", "W1", "--weights", "text=1", "-n", "2", "text"]) == 0
    assert read_declaration(Path("text")).world.weights == {"text": 1.0}
    assert read_declaration(Path("text")).world.r2 == OWN["W1"].r2
    begin = ["data", "scenes", "--world"]
    assert "did you mean 'W3'?" in failing(*begin, "W33", "x")
    assert "no 'fac'; did you mean" in failing(*begin, "W1", "--weights", "fac=1", "x")
    assert "write face=1,text=.5" in failing(*begin, "W1", "--weights", "face", "x")
    assert "no weights, but r2 0.5" in failing(*begin, "W0", "--r2", ".5", "x")
    assert "say which" in failing("data", "scenes", "--r2", ".5", "x")
    assert not Path("x").exists()


def test_a_world_of_ones_own(failing: Callable[..., str]) -> None:
    Path("hats.yaml").write_text("weights: {person: 1}\nprevalence: {person: .2}\n")
    assert main(["data", "scenes", "--world", "hats.yaml", "-n", "2", "hats"]) == 0
    made = read_declaration(Path("hats")).world
    assert (made.name, made.rate("person")) == ("hats", 0.2)
    Path("hats.yaml").write_text("weight: {person: 1}\n")
    told = failing("data", "scenes", "--world", "hats.yaml", "x")
    assert "hats.yaml: unknown key 'weight'; did you mean 'weights'?" in told
    Path("hats.yaml").write_text("- 3\n")
    assert "hats.yaml: no world in it" in failing("data", "scenes", "--world", "hats.yaml", "x")
    for entry, said in (
        ("sise: 64", "unknown key 'sise'; did you mean 'size'?"),
        ("n: ten", "n 'ten': a whole number"),
        ("style: C", "style 'C': A or B"),
        ("masks: [exact]", "masks ['exact']: exact or degraded"),
    ):
        Path("hats.yaml").write_text(
            f"data: {{source: {{init_args: {{world: {{weights: {{face: 1}}}}, {entry}}}}}}}\n"
        )
        assert f"hats.yaml: {said}" in failing("data", "scenes", "--world", "hats.yaml", "x")
    Path("hats.yaml").write_text("weights: {prson: 1}\n")
    assert "hats.yaml: world hats: weights" in failing(
        "data", "scenes", "--world", "hats.yaml", "x"
    )


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
    assert isinstance(again, ScenesSource)
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
    picture: Callable[..., Path], failing: Callable[..., str]
) -> None:
    for place in range(20):
        picture(f"photos/{place:02d}.jpg", size=(80, 60), seed=place)
    begin = ["data", "scenes", "--world", "W12"]
    assert "--photos DIR" in failing(*begin, "out")
    assert not Path("out").exists()
    assert "20 photographs, 30 asked for" in failing(*begin, "--photos=photos", "-n", "30", "out")
    assert "leave out --photos" in failing("data", "scenes", "--world=W3", "--photos=photos", "x")
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
        plain = planted(Path(row["photo"]), _without(latents, "watermark"), 64).astype(int)
        changed = (pixels != plain).any(axis=2)
        assert changed.any() == marked[index]
        assert not (changed & (watermark_template("A", 64)[..., 3] == 0)).any()
    scores = np.array([float(row["score"]) for row in rows])
    assert scores[np.array(marked)].mean() > scores[~np.array(marked)].mean() + 0.1
    assert not Path("out/masks").exists()
    # a folder that is complete needs the photographs no more
    ScenesSource(world=OWN["W12"]).prepare(Path("out"))
    with pytest.raises(DataError, match="size 64, not 48"):
        ScenesSource(size=48).prepare(Path("out"))
    Path("photos/05.jpg").write_bytes(b"no picture")
    assert "05.jpg: " in failing(*begin, "--photos", "photos", "other")


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


def test_degraded_masks_on_disk_leave_pictures_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "exact", n=8, size=48)
    assert main(["data", "scenes", "-n", "8", "--size", "48", "--masks", "degraded", "poor"]) == 0
    for path in sorted((tmp_path / "exact" / "images").iterdir()):
        assert path.read_bytes() == (tmp_path / "poor" / "images" / path.name).read_bytes()
        where = "masks/background/" + path.name
        exact, poor = (np.asarray(Image.open(tmp_path / f / where)) > 0 for f in ("exact", "poor"))
        assert not np.array_equal(exact, poor)
    assert read_declaration(tmp_path / "poor").masks == "degraded"
    with pytest.raises(ValueError, match="masks degraded, not exact"):
        write(tmp_path / "poor", n=8, size=48)
    ScenesSource().prepare(tmp_path / "poor")  # as it is


def test_a_declaration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no scenes"):
        read_declaration(tmp_path)
    (tmp_path / "scenes.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        read_declaration(tmp_path)
    (tmp_path / "scenes.json").write_text('{"memlab_scenes": 1, "n": 3}')
    with pytest.raises(DataError, match="another version of memlab"):
        read_declaration(tmp_path)
