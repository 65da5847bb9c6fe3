"""Maps of people: measures equal to their definitions, and files that are named as images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from memlab.attributions.human_maps import (
    auc_judd,
    correlation,
    human_maps,
    nss,
    plausibility,
    plausibility_text,
)
from memlab.cli import main
from memlab.errors import DataError


def test_measures_equal_their_definitions() -> None:
    rng = np.random.default_rng(0)
    shown = rng.random((20, 30)).round(1)  # with ties
    fixated = rng.random((20, 30)) < 0.1 + 0.3 * shown
    human = fixated.astype(float)
    scores = (shown - shown.mean()) / shown.std()
    assert nss(shown, human) == pytest.approx(scores[fixated].mean())
    assert correlation(shown, human) == pytest.approx(np.corrcoef(shown.flat, human.flat)[0, 1])
    assert auc_judd(shown, human) == pytest.approx(roc_auc_score(fixated.flat, shown.flat))
    density = rng.random((20, 30))
    seen = density > np.quantile(density, 0.8)
    assert auc_judd(shown, density) == pytest.approx(roc_auc_score(seen.flat, shown.flat))
    assert np.isnan(nss(np.ones((4, 4)), np.ones((4, 4))))
    assert np.isnan(auc_judd(np.ones((4, 4)), np.zeros((4, 4))))


def test_a_map_at_the_right_place_beats_the_map_of_another_image() -> None:
    maps, people = {}, {}
    for place in range(4):
        human = np.zeros((32, 32))
        row, column = divmod(place, 2)
        human[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 1
        people[str(place)] = human
        signed = np.zeros((4, 4))
        signed[row * 2 : row * 2 + 2, column * 2 : column * 2 + 2] = -1  # the sign does not matter
        maps[str(place)] = signed
    table = plausibility(maps, people).groupby("compared")[["nss", "cc", "auc"]].mean()
    assert table.loc["own", "auc"] > 0.95
    assert table.loc["own", "cc"] > 0.8
    assert table.loc["other", "nss"] < 0 < table.loc["own", "nss"]
    assert table.loc["centre", "auc"] == pytest.approx(0.5, abs=0.05)


def test_maps_are_found_by_the_names_of_the_images(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((4, 6), 51, dtype=np.uint8)).save(tmp_path / "a" / "one.png")
    Image.fromarray(np.full((4, 6), 255, dtype=np.uint8)).save(tmp_path / "two.jpg")
    found = human_maps(tmp_path, ["a/one.jpg", "b/two.png", "three.jpg", "../two.png"])
    assert set(found) == {"a/one.jpg", "b/two.png", "../two.png"}
    assert found["a/one.jpg"].shape == (4, 6)
    assert found["a/one.jpg"].max() == pytest.approx(1)
    with pytest.raises(DataError, match=r"no map has the name of an image: 'three\.png'"):
        human_maps(tmp_path, ["three.jpg"])
    with pytest.raises(DataError, match="no such folder of maps"):
        human_maps(tmp_path / "none", ["three.jpg"])
    (tmp_path / "three.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"three\.png: cannot be read"):
        human_maps(tmp_path, ["three.jpg"])


def test_the_command_compares_maps_with_those_of_people(
    finished: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = sorted((synthetic / "images").iterdir())[:3]
    people = tmp_path / "people"
    people.mkdir()
    for place, path in enumerate(images[:2]):
        human = np.zeros((64, 64), dtype=np.uint8)
        human[10 * place : 10 * place + 20, 8:40] = 200
        Image.fromarray(human).save(people / f"{path.stem}.png")
    asked = ["explain", str(finished), *map(str, images), "--out", str(tmp_path / "out")]
    assert main([*asked, "--human", str(people)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "grad_cam and people's maps of 2 images: NSS" in out
    assert "not what the score depends on" in out
    table = pd.read_csv(tmp_path / "out" / "maps" / "grad_cam-people.csv")
    assert len(table) == 6
    assert set(table["compared"]) == {"own", "other", "centre"}


def test_a_single_image_has_no_map_of_another_image() -> None:
    human = np.zeros((8, 8))
    human[:4] = 1
    table = plausibility({"a": np.eye(4)}, {"a": human})
    assert table["compared"].tolist() == ["own", "centre"]
    assert "(map of another image –, centre prior" in plausibility_text("m", table)
