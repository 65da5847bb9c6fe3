"""Tables and features that quantities cannot be computed from: a reason, or one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.arrays import ImageEffects, Images, read_effects, read_images
from memlab.analysis.per_image import occlusions
from memlab.analysis.quantities import (
    presence_quantities,
    removal_quantities,
    value_quantities,
)
from memlab.analysis.rank_loss import performance_loss, sufficiency
from memlab.errors import MemlabError
from memlab.stats import permutation_tests
from memlab.stats.bootstrap import point
from tests.builders.effect_arrays import (
    NAN,
    clean_rows,
    condition_rows,
    made_effects,
    value,
    with_holes,
)


def _removal(
    targets: np.ndarray, controls: np.ndarray, f: np.ndarray | None = None
) -> ImageEffects:
    n = len(targets)
    f = np.linspace(0, 1, n) if f is None else f
    score = np.full(n, NAN)
    return made_effects(
        n, {"target": targets, "control": controls}, predicted=f, score=score, face=f >= 0
    )


def _reasons(one: ImageEffects) -> dict[str, str | None]:
    found = presence_quantities("face", [one]).estimates
    for estimate in found.values():
        assert (value(estimate) is None) == (estimate.reason is not None)
    return {name: estimate.reason for name, estimate in found.items()}


def test_what_cannot_be_computed_is_null_with_the_reason() -> None:
    rng = np.random.default_rng(6)
    d, c = rng.normal(size=(9, 1)), rng.normal(size=(9, 4))

    few = np.where(np.arange(9)[:, None] < 2, d, NAN)
    assert set(_reasons(_removal(few, c)).values()) == {"only 2 images"}

    nobody = np.full((9, 1), NAN)
    assert set(_reasons(_removal(nobody, c)).values()) == {"no eligible image"}
    assert set(_reasons(_removal(nobody, np.full((9, 4), NAN))).values()) == {"no eligible image"}

    single = _reasons(_removal(d, c[:, :1]))
    assert {name for name, why in single.items() if why is None} == {
        "effect",
        "specific_effect",
        "specific_effect_sd",
    }
    assert (
        single["squared_effect"]
        == single["energy_distance"]
        == single["variance_share"]
        == "one control draw: its variance is unknown"
    )

    none = _reasons(_removal(d, np.empty((9, 0))))
    assert {name for name, why in none.items() if why is None} == {"effect"}
    assert none["specific_effect"] == none["rms_effect_upper"] == "no control draw"

    constant = _reasons(_removal(d * 0, c * 0, np.full(9, 0.7)))
    assert {name for name, why in constant.items() if why} == {
        "specific_effect_sd",
        "rms_effect_sd",
        "rms_effect_sd_lower",
        "rms_effect_sd_upper",
        "variance_share",
    }
    assert constant["variance_share"] == "predictions are constant"
    everything = presence_quantities("face", [_removal(d * 0, c * 0, np.full(9, 0.7))]).estimates
    assert [
        value(everything[name])
        for name in (
            "effect",
            "specific_effect",
            "energy_distance",
            "squared_effect",
            "rms_effect",
            "rms_effect_upper",
        )
    ] == [0] * 6

    swap = made_effects(9, {"swap": c}, predicted=d[:, 0])
    assert value_quantities(swap).estimates["variance_share"].reason == "no draw of the round trip"
    assert value(value_quantities(swap).estimates["variance_share_upper"]) is not None

    def why(one: ImageEffects) -> list[str | None]:
        points = [point(performance_loss(one)), point(sufficiency(one)[0])]
        assert [found.value for found in points] == [None, None]
        return [found.reason for found in points]

    assert why(_removal(d, c)) == ["scores are missing"] * 2
    assert why(_removal(nobody, c)) == ["no eligible image"] * 2
    scored = {"predicted": d[:, 0], "score": np.arange(9.0)}
    assert why(made_effects(9, {"target": few, "control": c}, **scored)) == ["only 2 images"] * 2
    assert (
        why(made_effects(9, {"target": d, "control": c}, **scored))
        == ["predictions are constant"] * 2
    )
    level = {"predicted": d[:, 0], "score": np.full(9, 0.5)}
    assert (
        why(made_effects(9, {"target": d * 2, "control": c}, **level))
        == ["scores are constant"] * 2
    )
    assert (
        point(performance_loss(made_effects(9, {"target": d}, **scored))).reason
        == "no control draw"
    )


Change = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, r: (c.drop(columns="predicted"), r), "rows: no column predicted"),
        (lambda c, r: (c, r.drop(columns=["role", "dose"])), "conditions: no column dose, role"),
        (lambda c, r: (pd.concat([c, c[:1]]), r), "rows: image a comes twice"),
        (lambda c, r: (c.assign(predicted=[0.1, NAN, 0.2]), r), "image b has no prediction"),
        (lambda c, r: (c.assign(weight=[1, 2, 0]), r), "weight 0 of image c is not > 0"),
        (lambda c, r: (c.assign(weight=["1", "x", "3"]), r), "weight nan of image b is not > 0"),
        (lambda c, r: (c, pd.concat([r, r[:1]])), "blur@1 of image a, draw 0, comes twice"),
        (lambda c, r: (c[:2], r), "conditions: image c is not among the audited rows"),
        (lambda c, r: (c, r.assign(role="tagret")), "unknown role 'tagret'; there are target,"),
        (lambda c, r: (c, r.assign(predicted=NAN)), "blur@1 of image a is eligible but has no"),
    ],
)
def test_a_bad_table_gets_one_line(change: Change, message: str) -> None:
    clean = pd.DataFrame({"id": list("abc"), "predicted": [0.1, 0.2, 0.3]})
    rows = condition_rows(clean, "blur@1", "target", np.full((3, 1), 0.1))
    clean, rows = change(clean, rows)
    with pytest.raises(MemlabError, match=message) as caught:
        read_effects(read_images(clean), rows)
    assert "\n" not in str(caught.value)


def test_features_and_the_whole_table_are_checked() -> None:
    clean = pd.DataFrame({"id": list("abc"), "predicted": [0.1, 0.2, 0.3], "face": [1, 0, 2]})
    with pytest.raises(MemlabError, match="'face' of image c is neither 0 nor 1"):
        read_images(clean).present("face")
    with pytest.raises(MemlabError, match="no column 'text'"):
        read_images(clean).present("text")
    with pytest.raises(MemlabError, match="image c is not in the whole table"):
        read_images(clean, clean[:2])
    with pytest.raises(MemlabError, match="use one model for both"):
        read_images(clean, clean.assign(predicted=0.5))


def test_two_passes_of_one_model_may_differ_by_rounding() -> None:
    whole = clean_rows(np.random.default_rng(8), 20)
    again = whole.assign(predicted=whole["predicted"].astype("float32") + 3e-7)
    images = read_images(again[:9], whole)
    # the audited images' own: changed ones were scored in the same pass
    assert np.array_equal(images.predicted[:9], again["predicted"][:9].astype(float))
    assert np.array_equal(images.predicted[9:], whole["predicted"][9:])
    with pytest.raises(MemlabError, match="use one model for both"):
        read_images(again[:9], whole.assign(predicted=whole["predicted"] + 1e-3))


def test_no_audited_image_at_all_has_a_reason() -> None:
    clean = clean_rows(np.random.default_rng(9), 0)
    drops = {"target": np.empty((0, 1)), "control": np.empty((0, 4))}
    effects = ImageEffects("made@1", 1.0, read_images(clean), drops)
    for estimate in removal_quantities([effects]).values():
        assert point(estimate).reason == "no eligible image"


def test_a_feature_without_occlusions_takes_no_test_from_others() -> None:
    rng = np.random.default_rng(10)
    images = read_images(clean_rows(rng, 20))

    def made(**draws: int) -> list[ImageEffects]:
        drops = {role: rng.normal(size=(20, count)) for role, count in draws.items()}
        return [ImageEffects("made@1", 1.0, images, drops)]

    found = permutation_tests(
        *occlusions([made(target=1, control=4), made(target=1), made(control=6)]), seed=0
    )
    assert found.energy[0].p is not None
    for test in found.energy[1:]:
        assert (test.p, test.reason) == (None, "no eligible image")
    (alone,) = permutation_tests(*occlusions([made(target=1)]), seed=0).specific
    assert alone.reason == "no control draws"


def test_names_and_numbers_may_come_back_from_csv(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    clean = clean_rows(rng, 20)
    changed = with_holes(rng, rng.normal(size=(20, 3)))
    rows = condition_rows(clean, "swap@1", "round-trip", changed)
    rows.to_csv(tmp_path / "conditions.csv", index=False)
    clean.to_csv(tmp_path / "rows.csv", index=False)
    images: Images = read_images(pd.read_csv(tmp_path / "rows.csv"))
    (effects,) = read_effects(images, pd.read_csv(tmp_path / "conditions.csv")).values()
    expected = clean["predicted"].to_numpy()[:, None] - changed
    assert np.allclose(effects.of("round-trip"), expected, equal_nan=True)
    assert np.array_equal(images.present("face"), clean["face"])
    assert (effects.name, effects.of("target").shape) == ("swap@1", (20, 0))
