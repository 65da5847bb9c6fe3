"""Maps without values: named, without colour, and no loss to other images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from memlab import explain
from memlab.attributions.base import Attribution, Given
from memlab.attributions.blanks import BROKEN, ZERO, blank_notes
from memlab.attributions.overlays import full_colour, overlay
from memlab.attributions.texts import map_text
from memlab.attributions.trust import checks
from memlab.cli import main
from memlab.errors import PluginError
from memlab.scorer import Scorer
from memlab.testing import check_attribution, sample_images
from tests.builders.small_networks import tiny


class Patchy(Attribution):
    """A method whose maps are not finite for dark images, and zero for light ones."""

    unit = "score"

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        maps = torch.zeros(len(images), 1, 4, 4)
        light = images.mean(dim=(1, 2, 3))
        maps[:, 0, 1, 1] = torch.where(light < 0.8, 0.5, 0.0)
        maps[light < 0.2, 0, 0, 0] = torch.nan
        return maps


def grey(level: int) -> np.ndarray:
    return np.full((64, 64, 3), level, dtype=np.uint8)


def test_other_images_keep_their_maps_and_the_blank_ones_are_named(tmp_path: Path) -> None:
    maps = explain(tiny().eval(), [grey(10), grey(120), grey(250)], Patchy())
    assert np.isnan(maps.maps[0]).all()
    assert maps.maps[1, 1, 1] == 0.5
    assert not maps.maps[2].any()
    assert blank_notes("patchy", maps.arrays()) == [
        "patchy: maps of 1 of 3 images are not finite and left out: 0.",
        "patchy: maps of 1 of 3 images are zero everywhere and drawn without colour: 2.",
    ]
    maps.save(tmp_path)
    table = pd.read_csv(tmp_path / "maps" / "patchy.csv")
    assert table["text"].tolist() == [BROKEN, table["text"][1], ZERO]
    assert table["text"][1].startswith("44 % of what raises")
    assert table["raises"].isna().tolist() == [True, False, False]
    assert full_colour(maps.maps) == 0.5
    for index, coloured in enumerate((False, True, False)):
        over = overlay(maps.images[index].transpose(1, 2, 0), maps.maps[index], 0.5)
        assert np.isfinite(over).all()
        assert (np.ptp(over, axis=2).max() > 0.1) == coloured
    drawn = sorted((tmp_path / "overlays" / "patchy").glob("*.png"))
    panel = np.asarray(Image.open(drawn[2]).convert("RGB")).astype(int)
    half = panel[:, : panel.shape[1] * 3 // 4]  # without the colour bar
    assert np.ptp(half, axis=2).max() < 8


def test_maps_that_are_all_blank_are_never_stretched_to_full_colour() -> None:
    assert full_colour(np.zeros((3, 2, 2))) == 1.0
    assert full_colour(np.full((3, 2, 2), 6e-8)) == 1.0  # rounding of single precision
    assert full_colour(np.full((3, 2, 2), np.nan)) == 1.0
    over = overlay(grey(99), np.zeros((2, 2)), 1.0)
    assert np.ptp(over, axis=2).max() == 0


def test_many_blank_maps_are_counted() -> None:
    arrays = {"id": [f"{place}.jpg" for place in range(8)], "maps": np.zeros((8, 2, 2))}
    (note,) = blank_notes("grad_cam_relu", arrays)
    assert note.startswith("grad_cam_relu: maps of 8 of 8 images are zero everywhere")
    assert note.endswith("0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 3 more.")


def test_a_map_without_an_order_has_no_deletion_and_insertion() -> None:
    model, images = tiny().eval(), sample_images(3, 64)
    maps = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    maps[0], maps[1] = 0, torch.nan
    found = checks(model, images, maps, Given(), list("abc"), seed=0)
    for kind in ("deletion", "insertion", "deletion_shuffled", "insertion_shuffled"):
        assert found[kind].isnan().tolist() == [True, True, False]
    assert found["deletion_centre"].isfinite().all()


def test_a_plugin_must_return_finite_maps_of_usual_images() -> None:
    class Broken(Attribution):
        unit = "score"

        def maps(self, model: Scorer, images: Tensor) -> Tensor:
            return images.new_full((len(images), 1, 2, 2), torch.inf)

    with pytest.raises(PluginError, match="values that are not finite"):
        check_attribution(Broken)


def test_the_command_names_images_with_a_map_of_zeros(
    make_image: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = make_image("one.png", (64, 64)), make_image("two.png", (64, 64))
    out = tmp_path / "out"
    asked = ["explain", "white_box_constant", str(one), str(two), "--out", str(out)]
    assert main([*asked, "--method", "occlusion"]) == 0
    said = capsys.readouterr().err
    assert "memlab: occlusion: maps of 2 of 2 images are zero everywhere" in said
    assert "one.png" in said
    assert "the map is zero everywhere" in (out / "maps" / "index.html").read_text()


def test_a_fine_map_of_small_values_is_not_blank() -> None:
    fine = np.full((1, 200, 200), 5e-7)  # its cells sum to .02 of the score
    assert "zero" not in map_text(fine[0])
    assert full_colour(fine) == pytest.approx(5e-7)
    assert map_text(np.full((2, 2), 5e-7)) == ZERO
