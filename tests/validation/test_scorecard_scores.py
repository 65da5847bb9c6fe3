"""Scores of the scorecard, on small tables whose values were computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.builders.benchmarks import module


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> Any:
    return module("scorecard_scores", monkeypatch)


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch) -> Any:
    return module("scorecard_summary", monkeypatch)


def cell(scores: Any, cause: str, share: float, estimate: float | None, **more: Any) -> Any:
    size = more.pop("size", np.sqrt(2 * share))
    ends = {"low": 0.9 * share, "high": 1.1 * share}
    return scores.Cell(more.pop("net", "n"), "W2", cause, share, **ends, size=size, **more,
                       estimate=estimate)  # fmt: skip


def test_a_share_has_the_exact_interval(scores: Any) -> None:
    # Clopper & Pearson 1934: 0 of 20 excludes shares above 1 - .025^(1/20).
    found = scores.share_of([False] * 20)
    assert (found.hits, found.n, found.value, found.low) == (0, 20, 0.0, 0.0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_clusters_that_agree_count_once(scores: Any) -> None:
    # Four clusters of five equal outcomes hold four cases: ICC = 1, 20 / (1 + 4) = 4.
    outcomes = [True] * 5 + [False] * 15
    clusters = [name for name in "abcd" for _ in range(5)]
    found = scores.share_of(outcomes, clusters)
    assert (found.hits, found.n, found.value) == (5, 20, 0.25)
    assert (found.low, found.high) == pytest.approx(scores.exact(1, 4))
    assert scores.share_of(outcomes).high < found.high


def test_clusters_that_do_not_matter_change_nothing(scores: Any) -> None:
    outcomes, clusters = [True, False] * 6, list("aabbccddeeff")
    assert scores.share_of(outcomes, clusters) == scores.share_of(outcomes)


def test_spearman_is_that_of_ranks(scores: Any) -> None:
    # Ranks 1 2 3 4 against 1 3 2 4: 1 - 6 · 2 / (4 · 15) = .8.
    shares, estimates = (0.1, 0.2, 0.3, 0.4), (0.05, 0.5, 0.4, 0.9)
    cells = [cell(scores, str(a), a, b) for a, b in zip(shares, estimates, strict=True)]
    assert scores.spearman(cells) == pytest.approx(0.8)


def test_tau_ties_nulls_in_truth_and_estimate(scores: Any) -> None:
    # Two nulls: their order is not compared, whatever the estimates are below the threshold.
    cells = [
        cell(scores, "face", 0.5, 0.6),
        cell(scores, "text", 0.2, 0.1),
        cell(scores, "palette", 0.1, 0.05),
        cell(scores, "slope", 0.0002, 0.0004),
        cell(scores, "blur", 0.0004, 0.0001),
    ]
    assert scores.tau(cells) == pytest.approx(1.0)
    # Without a unit the nulls are ordered by the method: of ten pairs, nine agree, one is tied in
    # the truth: 9 / sqrt(9 · 10).
    assert scores.tau(cells, threshold=None) == pytest.approx(9 / np.sqrt(90))
    # One real pair reversed, no threshold: 8 - 1 of 9 and 10.
    cells[1] = cell(scores, "text", 0.2, 0.04)
    assert scores.tau(cells, threshold=None) == pytest.approx(7 / np.sqrt(90))


def test_tau_needs_three_real_causes(scores: Any) -> None:
    cells = [cell(scores, "face", 0.5, 0.6), cell(scores, "text", 0.2, 0.1)]
    assert scores.tau([*cells, cell(scores, "slope", 0.0001, 0.3)]) is None


def test_slope_and_error_of_a_method_that_finds_half(scores: Any) -> None:
    cells = [cell(scores, str(share), share, share / 2) for share in (0.0, 0.2, 0.4)]
    slope, error = scores.slope_and_error(cells)
    assert slope == pytest.approx(0.5)
    assert error == pytest.approx(np.sqrt((0.1**2 + 0.2**2) / 3))


def test_two_shares_below_what_matters_agree(scores: Any) -> None:
    apart = {"estimate_low": 2e-4, "estimate_high": 3e-4}
    assert cell(scores, "a", 0.0, 2.5e-4, **apart).agrees
    assert not cell(scores, "a", 0.0, 2.5e-4, **apart).meets
    assert not cell(scores, "a", 0.002, 2.5e-4, **apart).agrees
    assert not cell(scores, "a", 0.0, 0.002, estimate_low=2e-4, estimate_high=0.003).agrees
    assert cell(scores, "a", 0.0, 0.002, estimate_low=0.0, estimate_high=0.003).agrees
    assert cell(scores, "a", 0.0, None).agrees is None


def test_intervals_meet_at_their_ends(scores: Any) -> None:
    def meets(low: float | None, high: float | None) -> bool | None:
        one = cell(scores, "face", 0.5, 0.5, estimate_low=low, estimate_high=high)
        return bool(one.meets) if one.meets is not None else None

    assert meets(0.55, 0.9)  # truth: .45 to .55
    assert meets(0.1, 0.45)
    assert not meets(0.56, 0.9)
    assert not meets(0.1, 0.44)
    assert meets(None, None) is None


def test_real_and_null_leave_a_gap(scores: Any) -> None:
    sizes = {size: cell(scores, "face", 0.1, 0.1, size=size) for size in (0.02, 0.03, 0.06)}
    assert [one.null for one in sizes.values()] == [True, False, False]
    assert [one.real for one in sizes.values()] == [False, False, True]


def test_power_is_counted_by_size(scores: Any) -> None:
    claims = [(0.06, "relies"), (0.09, "cannot tell"), (0.3, "relies"), (0.01, "relies")]
    cells = [
        cell(scores, "face", 0.1, 0.1, size=size, claim=claim, net=str(size))
        for size, claim in claims
    ]
    lines = scores.power(cells)
    assert [(low, high) for low, high, _ in lines] == [
        (0.05, 0.1),
        (0.1, 0.2),
        (0.2, 0.4),
        (0.4, np.inf),
    ]
    assert [(share.hits, share.n) for _, _, share in lines] == [(1, 2), (0, 0), (1, 1), (0, 0)]


def net(world: str, truth: dict[str, float], found: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A network; estimates are numbers, or a number with its claim."""
    lines = {
        cause: [*((value, value, value) if np.isscalar(value) else (value[0],) * 3),
                None if np.isscalar(value) else value[1]]
        for cause, value in found.items()
    }  # fmt: skip
    return {
        "net": f"{world}-{len(found)}-{sum(truth.values())}",
        "world": world,
        "truth": {c: [s, s, s, float(np.sqrt(2 * s))] for c, s in truth.items()},
        "methods": {"full audit": lines},
        "mark": {"full audit": None},
        "learned": True,
        "verdict": "mixed",
        "true_verdict": "mixed",
    } | more


@pytest.mark.parametrize(
    ("world", "truth", "found", "right"),
    [
        ("W2", {"face": 0.6, "palette": 0.2}, {"face": 0.5, "palette": 0.3}, True),
        ("W2", {"face": 0.6, "palette": 0.2}, {"face": 0.2, "palette": 0.3}, False),
        ("W2", {"face": 0.6, "palette": 0.2}, {"palette": 0.3}, False),  # no estimate of the cue
        ("W3", {"face": 0.5, "text": 0.41}, {"face": 0.2, "text": 0.3}, True),  # within 20 %
        ("W3", {"face": 0.5, "text": 0.39}, {"face": 0.2, "text": 0.3}, False),
        ("W6", {"blur": 0.9, "slope": 0.1, "face": 0.1}, {"blur": 0.2, "slope": 0.3}, True),
        ("W6", {"blur": 0.9, "face": 0.1}, {"blur": 0.2, "face": 0.3}, False),
        ("W6", {"saturation": 0.9, "palette": 0.1}, {"saturation": 0.2, "palette": 0.3}, True),
    ],
)
def test_the_first_place_is_right_as_the_world_defines_it(
    summary: Any, world: str, truth: dict[str, float], found: dict[str, float], right: bool
) -> None:
    assert summary.first_right(net(world, truth, found), "full audit") is right


def test_the_watermark_is_found_by_the_scan_alone(summary: Any) -> None:
    truth, found = {"watermark": 0.9, "face": 0.01}, {"face": 0.02}
    assert not summary.first_right(net("W5", truth, found), "full audit")
    seen = net("W5", truth, found, mark={"full audit": True, "IG": True})
    assert summary.first_right(seen, "full audit")
    assert summary.first_right(seen, "IG mass")


def test_the_summary_counts_false_claims_among_real_and_null_cells(summary: Any) -> None:
    truth = {"face": 0.5, "text": 0.1, "palette": 0.05, "slope": 0.0001, "blur": 0.0001}
    found = {
        "face": (0.4, "relies"),
        "text": (0.11, "does not rely"),
        "palette": (0.05, "cannot tell"),
        "slope": (0.01, "relies"),
        "blur": (0.0, "does not rely"),
    }
    nets = [net("W2", truth, found), net("W1", {"face": 0.9}, {"face": (0.9, "relies")})]
    line = summary.summarise(nets, "full audit")
    assert (line["cells"], line["cells_real"], line["cells_null"]) == (6, 4, 2)
    assert (line["false_relies"]["hits"], line["false_relies"]["n"]) == (1, 2)
    assert (line["false_does_not_rely"]["hits"], line["false_does_not_rely"]["n"]) == (1, 4)
    # text .11 for .1 and slope .01 for .0001 do not meet intervals of no length
    assert (line["met"]["hits"], line["met"]["n"]) == (2, 6)
    assert line["first_overall"]["n"] == 1  # W1 apart
    assert line["tau_nets"] == 1
    assert line["verdicts"] == [{"true": "mixed", "verdict": "mixed", "nets": 2}]


def test_a_network_that_learned_nothing_has_no_first_place(summary: Any) -> None:
    truth, found = {"face": 0.5, "text": 0.1}, {"face": 0.1, "text": 0.2}
    nets = [net("W2", truth, found), net("W9", truth, found, learned=False)]
    line = summary.summarise(nets, "full audit")
    assert line["first_overall"]["n"] == 1
    assert list(line["first"]) == ["W2"]
    assert (line["learned"], line["cells"]) == (1, 4)


def test_coverage_counts_the_values_inside(summary: Any) -> None:
    covered = {"face": [0.1, 0.3, 0.2], "text": [0.1, 0.3, 0.31]}
    nets = [net("W2", {"face": 0.5}, {"face": 0.5}, coverage=covered)]
    found = summary.summarise(nets, "full audit")["coverage"]
    assert (found["hits"], found["n"]) == (1, 2)


@pytest.mark.parametrize(
    ("causes", "verdict"),
    [
        ({"face": 0.8, "palette": 0.2, "layout": 0.9}, "human-interpretable"),  # layout: neither
        ({"text": 0.3, "watermark": 0.9}, "shortcut"),
        ({"face": 0.5, "skin": 0.5}, "mixed"),
        ({"face": 0.0001}, "cannot tell"),
    ],
)
def test_the_true_verdict_follows_from_shares(
    monkeypatch: pytest.MonkeyPatch, causes: dict[str, float], verdict: str
) -> None:
    true_verdict = module("scorecard_truth", monkeypatch).true_verdict
    assert true_verdict(causes, learned=True) == verdict
    assert true_verdict(causes, learned=False) == "cannot tell"
