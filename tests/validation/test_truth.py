"""What a model relies on, found by re-rendering, against plain loops and closed forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import memlab
from memlab import Context, evaluate, plan
from memlab.ablations.colour import Grayscale
from memlab.analysis.arrays import read_effects, read_images
from memlab.analysis.quantities import presence_quantities, value_quantities
from memlab.backbones.timm import Timm
from memlab.errors import MemlabError
from memlab.imaging.colour import luma
from memlab.models.regressor import MemorabilityRegressor
from memlab.stats.bootstrap import bootstrap
from memlab.synthetic import World, removed, render, resampled, sample, write
from memlab.validation.truth import truth
from memlab.validation.white_box import Constant, WhiteBoxModel

pytestmark = pytest.mark.slow

EVERY = World(name="every", weights={"face": 1.0})
"""A world in which every feature varies."""

ROLES = ("", ":control", ":swap", ":round-trip")
QUICK = {"draws": 2, "image_size": 48, "progress": False}


class Additive(WhiteBoxModel):
    """0.3 + 0.2 where there is a face + 0.1 where there is an object."""

    needs_context = ("faces", "objects")
    reads = ()

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """By the masks."""
        face, thing = (
            (context.masks[region] > 0).flatten(1).any(dim=1).to(images)
            for region in self.needs_context
        )
        return 0.3 + 0.2 * face + 0.1 * thing


def red(latents: object) -> float:
    image = render(latents, 48).image.astype(float) / 255  # type: ignore[arg-type]
    return float(0.5 + (image[..., 0] - image[..., 1:].mean(axis=2)).mean())


def test_every_quantity_equals_a_plain_loop_over_re_rendered_images() -> None:
    world = replace(EVERY, prevalence={"face": 0.3})
    features = ("face", "palette", "saturation")
    found = truth(memlab.load("white_box_redness"), world, n=25, seed=9, features=features, **QUICK)
    originals = [sample(9, index, world) for index in range(25)]
    clean = np.array([red(latents) for latents in originals])
    assert np.abs(found.rows["predicted"] - clean).max() < 1e-6
    sd = clean.std(ddof=1)
    table = found.table.set_index("feature")
    for feature in ("face", "palette"):
        has = np.array([getattr(latents, feature) is not None for latents in originals])
        drops, gains, moved = [], [], []
        for latents, before in zip(originals, clean, strict=True):
            other = None if feature == "palette" else True
            drawn = [red(resampled(latents, feature, world, k, other)) for k in range(2)]
            change = np.square(np.array(drawn) - before).mean()
            if getattr(latents, feature) is None:
                gains.append(np.mean(drawn) - before)
                moved.append(0.3 * change)
                continue
            drops.append(before - red(removed(latents, feature)))
            moved.append(change if other is None else 0.3 * change + 0.7 * drops[-1] ** 2)
        line = table.loc[feature]
        wanted = {
            "g_rem_mean": np.mean(drops),
            "g_rem_mean_sd": np.mean(drops) / sd,
            "g_rem_rms": np.sqrt(np.mean(np.square(drops))),
            "g_rem_rms_sd": np.sqrt(np.mean(np.square(drops))) / sd,
            "g_res": np.mean(moved) / (2 * sd**2),
            "prevalence": has.mean(),
        }
        if gains:
            wanted["g_ins_mean"] = np.mean(gains)
        for name, number in wanted.items():
            # predictions to 1e-6; where they are divided by their SD, of that
            assert line[name] == pytest.approx(number, abs=1e-6 / sd if "sd" in name else 1e-5)
            if name != "prevalence":
                assert line[f"{name}_low"] < line[name] < line[f"{name}_high"]
        assert line["eligible"] == has.sum()
        assert line["n"] == 25
    assert list(table.index) == list(features)


def test_g_res_is_the_share_of_variance_of_an_additive_model() -> None:
    world = replace(EVERY, prevalence={"face": 0.3, "object": 0.5})
    features = ("face", "object")
    found = truth(
        Additive(), world, n=120, draws=1, image_size=32, features=features, progress=False
    )
    table = found.table.set_index("feature")
    parts = {"face": (0.2, 0.3), "object": (0.1, 0.5)}
    total = sum(effect**2 * p * (1 - p) for effect, p in parts.values())
    for feature, (effect, p) in parts.items():
        share = effect**2 * p * (1 - p) / total
        assert table.loc[feature, "g_res"] == pytest.approx(share, abs=0.12)
        assert table.loc[feature, "g_res_low"] <= share <= table.loc[feature, "g_res_high"]
        # without the chance of these images: what each loses or gains, over their own variance
        has = table.loc[feature, "prevalence"]
        moved = effect**2 * (has * (1 - p) + (1 - has) * p)
        exact = moved / (2 * found.rows["predicted"].var())
        assert table.loc[feature, "g_res"] == pytest.approx(exact, abs=1e-6)
    assert table.loc["face", "g_rem_mean"] == pytest.approx(0.2, abs=1e-6)
    assert table.loc["face", "g_ins_mean"] == pytest.approx(0.2, abs=1e-6)
    assert table.loc["object", "g_rem_rms"] == pytest.approx(0.1, abs=1e-6)


def test_redness_relies_on_the_palette_and_a_subtracted_hue_rotation_hides_it() -> None:
    model = memlab.load("white_box_redness")
    found = truth(model, EVERY, n=60, features=("palette", "slope"), **QUICK)
    table = found.table.set_index("feature")
    assert table.loc["palette", "g_res_low"] > 0.1
    assert table.loc["slope", "g_res_high"] < 0.05**2 / 2

    class HueRotation(Grayscale):
        """Every hue turned half round; chroma and luma stay as they are."""

        def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
            return 2 * luma(images) - images

    images = torch.stack(
        [torch.from_numpy(render(sample(10_000, k, EVERY), 48).image) for k in range(80)]
    )
    images = 0.25 + 0.5 * images.permute(0, 3, 1, 2).float() / 255  # room for every hue
    context = Context([str(k) for k in range(80)])
    clean = model.scores(images, context)
    greyed, turned = (
        clean - scored.predicted
        for part in (Grayscale(), HueRotation())
        for scored in evaluate(model.scores, images, context, plan([part]))
    )
    assert float(greyed.square().mean().sqrt() / clean.std()) > 0.76  # it does rely on colour
    assert float((greyed.abs() - turned.abs()).mean()) < 0
    assert float((greyed.square() - turned.square()).mean()) < 0


def test_a_constant_relies_on_nothing_and_has_no_variance_to_share() -> None:
    table = truth(Constant(), EVERY, n=12, **QUICK).table
    for name in ("g_rem_mean", "g_rem_rms"):
        assert (table[[name, f"{name}_low", f"{name}_high"]] == 0).all(axis=None)
    shares = ["g_rem_mean_sd", "g_rem_rms_sd", "g_res", "g_res_low", "g_res_high"]
    assert table[shares].isna().all(axis=None)
    assert table["reason"].str.contains("g_res: predictions are constant").all()


def test_what_cannot_be_computed_is_null_with_a_reason() -> None:
    world = World("sure", weights={"palette": 1.0}, prevalence={"face": 0.0, "object": 1.0})
    model = memlab.load("white_box_redness")
    features = ("face", "object", "palette")
    table = truth(model, world, n=6, features=features, **QUICK).table.set_index("feature")
    assert np.isnan(table.loc["face", "g_rem_mean"])
    assert "g_rem_rms_sd: no image has it" in table.loc["face", "reason"]
    assert table.loc["face", "g_res"] == 0  # it never varies
    assert table.loc["object", "g_res"] > 0
    assert table.loc["object", "reason"] == "g_ins_mean: every image has it"
    assert table.loc["palette", "reason"] == ""
    few = truth(model, world, n=2, features=features, **QUICK).table
    assert few.filter(regex="g_res|sd").isna().all(axis=None)
    assert few["reason"].str.contains("only 2 images").all()

    class Broken(Constant):
        """Fails on some images."""

        def measure(self, images: Tensor, context: Context) -> Tensor:
            mean = images.mean(dim=(1, 2, 3))
            return torch.where(mean > mean.median(), torch.nan, mean)

    broken = truth(Broken(), world, n=6, features=("palette",), **QUICK).table
    assert "predictions are not finite" in broken["reason"][0]
    assert broken[["g_rem_mean", "g_res"]].isna().all(axis=None)


def test_mistakes_are_told_in_a_line() -> None:
    photographs = World("planted", {"watermark": 1.0}, photos=True)
    with pytest.raises(MemlabError, match="photographs cannot be rendered again"):
        truth(Constant(), photographs)
    with pytest.raises(MemlabError, match="'runs/x' is no model: give memlab"):
        truth("runs/x", EVERY)  # type: ignore[arg-type]
    with pytest.raises(MemlabError, match="'W3' is no world"):
        truth(Constant(), "W3")  # type: ignore[arg-type]
    with pytest.raises(MemlabError, match="unknown feature 'pallete'; did you mean 'palette'"):
        truth(Constant(), EVERY, features=("pallete",))
    with pytest.raises(MemlabError, match="at least 1"):
        truth(Constant(), EVERY, n=0)
    with pytest.raises(MemlabError, match="size is 20 pixels; images are drawn from 32 to 1024"):
        truth(Constant(), EVERY, size=20)

    class Dogs(Constant):
        """Asks for what synthetic images have not."""

        needs_context = ("dogs",)

    with pytest.raises(MemlabError, match="needs masks of 'dogs'"):
        truth(Dogs(), EVERY, n=2)


def test_the_rows_do_not_depend_on_batches_or_workers() -> None:
    model = memlab.load("white_box_random_conv")
    options = {"n": 6, "features": ("face", "texture"), **QUICK}
    whole = truth(model, EVERY, **options)
    for more in ({"batch_size": 1}, {"batch_size": 3}, {"batch_size": 7, "num_workers": 2}):
        other = truth(model, EVERY, **options, **more)
        for name in ("rows", "conditions"):
            one, two = getattr(whole, name), getattr(other, name)
            assert np.allclose(one["predicted"], two["predicted"], atol=1e-6, equal_nan=True)
        assert np.allclose(whole.table["g_res"], other.table["g_res"], atol=1e-5)


def test_clean_images_are_those_that_data_synthetic_writes() -> None:
    model = memlab.load("white_box_random_conv")  # takes 64 pixels by default
    found = truth(model, EVERY, n=5, seed=4, size=48, features=("face",), progress=False).rows
    write(Path("written"), 5, seed=4, size=48, world=EVERY)
    table = pd.read_csv("written/synthetic.csv")
    assert list(found["id"]) == list(table["image"])
    assert np.allclose(found["score"], table["score"], atol=1e-6)
    assert list(found["face"]) == list(table["face"])
    images = torch.stack(
        [torch.from_numpy(render(sample(4, k, EVERY), 48).image) for k in range(5)]
    )
    at_48 = model.scores(images.permute(0, 3, 1, 2).float() / 255, Context(()))
    assert np.allclose(found["predicted"], model.predict("written/images")["predicted"], atol=1e-6)
    as_is = truth(model, EVERY, n=5, seed=4, features=("face",), **QUICK).rows
    assert np.allclose(as_is["predicted"], at_48, atol=1e-6)
    assert not np.allclose(as_is["predicted"], found["predicted"], atol=1e-3)


def test_the_rows_are_those_of_conditions_csv() -> None:
    features = ("face", "skin")
    found = truth(memlab.load("white_box_face_chroma"), EVERY, n=20, features=features, **QUICK)
    conditions = found.conditions
    assert list(conditions.columns) == [
        *("condition", "draw", "index", "id", "eligible", "donor", "predicted"),
        *("ablation", "family", "region", "fill", "dose", "unit", "role"),
    ]
    assert not conditions.duplicated(["condition", "draw", "index"]).any()
    assert conditions["predicted"].notna().equals(conditions["eligible"])
    assert set(conditions["condition"]) == {
        *(f"rerender-{name}{role}" for name in features for role in ROLES),
        *("rerender-insert-face", "rerender-insert-face:control"),
    }
    per_condition = conditions.groupby("condition")["draw"].nunique()
    assert per_condition["rerender-face"] == 1
    assert per_condition["rerender-face:swap"] == 2


def test_the_audits_quantities_of_the_rows_are_the_truth() -> None:
    features = ("face", "skin")
    found = truth(memlab.load("white_box_face_chroma"), EVERY, n=40, features=features, **QUICK)
    table = found.table.set_index("feature")
    effects = read_effects(read_images(found.rows), found.conditions)
    removal = effects["rerender-face"]
    insertion = [effects["rerender-insert-face"]]
    face = bootstrap(presence_quantities("face", [removal], insertion, removal).estimates, 0)
    skin = bootstrap(value_quantities(effects["rerender-skin"]).estimates, 0).statistics
    names = {
        "g_rem_mean": "specific_effect",
        "g_rem_rms": "rms_effect",
        "g_rem_rms_sd": "rms_effect_sd",
    }
    for name, theirs in names.items():
        assert table.loc["face", name] == pytest.approx(face[theirs].statistic.value, abs=1e-9)
    # they take how many of these images have a face for the chance that a new draw has one
    share = found.rows["face"].mean()
    assert 0.4 < share < 0.6
    assert table.loc["face", "g_res"] == pytest.approx(
        face["variance_share"].statistic.value, rel=0.1
    )
    assert table.loc["skin", "g_res"] == pytest.approx(skin["variance_share"].value, abs=1e-9)
    assert table.loc["skin", "g_res_low"] == pytest.approx(skin["variance_share"].low, rel=0.1)
    assert skin["variance_share"].value > 0.01


def test_an_untrained_network_has_a_truth_and_stays_as_it_was() -> None:
    model = MemorabilityRegressor(Timm("test_resnet", pretrained=False, image_size=64)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = truth(model, EVERY, n=4, features=("face", "palette"), **QUICK)
    assert found.table["g_res"].gt(0).all()
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_both_styles_are_rendered() -> None:
    model = memlab.load("white_box_chroma")
    a, b = (truth(model, EVERY, n=5, features=("palette",), style=s, **QUICK) for s in ("A", "B"))
    assert not np.allclose(a.rows["predicted"], b.rows["predicted"], atol=1e-3)
