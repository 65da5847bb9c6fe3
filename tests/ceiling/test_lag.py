"""The lag model of Khosla et al. 2015: recovered, and the same as least squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.ceiling.lag import fit_lag
from memlab.cli import main
from memlab.errors import DataError


def answers(
    n: np.ndarray, alpha: float, seed: int, confounded: float = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores at lag 100, and to which image an answer is, hit or miss, and at what lag."""
    rng = np.random.default_rng(seed)
    at_100 = rng.uniform(0.55, 0.85, len(n))
    image = np.repeat(np.arange(len(n)), n)
    centre = 90 * np.exp(confounded * rng.normal(size=len(n)))
    lag = np.round(centre[image] * rng.uniform(0.4, 1.6, len(image)))
    rate = at_100[image] + alpha * np.log(lag / 100)
    return at_100, image, (rng.random(len(image)) < rate).astype(float), lag


def least_squares(
    image: np.ndarray, hit: np.ndarray, lag: np.ndarray, weight: np.ndarray | float = 1.0
) -> tuple[float, np.ndarray]:
    """Hits on log(lag / 100) and a dummy per image, by NumPy's solver."""
    images = image.max() + 1
    design = np.column_stack([np.log(lag / 100), np.eye(images)[image]])
    root = np.sqrt(np.broadcast_to(weight, hit.shape))
    found = np.linalg.lstsq(design * root[:, None], hit * root, rcond=None)[0]
    return float(found[0]), found[1:]


def test_alpha_and_scores_are_recovered() -> None:
    n = np.random.default_rng(0).integers(60, 100, 400)
    at_100, *rows = answers(n, -0.08, seed=1, confounded=0.5)
    image, hit, lag = rows
    found = fit_lag(image, hit, lag, 400)
    assert found.alpha == pytest.approx(-0.08, abs=0.015)
    raw = np.bincount(image, hit) / n
    # images that came back late look forgettable; the model takes that out
    late = np.bincount(image, np.log(lag)) / n
    assert np.corrcoef(raw - at_100, late)[0, 1] < -0.3
    assert abs(np.corrcoef(found.scores - at_100, late)[0, 1]) < 0.2
    means = np.bincount(image, found.corrected(hit, lag)) / n
    np.testing.assert_allclose(means, found.scores)


def test_balanced_updates_are_least_squares_either_way() -> None:
    _, image, hit, lag = answers(np.full(50, 30), -0.1, seed=2)
    alpha, scores = least_squares(image, hit, lag)
    for images_equal in (True, False):
        found = fit_lag(image, hit, lag, 50, images_equal=images_equal)
        assert found.alpha == pytest.approx(alpha, abs=1e-10)
        np.testing.assert_allclose(found.scores, scores, atol=1e-10)


def test_unbalanced_updates_as_printed_weigh_images_alike() -> None:
    n = np.random.default_rng(3).integers(3, 60, 50)
    _, image, hit, lag = answers(n, -0.1, seed=3)
    printed = fit_lag(image, hit, lag, 50)
    by_answer = fit_lag(image, hit, lag, 50, images_equal=False)
    assert by_answer.alpha == pytest.approx(least_squares(image, hit, lag)[0], abs=1e-10)
    weighted = least_squares(image, hit, lag, 1 / n[image])[0]
    assert printed.alpha == pytest.approx(weighted, abs=1e-10)
    assert abs(printed.alpha - by_answer.alpha) > 1e-4


def test_ten_rounds_do_where_t_lies_among_the_lags() -> None:
    _, image, hit, lag = answers(np.full(200, 40), -0.05, seed=4)
    found = fit_lag(image, hit, lag, 200)
    assert found.rounds < 20
    # another T is another way to give the same model
    other = fit_lag(image, hit, lag, 200, at=60)
    assert other.alpha == pytest.approx(found.alpha, abs=1e-9)
    np.testing.assert_allclose(
        other.scores, found.scores + found.alpha * np.log(60 / 100), atol=1e-9
    )


def test_scores_may_leave_0_to_1_and_are_not_clipped() -> None:
    image = np.repeat([0, 1, 2], 4)
    lag = np.array([20, 40, 80, 160, 20, 40, 80, 160, 120, 140, 160, 180], float)
    hit = np.array([1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1], float)
    found = fit_lag(image, hit, lag, 4)
    assert found.scores[2] > 1
    assert np.isnan(found.scores[3])  # an image without an answer


@pytest.mark.parametrize("lag", [[0, 9, 9], [-1, 9, 9], [np.nan, 9, 9], [9, 9, 5]])
def test_lags_that_cannot_be(lag: list[float]) -> None:
    image, hit = np.array([0, 0, 1]), np.array([1.0, 0.0, 1.0])
    with pytest.raises(DataError):
        fit_lag(image, hit, np.array(lag, float), 2)


@pytest.mark.slow
def test_agreement_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(5)
    rows = []
    for image in range(60):
        score, centre = rng.uniform(0.45, 0.7), rng.choice([30, 160])
        for person in range(100):
            lag = int(centre * rng.uniform(0.5, 1.5))
            hit = int(rng.random() < score - 0.12 * np.log(lag / 100))
            rows.append((f"p{person}", f"{image}.jpg", hit, lag))
    columns = ["participant", "image", "hit", "delay"]
    pd.DataFrame(rows, columns=columns).to_csv("a.csv", index=False)
    assert main(["data", "ceiling", "a.csv", "--lag", "delay", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "outside 0 to 1" not in printed
    assert float(printed.split("Lag: α = ")[1].split()[0]) == pytest.approx(-0.12, abs=0.04)
    found = pd.read_csv("out/ceiling.csv").set_index(["scores", "correlation"])["half"]
    # part of the agreement was about lags, not about images
    assert found["hit rate, lag 100", "spearman"] < found["hit rate", "spearman"] - 0.03
    scores = pd.read_csv("out/scores.csv")
    frame = pd.DataFrame(rows, columns=columns)
    image = pd.Categorical(frame["image"], scores["image"]).codes
    expected = fit_lag(
        image, frame["hit"].to_numpy(float), frame["delay"].to_numpy(float), 60
    ).scores
    np.testing.assert_allclose(scores["lag_corrected"], expected)
    assert Path("out/growth.csv").exists()
