"""The oracle matrix: every ablation moves what it declares, and spares what it declares."""

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
from memlab.registry import load, plugins
from memlab.reports.oracle_figure import draw_oracle_matrix
from memlab.synthetic import render, sample
from memlab.synthetic.sheet import ALL
from memlab.validation.matrix import SEED, oracle_matrix

N = 48
"""Images of the whole matrix; wrong declarations are found with 40, below."""


@pytest.mark.parametrize("style", ["A", "B"])
def test_every_ablation_moves_and_spares_what_it_declares(style: str) -> None:
    own = [one.name for one in plugins("ablations") if one.distribution == "memlab"]
    ablations = [load("ablations", name)() for name in own]
    table = oracle_matrix(ablations, N, style=style, controls=2, shown=False)  # type: ignore[arg-type]
    assert len(table) == 8 * len(own)
    columns = ["ablation", "oracle", "declared", "n", "effect", "shift", "limit"]
    breaches = table.loc[table["verdict"] == "breach", columns]
    assert breaches.empty, "\n" + breaches.to_string(index=False)
    constant = table[table["oracle"] == "oracle_constant"]
    assert (constant["effect"].abs() < 1e-6).all()


class Grey(Grayscale):
    """Grey-scale with declarations of which some are wrong."""

    moves = ("oracle_redness", "oracle_watermark")
    spares = ("oracle_chroma", "oracle_high_frequency")


class Donated(Ablation):
    """Another image's chroma, pixel by pixel, under the image's own luma."""

    family = "colour"
    unit = "of the way"
    target = "chroma"
    control = "there-and-back"
    ladder = (1.0,)
    maximum = 1.0
    needs_donors = True
    moves = ("oracle_redness", "oracle_chroma")
    spares = ("oracle_high_frequency", "oracle_watermark")

    def __init__(self, share: float = 1.0) -> None:
        super().__init__(share)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        assert context.donors is not None
        lent = context.donors.images
        grey = torch.lerp(images, Grayscale()(images, context), dose)
        return (grey + dose * (lent - Grayscale()(lent, context))).clamp(0, 1)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return oracle_matrix([Grey(), Blur(), Donated()], 40, controls=2, shown=False)


def test_wrong_declarations_are_breaches(table: pd.DataFrame) -> None:
    found = table[table["ablation"] == "grey"].set_index("oracle")["verdict"]
    assert found["oracle_redness"] == found["oracle_high_frequency"] == "ok"
    assert found["oracle_watermark"] == found["oracle_chroma"] == "breach"
    assert (found.drop(["oracle_watermark", "oracle_chroma"]) == "ok").all()


def test_an_effect_is_the_root_mean_square_of_drops(table: pd.DataFrame) -> None:
    scenes = [render(sample(SEED, index, ALL, "A"), 64).image for index in range(40)]
    images = torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2).float() / 255
    model = memlab.load("oracle_redness")
    context = Context([str(place) for place in range(40)])
    clean = model.scores(images, context)
    drops = clean - model.scores(Grayscale()(images, context), context)
    wanted = drops.square().mean().sqrt() / clean.std()
    found = table.set_index(["ablation", "oracle"]).loc[("grey", "oracle_redness")]
    assert found["effect"] == pytest.approx(float(wanted), rel=1e-4)
    assert found["low"] < found["effect"] < found["high"]
    assert (found["n"], found["control"]) == (40, "floor")


def test_a_swap_is_held_against_its_way_there_and_back(table: pd.DataFrame) -> None:
    found = table[table["ablation"] == "donated"].set_index("oracle")
    assert (found["control"] == "there-and-back").all()
    assert found.loc["oracle_redness", "effect"] > 0.5  # T of 0.125: a donor's redness went in
    assert found.loc["oracle_redness", "verdict"] == "ok"


def test_the_matrix_as_a_image(table: pd.DataFrame) -> None:
    draw_oracle_matrix(table, Path("matrix.png"), "three")
    with Image.open("matrix.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    red = (np.abs(pixels - [214, 96, 77]).sum(axis=2) < 30).sum()
    assert red > 500  # frames around the breaches
