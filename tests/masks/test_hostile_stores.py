"""Stores of masks that are damaged or say what is not so: one line."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memlab.cli import main
from memlab.errors import DataError
from memlab.masks.store import MaskStore


@pytest.mark.parametrize(
    "content",
    [
        b'{"format": "memlab mask st',
        b"[]",
        b"[" * 100_000,
        b"\xff\xfe{\x00",
        b'{"format": "memlab mask store", "version": 1, "regions": ["faces"]}',
        b'{"format": "memlab mask store", "version": 1, "regions": {"faces": 5}}',
        b'{"format": "memlab mask store", "version": 1, "regions": {"faces": {"found_by": 5}}}',
        b'{"format": "memlab mask store", "version": 1, "regions": {"faces": {"quality": [5]}}}',
        b'{"format": "memlab mask store", "version": "1", "regions": {}}',
    ],
)
def test_a_damaged_store_is_one_line(
    store: Path, photos: Path, failing: Any, content: bytes
) -> None:
    (store / "store.json").write_bytes(content)
    review = ["regions", "review", str(photos), "--masks", str(store), "--out", "review"]
    for command in (review, ["data", "check", str(photos), "--masks", str(store)]):
        message = failing(*command)
        assert message.startswith("memlab: store/store.json: not a mask store of memlab, or dam")
        assert len(message.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"id,area_faces\n0.png,7\n", b"\xff\xfe\x00", b"a\n1\n"])
def test_a_damaged_index_is_one_line(
    store: Path, photos: Path, failing: Any, content: bytes
) -> None:
    newer(store, content)
    message = failing("data", "check", str(photos), "--masks", str(store))
    assert "store/index.csv: damaged" in message
    assert "delete it" in message


def test_an_index_that_says_otherwise_than_the_masks(
    store: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer(store, b"id,area_faces\n0.png,0.9\n1.png,\n2.png,\n")
    assert main(["data", "check", str(photos), "--masks", str(store)]) == 1
    shown = capsys.readouterr()
    assert "faces of '0.png' take 0.9 of the image there, 0.0549316 in" in shown.out
    assert "annotated in 3 of 4 images, present in 3" in shown.err  # gaps are looked up


def newer(store: Path, content: bytes) -> None:
    (store / "index.csv").write_bytes(content)
    os.utime(store / "index.csv", ns=(time.time_ns() + 10**10,) * 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {"size": np.array([400_000, 400_000])},
        {"size": np.array([-64, 64])},
        {"mask_faces": np.zeros(3, np.uint8)},
        {"mask_faces": np.zeros(10**8, np.uint8)},
        {"id": np.array("../../x")},
        {"thumbnail": np.zeros(3, np.uint8)},
    ],
)
def test_damaged_masks_of_a_store_are_one_line(
    store: Path, photos: Path, failing: Any, changed: dict[str, np.ndarray]
) -> None:
    path = MaskStore(store).path("0.png")
    with np.load(path) as arrays:
        content = {**arrays, **changed}
    with path.open("wb") as file:
        np.savez_compressed(file, **content)
    (store / "index.csv").unlink()
    message = failing("data", "check", str(photos), "--masks", str(store))
    assert str(path) in message
    assert len(message.splitlines()) == 1


@pytest.mark.slow
def test_no_flipped_byte_changes_a_mask_of_a_store(store: Path) -> None:
    path = MaskStore(store).path("0.png")
    whole = path.read_bytes()
    right = MaskStore(store).read("0.png", ["faces"])["faces"].inside
    (store / "index.csv").unlink()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            found = MaskStore(store).read("0.png", ["faces"])
        except DataError:
            continue
        assert torch.equal(found["faces"].inside, right)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("1" + "0" * 20, "is not the number of a detection"),
        ("-1", "'-1' is not the number of a detection"),
        ("1.5", "'1.5' is not the number of a detection"),
        ("nan", "'nan' is not the number of a detection"),
        ("7", "1 detections of faces, not number 7"),
    ],
)
def test_numbers_of_no_find_are_one_line(store: Path, failing: Any, number: str, told: str) -> None:
    Path("r.csv").write_text(f"region,id,number,share,reject\nfaces,0.png,{number},0.1,x\n")
    assert told in failing("regions", "reject", str(store), "r.csv", "--out", "copy")
    assert not Path("copy").exists()


@pytest.mark.parametrize("content", ["", "region,id,share\n", "a;b\n1;2\n"])
def test_what_is_no_table_of_finds_is_one_line(store: Path, failing: Any, content: str) -> None:
    Path("r.csv").write_text(content)
    told = failing("regions", "reject", str(store), "r.csv", "--out", "copy")
    assert "r.csv: not a table of detections" in told if content else "r.csv: is empty" in told


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffregion,id,number,share,reject\nfaces,0.png,1,0.1,x\n".encode(),
        b"region;id;number;share;reject\r\nfaces;0.png;1.0;0,1;x\r\n",
        "region\tid\tnumber\tshare\treject\nfaces\t0.png\t1\t.1\tx\n".encode("utf-16"),
    ],
)
def test_rejects_as_spreadsheets_save_them(store: Path, content: bytes) -> None:
    Path("r.csv").write_bytes(content)
    assert main(["regions", "reject", str(store), "r.csv", "--out", "copy"]) == 0
    assert MaskStore(Path("copy")).areas["0.png"]["faces"] == 0


def test_an_image_that_cannot_be_drawn_is_named_and_the_others_are(
    store: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "1.png").write_bytes(b"no image")
    review = ["regions", "review", str(photos), "--masks", str(store), "--out", "review"]
    assert main(review) == 1
    shown = capsys.readouterr()
    assert "2 detections on 1 sheets" in shown.out
    assert "photos/1.png: cannot be read" in shown.err
