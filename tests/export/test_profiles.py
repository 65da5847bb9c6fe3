"""Selectivity profiles: what an ablation removes of an image and what it spares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab import Ablation, Context
from memlab.ablations.colour import Grayscale
from memlab.cli import main
from memlab.registry import say_renamed
from memlab.synthetic import write
from memlab.testing import sample_images
from memlab.validation.selectivity import COMPARISONS, selectivity


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen synthetic images with masks; some have faces, some have none."""
    root = tmp_path_factory.mktemp("rendered")
    write(root, n=12, seed=4, size=64)
    return root


def pixels(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB")).astype(float)


@pytest.mark.slow
def test_a_selectivity_profile_shows_what_an_ablation_changes(
    rendered: Path,
) -> None:
    chosen = ["--ablation", "grayscale", "--ablation", "center_crop"]
    assert (
        main(
            [
                "apply",
                str(rendered),
                *chosen,
                "--selectivity-profile",
                "--size=64",
                "--out",
                "profiles",
            ]
        )
        == 0
    )
    table = pd.read_csv("profiles/selectivity-profiles.csv").query("not control")
    table = table.set_index(["ablation", "dose", "statistic"])
    grey = table.loc["grayscale"]["change"]
    assert grey[1.0, "chroma"] == pytest.approx(-1, abs=1e-5)
    assert grey[0.4, "chroma"] == pytest.approx(-0.4, abs=1e-5)
    for spared in ("high_frequency_energy", "luma_sd", "ssim", "gradient_correlation"):
        assert grey[1.0, spared] == pytest.approx(0, abs=1e-4)
    assert table.loc[("center_crop", 50, "field_of_view"), "change"] < -0.7
    assert set(table.loc["center_crop"].query("target").index.unique("statistic")) == {
        "field_of_view"
    }
    page = Path("profiles/selectivity-profiles.md").read_text()
    assert "### grayscale" in page
    assert "Dose, share of the colour: 0.2, 0.4, 0.6, 0.8, **1**. Target: chroma." in page
    for name in ("grayscale", "center_crop"):
        assert pixels(Path(f"profiles/{name}.png")).shape[1] > 800


def test_comparisons_of_a_image_with_itself_and_its_negative() -> None:
    images = sample_images(3)
    for name, compare in COMPARISONS.items():
        wanted = 0.0 if name == "changed_area" else 1.0
        assert torch.allclose(compare(images, images), torch.tensor(wanted), atol=1e-5)
    slopes = COMPARISONS["gradient_correlation"](images, 1 - images)
    assert torch.allclose(slopes, torch.tensor(-1.0), atol=1e-5)


@pytest.mark.slow
def test_every_images_statistics_are_averaged_whatever_the_batches() -> None:
    images = sample_images(5)
    ids = [str(place) for place in range(5)]
    parts: list[Ablation] = [Grayscale()]
    whole = selectivity([(images, Context(ids))], parts)
    halves = [(images[:2], Context(ids[:2])), (images[2:], Context(ids[2:]))]
    assert np.allclose(whole["change"], selectivity(halves, parts)["change"], atol=1e-6)
    assert (whole["eligible"] == 5).all()


@pytest.mark.slow
def test_profiles_of_what_no_image_has_say_so(
    rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = ["--ablation", "blur", "--ablation.region", "faces", "--ablation", "grayscale"]
    chosen = [
        str(path)
        for path in sorted((rendered / "images").glob("*.png"))
        if not (rendered / "masks/faces" / path.name).exists()
    ]
    say_renamed.cache_clear()
    measure = ["--cards", "--size=64", "--out=profiles"]  # the former name
    assert main(["apply", *chosen, *faces, *measure]) == 0
    assert "'--cards' is now called '--selectivity-profile'" in capsys.readouterr().err
    page = Path("profiles/selectivity-profiles.md").read_text()
    assert page.count("No image is eligible for this ablation.") == 1
    assert not Path("profiles/blur.png").exists()
    assert Path("profiles/grayscale.png").is_file()


def test_profiles_are_refused_in_a_line(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    profiles = [
        "apply",
        str(make_image("a.png")),
        "--selectivity-profile",
        "--out",
        "profiles",
        "--ablation",
        "blur",
    ]
    assert "--controls: selectivity profiles show the ladder" in failing(
        *profiles, "--controls", "2"
    )
    assert "--doses: selectivity profiles show the ladder" in failing(
        *profiles, "--doses", "ladder"
    )
    assert "blur is given 2 times" in failing(*profiles, "--ablation", "blur")
    assert "at least 0" in failing(*profiles[:2], "--out=out", "--ablation=blur", "--controls=-1")
