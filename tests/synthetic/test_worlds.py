"""Worlds: what is declared is what images and scores have, and what cannot be is refused."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.stats import multivariate_normal, norm, spearmanr

from memlab.cli.configs import shipped
from memlab.errors import MemlabError
from memlab.synthetic import (
    QUICKSTART,
    Latents,
    World,
    noise_ceiling,
    sample,
    score,
    signal,
)
from memlab.synthetic.copula import correlation, factor
from memlab.synthetic.latents import FEATURES, PRESENCE, VALUES
from memlab.synthetic.scoring import number, numbers
from tests.builders.worlds import OWN

N = 200_000

MIXED = World(
    name="mixed",
    weights={"face*palette": 1, "face": 0.5, "palette*texture": -0.7, "layout": 0.4, "text": 0.3},
    correlations={"face,texture": 0.5, "texture,palette": -0.4, "text,object": 0.3},
    prevalence={"face": 0.3},
    sizes={"face": (0.4, 0.4)},
)
"""Products of features that go together, and one figure whose size does not vary."""


@cache
def images(name: str) -> list[Latents]:
    return [sample(5, index, ALL[name]) for index in range(600)]


ALL = {**OWN, "mixed": MIXED, "quickstart": QUICKSTART}


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_signal_has_mean_0_and_sd_1_and_explains_r2(name: str) -> None:
    world = ALL[name]
    drawn = numbers(world, N)
    latents = images(name)
    found = np.array([signal(one, world) for one in latents])
    if world.r2 == 0:
        assert not found.any()
        return
    # the sampled images' signals are those of their numbers, by the declared formula
    own = {f: np.array([number(one, f, world) for one in latents]) for f in FEATURES}
    large = _affine(world, drawn)
    assert np.allclose(found, _affine(world, own), atol=1e-9)
    assert abs(large.mean()) < 0.01
    assert large.std() == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(large, signals(world, drawn))[0, 1] == pytest.approx(1.0, abs=1e-4)
    scores = np.array([score(one, 5, world) for one in latents])
    assert np.corrcoef(found, scores)[0, 1] ** 2 == pytest.approx(world.r2, abs=0.08)


def _affine(world: World, drawn: dict[str, Any]) -> Any:
    from memlab.synthetic.scoring import _terms

    parts = [
        term.slope * (math.prod(drawn[name] for name in term.features) - term.mean)
        for term in _terms(world)
    ]
    return np.sum(parts, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_images_are_as_frequent_and_as_correlated_as_declared(name: str) -> None:
    world = ALL[name]
    many, few = numbers(world, N), images(name)
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


@pytest.mark.slow
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
    faces = [one for one in images("W10") if one.face is not None][:20]
    assert len(faces) == 20
    lost = [signal(one, tenth) - signal(_without(one, "face"), tenth) for one in faces]
    words = [signal(one, tenth) - signal(_without(one, "text"), tenth) for one in faces if one.text]
    assert np.mean(lost) / np.mean(words) == pytest.approx(0.5 / 0.3)
    small = images("W9")[0].layout
    assert small.face.size <= 0.36 < 0.85 < small.person.size


def _without(latents: Latents, feature: str) -> Latents:
    from memlab.synthetic import removed

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


@pytest.mark.slow
def test_noise_ceilings() -> None:
    gaussian = World(
        name="g",
        weights=dict.fromkeys([name for name in VALUES if name != "texture"], 1),
        r2=0.6,
    )
    found = noise_ceiling(gaussian)
    assert found.spearman == pytest.approx(6 / math.pi * math.asin(math.sqrt(0.6) / 2), abs=0.006)
    for name in ("W1", "W3", "W7", "quickstart"):
        world = ALL[name]
        limit = noise_ceiling(world)
        assert limit.pearson == pytest.approx(math.sqrt(world.r2), abs=0.003)
        known = [signal(one, world) for one in images(name)]
        scores = [score(one, 1, world) for one in images(name)]
        assert spearmanr(known, scores).statistic == pytest.approx(limit.spearman, abs=0.04)
    assert noise_ceiling(OWN["W0"]) == (0.0, 0.0)


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"weights": {"fac": 1}}, "weights: no 'fac'; did you mean 'face'?"),
    ({"weights": {"face*": 1}}, "weights: no ''"),
    ({"weights": {"face*face": 1}}, "names a feature twice"),
    ({"weights": {"face*text": 1, "text*face": 1}}, "are the same; keep one"),
    ({"weights": {"face": float("nan")}}, "face nan: a number"),
    ({"weights": {"face": 1}, "prevalence": {"face": 1}}, "face is the same in all images"),
    ({"weights": {"blur": 1}, "ranges": {"blur": [1, 1]}}, "blur is the same in all images"),
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
    ({"correlations": {"face,layout": 0.5}}, "layout cannot correlate"),
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
