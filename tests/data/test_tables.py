"""Tables as people hand them over: separators, encodings, names of columns, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.ceiling.responses import read_responses
from memlab.cli import main
from memlab.data.attributes import joined_columns
from memlab.data.module import MemorabilityData
from memlab.data.sources.base import recognise
from memlab.data.sources.csv import CsvSource
from memlab.data.table import Table
from memlab.data.tables import read_text_table
from memlab.errors import DataError, MemlabError

ROWS = [("a.jpg", 0.25), ("b.jpg", 0.5), ("c.jpg", 0.75)]
PLAIN = "image,score\n" + "".join(f"{name},{score}\n" for name, score in ROWS)
GERMAN = "image;score\n" + "".join(f"{name};0,{str(score)[2:]}\n" for name, score in ROWS)
NUMBERED = "".join(f"{place},{name},{score}\n" for place, (name, score) in enumerate(ROWS))
KUECHE = "image,score\na.jpg,.5\nKüche.jpg,.6\n".encode("cp1252")


def read(content: str | bytes, **options: str) -> Table:
    path = Path("table.csv")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CsvSource(**options).table(path)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (PLAIN, ""),
        (PLAIN.encode("utf-8-sig"), ""),
        (PLAIN.replace(",", " , "), ""),
        (PLAIN.replace("\n", "\r"), ""),
        (PLAIN.replace("\n", ",\n"), ""),
        (PLAIN.replace("\n", ",\n").replace("score,", "score"), ""),
        (PLAIN.replace("\n", "\n\n") + ",\n", ""),
        (PLAIN + "\x1a", ""),
        ("# from our lab\n" + PLAIN, ""),
        ("# " + PLAIN, ""),
        (PLAIN.replace("image", '" Image "').replace("score", "Score "), ""),
        ('"","image","score"\n' + NUMBERED, ""),
        ("image,score\n" + NUMBERED, ""),
        (PLAIN.replace(",", ";"), "separated by semicolons"),
        ("sep=;\n" + PLAIN.replace(",", ";"), "separated by semicolons"),
        (PLAIN.replace(",", "\t"), "separated by tabs"),
        (GERMAN, "separated by semicolons, with decimal commas"),
        (
            GERMAN.replace(";", "\t").encode("utf-16"),
            "as UTF-16, separated by tabs, with decimal commas",
        ),
        (PLAIN.encode("utf-16-le"), "as UTF-16-LE"),
        (PLAIN + "image,score\n", "1 repeated line of names left out"),
    ],
)
def test_one_table_in_many_spellings(content: str | bytes, note: str) -> None:
    table = read(content)
    assert table.rows["image"].tolist() == [name for name, _ in ROWS]
    assert table.rows["score"].tolist() == [score for _, score in ROWS]
    assert {"id", "image", "score", "split"} == set(table.rows.columns)
    assert len(table.notes) == bool(note)
    assert note in "".join(table.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,score,score\na.jpg,.5,.6\n", "columns 2 and 3 are both called 'score'"),
        ("image,Score,score\na.jpg,.5,.6\n", "'Score' or 'score'.*--data.source.score"),
        ("image,score\na.jpg,0,75\n", "line 2 has 3 cells.*decimal commas"),
        ("image,score,n\n\na.jpg,.5\n", "line 3 has 2 cells, for 3 columns"),
        ("image,score\na.jpg,45%\n", "percent"),
        ('image,score,n\na.jpg,.5,"1,234"\n', "row 2: n '1,234'.*thousands"),
        ("image;score;n\na.jpg;0,5;1.234\n", "line 2: n '1.234'.*thousands"),
        ('image,score\n\n"a.jpg,.5\nb.jpg,.6\n', "line 3: a quotation mark that is not closed"),
        ("image;x,score;y\n1;2,3;4\n", "--data.source.separator"),
        ("a.jpg,.5\nb.jpg,.6\n", "first line looks like data"),
        ("pic,score\na.jpg,.5\n", r"--data.source.image NAME \(columns: pic, score\)"),
        ("image,score\nhttps://example.org/a.jpg,.5\n", "row 2.*web address"),
        (b"image,score\na\0.jpg,.5\n", "line 2: a NUL byte"),
        (b"PK\x03\x04junk", "Excel.*save the table as CSV"),
        (b"<html><table>", "HTML"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (KUECHE, "line 3: byte 0xfc.*'Küche.jpg,.6'.*--data.source.encoding cp1252"),
    ],
)
def test_what_has_two_readings_is_one_line(content: str | bytes, message: str) -> None:
    if message.startswith("--data.source.separator"):  # names of images on neither side
        content = str(content).replace("image", "foo")
    with pytest.raises(DataError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_the_option_that_an_error_names_settles_it() -> None:
    assert read(KUECHE, encoding="cp1252").rows["image"].tolist() == ["a.jpg", "Küche.jpg"]
    two = "foo;x,score;y\n1;2,3;4\n"
    assert read(two, separator="comma", image="foo;x").rows["image"].tolist() == ["1;2"]
    with pytest.raises(DataError, match="klingon"):
        read(PLAIN, encoding="klingon")


def test_rows_are_counted_as_the_file_counts_them() -> None:
    with pytest.raises(DataError, match="row 5: score 'high'"):
        read('image,score,note\n\na.jpg,.5,"two\nlines"\nb.jpg,high,x\n')


def test_names_of_the_field() -> None:
    memcat = (
        ",image_file,nhits,nmisses,memorability_w_fa_correction,memorability_wo_fa_correction\n"
        "0,a.jpg,40,10,.7,.8\n1,b.jpg,30,20,.5,.6\n"
    )
    table = read(memcat)
    assert table.rows["score"].tolist() == [0.8, 0.6]
    assert table.rows["hits"].tolist() == [40, 30]
    assert table.rows["n"].tolist() == [50, 50]
    (note,) = table.notes
    assert "'memorability_wo_fa_correction'" in note
    assert "memorability_w_fa_correction: --data.source.score NAME" in note
    assert read("Image Path,HR\na.jpg,.5\n").rows["score"].tolist() == [0.5]
    assert read("img,score,hit_rate\na.jpg,,.5\n").rows["score"].tolist() == [0.5]
    # a rate is no count
    assert "n" not in read("image,score,nresp\na.jpg,.5,.7\n").rows


def test_scores_from_counts_are_said() -> None:
    table = read("image,hits,misses\na.jpg,30,10\nb.jpg,0,0\n")
    assert table.rows["score"].iloc[0] == 0.75
    assert np.isnan(table.rows["score"].iloc[1])
    assert "score = hits / n" in table.notes[0]


def test_a_table_without_scores_says_so_in_every_command(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, _ in ROWS:
        make_image(name)
    Path("t.csv").write_text("image, memory\n" + "".join(f"{name},{s}\n" for name, s in ROWS))
    assert main(["data", "check", "t.csv"]) == 1  # the three are the same
    text = capsys.readouterr()
    assert "no column of scores found (columns: image, memory)" in text.err
    assert main(["attributes", "--data.root", "t.csv"]) == 2
    assert "no column of scores found" in capsys.readouterr().err
    assert main(["data", "check", "t.csv", "--data.source.score", "memory"]) == 1
    assert "no column of scores" not in capsys.readouterr().err


def test_paths_as_other_systems_write_them(make_image: Callable[..., Path]) -> None:
    path = make_image("images/a.jpg").resolve()
    for spelled in (r"images\a.jpg", "./images/a.jpg", " images/a.jpg", r".\images\a.jpg"):
        assert read(f"image,score\n{spelled},.5\n").rows["id"].tolist() == ["images/a.jpg"]
    rows = read(f"image,score\n{path.as_uri()},.5\n").rows
    assert rows["image"].tolist() == [str(path)]


def test_paths_out_of_the_folder_are_named() -> None:
    table = read("image,score\n../x.jpg,.5\na.jpg,.5\nimages/../b.jpg,.5\n")
    assert "1 of 3 images lie outside" in table.notes[0]
    assert "../x.jpg" in table.notes[0]


def test_ids_stay_text() -> None:
    rows = read("ID,image,score\n007,a.jpg,.5\nNA,b.jpg,.6\n1e5,c.jpg,.7\n").rows
    assert rows["id"].tolist() == ["007", "NA", "1e5"]


def test_hidden_files_are_no_tables(make_image: Callable[..., Path]) -> None:
    make_image("set/a.jpg")
    Path("set/Scores.CSV").write_text("image,score\na.jpg,.5\n")
    Path("set/._Scores.CSV").write_bytes(b"\0\5\x16\7")
    assert isinstance(recognise(Path("set")), CsvSource)


def test_answers_and_more_columns_are_read_alike() -> None:
    path = Path("answers.csv")
    path.write_bytes("Participant;Stimulus;Said Old\np1;a;1\np2;a;0\n".encode("utf-16"))
    answers = read_responses(read_text_table(path), {"response": "Said Old"})
    assert answers.people == ["p1", "p2"]
    path.write_text("File Name;warmth\nx/a.jpg;0,5\n")
    columns, unknown, note = joined_columns(path, read(PLAIN).rows)
    assert columns.loc["a.jpg", "warmth"] == 0.5
    assert not unknown
    assert "decimal commas" in note
    path.write_text("pic,warmth\na.jpg,.5\n")
    with pytest.raises(DataError, match=r"--columns\.image NAME"):
        joined_columns(path, read(PLAIN).rows)
    assert joined_columns(path, read(PLAIN).rows, "pic")[0].loc["a.jpg", "warmth"] == 0.5


@pytest.mark.slow
def test_damaged_tables_are_one_line() -> None:
    rng = random.Random(0)
    seeds = [PLAIN.encode(), GERMAN.encode("utf-16"), b'"","image","hits","misses"\n"1","a",3,4\n']
    bits = [b"\0", b'"', b",", b";", b"\n", b"\xff\xfe", b"file://[", b"~/", b"1e999", b"A" * 300]
    for _ in range(300):
        content = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(content))
            if rng.random() < 0.5:
                content[place] = rng.randrange(256)
            else:
                content[place:place] = rng.choice(bits)
        said = ""
        try:
            read(bytes(content)).problems()
        except MemlabError as error:
            said = str(error)
        assert len(said.splitlines()) <= 1


def test_training_says_where_scores_are_from(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for place in range(4):
        make_image(f"{place}.png", seed=place)
    Path("t.csv").write_text(
        "image,hits,n\n" + "".join(f"{place}.png,{place},8\n" for place in range(4))
    )
    data = MemorabilityData(Path("t.csv"), split="50/25/25")
    assert data.table.part("train")["score"].notna().all()
    assert "score = hits / n" in capsys.readouterr().err
    Path("t.csv").write_text("image,foo\n" + "".join(f"{place}.png,1\n" for place in range(4)))
    data = MemorabilityData(Path("t.csv"), split="50/25/25")
    with pytest.raises(DataError, match=r"no column of scores found .columns: image, foo"):
        data.setup("fit")
    data.setup("test")
    assert "no column of scores found" in capsys.readouterr().err
