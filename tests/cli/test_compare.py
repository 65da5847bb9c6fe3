"""memlab compare: runs paired by image, against SciPy and by simulation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memlab.cli import main
from memlab.metrics.mean_effect import mean_effect
from memlab.metrics.paired_models import spearman_differences, standardised_differences
from memlab.repeat_folder import Repeat
from tests.builders.finished_runs import people, write_finished


def compared(*arguments: str) -> dict[str, Any]:
    assert main(["compare", *arguments, "--out", "out"]) == 0
    found: dict[str, Any] = json.loads(Path("out/compare.json").read_text())
    return found


def two_runs(n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    predicted, score = people(n, 0)
    better = score + np.random.default_rng(1).normal(0, 0.03, size=n)
    return predicted, better, score


@pytest.mark.parametrize("digits", [1, 9])
def test_rho_differences_are_those_of_a_direct_loop(digits: int) -> None:
    first, second, score = (np.round(values, digits) for values in two_runs(25))
    found = spearman_differences(first, second, score, seed=7, resamples=300).draws
    places = np.random.default_rng(7).integers(25, size=(300, 25))
    direct = [
        stats.spearmanr(second[drawn], score[drawn]).statistic
        - stats.spearmanr(first[drawn], score[drawn]).statistic
        for drawn in places
    ]
    np.testing.assert_allclose(found, direct, atol=1e-12)


def test_drops_in_sds_are_those_of_a_direct_loop() -> None:
    rng = np.random.default_rng(0)
    first, second = ((rng.normal(size=25), rng.normal(size=25)) for _ in range(2))
    found = standardised_differences(first, second, seed=7, resamples=50).draws
    places = np.random.default_rng(7).integers(25, size=(50, 25))
    direct = [
        np.mean(second[0][drawn] - second[1][drawn]) / np.std(second[0][drawn], ddof=1)
        - np.mean(first[0][drawn] - first[1][drawn]) / np.std(first[0][drawn], ddof=1)
        for drawn in places
    ]
    np.testing.assert_allclose(found, direct, atol=1e-12)


@pytest.mark.slow
def test_intervals_of_the_difference_hold_it() -> None:
    rng = np.random.default_rng(0)

    def draw(n: int) -> tuple[np.ndarray, ...]:
        true, shared = rng.normal(size=(2, n))
        models = (true + shared + rng.normal(0, noise, size=n) for noise in (0.5, 1.0))
        return (*models, true + rng.normal(0, 0.5, size=n))

    first, second, score = draw(400_000)
    wanted = stats.spearmanr(second, score).statistic - stats.spearmanr(first, score).statistic
    held = 0
    for trial in range(200):
        found = spearman_differences(*draw(80), trial, 400).interval()
        held += found.low <= wanted <= found.high  # type: ignore[operator]
    assert 0.91 <= held / 200 <= 0.99


@pytest.mark.slow
def test_differences_are_of_common_images(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, score = two_runs()
    ids = [f"{place:03d}" for place in range(60)]
    rng = np.random.default_rng(2)
    drops = rng.normal(0.05, 0.02, size=60), rng.normal(0.09, 0.02, size=60)
    write_finished(Path("runs/a/fit"), first, score, ids, {"grayscale@1": drops[0]})
    order = rng.permutation(60)[:50]  # another order, and ten images less
    shuffled = [ids[place] for place in order]
    other = {"grayscale@1": drops[1][order], "blur@2": drops[0][order]}
    write_finished(
        Path("runs/b/fit"), second[order], score[order], shuffled, other, fingerprint="b"
    )
    found = compared("runs/a", "runs/b")
    (entry,) = found["differences"]
    assert entry["common"] == 50
    place = np.sort(order)
    wanted = (
        stats.spearmanr(second[place], score[place]).statistic
        - stats.spearmanr(first[place], score[place]).statistic
    )
    rho = entry["spearman"]["difference"]
    assert rho["value"] == pytest.approx(wanted)
    assert 0 < rho["low"] < wanted < rho["high"]
    agreement = stats.spearmanr(second[place], first[place]).statistic
    assert entry["agreement"]["value"] == pytest.approx(agreement)
    errors = [(values[place] - score[place]) ** 2 for values in (second, first)]
    mse = mean_effect(errors[0], errors[1], 0)
    assert entry["mse"]["difference"] == pytest.approx(mse.describe())
    (drop,) = found["conditions"]
    change = drops[1][place] - drops[0][place]
    assert drop["condition"] == "grayscale@1"
    assert drop["effect"]["difference"]["value"] == pytest.approx(change.mean())
    assert drop["effect"]["difference"]["low"] > 0
    shown = capsys.readouterr().out
    assert "│ A │ a/fit │ 60 │" in shown
    assert "fingerprints differ" in shown
    table = pd.read_csv("out/compare.csv")
    line = table[(table["kind"] == "difference") & (table["metric"] == "spearman")].iloc[0]
    assert (line["run"], line["other"], line["n"]) == ("b/fit", "a/fit", 50)
    assert line["value"] == pytest.approx(wanted)
    assert Path("out/compare.png").stat().st_size > 5000


@pytest.mark.slow
def test_several_comparisons_have_wider_intervals_too() -> None:
    first, second, score = two_runs()
    for name, predicted in (("a", first), ("b", second), ("c", (first + second) / 2)):
        write_finished(Path(f"runs/{name}/fit"), predicted, score)
    found = compared("runs/a", "runs/b", "runs/c")
    assert [entry["second"][0] + entry["first"][0] for entry in found["differences"]] == [
        "ba",
        "ca",
        "cb",
    ]
    for entry in found["differences"]:
        for name in ("spearman", "mse", "mae"):
            plain, wide = entry[name]["difference"], entry[name]["for_all"]
            assert wide["level"] == pytest.approx(1 - 0.05 / 3)
            assert wide["low"] < plain["low"] < plain["high"] < wide["high"]
    five = ["a", "b", "c", "d", "e"]
    for name in ("d", "e"):
        write_finished(Path(f"runs/{name}/fit"), second[::-1], score)
    found = compared(*(f"runs/{name}" for name in five))
    assert {entry["first"] for entry in found["differences"]} == {"a/fit"}
    assert len(found["differences"]) == 4


@pytest.mark.slow
def test_images_with_other_scores_are_left_out_or_refused() -> None:
    first, second, score = two_runs()
    write_finished(Path("runs/a/fit"), first, score, split=1)
    few = np.where(np.arange(60) < 5, score / 2, score)
    write_finished(Path("runs/few/fit"), second, few, split=1)
    found = compared("runs/a", "runs/few")
    (entry,) = found["differences"]
    assert (entry["common"], entry["other_score"]) == (60, 5)
    assert entry["spearman"]["difference"]["n"] == 55
    assert "5 of 60 common images have another score; they are left out" in found["notes"][0]
    drops = {"blur@2": np.full(60, 0.01)}
    write_finished(Path("runs/a/test-001"), first, score, drops=drops, split=1)
    write_finished(Path("runs/split/fit"), second, score[::-1].copy(), drops=drops, split=2)
    found = compared("runs/a/test-001", "runs/split")
    (entry,) = found["differences"]
    assert entry["spearman"]["difference"]["value"] is None
    assert "have another score" in entry["spearman"]["difference"]["reason"]
    assert entry["agreement"]["n"] == 60
    assert found["conditions"][0]["effect"]["difference"]["value"] == pytest.approx(0)
    assert "splits 1, 2: a score belongs to image and split" in found["notes"][0]


@pytest.mark.slow
def test_the_newest_test_of_a_run_is_taken() -> None:
    first, second, score = two_runs()
    write_finished(Path("runs/a/fit"), first, score, finished="2026-01-02T00:00:00+00:00")
    write_finished(Path("runs/a/test-001"), first, score, finished="2026-01-01T00:00:00+00:00")
    write_finished(Path("runs/b/test-007-blur"), second, score)
    found = compared("runs/a", "runs/b")
    assert [run["run"] for run in found["runs"]] == ["a/fit", "b/test-007-blur"]


@pytest.mark.slow
def test_repeated_runs_are_compared_member_by_member() -> None:
    differences = []
    for name, shift in (("x", 0), ("y", 1)):
        Repeat("seed", [0, 1, 2], []).write(Path(f"runs/{name}"))
        for seed in range(3 - shift):  # y lacks the last
            predicted, score = people(40, seed)
            noise = np.random.default_rng([seed, shift]).normal(0, 0.02, size=40)
            write_finished(Path(f"runs/{name}/seed-{seed}/fit"), predicted + shift * noise, score)
            differences.append(stats.spearmanr(predicted + shift * noise, score).statistic)
    found = compared("runs/x", "runs/y")
    assert len(found["differences"]) == 2
    labels = [(entry["second"], entry["first"]) for entry in found["differences"]]
    assert labels[1] == ("y/seed-1/fit", "x/seed-1/fit")
    wanted = np.array(differences[3:]) - np.array(differences[:2])
    across = found["across"][0]
    assert (across["metric"], across["members"]) == ("spearman", 2)
    assert across["mean"] == pytest.approx(wanted.mean())
    assert across["sd"] == pytest.approx(wanted.std(ddof=1))


@pytest.mark.slow
def test_what_cannot_be_compared_is_one_line(failing: Callable[..., str]) -> None:
    first, second, score = two_runs()
    write_finished(Path("runs/a/fit"), first, score)
    others = [f"other/{place}" for place in range(60)]
    write_finished(Path("runs/far/fit"), second, score, others)
    write_finished(Path("runs/bare/fit"), second, np.full(60, np.nan))
    Path("runs/half/fit").mkdir(parents=True)
    Path("runs/half/fit/config.yaml").write_text("{}")
    Path("empty").mkdir()
    assert "give two runs or more" in failing("compare", "runs/a")
    assert "nowhere: no such folder" in failing("compare", "runs/a", "nowhere")
    assert "are the same test" in failing("compare", "runs/a", "runs/a/fit")
    assert "no tested image in common" in failing("compare", "runs/a", "runs/far")
    assert "images have no scores" in failing("compare", "runs/a", "runs/bare")
    message = failing("compare", "runs/a", "runs/half")
    assert "not finished" in message
    assert "--ckpt_path last" in message
    assert "neither a run nor a test's folder" in failing("compare", "runs/a", "empty")
    Repeat("seed", [0], []).write(Path("runs/r"))
    assert "two at a time" in failing("compare", "runs/a", "runs/r")
    assert not Path("out").exists()


@pytest.mark.slow
def test_comparing_needs_no_torch() -> None:
    first, second, score = two_runs()
    write_finished(Path("runs/a/fit"), first, score)
    write_finished(Path("runs/b/fit"), second, score)
    program = (
        "import sys; from memlab.cli import main; code = main(sys.argv[1:]);"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program, "compare", "runs/a", "runs/b", "--out", "out"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
