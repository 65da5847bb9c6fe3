"""Outputs never replace an input, and what cannot be written is said in a line, before the work."""

from __future__ import annotations

import errno
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from memlab.cli import main
from memlab.errors import OutputError
from memlab.files import make_folder, replacing, require_empty, write_text

LONG = "n" * 300
TOY = """
import torch


class Redness(torch.nn.Module):
    def forward(self, images):
        return images[:, 0].mean((1, 2)).clamp(0.01, 0.99)
"""


@pytest.fixture
def photos(make_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("toy.py").write_text(TOY)
    lines = ["image,score,split"]
    for place in range(4):
        make_image(f"photos/{place}.png", seed=place)
        lines.append(f"{place}.png,{0.4 + place / 10},test")
    Path("photos/scores.csv").write_text("\n".join(lines))
    return Path("photos")


@pytest.fixture
def unchanged(photos: Path) -> Any:
    """The photos' folder holds after the test what it held before, byte for byte."""
    before = {path: path.read_bytes() for path in photos.iterdir()}
    yield
    assert {path: path.read_bytes() for path in photos.iterdir()} == before


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("photos/0.png", "name it .csv"),
        ("best.ckpt", "name it .csv"),
        ("toy.py", "name it .csv"),
        ("photos", "is a folder; name a file in it"),
        ("photos/scores.csv", "is there already, and not a table of this command"),
        ("hard.csv", "is there already, and not a table"),
        ("soft.csv", "is there already, and not a table"),
        ("photos/0.png/x.csv", "Not a directory"),
        ("/dev/full", "is not a file of its own"),
        (LONG, "File name too long"),
        (f"{LONG}.csv", "File name too long"),
    ],
)
def test_score_replaces_nothing_but_its_own_table(
    photos: Path, failing: Any, out: str, told: str
) -> None:
    Path("best.ckpt").write_bytes(b"weights")
    os.link(photos / "0.png", "hard.csv")
    Path("soft.csv").symlink_to(photos / "0.png")
    # a model that does not exist: refused before it is loaded
    assert told in failing("score", "nowhere:Model", str(photos), "--out", out)
    assert Path("best.ckpt").read_bytes() == b"weights"


def test_score_replaces_its_own_table(photos: Path) -> None:
    for count in (4, 1):
        given = [str(path) for path in sorted(photos.glob("*.png"))[:count]]
        assert main(["score", "toy:Redness", *given, "--out", "scores.csv"]) == 0
        assert len(pd.read_csv("scores.csv")) == count


COMMANDS = {
    "explain": ["explain", "toy:Redness", "photos"],
    "ablate": ["ablate", "toy:Redness", "photos", "--ablation", "blur"],
    "apply": ["apply", "photos", "--ablation", "blur"],
    "check": ["data", "check", "photos"],
    "subset": ["data", "subset", "photos", "-n", "2"],
    "ceiling": ["data", "ceiling", "photos/scores.csv", "--observers", "20"],
    "attributes": ["attributes", "--data.root", "photos/scores.csv"],
    "find": ["regions", "find", "photos", "--with", "toy:Redness"],
    "review": ["regions", "review", "photos", "--masks", "masks"],
    "import": ["regions", "import", "masks", "photos"],
    "study": ["study", "--data.root", "photos", "--model", "toy:Redness", "-n", "4"],
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_folder_of_inputs_is_no_output(command: list[str], failing: Any) -> None:
    Path("masks/faces").mkdir(parents=True)
    Image.new("L", (40, 30), 255).save("masks/faces/0.png")
    message = failing(*command, "--out", "photos")
    assert any(
        part in message
        for part in ("is an input", "holds photos/", "lies in photos", "holds other files")
    ), message
    Path("alias").symlink_to("photos")
    failing(*command, "--out", "alias")
    failing(*command, "--out", "photos/0.png")
    failing(*command, "--out", "photos/0.png/x")
    assert "File name too long" in failing(*command, "--out", LONG)
    if command[0] != "attributes" and command[1] not in ("ceiling", "find", "import"):
        assert "the next command would take" in failing(*command, "--out", "photos/new")


def test_columns_that_were_given_are_not_replaced(photos: Path, failing: Any) -> None:
    Path("labels").mkdir()
    lines = ["id,kind", *(f"{place}.png,{place % 2}" for place in range(4))]
    Path("labels/images.csv").write_text("\n".join(lines))
    given = ["attributes", "--data.root", "photos", "--columns", "labels/images.csv"]
    assert "labels holds other files" in failing(*given, "--out", "labels")
    Path("labels/attributes.json").write_text("{}")  # of an earlier time
    assert "holds labels/images.csv, an input" in failing(*given, "--out", "labels")
    assert Path("labels/images.csv").read_text() == "\n".join(lines)


def test_repeated_runs_begin_in_an_empty_folder(failing: Any) -> None:
    Path("mine").mkdir()
    Path("mine/summary.csv").write_text("my numbers")
    given = ["repeat", "--run", "mine", "--seeds", "2", "--config", "quickstart"]
    assert "mine is not an empty folder; choose another --out" in failing(*given)


@pytest.mark.parametrize(
    "command",
    [
        ["score", "toy:Redness", LONG],
        ["score", LONG, "photos"],
        ["data", "check", LONG],
        ["data", "synthetic", LONG],
        ["compare", LONG, LONG],
        ["fit", "--config", "quickstart", "--run", LONG],
        ["test", "--run", LONG],
        ["repeat", "--run", LONG, "--seeds", "2"],
        ["study", "--data.root", LONG, "--out", "s"],
    ],
)
@pytest.mark.usefixtures("photos")
def test_names_of_300_characters_are_one_line(command: list[str], failing: Any) -> None:
    message = failing(*command)
    assert "File name too long" in message or "no such file or folder" in message
    assert len(message.splitlines()) == 1
    assert len(message) < 400


def test_long_names_of_images_are_shortened(make_image: Callable[..., Path], photos: Path) -> None:
    for end in "ab":
        make_image(f"long/{'y' * 245}{end}.png")
    assert main(["apply", "long", "--ablation", "blur", "--controls", "2", "--out", "out"]) == 0
    manifest = pd.read_csv("out/manifest.csv")
    assert manifest["image"].nunique() == len(manifest)
    assert all((Path("out") / image).is_file() for image in manifest["image"])


def test_images_whose_names_meet_stay_apart(make_image: Callable[..., Path]) -> None:
    for place, name in enumerate(("x/a/b", "x/a-b", "x/A-B", "a/b")):
        make_image(f"two/{name}.png", seed=place)
    assert main(["apply", "two", "--ablation", "blur", "--out", "out"]) == 0
    images = pd.read_csv("out/manifest.csv")["image"]
    assert len({image.casefold() for image in images}) == 4


def full(
    monkeypatch: pytest.MonkeyPatch, after: int, and_then: int = 10**9, number: int = errno.ENOSPC
) -> None:
    """Let the disk be full once so many files were begun; removing files makes room."""
    begun = 0
    make = tempfile.mkstemp

    def begin(*args: Any, **options: Any) -> Any:
        nonlocal begun
        begun += 1
        if after < begun <= after + and_then:
            raise OSError(number, os.strerror(number))
        return make(*args, **options)

    monkeypatch.setattr(tempfile, "mkstemp", begin)


@pytest.mark.parametrize("refused", [1, 3])
def test_ablate_stops_at_the_first_file_on_a_full_disk(
    photos: Path, monkeypatch: pytest.MonkeyPatch, failing: Any, refused: int
) -> None:
    """With `refused` above 1 the manifest, too, finds no room, until the last images give it."""
    full(monkeypatch, after=3, and_then=refused)
    message = failing("apply", str(photos), "--ablation", "blur", "--out", "out")
    kept = 3 if refused == 1 else 1
    assert "cannot be written: No space left on device; make room" in message
    assert f"{kept} changed images are in out, out/manifest.csv lists what is complete" in message
    manifest = pd.read_csv("out/manifest.csv")
    listed = {Path("out") / image for image in manifest["image"]}
    assert listed == set(Path("out").rglob("*.png"))
    assert len(listed) == kept


def test_ablate_with_no_room_at_all_leaves_nothing_unlisted(
    photos: Path, monkeypatch: pytest.MonkeyPatch, failing: Any
) -> None:
    full(monkeypatch, after=2)
    message = failing("apply", str(photos), "--ablation", "blur", "--out", "out")
    assert "0 changed images are in out, there is no manifest" in message
    assert not [path for path in Path("out").rglob("*") if path.is_file()]


def test_a_file_that_may_not_grow_is_one_line(photos: Path, failing: Any) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        message = failing("apply", str(photos), "--ablation", "blur", "--out", "out")
        assert "File too large" in message
        assert "stopped at image 0 of 4" in message
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(Path("out").rglob("*.png"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EDQUOT, errno.ENOSPC])
def test_whatever_the_system_refuses_is_one_line(
    photos: Path, monkeypatch: pytest.MonkeyPatch, failing: Any, number: int
) -> None:
    Path("masks/faces").mkdir(parents=True)
    Image.new("L", (40, 30), 255).save("masks/faces/0.png")
    assert main(["regions", "import", "masks", "photos", "--out", "store"]) == 0
    assert main(["regions", "review", "photos", "--masks", "store", "--out", "review"]) == 0
    full(monkeypatch, after=0, number=number)
    reject = ["regions", "reject", "store", "review/rejects.csv", "--out", "o"]
    for command in (
        ["score", "toy:Redness", "photos", "--out", "s.csv"],
        ["regions", "import", "masks", "photos", "--out", "again"],
        ["regions", "review", "photos", "--masks", "store", "--out", "o"],
        reject,
        ["data", "check", "photos", "--out", "p"],
        ["attributes", "--data.root", "photos", "--out", "q"],
    ):
        message = failing(*command).splitlines()[-1]
        assert f"cannot be written: {os.strerror(number)}; " in message


def test_a_store_that_is_read_only_is_one_line(
    photos: Path, monkeypatch: pytest.MonkeyPatch, failing: Any
) -> None:
    Path("finding.py").write_text(
        "class All:\n"
        "    def __call__(self, images):\n"
        "        return {'all_of_it': images[:, :1] * 0 + 1}\n"
    )
    find = ["regions", "find", "photos", "--with", "finding:All", "--out", "store"]
    assert main(find) == 0
    next(Path("store").rglob("*.npz")).unlink()
    Path("store/failed.csv").write_text("id,reason\n")
    monkeypatch.setattr(os, "access", lambda path, _: "store" not in str(path))
    message = failing(*find)
    assert message == (
        "memlab: --out store: store cannot be written; choose a folder that you may write in"
    )
    review = ["regions", "review", "photos", "--masks", "store", "--out", "review"]
    assert main(review) == 0  # reading needs no right to write


def test_files_and_folders_say_what_the_system_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="is a folder, not a file"):
        write_text(tmp_path / "folder", "")
    with pytest.raises(OutputError, match="cannot make the folder"):
        write_text(tmp_path / "file" / "x", "")
    with pytest.raises(OutputError, match="File name too long; choose a shorter name"):
        write_text(tmp_path / LONG, "")
    with pytest.raises(OutputError, match="File name too long"):
        require_empty(tmp_path / LONG)
    with pytest.raises(OutputError, match="cannot make the folder"):
        make_folder(tmp_path / LONG)
    with pytest.raises(OSError, match="cannot write mode"), replacing(tmp_path / "x.png") as path:
        Image.new("F", (2, 2)).save(path)  # a library's own error stays what it is
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
