"""Which images a split takes: by content, by name, as recorded and as declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from memlab.data.kept_split import Entry, KeptSplit, unpacked
from memlab.data.known_images import recognise_images
from memlab.data.split_rule import decide
from memlab.data.split_use import SplitUse
from memlab.data.table import Table
from memlab.errors import CheckpointError, DataError


def test_a_declared_split_counts_for_images_that_are_new_to_the_run() -> None:
    run = run_of(NAMES, SPLITS)
    names = [*NAMES, "new-a.jpg", "new-b.jpg", "new-c.jpg"]
    rows = rows_of(names, [*SCORES, 0.5, 0.5, 0.5], split=[*SPLITS, "test", "train", "test"])
    found, rule, notes = decided(None, "test", run, rows)
    assert found == [*SPLITS, "test", "train", "test"]
    assert rule == "recorded"
    assert notes == [
        "testing 5 of 13 images: the test split of runs/a, and of the table for 2 images that are "
        "new to the run"
    ]


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("purpose", ["test", "validate"])
def test_all_unless_the_table_or_the_user_says_otherwise(purpose: str, declared: bool) -> None:
    target = "val" if purpose == "validate" else "test"
    rows = rows_of(NAMES, SCORES, split=["train", target] * 5 if declared else None)
    use = SplitUse(purpose, model="resmem")  # type: ignore[arg-type]

    def chosen(asked: str | None) -> tuple[int, str]:
        found, rule = decide(Table(rows, Path(), "scores.csv"), asked, 0, use, list)
        assert rule.evaluated == (found.rows["split"] == target).sum()
        return rule.evaluated, rule.notes[0]

    verb = "validating on" if purpose == "validate" else "testing"
    assert chosen("all") == (10, f"{verb} all 10 images: resmem was not trained here")
    own = (
        5,
        f"{verb} 5 of 10 images: the table's own {target} split (--data.split all: all of them)",
    )
    assert chosen(None) == (own if declared else chosen("all"))
    part, said = chosen("50/30/20")
    assert part == (3 if purpose == "validate" else 2)
    assert said.startswith(f"{verb} {part} of 10 images: --data.split 50/30/20")


def rows_of(names: Sequence[str], scores: Sequence[float], **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"id": names, "image": names, "score": scores, "split": None} | columns)


def run_of(names: Sequence[str], splits: Sequence[str], **asked: object) -> KeptSplit:
    entries = [
        Entry(name, name, split, place / 100, f"content of {name}")
        for place, (name, split) in enumerate(zip(names, splits, strict=True))
    ]
    return KeptSplit(tuple(entries), **asked)  # type: ignore[arg-type]


NAMES = [f"{place}.jpg" for place in range(10)]

SPLITS = ["train"] * 6 + ["val"] + ["test"] * 3

SCORES = [place / 100 for place in range(10)]

CONTENTS = [f"content of {name}" for name in NAMES]


def test_content_comes_before_the_name() -> None:
    run = run_of(NAMES, SPLITS)
    # one deleted, the files numbered anew: every name has the next one's content
    known = recognise_images(run, rows_of(NAMES[:9], SCORES[1:]), CONTENTS[1:])
    assert list(known.split) == SPLITS[1:]
    assert known.gone == ["0.jpg"]
    assert len(known.renamed) == 9
    # a copy of a trained image under a new name was trained on, too
    more = recognise_images(
        run, rows_of([*NAMES, "copy.jpg"], [*SCORES, 0.5]), [*CONTENTS, CONTENTS[0]]
    )
    assert more.split[-1] == "train"
    # two names of one content: each keeps its own
    twice = KeptSplit((Entry("a", "a", "train", 0, "same"), Entry("b", "b", "test", 0, "same")))
    assert list(recognise_images(twice, rows_of(["a", "b"], [0, 0]), ["same"] * 2).split) == [
        "train",
        "test",
    ]
    assert list(recognise_images(twice, rows_of(["c"], [0]), ["same"]).split) == ["train"]


def test_a_changed_image_is_told_from_another_of_its_name() -> None:
    run = run_of(NAMES, SPLITS)
    saved_again = [f"{content}, saved again" for content in CONTENTS]
    known = recognise_images(run, rows_of(NAMES, SCORES), saved_again)
    assert list(known.split) == SPLITS  # the scores say that the images are the same
    assert known.changed == NAMES
    others = recognise_images(run, rows_of(NAMES, [0.9] * 10), saved_again)
    assert others.n == 0
    assert others.namesakes == 10
    bare = recognise_images(run, rows_of(NAMES, [math.nan] * 10), saved_again)
    assert bare.n == 0
    one = recognise_images(run, rows_of(NAMES, [0.9] * 10), [*CONTENTS[:9], "else"])
    assert one.changed == ["9.jpg"]
    unreadable = recognise_images(run, rows_of(NAMES, SCORES), [""] * 10)
    assert list(unreadable.split) == SPLITS


def decided(
    asked: int | str | None, purpose: str, run: KeptSplit | None, rows: pd.DataFrame, seed: int = 0
) -> tuple[list[str | None], str, list[str]]:
    use = SplitUse(purpose, run, "runs/a")  # type: ignore[arg-type]
    whole = Table(rows, Path(), "scores.csv")
    contents = [f"content of {name}" for name in rows["id"]]
    found, rule = decide(whole, asked, seed, use, lambda: contents)
    return list(found.rows["split"]), rule.rule, rule.notes


def test_another_numbered_split_tests_nothing_that_was_trained_on() -> None:
    run = run_of(NAMES, SPLITS, split=1)
    second = rows_of(NAMES, [0.5] * 10, split=["test"] * 5 + ["train"] * 5)
    found, rule, notes = decided(2, "test", run, second)
    assert "test" not in found
    assert rule == "table"
    assert any("5 of 5 images of that split were used" in note for note in notes)
    assert not any("another score" in note for note in notes)
    found, _, _ = decided(2, "validate", run, second.assign(split="val"))
    assert [one == "val" for one in found] == [one != "train" for one in SPLITS]


@pytest.mark.parametrize("known", range(11))
def test_whatever_is_known_nothing_used_is_tested(known: int) -> None:
    run = run_of(NAMES, SPLITS)
    names = [*NAMES[:known], *(f"new-{place}.jpg" for place in range(10 - known))]
    used = {name for name, split in zip(NAMES, SPLITS, strict=True) if split != "test"}
    columns = (None, ["test"] * 10)
    for asked in (None, "all", "0/100", "50/50"):
        for column in columns:
            found, _, notes = decided(asked, "test", run, rows_of(names, SCORES, split=column))
            chosen = {name for name, split in zip(names, found, strict=True) if split == "test"}
            assert not chosen & used
            assert notes[0].startswith(
                "testing all 10" if len(chosen) == 10 else f"testing {len(chosen)} of 10"
            )
            if asked == "all":
                assert chosen == set(names) - used


def test_training_needs_a_split() -> None:
    for purpose in ("draw", "go_on", "begin"):
        with pytest.raises(DataError, match=r"--data\.split all: that is for tests"):
            decided("all", purpose, run_of(NAMES, SPLITS), rows_of(NAMES, SCORES))


def test_what_a_checkpoint_keeps_is_data_that_may_be_damaged() -> None:
    run = run_of(["a,b\nc", 'q"', "é", "\udcff"], SPLITS[:4], split="80/20", split_seed=3)
    assert unpacked(run.packed(), Path("x.ckpt")) == KeptSplit(
        tuple(sorted(run.entries, key=lambda one: one.id)), "80/20", 3
    )
    packed = run.packed()
    for bad in (
        None,
        {},
        {**packed, "rows": packed["rows"][:-5]},
        {**packed, "rows": b"nothing"},
        {**packed, "split": ["x"]},
        {**packed, "split_seed": None},
    ):
        with pytest.raises(CheckpointError, match="damaged"):
            unpacked(bad, Path("x.ckpt"))
