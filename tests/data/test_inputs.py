"""Images handed over in Python: files, arrays, tensors, PIL; and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from memlab import MemorabilityModel, load
from memlab.ablations.frequency import Blur
from memlab.data.inputs import Inputs, pixels_from
from memlab.errors import MemlabError

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def model(run: Path) -> MemorabilityModel:
    return load(run)


def test_every_kind_of_image_is_scored_as_its_file(
    model: MemorabilityModel, make_image: Make
) -> None:
    path = make_image("a.png", size=(90, 70))
    wanted = float(model.predict(path)["predicted"].iloc[0])
    pil = Image.open(path)
    array = np.array(pil)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    for given in (
        str(path),
        [path],
        path.parent,
        pil,
        [pil],
        array,
        array[None],
        [array],
        tensor,
        tensor[None],
        [tensor],
        array.transpose(2, 0, 1),
    ):
        found = model.predict(given)
        assert len(found) == 1
        assert float(found["predicted"].iloc[0]) == pytest.approx(wanted, abs=1e-6)
    for exact in (array / 255, (tensor / 255)[None], (array / 255).astype("float32")):
        # floats are not rounded to bytes after resizing, so a grey level of difference is left
        assert float(model.predict(exact)["predicted"].iloc[0]) == pytest.approx(wanted, abs=2e-3)


def test_at_the_models_size_floats_equal_forward(model: MemorabilityModel) -> None:
    images = torch.rand(5, 3, 64, 64)
    with torch.no_grad():
        wanted = model(images).numpy()
    for batch_size in (1, 2, 5):
        found = model.predict(images, batch_size=batch_size)
        assert np.allclose(found["predicted"], wanted, atol=1e-6)
    assert found["image"].tolist() == ["0", "1", "2", "3", "4"]
    assert np.allclose(model.predict(images.double())["predicted"], wanted, atol=1e-6)


def test_greys_and_transparency_are_as_in_files(tmp_path: Path) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for given in (grey, grey[..., None], grey[None], torch.from_numpy(grey)):
        found = pixels_from(given)
        assert found.shape == (3, 8, 8)
        assert all(torch.equal(found[c], torch.from_numpy(grey)) for c in range(3))
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    assert (pixels_from(clear) == 255).all()
    assert pixels_from(grey / 255).dtype == torch.float32


BAD: list[tuple[Any, str]] = [
    (
        np.full((8, 8, 3), 255.0),
        "image 0: floats are taken as 0 to 1; found 255 to 255: divide by 255, or give uint8",
    ),
    (
        np.linspace(-2, 2, 192).reshape(8, 8, 3),
        "image 0: floats are taken as 0 to 1; found -2 to 2: give it as it was before "
        "normalisation, which the model does inside",
    ),
    (np.full((8, 8, 3), np.nan), "image 0: NaN or infinite pixels: repair it, or leave it out"),
    (
        np.zeros((8, 8, 3), dtype=np.int64),
        "image 0: int64 pixels have no agreed range: give uint8 (0 to 255) or floats (0 to 1)",
    ),
    (
        np.zeros((8, 8, 3), dtype=bool),
        "image 0: bool pixels have no agreed range: give uint8 (0 to 255) or floats (0 to 1)",
    ),
    (
        torch.zeros(3, 8, 3),
        "image 0: shape (3, 8, 3) may have its channels first or last: give it as a PIL image",
    ),
    (
        np.zeros((8, 8, 5)),
        "image 0: shape (8, 8, 5) is not an image: give (H, W, 3), (3, H, W) or (H, W), "
        "a batch as (n, H, W, 3) or (n, 3, H, W)",
    ),
    (
        np.zeros((8, 8, 4)),
        "image 0: four channels of floats: lay them over white first, or give uint8 (RGBA)",
    ),
    (np.zeros((0, 8, 3)), "image 0: shape (0, 8, 3) holds no pixel"),
    ([], "no images given"),
    (np.zeros((0, 8, 8, 3)), "no images given"),
    (["a.png", np.zeros((8, 8, 3))], "arrays and paths mixed: give images of one kind"),
    ("nowhere.png", "nowhere.png: no such file or folder"),
    ([[0.5, 0.5]], "a list among the images: give paths, arrays or PIL"),
    (
        7,
        "int is not an image: give a path, an array, a tensor, a PIL image, or a list of these",
    ),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[text[:40] for _, text in BAD])
def test_what_is_no_image_is_refused_in_a_line(
    given: Any, message: str, model: MemorabilityModel
) -> None:
    with pytest.raises(MemlabError) as refused:
        model.predict(given)
    assert str(refused.value) == message


def test_the_offender_in_a_batch_is_named(model: MemorabilityModel) -> None:
    images = torch.zeros(3, 3, 8, 8)
    images[2] = 200.0
    with pytest.raises(MemlabError, match="image 2: floats are taken as 0 to 1"):
        model.predict(images)


def test_an_unreadable_file_keeps_its_row(model: MemorabilityModel, make_image: Make) -> None:
    good, bad = make_image("a.png"), Path("b.jpg")
    bad.write_bytes(b"junk")
    rows = model.predict([bad, good, bad])  # a file given twice is two rows
    assert rows["image"].tolist() == ["b.jpg", str(good), "b.jpg"]
    assert rows["predicted"].isna().tolist() == [True, False, True]
    assert "b.jpg: cannot be read" in rows["error"].iloc[0]
    assert rows["error"].iloc[1] == ""
    ablated = model.ablate([bad, good], "blur", controls=0)
    assert ablated.rows["predicted"].isna().tolist() == [True, False]
    assert ablated.changed["id"].tolist() == [str(good)]
    assert list(model.explain([bad, good]).errors) == ["b.jpg"]


def test_training_mode_comes_back_and_plays_no_part(run: Path) -> None:
    model = load(run)
    images = torch.rand(4, 3, 64, 64)
    wanted = model.predict(images)["predicted"]
    model.train()
    assert np.array_equal(model.predict(images)["predicted"], wanted)
    assert all(module.training for module in model.modules())


@pytest.mark.slow
def test_ablate_pairs_every_image_with_itself(model: MemorabilityModel) -> None:
    images = torch.rand(3, 3, 64, 64)
    found = model.ablate(images, ["grayscale", Blur(sigma=4)], batch_size=2, controls=0)
    rows = found.changed
    assert rows.groupby("condition").size().to_dict() == {"blur@4": 3, "grayscale@1": 3}
    clean = model.predict(images)["predicted"]
    assert np.allclose(found.rows["predicted"], clean, atol=1e-6)
    means = rows.groupby("condition")["predicted"].mean()
    effects = found.effects.set_index("condition")["effect"]
    assert np.allclose(effects, clean.mean() - means[effects.index], atol=1e-6)
    grey = images.clone()
    grey[:] = Blur(sigma=4).change(images, None, 4.0)  # type: ignore[arg-type]
    blurred = rows[rows["condition"] == "blur@4"]["predicted"]
    assert np.allclose(blurred, model.predict(grey)["predicted"], atol=1e-6)
    ladder = model.ablate(images, Blur(), doses="ladder", controls=0)
    assert len(ladder.changed) == 3 * len(Blur.ladder)
    assert sorted(ladder.effects["dose"]) == sorted(Blur.ladder)


@pytest.mark.parametrize(
    ("ablations", "message"),
    [
        ("blurr", "did you mean 'blur'"),
        ([], "no ablation given"),
        (Blur(region="faces"), "no masks of 'faces' .there: none.; give some with masks=PATH"),
    ],
)
def test_ablate_refuses_in_a_line(model: MemorabilityModel, ablations: Any, message: str) -> None:
    with pytest.raises(MemlabError, match=message):
        model.ablate(torch.rand(1, 3, 64, 64), ablations)


def test_an_absent_device_is_one_line(model: MemorabilityModel) -> None:
    with pytest.raises(MemlabError, match="device teapot: "):
        model.predict(torch.rand(1, 3, 64, 64), device="teapot")


MEMORY = """
import resource, sys, threading
from pathlib import Path
import memlab

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def watch():
    while not done.wait(0.01):
        peak.append(resident())

model = memlab.load(sys.argv[1])
peaks = []
for count in (64, 300, 2400):
    done, peak = threading.Event(), []
    watcher = threading.Thread(target=watch)
    watcher.start()
    assert len(model.predict([sys.argv[2]] * count)) == count
    done.set()
    watcher.join()
    peaks.append(max(peak))
print((peaks[2] - peaks[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_images(run: Path, make_image: Make) -> None:
    path = make_image("a.png", size=(64, 64))
    command = [sys.executable, "-c", MEMORY, str(run), str(path)]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    # 2,100 more images of 64 pixels are 103 MB as floats, 26 MB as bytes; rows are less than one
    assert grown < 24_000  # kB


def test_a_seed_draws_images_in_a_random_order_that_is_the_same_again() -> None:
    images = torch.linspace(0, 1, 20).view(20, 1, 1, 1).expand(20, 3, 8, 8)
    inputs = Inputs(images, 8)

    def values(seed: int | None) -> list[float]:
        return [
            float(one)
            for batch in inputs.batches(7, 0, seed)
            for one in batch["images"][:, 0, 0, 0]
        ]

    assert values(None) == sorted(values(None))
    assert values(0) == values(0) != values(None)
    assert sorted(values(0)) == values(None)
