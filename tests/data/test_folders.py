"""Folders of images as they lie on disks: what is taken, what is left out, and what is said."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from memlab.cli import main
from memlab.data.file_statistics import look
from memlab.data.sources.folder import FolderSource
from memlab.errors import DataError
from memlab.image_files import endings, find_images, images_in, left_out_line
from memlab.imaging.decode import decode, decode_mask, is_image, upright_size


def line_of(folder: str) -> str:
    left: Counter[str] = Counter()
    list(images_in(Path(folder), left))
    return left_out_line(Path(folder), left)


def test_every_ending_that_is_taken_is_decoded(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), (200, 100, 50))
    writable = {ending for ending in endings() if Image.EXTENSION[ending] in Image.SAVE}
    assert {".jpg", ".jfif", ".jpe", ".ppm", ".png", ".webp", ".tif", ".gif"} <= writable
    for ending in writable:
        grey = ending in (".pbm", ".pgm")
        (image.convert("L") if grey else image).save(tmp_path / f"a{ending}")
        assert decode(tmp_path / f"a{ending}").shape == (3, 10, 20)
    assert len(find_images([tmp_path])) == len(writable)


@pytest.fixture
def messy(make_image: Callable[..., Path]) -> Path:
    """Two images, and what people's folders have beside them."""
    make_image("photos/a.jpg")
    make_image("photos/dir.jpg/b.PNG".replace("PNG", "png"))
    for folder in (".ipynb_checkpoints", "@eaDir", "__MACOSX", "$RECYCLE.BIN", ".Trash-1000"):
        make_image(f"photos/{folder}/x.jpg")
    for name in ("b.heic", "c.HEIC", "d.NEF", "._a.jpg", "notes.txt", "Thumbs.db", ".DS_Store"):
        Path("photos", name).write_bytes(b"x")
    os.mkfifo("photos/fifo.jpg")
    Path("photos/loop").symlink_to(".")
    Path("photos/gone.jpg").symlink_to("nowhere.jpg")
    Path("photos/round.jpg").symlink_to("round.jpg")
    return Path("photos")


def test_one_line_counts_what_was_left_out(messy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find_images([messy]) == [messy / "a.jpg", messy / "dir.jpg" / "b.png"]
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith("memlab: photos: 13 files left out: 2 .heic, 1 .nef (not readable: ")
    for part in (
        *("1 in @eaDir", "1 in __MACOSX", "1 in .ipynb_checkpoints", "1 in $RECYCLE.BIN"),
        *("1 hidden", "2 broken links", "1 linked folder", "1 FIFO"),
    ):
        assert part in line
    (note,) = FolderSource().table(messy).notes
    assert note in line


def test_plain_text_beside_images_is_no_news(make_image: Callable[..., Path]) -> None:
    make_image("photos/a.jpg")
    Path("photos/readme.md").write_text("x")
    assert FolderSource().table(Path("photos")).notes == ()
    Path("photos/scores.csv").write_text("x")
    (note,) = FolderSource().table(Path("photos")).notes
    assert "--data.root photos/scores.csv" in note


def test_a_folder_without_images_says_what_is_there(failing: Callable[..., str]) -> None:
    Path("photos").mkdir()
    Path("photos/a.heic").write_bytes(b"x")
    assert "1 .heic (not readable" in failing("score", "resmem", "photos")
    assert "1 .heic (not readable" in failing("data", "check", "photos")


def test_a_name_that_is_not_utf8_stops_nothing(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("photos/a.jpg")
    bad = os.fsdecode(b"photos/bad\xff.jpg")
    try:
        Path(bad).write_bytes(Path("photos/a.jpg").read_bytes())
    except OSError:
        pytest.skip("this file system has UTF-8 names alone")
    assert find_images([Path("photos"), Path(bad)]) == [Path("photos/a.jpg")]
    assert main(["data", "check", "photos"]) == 0
    assert "1 with a name that is not UTF-8" in capsys.readouterr().err


def test_what_is_no_plain_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo("a.jpg")
    held = socket.socket(socket.AF_UNIX)
    held.bind("b.jpg")
    Path("zero.jpg").symlink_to("/dev/zero")
    Path("folder.jpg").mkdir()
    for name in ("a.jpg", "b.jpg", "zero.jpg", "folder.jpg"):
        for opened in (decode, decode_mask, upright_size):
            with pytest.raises(DataError, match=f"{name}: .*it is a"):
                opened(Path(name))
        assert look(Path(name), False).error
        assert not is_image(Path(name))
    Path("t.csv").write_text("image,score\na.jpg,.5\nzero.jpg,.6\n")
    assert main(["data", "check", "t.csv"]) == 1
    held.close()


def test_no_other_program_decodes(tmp_path: Path) -> None:
    Path("a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DataError, match="not an image"):
        decode(Path("a.jpg"))


def test_a_subset_copies_images_of_its_folder_alone(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("set/a.png")
    make_image("set/b.png", seed=1)
    outside = make_image("private/c.png", seed=2)
    Path("secret").write_text("password")
    Path("set/text.png").write_text("password")
    secret = Path("secret").resolve()
    lines = ["../secret,.1,", f"{secret},.2,", "../private/c.png,.3,", "a.png,.4,"]
    lines += [f"{outside},.5,", "text.png,.6,", "b.png,.7,../secret"]
    Path("set/t.csv").write_text("\n".join(["image,score,mask_faces", *lines]))
    assert main(["data", "subset", "set/t.csv", "-n", "7", "--out", "out"]) == 1
    assert sorted(path.name for path in Path("out").rglob("*")) == ["a.png", "subset.csv"]
    said = capsys.readouterr()
    assert "memlab: not copied: ../private/c.png: leads out of set" in said.err
    assert "1 of 7 images (7 asked for)" in said.out
    assert main(["data", "subset", "set/t.csv", "-n", "7", "--outside", "--out", "more"]) == 1
    images = [path for path in Path("more").rglob("*") if path.is_file()]
    assert len(images) == 4  # three images, and the table
    assert not any(b"password" in path.read_bytes() for path in images)
    copied = pd.read_csv("more/subset.csv")
    assert all(is_image(Path("more", name)) for name in copied["image"])


def test_copies_do_not_take_each_others_names(make_image: Callable[..., Path]) -> None:
    make_image("set/subset.csv.png").rename("set/subset.csv")
    make_image("set/a.png", seed=1)
    make_image("set/A.png", seed=2)
    Path("t.csv").write_text("image,score\nset/a.png,.5\nset/A.png,.6\n")
    assert main(["data", "subset", "t.csv", "-n", "2", "--out", "out"]) == 0
    names = [name.casefold() for name in pd.read_csv("out/subset.csv")["image"]]
    assert len(set(names)) == 2
    Path("set/list.tsv").write_text("image\tscore\nsubset.csv\t.5\na.png\t.6\n")
    assert main(["data", "subset", "set/list.tsv", "-n", "2", "--out", "own"]) == 0
    assert len(pd.read_csv("own/subset.csv")) == 2
