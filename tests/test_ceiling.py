"""memlab data ceiling: halves of people, counts, and the binomial model, on known people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memlab.cli import main
from memlab.errors import MemlabError
from memlab.metrics.halves import Answers, halves_of_people
from memlab.metrics.observers import (
    least_mse,
    observers_needed,
    reliability_from_scores,
    reliability_of_mean,
    times_as_many,
)
from memlab.metrics.reliability import from_halves, reliability_from_counts, spearman_brown

FIELD = {
    5: (0.32, 0.56), 10: (0.48, 0.70), 15: (0.58, 0.76), 20: (0.65, 0.81), 30: (0.74, 0.86),
    40: (0.79, 0.89), 60: (0.85, 0.92), 80: (0.88, 0.94), 100: (0.90, 0.95),
}  # fmt: skip
"""Observers to reliability and best rho, at SD .13 round .76 (LaMem, MemCat)."""


def people(
    count: int, pictures: int, share: float, seed: int, memory_sd: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """True scores, and answers (people, pictures) with NaN where a picture was not shown."""
    rng = np.random.default_rng(seed)
    true = np.clip(rng.normal(0.7, 0.12, pictures), 0.05, 0.95)
    memory = rng.normal(0, memory_sd, (count, 1))
    answers = (rng.random((count, pictures)) < true + memory).astype(float)
    answers[rng.random((count, pictures)) >= share] = np.nan
    return true, answers


def in_rows(answers: np.ndarray) -> Answers:
    person, picture = np.nonzero(np.isfinite(answers))
    return Answers(person, picture, answers[person, picture], *answers.shape)


def halves(answers: np.ndarray, draws: int = 200, **options: Any) -> Any:
    found = halves_of_people(in_rows(answers).means, len(answers), 0, draws, **options)
    return from_halves(found.spearman, answers.shape[1], "people")


def counts(answers: np.ndarray, draws: int = 200) -> Any:
    hits, n = np.nansum(answers, axis=0), np.isfinite(answers).sum(axis=0)
    return reliability_from_counts(hits, n.astype(float), 0, draws)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.06])
def test_halves_equal_a_plain_loop_over_the_same_halves(share: float) -> None:
    _, answers = people(31, 60, share, seed=1)
    groups: list[np.ndarray] = []
    means = in_rows(answers).means

    def spy(members: np.ndarray) -> np.ndarray:
        groups.append(members)
        return means(members)

    found = halves_of_people(spy, 31, seed=5, halves=20)
    one, other = groups[-2:]
    assert (one + other == 1).all()
    assert (one.sum(axis=1) == 15).all()
    for draw in range(20):
        scores = []
        for half in (one, other):
            members = answers[half[draw] == 1]
            asked = np.isfinite(members).sum(axis=0)
            total = np.nansum(members, axis=0)
            scores.append(np.where(asked > 0, total / np.maximum(asked, 1), np.nan))
        both = np.isfinite(scores[0]) & np.isfinite(scores[1])
        assert found.pictures[draw] == both.sum()
        pair = [half[both] for half in scores]
        assert found.spearman[draw] == pytest.approx(stats.spearmanr(*pair).statistic, abs=1e-12)
        assert found.pearson[draw] == pytest.approx(stats.pearsonr(*pair).statistic, abs=1e-12)
    assert (found.pictures.min() < 60) == (share < 1)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_ceiling_is_what_the_true_scores_get(share: float) -> None:
    full, best, half_best = [], [], []
    for seed in range(6):
        true, answers = people(60, 500, share, seed=seed)
        known = halves(answers, 60)
        full.append(known.ceiling.value - stats.spearmanr(true, np.nanmean(answers, axis=0))[0])
        part = np.nanmean(answers[:30], axis=0)
        half_best.append(known.half_ceiling.value - stats.spearmanr(true, part)[0])
        best.append(known.full.value - known.ceiling.value**2)
    assert np.mean(full) == pytest.approx(0, abs=0.012)
    assert np.mean(half_best) == pytest.approx(0, abs=0.015)
    assert best == pytest.approx([0] * 6)


def test_people_who_are_alike_agree_as_much_as_counts_say() -> None:
    both = []
    for seed in range(5):
        _, answers = people(80, 400, 0.5, seed=seed)
        both.append([halves(answers).half.value, counts(answers).half.value])
    people_agree, counts_say = np.mean(both, axis=0)
    assert people_agree == pytest.approx(counts_say, abs=0.01)


def test_where_people_differ_in_memory_counts_promise_less_than_people_keep() -> None:
    # a good half is good at every picture: a shift that no correlation sees. Counts alone deal each
    # picture by itself, and take what the shift adds to the binomial spread for noise
    both = []
    for seed in range(5):
        true, answers = people(60, 400, 1.0, seed=seed, memory_sd=0.15)
        by_people, by_counts = halves(answers), counts(answers)
        perfect = stats.spearmanr(true, answers.mean(axis=0)).statistic
        both.append([by_people.ceiling.value - perfect, by_counts.ceiling.value - perfect])
    people_off, counts_off = np.mean(both, axis=0)
    assert people_off == pytest.approx(0, abs=0.01)
    assert counts_off < people_off - 0.01


def test_agreement_grows_with_people_as_spearman_and_brown_say() -> None:
    _, answers = people(120, 800, 1.0, seed=3)
    small = halves(answers, 100, size=15).half.value
    for size in (30, 60):
        found = halves(answers, 100, size=size).half.value
        assert found == pytest.approx(spearman_brown(small, size / 15), abs=0.02)


def test_one_pair_of_halves_has_no_interval() -> None:
    _, answers = people(30, 40, 0.8, seed=4)
    one = halves(answers, 1)
    assert one.full.value == pytest.approx(spearman_brown(one.half.value or 0))
    for statistic in (one.half, one.full, one.ceiling, one.half_ceiling):
        assert (statistic.low, statistic.high, statistic.level) == (None, None, None)


def test_halves_depend_on_the_seed_alone() -> None:
    _, answers = people(20, 30, 0.8, seed=0)
    means = in_rows(answers).means
    one, same = (halves_of_people(means, 20, 1, 30) for _ in range(2))
    np.testing.assert_array_equal(one.spearman, same.spearman)
    assert not np.array_equal(one.spearman, halves_of_people(means, 20, 2, 30).spearman)
    np.testing.assert_array_equal(one.spearman[:10], halves_of_people(means, 20, 1, 10).spearman)


def test_observers_needed_as_published() -> None:
    for n, (reliability, best) in FIELD.items():
        found = reliability_of_mean(0.76, 0.13, n)
        assert found == pytest.approx(reliability, abs=0.01)
        assert found**0.5 == pytest.approx(best, abs=0.01)
        # Spearman-Brown describes the growth, exactly so in this model
        assert spearman_brown(reliability_of_mean(0.76, 0.13, 5), n / 5) == pytest.approx(found)
        assert times_as_many(reliability_of_mean(0.76, 0.13, 5), found) == pytest.approx(n / 5)
        assert observers_needed(0.76, 0.13, found) == n
    assert observers_needed(0.76, 0.13, 0.9) == 98
    assert reliability_of_mean(0.76, 0.13, 97) < 0.9 <= reliability_of_mean(0.76, 0.13, 98)


def test_lamem_as_published() -> None:
    # halves of LaMem's people agree by .681; a test label is that of one half
    found = from_halves(np.full(25, 0.681), 10_000, "LaMem")
    assert found.half_ceiling.value == pytest.approx(0.825, abs=5e-4)
    assert found.ceiling.value == pytest.approx(0.90, abs=0.001)
    for r, mse in {0.57: 0.0103, 0.64: 0.0090, 0.68: 0.0082, 0.72: 0.0074, 0.0: 0.0153}.items():
        assert least_mse(r, 0.0153) == pytest.approx(mse, abs=6e-5)
    assert least_mse(0.681**0.5, 0.0153) == pytest.approx(0.0049, abs=5e-5)


def test_the_model_knows_true_scores_from_the_number_of_observers() -> None:
    true, answers = people(40, 4000, 1.0, seed=2)
    scores = answers.mean(axis=0)
    found = reliability_from_scores(scores, 40)
    assert found.full.value == pytest.approx(stats.pearsonr(true, scores)[0] ** 2, abs=0.015)
    assert found.full.value == pytest.approx(
        reliability_of_mean(0.7, float(true.std()), 40), abs=0.03
    )
    assert found.full.low is None
    nothing = reliability_from_scores(np.random.default_rng(0).binomial(40, 0.7, 50) / 40, 20)
    assert nothing.full.value is None
    assert "no more" in str(nothing.full.reason)


@pytest.mark.parametrize(
    ("p", "sd", "n"), [(0.5, 0.6, 9), (1.0, 0.1, 9), (float("nan"), 0.1, 9), (0.5, 0.1, 0)]
)
def test_scores_that_cannot_be(p: float, sd: float, n: float) -> None:
    with pytest.raises(MemlabError):
        reliability_of_mean(p, sd, n)


def trials(answers: np.ndarray, first: np.ndarray | None = None, **columns: str) -> pd.DataFrame:
    """One row per answer, as a memory game would export it."""
    rows = []
    for old, matrix in ((1, answers), (0, first)):
        if matrix is not None:
            person, picture = np.nonzero(np.isfinite(matrix))
            rows.append(
                pd.DataFrame(
                    {
                        "participant": [f"p{place:02d}" for place in person],
                        "image": [f"{place:05d}.jpg" for place in picture],
                        "role": "target",
                        "old": old,
                        "said_old": matrix[person, picture].astype(int),
                    }
                )
            )
    return pd.concat(rows).rename(columns=columns)


@pytest.fixture
def game() -> pd.DataFrame:
    _, answers = people(30, 40, 0.8, seed=4)
    answers[0, :2] = np.nan
    _, alarms = people(30, 40, 0.8, seed=5)
    first = np.where(np.isfinite(answers), np.nan_to_num(1 - alarms), np.nan)
    return trials(answers, first)


def run(*arguments: str) -> int:
    return main(["data", "ceiling", *arguments])


def test_trials_of_a_memory_game(game: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    vigilance = game.iloc[[0, 0]].assign(role="vigilance")
    table = pd.concat([game, vigilance]).assign(excluded="false", version="clean")
    table.iloc[3, table.columns.get_loc("excluded")] = "true"
    table.to_csv("trials.csv", index=False)
    assert run("trials.csv", "--out", "out") == 0
    printed = capsys.readouterr().out
    assert "30 people, 40 pictures" in printed
    assert "1000 random halves of the people" in printed
    assert "note: 2 rows left out: vigilance" in printed
    assert "note: 1 rows left out: excluded" in printed

    entries = pd.read_csv("out/ceiling.csv").set_index(["scores", "correlation"])
    kinds = ["hit rate", "false alarm rate", "hit − false alarm"]
    assert list(dict.fromkeys(entries.index.get_level_values(0))) == kinds
    known = entries.loc[("hit rate", "spearman")]
    assert known["full"] == pytest.approx(2 * known["half"] / (1 + known["half"]))
    assert known["ceiling"] == pytest.approx(known["full"] ** 0.5)
    assert known["half_ceiling"] == pytest.approx(known["half"] ** 0.5)
    assert f"can expect ρ = {known['ceiling']:.3f}" in printed

    scores = pd.read_csv("out/scores.csv").set_index("image")
    used = table[(table["role"] == "target") & (table["excluded"] == "false")]
    means = used.groupby(["image", "old"])["said_old"].mean().unstack()
    np.testing.assert_allclose(scores["hit_rate"], means[1])
    np.testing.assert_allclose(scores["hit_minus_false_alarm"], means[1] - means[0])
    row = scores.iloc[7]
    z = [
        stats.norm.ppf((row[part] + 0.5) / (row[whole] + 1))
        for part, whole in (("hits", "n"), ("false_alarms", "first_showings"))
    ]
    assert row["d_prime"] == pytest.approx(z[0] - z[1])
    assert row["criterion"] == pytest.approx(-(z[0] + z[1]) / 2)

    growth = pd.read_csv("out/growth.csv")
    measured = growth[growth["kind"] == "measured"]
    assert measured["responses"].max() == pytest.approx(len(used[used["old"] == 1]) / 40 / 2)
    assert Path("out/ceiling.png").stat().st_size > 10_000


def test_a_matrix_and_other_names_hold_the_same_answers(
    game: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    repeats = game[game["old"] == 1]
    wide = repeats.pivot_table(index="participant", columns="image", values="said_old")
    wide.reset_index().to_csv("wide.csv", index=False)
    renamed = repeats.rename(
        columns={"participant": "who", "image": "what", "said_old": "key"}
    ).drop(columns="old")
    renamed.to_csv("renamed.csv", index=False)
    repeats.drop(columns="old").to_csv("long.csv", index=False)
    printed = []
    names = ("--participant", "who", "--image", "what", "--response", "key")
    for arguments in (("wide.csv",), ("renamed.csv", *names), ("long.csv",)):
        assert run(*arguments, "--halves", "20") == 0
        printed.append(capsys.readouterr().out.split(":", 1)[1])
    assert printed[0] == printed[1] == printed[2]


def test_counts_and_scores_of_any_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, answers = people(40, 300, 1.0, seed=6)
    hits = answers.sum(axis=0).astype(int)
    table = pd.DataFrame({"image": [f"{i}.jpg" for i in range(300)], "hits": hits})
    table.assign(misses=40 - hits, false_alarms=4).to_csv("misses.csv", index=False)
    table.assign(n=40, score=hits / 40).to_csv("counts.csv", index=False)
    table.assign(score=hits / 40).drop(columns="hits").to_csv("scores.csv", index=False)
    known = []
    for arguments in (("counts.csv",), ("misses.csv",), ("scores.csv", "--observers", "40")):
        assert run(*arguments, "--out", Path(arguments[0]).stem) == 0
        entries = pd.read_csv(f"{Path(arguments[0]).stem}/ceiling.csv").set_index("correlation")
        known.append(entries.drop("spearman", errors="ignore")["full"].iloc[0])
    printed = capsys.readouterr().out
    assert "binomial halves, dealt from counts alone" in printed
    assert "a model, no data on agreement" in printed
    assert known[0] == known[1]
    assert known[2] == pytest.approx(known[0], abs=0.02)
    assert "d_prime" in pd.read_csv("misses/scores.csv")
    kinds = pd.read_csv("misses/ceiling.csv").set_index(["scores", "correlation"])["half"]
    # false alarms that differ no more than by chance only add noise
    assert kinds["hit − false alarm", "pearson"] < kinds["hit rate", "pearson"] - 0.03
    assert Path("scores/ceiling.png").exists()


def test_counts_and_people_agree_about_false_alarms(game: pd.DataFrame) -> None:
    game.to_csv("trials.csv", index=False)
    sums = game.groupby(["image", "old"])["said_old"].agg(["sum", "count"]).unstack()
    columns = {"hits": ("sum", 1), "n": ("count", 1), "false_alarms": ("sum", 0)}
    table = pd.DataFrame({name: sums[place] for name, place in columns.items()})
    table["correct_rejections"] = sums["count", 0] - table["false_alarms"]
    table["score"] = table["hits"] / table["n"] - table["false_alarms"] / sums["count", 0]
    table.reset_index().to_csv("counts.csv", index=False)
    for name in ("trials", "counts"):
        assert run(f"{name}.csv", "--out", name) == 0
    one, other = (pd.read_csv(f"{name}/ceiling.csv") for name in ("trials", "counts"))
    np.testing.assert_allclose(one["half"], other["half"], atol=0.06)
    one, other = (pd.read_csv(f"{name}/scores.csv") for name in ("trials", "counts"))
    pd.testing.assert_frame_equal(one, other)


def test_pictures_without_false_alarms_still_have_a_hit_rate() -> None:
    _, answers = people(40, 50, 1.0, seed=8)
    hits = answers.sum(axis=0).astype(int)
    table = pd.DataFrame({"image": range(50), "hits": hits, "n": 40})
    table["false_alarms"] = [None] * 5 + list(range(10)) * 4 + [None] * 5
    table.to_csv("a.csv", index=False)
    assert run("a.csv", "--halves", "50", "--out", "out") == 0
    left_out = pd.read_csv("out/ceiling.csv").groupby("scores", sort=False)["left_out"].first()
    assert left_out.tolist() == [0, 10, 10]
    assert pd.read_csv("out/scores.csv")["d_prime"].notna().sum() == 40


def test_a_folder_of_a_memory_game(game: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    Path("study").mkdir()
    game.to_csv("study/trials.csv", index=False)
    pd.DataFrame({"participant": ["p00"]}).to_csv("study/participants.csv", index=False)
    assert run("study", "--halves", "10", "--only", "role=target") == 0
    assert "study/trials.csv: 30 people" in capsys.readouterr().out


def test_a_matrix_holds_nothing_but_answers(capsys: pytest.CaptureFixture[str]) -> None:
    table = {"subject": ["a", "b"], "age": [23, 31], "1.jpg": [1, 0], "2.jpg": [1, 1]}
    pd.DataFrame(table).to_csv("a.csv", index=False)
    assert run("a.csv") == 2
    assert "row 2: age '23' is not 1 or 0: without a column response" in capsys.readouterr().err


def test_a_table_of_pictures_may_name_a_user(capsys: pytest.CaptureFixture[str]) -> None:
    table = {"image": list("abcd"), "user": list("efgh"), "hits": [9, 2, 7, 4], "n": 10}
    pd.DataFrame(table).to_csv("a.csv", index=False)
    assert run("a.csv", "--halves", "30") == 0
    assert "from counts alone" in capsys.readouterr().out


def broken(game: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    game = game.astype(object)
    game.iloc[2, game.columns.get_loc(column)] = value
    return game


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        (lambda t: t[t["image"] < "00002"], (), "2 pictures with scores: a correlation needs"),
        (lambda t: t[t["participant"] == "p00"], (), "1 person: halves of people need two"),
        (lambda t: t.assign(said_old=1), (), "all scores are equal (1)"),
        (lambda t: broken(t, "said_old", ""), (), "row 4: no said_old; a miss is 0"),
        (lambda t: broken(t, "said_old", 2), (), "row 4: said_old '2' is not 1 (seen before) or 0"),
        (lambda t: broken(t, "old", "x"), (), "row 4: old 'x' is not 1 (a repeat) or 0 (first)"),
        (lambda t: broken(t, "participant", None), (), "row 4: no participant"),
        (lambda t: pd.concat([t, t[:1]]), (), "answered to 00002.jpg before, in row 2: keep one"),
        (lambda t: t, ("--response", "sad_old"), "no column 'sad_old'; did you mean 'said_old'?"),
        (lambda t: t.rename(columns={"said_old": "key"}), (), "which column holds the response?"),
        (lambda t: t, ("--only", "version=clean"), "no column 'version'"),
        (lambda t: t, ("--only", "old=2"), "no row has '2' in column 'old'"),
        (lambda t: t.assign(version=t["old"]), (), "2 versions of the pictures (1, 0)"),
        (lambda t: t, ("--observers", "40"), "--observers has nothing to do here"),
        (lambda t: t, ("--at", "50"), "--at is the lag that --lag corrects to"),
        (lambda t: t.assign(lag=9), ("--lag", "--at", "inf"), "above zero and finite"),
        (lambda t: t, ("--min-responses", "30"), "constant or of fewer than three pictures"),
        (lambda t: t, ("--lag",), "no lags; name their column: --lag NAME"),
        (lambda t: t.assign(lag=0), ("--lag",), "p00, 00002.jpg: lag 0; every repeat needs one"),
        (lambda t: t.assign(lag=9), ("--lag",), "no picture comes back at two different lags"),
        (lambda t: broken(t.assign(lag=9), "lag", "soon"), ("--lag",), "row 4: lag 'soon' is not"),
        (lambda t: broken(t.assign(row="top"), "said_old", "?"), (), "row 4: said_old '?' is not"),
        (lambda t: t.assign(old=0).drop_duplicates(["participant", "image"]), (), "to a repeat"),
        (lambda t: t[:0], (), "no answer to a repeat: no answers"),
    ],
)
def test_bad_answers_are_one_line(
    game: pd.DataFrame,
    change: Any,
    arguments: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(game).to_csv("a.csv", index=False)
    assert run("a.csv", *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("columns", "arguments", "says"),
    [
        ({"hits": [3, 9, 4], "n": 8}, (), "b.jpg: 9 hits of 8 responses cannot be"),
        ({"hits": [0.3, 0.5, 0.4], "n": 8}, (), "a.jpg: hits 0.3 is not a whole number"),
        ({"hits": [3, 5], "n": 8}, (), "2 pictures with scores"),
        ({"hits": [5, 5, 5], "n": 8}, (), "all scores are equal (0.625)"),
        ({"hits": [None, None, None], "n": 8}, (), "no picture has hits and n"),
        ({"hits": [1, 0, 1], "n": 1}, (), "0 pictures with two answers or more: halves need three"),
        ({"hits": [3, 5, 4], "n": 8, "false_alarms": [1, 9, 0]}, (), "9 false alarms of 8"),
        ({"hits": [3, 5, 4], "n": "many"}, (), "n 'many' is not a number"),
        ({"hits": [3, 5, 4], "n": 8}, ("--lag",), "--lag has nothing to do here"),
        ({"hits": [3, 5, 4], "n": 8}, ("--min-responses", "1"), "--min-responses has nothing"),
        ({"hits": [4, 5, 4], "n": 8}, (), "no ceiling: no agreement of the halves was found"),
        ({"score": [0.3, 0.5, 0.4]}, (), "it takes answers of people (columns participant"),
        ({"score": [0.3, 5, 0.4]}, ("--observers", "9"), "score 5: the model is for hit rates"),
        ({"score": [0.3, 0.4, 0.5]}, ("--observers", "9"), "the scores spread no more (SD 0.100)"),
        ({"score": [0.3, 0.4, 0.5]}, ("--observers", "0"), "'0': a whole number, at least 1"),
        ({"category": ["a", "b", "c"]}, ("--observers", "9"), "or a score for each"),
    ],
)
def test_bad_counts_are_one_line(
    columns: dict[str, Any],
    arguments: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    length = max(len(value) for value in columns.values() if isinstance(value, list))
    images = [f"{letter}.jpg" for letter in "abc"[:length]]
    pd.DataFrame({"image": images, **columns}).to_csv("a.csv", index=False)
    assert run("a.csv", *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_few_answers_are_left_out_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    _, answers = people(12, 60, 0.25, seed=7)
    trials(answers).to_csv("a.csv", index=False)
    assert run("a.csv", "--halves", "50", "--min-responses", "2", "--out", "out") == 0
    left_out = pd.read_csv("out/ceiling.csv")["left_out"][0]
    assert 20 < left_out < 57
    assert f"Left out for too few answers in a half: {left_out:.1f} pictures" in (
        capsys.readouterr().out
    )
