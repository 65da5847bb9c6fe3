"""Sources: layouts of data sets, read into the one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.data.sources.base import recognise
from memlab.data.sources.csv import CsvSource
from memlab.data.sources.folder import FolderSource
from memlab.data.sources.lamem import LaMemSource
from memlab.data.sources.synthetic import SyntheticSource
from memlab.errors import DataError


def test_lamem_reads_one_split_and_keeps_labels_apart(lamem: Path) -> None:
    source = recognise(lamem)
    assert isinstance(source, LaMemSource)
    first, second = source.table(lamem, 1), source.table(lamem, 2)
    assert len(first.rows) == 20
    assert first.rows["split"].value_counts().to_dict() == {"train": 12, "val": 4, "test": 4}
    assert first.rows["id"].tolist() == second.rows["id"].tolist()
    assert (first.rows["score"] != second.rows["score"]).all()
    assert source.table(lamem).rows.equals(first.rows)


def test_a_missing_lamem_split_names_those_there(lamem: Path) -> None:
    with pytest.raises(DataError, match=r"train_3\.txt.*train_1\.txt"):
        LaMemSource().table(lamem, 3)


@pytest.mark.parametrize("line", ["00000001.jpg", "00000001.jpg high", " 0.5"])
def test_a_bad_lamem_line_is_named(line: str, lamem: Path) -> None:
    (lamem / "splits" / "val_1.txt").write_text(f"00000012.jpg 0.5\n{line}\n")
    with pytest.raises(DataError, match=r"val_1\.txt: line 2"):
        LaMemSource().table(lamem, 1)


def test_the_csv_of_the_student_study_loads_as_it_is(
    tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    for place in range(10):
        make_image(f"images/{place}.jpg", seed=place)
    lines = [f"images/{place}.jpg,{0.5 + place / 25}" for place in range(10)]
    table = tmp_path / "image_list_with_scores.csv"
    table.write_text("\n".join(["image_path,memorability_score", *lines]))
    for root in (tmp_path, table):
        source = recognise(root)
        assert isinstance(source, CsvSource)
        rows = source.table(root).validated("x").rows
        assert rows["score"].tolist() == [0.5 + place / 25 for place in range(10)]


def test_csv_takes_any_columns_and_keeps_the_rest(tmp_path: Path) -> None:
    text = "image,how,category,n,split\n0001,0.5,food,40,Train\n0002,,animal,38,validation\n"
    (tmp_path / "a.csv").write_text(text)
    rows = CsvSource(image="image", score="how").table(tmp_path).rows
    assert rows["id"].tolist() == ["0001", "0002"]
    assert rows["split"].tolist() == ["train", "val"]
    assert rows["n"].tolist() == [40, 38]
    assert rows["category"].tolist() == ["food", "animal"]
    assert np.isnan(rows["score"][1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "which column holds the image"),
        ("image,score\nx.jpg,high\n", "row 2: score 'high' is not a number"),
        ("image,score,split\nx.jpg,.5,dev\n", "split 'dev' is not train, val or test"),
        ("image,score\n,.5\n", "row 2: no image"),
        ("image,score\n", "no images in it"),
    ],
)
def test_a_bad_csv_names_file_row_and_value(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(DataError, match=rf"scores\.csv.*{message}"):
        CsvSource().table(tmp_path)


def test_a_wrong_column_is_answered_with_the_closest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,memory\nx.jpg,.5\n")
    with pytest.raises(DataError, match="did you mean 'memory'"):
        CsvSource(score="memroy").table(tmp_path)


def test_a_folder_has_images_and_no_scores(tmp_path: Path, make_image: Callable[..., Path]) -> None:
    make_image("cats/b.png")
    make_image("a.JPG".lower())
    (tmp_path / "notes.txt").write_text("x")
    source = recognise(tmp_path)
    assert isinstance(source, FolderSource)
    rows = source.table(tmp_path).rows
    assert rows["id"].tolist() == ["a.jpg", "cats/b.png"]
    assert rows["score"].isna().all()


def test_synthetic_images_bring_masks_and_render_only_once(tmp_path: Path) -> None:
    source = SyntheticSource(n=8, seed=1, size=48)
    with pytest.raises(DataError, match="no synthetic images"):
        source.table(tmp_path / "s")
    source.prepare(tmp_path / "s")
    table = source.table(tmp_path / "s").validated("x")
    assert set(table.regions) == {"faces", "people", "objects", "text", "background"}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.png")}
    again = recognise(tmp_path / "s")
    assert isinstance(again, SyntheticSource)
    again.prepare(tmp_path / "s")
    assert again.table(tmp_path / "s").fingerprint() == table.fingerprint()
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.png")}
    with pytest.raises(DataError):
        SyntheticSource(n=9, seed=1, size=48).prepare(tmp_path / "s")


@pytest.mark.parametrize("name", ["hit_minus_false_alarm", "corrected", "CRR"])
def test_a_difference_of_rates_may_lie_below_0(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"image,hit_rate,{name}\na.jpg,.5,-.025\nb.jpg,.7,.4\n")
    table = CsvSource(score=name).table(tmp_path)
    assert [problem for problem in table.problems() if problem.kind == "score"] == []
    assert f"'{name}' is a hit rate minus a false-alarm rate: -1 to 1 is accepted (1 " in str(
        table.notes
    )
    assert table.with_split(np.array(["test", "test"])).differences

    (tmp_path / "a.csv").write_text(f"image,{name}\na.jpg,-1.2\nb.jpg,.4\n")
    (problem,) = [each for each in CsvSource().table(tmp_path).problems() if each.kind == "score"]
    assert problem.message == "a.jpg: score -1.2 is not between -1 and 1"


def test_a_hit_rate_below_0_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,score\na.jpg,-.025\nb.jpg,.4\n")
    table = CsvSource().table(tmp_path)
    (problem,) = [each for each in table.problems() if each.kind == "score"]
    assert "not between 0 and 1 (hit rate minus false-alarm rate? name the column" in (
        problem.message
    )
    assert not table.notes
