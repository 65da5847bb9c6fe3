"""Choice of the images that are explained: by rule, by score or prediction, or by id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab import MemlabError
from memlab.analysis.map_choice import choice_text, choose, named, require_scores
from memlab.seeds import seed_of

IDS = [f"{place}.jpg" for place in range(8)]


def rows(scored: bool = True) -> pd.DataFrame:
    score = np.array([0.5, 0.9, 0.6, 0.4, 0.8, 0.7, 0.3, 0.2])
    predicted = np.array([0.5, 0.7, 0.9, 0.4, 0.8, 0.2, 0.3, 0.2])
    return pd.DataFrame(
        {"id": IDS, "score": score if scored else np.nan, "predicted": predicted}
    ).sample(frac=1, random_state=3)


def test_each_rule_takes_its_images_whatever_the_order_of_the_rows() -> None:
    assert choose(rows(), "most", 2, 0).ids == ["1.jpg", "4.jpg"]
    assert choose(rows(), "least", 2, 0).ids == ["7.jpg", "6.jpg"]
    assert choose(rows(), "worst", 3, 0).ids == ["5.jpg", "2.jpg", "1.jpg"]
    drawn = sorted(IDS, key=lambda name: seed_of(4, name))[:3]
    assert choose(rows(), "sample", 3, 4).ids == drawn
    assert choose(rows(), ["3.jpg", "0.jpg"], 1, 0).ids == ["3.jpg", "0.jpg"]
    assert len(choose(rows(), "sample", 20, 0).ids) == 8


def test_without_scores_of_people_predictions_order_the_images_and_the_note_says_so() -> None:
    found = choose(rows(scored=False), "most", 2, 0)
    assert found.ids == ["2.jpg", "4.jpg"]
    assert "by prediction, because they have no scores" in choice_text(found)
    assert "by people's scores" in choice_text(choose(rows(), "least", 2, 0))
    with pytest.raises(MemlabError, match="--maps_of worst: the test images have no scores"):
        require_scores("worst", rows(scored=False)["score"])


def test_some_images_without_a_score_are_not_ordered_by_it() -> None:
    some = rows()
    some.loc[some["id"] == "1.jpg", "score"] = np.nan
    assert choose(some, "most", 1, 0).ids == ["4.jpg"]


def test_images_of_equal_score_do_not_come_in_the_order_of_the_table() -> None:
    same = rows().assign(score=0.5)
    found = choose(same, "most", 4, 1).ids
    assert found == choose(same.iloc[::-1], "most", 4, 1).ids
    assert found == choose(same, "sample", 4, 1).ids


def test_given_images_that_were_not_scored_are_counted() -> None:
    found = choose(rows().query("id != '0.jpg'"), ["0.jpg", "1.jpg"], 16, 0)
    assert (found.ids, found.missing) == (["1.jpg"], 1)
    assert "1 more are named and have no prediction" in choice_text(found)


def test_ids_are_a_list_a_text_or_a_file(tmp_path: Path) -> None:
    assert named("worst", IDS) is None
    assert named("1.jpg, 2.jpg,1.jpg", IDS) == ["1.jpg", "2.jpg"]
    assert named("a,b.jpg", ["a,b.jpg"]) == ["a,b.jpg"]
    (tmp_path / "some.txt").write_text("2.jpg\n\n7.jpg\n")
    assert named(str(tmp_path / "some.txt"), IDS) == ["2.jpg", "7.jpg"]
    assert named(["5.jpg"], IDS) == ["5.jpg"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("wrost", "--maps_of wrost: it is not among the 8 test images such as 0.jpg; give sample"),
        ("1.jpg,9.jpg,x", "--maps_of 9.jpg, x: 2 of 3 ids are not among"),
        ("missing.txt", "--maps_of missing.txt: cannot be read: No such file"),
        (",", "--maps_of no ids: "),
        ([], "--maps_of no ids: "),
    ],
)
def test_unknown_images_are_named(asked: str | list[str], said: str) -> None:
    with pytest.raises(MemlabError) as raised:
        named(asked, IDS)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
