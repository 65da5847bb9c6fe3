"""Summary of a folder of repeated runs, computed from the result files alone. No torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from memlab.analysis.out_of_fold import OutOfFold, out_of_fold
from memlab.analysis.over_members import OverMembers, over_members
from memlab.analysis.tested import Tested, in_common, same_score
from memlab.repeat_folder import Repeat
from memlab.stats.measures import Statistic

SCHEMA = 2
Key = tuple[str, str | None]
"""Name of a statistic, and the ablation, for effects."""


@dataclass(frozen=True)
class MemberStatistic:
    """Statistic of one run; `condition` is the ablation, for effects."""

    metric: str
    condition: str | None
    statistic: Statistic


@dataclass(frozen=True)
class Member:
    """Finished run among repeated runs."""

    member: str
    folder: str
    n: int
    split: int | str | None
    split_seed: int
    seed: int | None
    weights_id: str | None
    fingerprint: str
    statistics: list[MemberStatistic]


@dataclass(frozen=True)
class TestImages:
    """Tested images of repeated runs.

    Args:
        distinct: number of images in the test of any run.
        shared: mean share of images that the tests of two runs have in common; None for one run.
        shared_min: smallest share.
        shared_max: largest share.
        same_score: share of the common images with the same score in both runs.
    """

    __test__ = False  # not a pytest class

    distinct: int
    shared: float | None
    shared_min: float | None
    shared_max: float | None
    same_score: float | None


@dataclass
class RepeatSummary:
    """Contents of `summary.json`.

    Args:
        over: `split`, `seed` or `fold`.
        missing: runs that are not finished.
        members: finished runs.
        across: mean, SD, minimum and maximum of every statistic over the runs.
        test_images: tested images.
        notes: notes for the reader.
        figures: paths relative to the file.
        schema: version of this layout.
        out_of_fold: pooled result of a cross-validation; None for splits and seeds.
    """

    over: str
    missing: list[str]
    members: list[Member]
    across: list[OverMembers]
    test_images: TestImages
    notes: list[str]
    figures: list[str] = field(default_factory=list)
    schema: int = SCHEMA
    out_of_fold: OutOfFold | None = None


def by_fold(repeat: Repeat, tests: Mapping[str, Tested]) -> dict[int, Tested]:
    """Return the finished tests of a cross-validation by the number of the fold."""
    names = {repeat.name(member): member for member in repeat.members}
    return {names[name]: test for name, test in tests.items()}


def summarise(repeat: Repeat, tests: Mapping[str, Tested]) -> RepeatSummary:
    """Return mean, SD, minimum and maximum of every statistic over the finished members.

    Args:
        repeat: description of the folder.
        tests: member to its test.
    """
    images = _test_images(list(tests.values()))
    names = [repeat.name(member) for member in repeat.members]
    return RepeatSummary(
        over=repeat.over,
        missing=[name for name in names if name not in tests],
        members=[_member(name, test) for name, test in tests.items()],
        across=_across(tests),
        test_images=images,
        notes=_notes(repeat, dict(tests), images),
        out_of_fold=out_of_fold(by_fold(repeat, tests), repeat.folds) if repeat.folds else None,
    )


def _statistics(test: Tested) -> dict[Key, Statistic]:
    metrics: dict[Key, Statistic] = {
        (name, None): statistic for name, statistic in test.results.metrics.items()
    }
    return metrics | {
        ("effect", effect.condition): effect.effect
        for effect in test.results.conditions
        if effect.role != "nuisance"
    }


def _member(name: str, test: Tested) -> Member:
    results = test.results
    return Member(
        member=name,
        folder=f"{name}/fit",
        n=results.n,
        split=results.data.split,
        split_seed=results.data.split_seed,
        seed=results.seed,
        weights_id=results.model.weights_id,
        fingerprint=results.data.fingerprint,
        statistics=[
            MemberStatistic(*key, statistic) for key, statistic in _statistics(test).items()
        ],
    )


def _across(tests: Mapping[str, Tested]) -> list[OverMembers]:
    statistics = {name: _statistics(test) for name, test in tests.items()}
    keys = dict.fromkeys(key for by_key in statistics.values() for key in by_key)
    return [
        over_members(*key, {name: by_key.get(key) for name, by_key in statistics.items()})
        for key in keys
    ]


def _test_images(tests: list[Tested]) -> TestImages:
    shares, agreeing, common = [], 0, 0
    for first_test, second_test in itertools.combinations(tests, 2):
        both = in_common(first_test, second_test)
        shares.append(2 * len(both) / (len(first_test.rows) + len(second_test.rows)))
        common += len(both)
        agreeing += int(same_score(both).sum())
    return TestImages(
        distinct=len(set().union(*(test.rows.index for test in tests))),
        shared=float(np.mean(shares)) if shares else None,
        shared_min=min(shares, default=None),
        shared_max=max(shares, default=None),
        same_score=agreeing / common if common else None,
    )


def _notes(repeat: Repeat, tests: dict[str, Tested], shared: TestImages) -> list[str]:
    count, notes = len(tests), []
    if count > 1 and repeat.over == "split":
        notes.append(
            f"SD over {count} splits of the same images: two test splits have "
            f"{_percent(shared.shared)} of their images in common on average, and training "
            "images overlap, too. So SD/√n is no standard error, and the SD understates how far "
            "independent samples of images would differ; the intervals resample each split's own "
            "images."
        )
        if shared.same_score is not None and shared.same_score < 1:
            notes.append(
                f"{_percent(1 - shared.same_score)} of the shared images have another score "
                "in the other split: a score belongs to image and split, so rows of splits are "
                "never merged."
            )
    if count > 1 and repeat.over == "seed":
        notes.append(
            f"SD over {count} training seeds (initial weights, order, dropout): it does not "
            "contain the choice of images, which the intervals do."
        )
        prints = {test.results.data.fingerprint for test in tests.values()}
        if len(prints) > 1:
            notes.append("The members were not tested on the same data: their fingerprints differ.")
        else:
            seed = next(iter(tests.values())).results.data.split_seed
            notes.append(
                f"All members train and test on the same images (--data.split_seed {seed} is "
                "fixed), so they are paired by image."
            )
    if repeat.folds:
        notes += _fold_notes(repeat.folds, tests)
    return notes


def _fold_notes(folds: int, tests: dict[str, Tested]) -> list[str]:
    sizes = sorted(len(test.rows) for test in tests.values())
    several = f"{sizes[0]} to {sizes[-1]}" if sizes[0] < sizes[-1] else str(sizes[0])
    without = [
        statistic.reason
        for test in tests.values()
        if (statistic := test.results.metrics.get("spearman")) is not None
        and statistic.value is None
    ]
    notes = [
        f"SD over {len(tests)} of {folds} folds of {several} images: it mainly shows how much few "
        "images vary. SD/√n is no standard error, because any two folds share training images.",
        "Out of fold: each image is predicted once, by a model that was not trained on it. ρ, r "
        "and slope are of predictions centred within their fold, because pooled constants (each "
        "fold's training mean) correlate negatively with the scores by construction. Intervals: "
        "bootstrap over images, wider by √2, because each image also trains the other folds' "
        "models.",
    ]
    if without:
        notes.append(
            f"{len(without)} of {len(tests)} folds have no ρ ({without[0]}), so ρ has no mean over "
            "folds. Out of fold, constant predictions of a fold are tied."
        )
    return notes


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.3g} %"
