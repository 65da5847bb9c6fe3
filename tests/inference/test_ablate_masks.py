"""model.ablate confined to regions: masks of every form mean the same, and bad ones are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab import MemlabError, load
from memlab.ablations.colour import Grayscale
from memlab.ablations.removal import RemoveFaces
from memlab.models.base import MemorabilityModel

WIDTH, HEIGHT = 60, 40


@pytest.fixture(scope="module")
def model(run: Path) -> MemorabilityModel:
    return load(run)


@pytest.fixture
def files(make_image: Callable[..., Path]) -> list[Path]:
    return [make_image(f"{place}.png", size=(WIDTH, HEIGHT), seed=place) for place in range(4)]


def faces() -> np.ndarray:
    """Of four images: a box, none, a box, all of it."""
    masks = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    masks[[0, 2], 10:30, 20:36] = True
    masks[3] = True
    return masks


def changed(model: MemorabilityModel, images: Any, ablations: Any, **how: Any) -> pd.DataFrame:
    """The rows of the changed images, without controls."""
    return model.ablate(images, ablations, controls=0, **how).changed


@pytest.mark.slow
def test_masks_of_every_form_give_the_same_numbers(
    model: MemorabilityModel, files: list[Path]
) -> None:
    folder = Path("masks/faces")
    folder.mkdir(parents=True)
    for place, mask in enumerate(faces()):
        Image.fromarray(mask).convert("L").save(folder / f"{place}.png")
    arrays = [np.asarray(Image.open(file)) for file in files]
    boxes = list(faces())
    wanted = changed(model, files, "remove_faces", masks="masks")
    assert wanted["eligible"].tolist() == [True, False, True, False]
    assert wanted["predicted"].notna().tolist() == wanted["eligible"].tolist()
    forms: list[tuple[Any, Any]] = [
        (files, {"faces": faces()}),
        (files, {"faces": faces().astype(np.uint8) * 255}),
        (files, {"faces": torch.from_numpy(faces())[:, None].float()}),
        (files, {"faces": [boxes[0], None, boxes[2], boxes[3]]}),
        (arrays, {"faces": faces().astype(int)}),
        (arrays, {"faces": [Image.fromarray(mask) for mask in boxes]}),
    ]
    for images, masks in forms:
        rows = changed(model, images, RemoveFaces(fill="grey"), masks=masks, batch_size=3)
        same = changed(model, files, RemoveFaces(fill="grey"), masks="masks")
        assert rows["eligible"].tolist() == wanted["eligible"].tolist()
        assert np.allclose(rows["predicted"], same["predicted"], atol=1e-6, equal_nan=True)


def test_the_change_is_confined(model: MemorabilityModel, files: list[Path]) -> None:
    half = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    half[:, :, : WIDTH // 2] = True
    masks = {"left": half}
    parts = [Grayscale(region=name) for name in ("left", "not left", "all")]
    rows = changed(model, files, parts, masks=masks)
    scores = rows.pivot(index="id", columns="condition", values="predicted")
    assert list(scores) == ["grayscale@1", "grayscale@1[left]", "grayscale@1[not left]"]
    assert scores.nunique(axis=1).eq(3).all()
    background = changed(model, files, "remove_background", masks=masks)
    assert background["eligible"].all()


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"fases": np.ones((4, HEIGHT, WIDTH))}, "did you mean 'fases'. .there: fases."),
        (dict.fromkeys(["face", "faces"], [None] * 4), "'faces' is given, too"),
        ({"faces": np.ones((3, HEIGHT, WIDTH))}, "masks of 'faces': 3 for 4 images"),
        ({"faces": np.ones((4, WIDTH, WIDTH))}, "60 x 60 pixels, its image .*0.png 60 x 40"),
        ({"faces": np.full((4, HEIGHT, WIDTH), 0.5) * 3}, "values 1.5 to 1.5"),
        ({"faces": np.ones((4, 3, HEIGHT, WIDTH))}, "is no mask; give .H, W."),
        ({"all": np.ones((4, HEIGHT, WIDTH))}, "cannot be named 'all'"),
        ("nowhere", "nowhere: no such file or folder"),
        (3, "int is neither a path nor a dict"),
    ],
)
def test_bad_masks_are_one_line(
    model: MemorabilityModel, files: list[Path], masks: Any, message: str
) -> None:
    with pytest.raises(MemlabError, match=message) as caught:
        model.ablate(files, "remove_faces", masks=masks)
    assert "\n" not in str(caught.value)


def test_images_without_names_have_no_masks_in_files(
    model: MemorabilityModel, files: list[Path]
) -> None:
    with pytest.raises(MemlabError, match="these images have no names"):
        model.ablate(np.asarray(Image.open(files[0])), "remove_faces", masks="masks")
    with pytest.raises(MemlabError, match="image is given twice"):
        model.ablate([files[0], files[0]], "remove_faces", masks={"faces": faces()[:2]})
    wrong = np.ones((1, WIDTH, WIDTH))
    with pytest.raises(MemlabError, match="60 x 60 pixels, its image number 0 60 x 40"):
        model.ablate(np.asarray(Image.open(files[0])), "remove_faces", masks={"faces": wrong})


def test_unreadable_images_keep_their_rows(model: MemorabilityModel, files: list[Path]) -> None:
    files[0].write_bytes(b"no image")
    found = model.ablate(files, "remove_faces", masks={"faces": faces()}, controls=0)
    assert found.changed["eligible"].tolist() == [False, True, False]
    assert found.rows["error"].astype(bool).tolist() == [True, False, False, False]
    assert found.rows["predicted"].isna().tolist() == [True, False, False, False]
