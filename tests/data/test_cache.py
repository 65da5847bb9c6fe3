"""The cache of decoded images changes nothing but the time, whatever happens to it."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from memlab.data.cache import ImageCache
from memlab.data.dataset import ImageDataset
from memlab.data.fill import fill
from memlab.data.geometry import Geometry
from memlab.errors import DataError
from memlab.imaging.decode import decode

SLOT = 3 * 32 * 32 + 8


@pytest.fixture
def rows(make_image: Callable[..., Path], tmp_path: Path) -> pd.DataFrame:
    """Twelve images in ./photos."""
    names = [f"{place:02d}.jpg" for place in range(12)]
    for place, name in enumerate(names):
        make_image(f"photos/{name}", size=(60 + place, 45), seed=place)
    return pd.DataFrame({"id": names, "image": names, "score": 0.5})


def cache_of(rows: pd.DataFrame, size: int = 32) -> ImageCache:
    return ImageCache(Path("cache"), Path("photos"), list(rows["image"]), Geometry(size))


def dataset(rows: pd.DataFrame, cache: ImageCache | None) -> ImageDataset:
    return ImageDataset(rows, Path("photos"), Geometry(32), cache=cache)


def images(rows: pd.DataFrame, cache: ImageCache | None) -> Tensor:
    found = [dataset(rows, cache)[index] for index in range(len(rows))]
    assert not any(sample["error"] for sample in found)
    return torch.stack([sample["image"] for sample in found])


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """As on a full disk, the system refuses to let files grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_images_are_the_same_bit_for_bit(rows: pd.DataFrame) -> None:
    decoded = images(rows, None)
    cold = cache_of(rows)
    assert cold.path.stat().st_size == cold.size
    assert all(cold.read(name) is None for name in rows["image"])
    assert torch.equal(images(rows, cold), decoded)
    warm = cache_of(rows)
    assert warm.path == cold.path
    kept = [warm.read(name) for name in rows["image"]]
    assert torch.equal(torch.stack([image for image in kept if image is not None]), decoded)
    copied = pickle.loads(pickle.dumps(warm))
    assert torch.equal(copied.read("03.jpg"), decoded[3])
    assert len(pickle.dumps(warm)) < 5000  # workers get the list of images, not the images


@pytest.mark.parametrize("damage", ["second half zero", "last byte", "mark zero", "cut off"])
def test_a_half_written_slot_is_decoded_again(damage: str, rows: pd.DataFrame) -> None:
    decoded = images(rows, cache_of(rows))
    path = cache_of(rows).path
    start = path.stat().st_size - SLOT  # the last image's slot
    with path.open("r+b") as file:
        if damage == "second half zero":
            file.seek(start + SLOT // 2)
            file.write(bytes(SLOT // 2))
        elif damage == "last byte":
            file.seek(start + SLOT - 1)
            last = file.read(1)[0]
            file.seek(start + SLOT - 1)
            file.write(bytes([last ^ 1]))
        elif damage == "mark zero":
            file.seek(start)
            file.write(bytes(8))
        else:
            file.truncate(start + 100)
    cache = cache_of(rows)
    assert cache.read("11.jpg") is None
    assert cache.read("10.jpg") is not None
    assert torch.equal(images(rows, cache), decoded)
    assert cache.read("11.jpg") is not None


def test_a_changed_image_is_decoded_again(
    rows: pd.DataFrame, make_image: Callable[..., Path]
) -> None:
    before = images(rows, cache_of(rows))
    make_image("photos/04.jpg", size=(64, 45), seed=99)
    cache = cache_of(rows)
    assert cache.read("04.jpg") is None
    assert cache.read("05.jpg") is not None
    after = images(rows, cache)
    assert torch.equal(after, images(rows, None))
    assert not torch.equal(after[4], before[4])


def test_other_images_sizes_and_decoders_have_other_files(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {cache_of(rows).path, cache_of(rows[:11]).path, cache_of(rows, 16).path}
    monkeypatch.setattr("memlab.data.cache.decoder", lambda: "another decoder")
    assert len({*found, cache_of(rows).path}) == 4


def test_a_file_of_that_name_that_is_no_cache_is_refused(rows: pd.DataFrame) -> None:
    path = cache_of(rows).path
    path.write_bytes(b"somebody's own")
    with pytest.raises(DataError, match=r"not the cache that its name says; delete it"):
        cache_of(rows)
    assert path.read_bytes() == b"somebody's own"


def test_unreadable_images_are_not_kept(rows: pd.DataFrame) -> None:
    good = Path("photos/02.jpg").read_bytes()
    Path("photos/02.jpg").write_bytes(b"junk")
    for _ in range(2):
        cache = cache_of(rows)
        assert "02.jpg: cannot be read" in dataset(rows, cache)[2]["error"]
        assert cache.read("02.jpg") is None
    Path("photos/02.jpg").write_bytes(good)
    assert torch.equal(images(rows, cache_of(rows)), images(rows, None))


@pytest.mark.slow
def test_two_processes_with_two_workers_each_fill_one_file(rows: pd.DataFrame) -> None:
    def work() -> None:
        fill(dataset(rows, cache_of(rows)), num_workers=2)

    both = [multiprocessing.get_context("fork").Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert len(list(Path("cache").iterdir())) == 1
    assert fill(dataset(rows, cache_of(rows)), num_workers=0).there == 12
    assert torch.equal(images(rows, cache_of(rows)), images(rows, None))


def test_a_process_killed_while_it_writes_spoils_nothing(rows: pd.DataFrame) -> None:
    decoded = images(rows, None)

    def work() -> None:
        cache = cache_of(rows)
        while True:
            for name, image in zip(rows["image"], decoded, strict=True):
                cache._write(name, image)

    for pause in (0.02, 0.05, 0.11):
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        time.sleep(pause)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert torch.equal(images(rows, cache_of(rows)), decoded)


def test_a_full_disk_is_found_at_the_start(rows: pd.DataFrame) -> None:
    older = cache_of(rows, 16)
    kept = older.path.read_bytes()
    with no_file_beyond(20_000), pytest.raises(DataError, match=r"GB needed.*GB free.*\nmake room"):
        cache_of(rows)
    assert list(Path("cache").iterdir()) == [older.path]
    assert older.path.read_bytes() == kept


@pytest.mark.parametrize("reason", [errno.EOPNOTSUPP, errno.ENOSPC])
def test_file_systems_that_cannot_reserve_space_are_used(
    reason: int, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    if reason == errno.ENOSPC:
        with pytest.raises(DataError, match="No space left on device"):
            cache_of(rows)
        assert not list(Path("cache").iterdir())
    else:
        assert torch.equal(images(rows, cache_of(rows)), images(rows, cache_of(rows)))
        assert cache_of(rows).read("11.jpg") is not None


def test_a_disk_that_fails_later_does_not_stop_training(
    rows: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    cache = cache_of(rows)
    with no_file_beyond(4096 + 2 * SLOT):
        assert torch.equal(images(rows, cache), images(rows, None))
    (message,) = capfd.readouterr().err.splitlines()
    assert message.startswith(f"memlab: {cache.path}: ")
    assert cache.read("01.jpg") is not None
    assert cache.read("02.jpg") is None


def test_a_file_that_vanishes_does_not_stop_training(
    rows: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    cache = cache_of(rows)
    cache.path.unlink()
    assert torch.equal(images(rows, cache), images(rows, None))
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_cache_that_may_only_be_read_is_read(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    images(rows[:5], cache_of(rows))
    path = cache_of(rows).path
    before = path.read_bytes()
    monkeypatch.setattr(os, "access", lambda *_: False)  # modes do not bind root
    cache = cache_of(rows)
    assert cache.read("04.jpg") is not None
    assert torch.equal(images(rows, cache), images(rows, None))
    assert path.read_bytes() == before
    assert not capfd.readouterr().err


def test_images_of_another_root_are_never_taken(tmp_path: Path) -> None:
    for root, level in (("a", 13), ("b", 203)):
        (tmp_path / root).mkdir()
        path = tmp_path / root / "3.bmp"
        Image.fromarray(np.full((20, 20, 3), level, np.uint8)).save(path)
        os.utime(path, (1e9, 1e9))
    for root, level in (("a", 13), ("b", 203)):
        cache = ImageCache(tmp_path / "kept", tmp_path / root, ["3.bmp"], Geometry(16))
        pixels = cache.image("3.bmp", lambda root=root: fresh(tmp_path / root / "3.bmp"))
        assert pixels.unique().tolist() == [level]


def fresh(path: Path) -> torch.Tensor:
    return Geometry(16).image(decode(path))
