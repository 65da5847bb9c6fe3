"""White-box matrix: every ablation moves the models that it must, and spares the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

import memlab
from memlab import Ablation, Context
from memlab.ablations.colour import Grayscale
from memlab.ablations.frequency import Blur
from memlab.ablations.plan import own_ablations
from memlab.registry import load, plugins
from memlab.reports.white_box_figure import draw_white_box_matrix
from memlab.synthetic import render, sample
from memlab.synthetic.sheet import ALL
from memlab.validation.expected import EXPECTED, Expected, expected
from memlab.validation.matrix import SEED, white_box_matrix

N = 48
"""Images of the whole matrix; wrong declarations are found with 40, below."""


@pytest.mark.slow
@pytest.mark.parametrize("style", ["A", "B"])
def test_every_ablation_moves_and_spares_what_it_declares(style: str) -> None:
    ablations = own_ablations()
    table = white_box_matrix(ablations, N, style=style, controls=2, shown=False)  # type: ignore[arg-type]
    assert len(table) == 8 * len(ablations)
    columns = ["ablation", "model", "declared", "n", "effect", "shift", "limit"]
    breaches = table.loc[table["verdict"] == "breach", columns]
    assert breaches.empty, "\n" + breaches.to_string(index=False)
    constant = table[table["model"] == "white_box_constant"]
    assert (constant["effect"].abs() < 1e-6).all()


class Grey(Grayscale):
    """Grey-scale with declarations of which some are wrong."""

    moves = ("white_box_redness", "white_box_watermark")
    spares = ("white_box_chroma", "white_box_high_frequency")


class Donated(Ablation):
    """Another image's chroma, pixel by pixel, under the image's own luma."""

    family = "colour"
    unit = "of the way"
    target = "chroma"
    control = "round-trip"
    ladder = (1.0,)
    maximum = 1.0
    needs_donors = True
    moves = ("white_box_redness", "white_box_chroma")
    spares = ("white_box_high_frequency", "white_box_watermark")

    def __init__(self, share: float = 1.0) -> None:
        super().__init__(share)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        assert context.donors is not None
        donated = context.donors.images
        grey = torch.lerp(images, Grayscale()(images, context), dose)
        return (grey + dose * (donated - Grayscale()(donated, context))).clamp(0, 1)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return white_box_matrix([Grey(), Blur(), Donated()], 40, controls=2, shown=False)


def test_the_table_of_expected_effects_names_registered_plugins() -> None:
    names = {one.name for one in plugins("ablations") if one.distribution == "memlab"}
    assert set(EXPECTED) <= names
    assert expected(Blur) is not expected(Grey)
    assert expected(Blur) == EXPECTED["blur"]
    assert expected(load("ablations", "flip")) == Expected()


@pytest.mark.slow
def test_what_a_third_party_ablation_declares_counts_before_the_table() -> None:
    class Softer(Blur):
        """Inherits what is expected of blur."""

    class Other(Blur):
        """Declares one side, by an old name."""

        moves = ("oracle_redness",)

    assert expected(Softer) == EXPECTED["blur"]
    assert expected(Other) == Expected(("white_box_redness",), EXPECTED["blur"].spares)


@pytest.mark.slow
def test_wrong_declarations_are_breaches(table: pd.DataFrame) -> None:
    found = table[table["ablation"] == "grey"].set_index("model")["verdict"]
    assert found["white_box_redness"] == found["white_box_high_frequency"] == "ok"
    assert found["white_box_watermark"] == found["white_box_chroma"] == "breach"
    assert (found.drop(["white_box_watermark", "white_box_chroma"]) == "ok").all()


@pytest.mark.slow
def test_an_effect_is_the_root_mean_square_of_drops(table: pd.DataFrame) -> None:
    synthetic = [render(sample(SEED, index, ALL, "A"), 64).image for index in range(40)]
    images = torch.from_numpy(np.stack(synthetic)).permute(0, 3, 1, 2).float() / 255
    model = memlab.load("white_box_redness")
    context = Context([str(place) for place in range(40)])
    clean = model.scores(images, context)
    drops = clean - model.scores(Grayscale()(images, context), context)
    wanted = drops.square().mean().sqrt() / clean.std()
    found = table.set_index(["ablation", "model"]).loc[("grey", "white_box_redness")]
    assert found["effect"] == pytest.approx(float(wanted), rel=1e-4)
    assert found["low"] < found["effect"] < found["high"]
    assert (found["n"], found["control"]) == (40, "nuisance-baseline")


@pytest.mark.slow
def test_a_swap_is_held_against_its_way_there_and_back(table: pd.DataFrame) -> None:
    found = table[table["ablation"] == "donated"].set_index("model")
    assert (found["control"] == "round-trip").all()
    assert found.loc["white_box_redness", "effect"] > 0.5  # T of 0.125: a donor's redness went in
    assert found.loc["white_box_redness", "verdict"] == "ok"


@pytest.mark.slow
def test_the_matrix_as_a_image(table: pd.DataFrame) -> None:
    draw_white_box_matrix(table, Path("matrix.png"), "three")
    with Image.open("matrix.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    red = (np.abs(pixels - [214, 96, 77]).sum(axis=2) < 30).sum()
    assert red > 500  # frames around the breaches
