"""Every ablation removes more of its target with every dose, and has its profile in the docs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from memlab.ablations.plan import own_ablations
from memlab.registry import load
from memlab.validation.matrix import images_and_donors
from memlab.validation.selectivity import COMPARISONS, VALUES, example, selectivity

DOCS = Path(__file__).parents[2] / "docs"
PROFILES = sorted(ablation.name for ablation in own_ablations())


@pytest.fixture(scope="module")
def images_with_donors() -> Any:
    return images_and_donors(24, 64, "A", 5, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROFILES)
def test_the_target_falls_with_every_dose(name: str, images_with_donors: Any) -> None:
    images, context, donors = images_with_donors
    ablation = load("ablations", name)()
    table = selectivity([(images, context)], [ablation], donors)
    own: pd.DataFrame = table[table["target"] & ~table["control"]]
    assert (own["eligible"] >= 6).all()
    falling = [own["clean"].iloc[0], *own["changed"]]
    steps = pd.Series(falling).diff().dropna()
    assert (steps < 0).all(), f"{name}: {ablation.target} over the ladder: {falling}"
    assert set(own["dose"]) == set(ablation.ladder)


def test_every_ablation_has_its_card_in_the_docs() -> None:
    # where this fails, `python docs/selectivity_profiles.py` makes the page again
    page = (DOCS / "reference" / "selectivity-profiles.md").read_text(encoding="utf-8")
    link = r"\]\(\.\./images/selectivity-profiles/(\w+)\.webp\)"
    shown = re.findall(rf"^### (\w+)\n.*?{link}", page, re.M | re.S)
    assert shown
    assert all(heading == image for heading, image in shown)
    assert sorted(heading for heading, _ in shown) == PROFILES
    profiles = sorted((DOCS / "images" / "selectivity-profiles").iterdir())
    assert [profile.stem for profile in profiles] == PROFILES
    assert sum(profile.stat().st_size for profile in profiles) <= 1.5e6
    for name in PROFILES:  # the ladder on the page is the one that runs
        ladder = re.search(rf"^### {name}\n.*?^Dose, [^:]+: ([\d., *]+)\.", page, re.M | re.S)
        assert ladder
        doses = [float(dose) for dose in ladder[1].replace("*", "").split(",")]
        assert doses == list(load("ablations", name)().ladder)


@pytest.mark.slow
def test_controls_stand_beside_the_target(images_with_donors: Any) -> None:
    images, context, donors = images_with_donors
    for name, kept in (("swap_palette", "palette_to_donor"), ("remove_faces", "likeness")):
        ablation = load("ablations", name)()
        table = selectivity([(images, context)], [ablation], donors)
        own = table[table["target"] & table["primary"]].set_index("control")
        assert own.loc[True, "statistic"] == kept
        assert 0 < own.loc[True, "eligible"] <= own.loc[False, "eligible"]
    # there and back is nearly where it began; its own colours are as far from the donor's as before
    palette = selectivity([(images, context)], [load("ablations", "swap_palette")()], donors)
    back = palette[palette["target"] & palette["control"]].iloc[0]
    assert abs(back["change"]) < 0.02 < abs(palette[palette["target"]]["change"].min())
    shown = example(images, context, load("ablations", "remove_faces")(), donors)
    assert shown is not None
    assert len(shown) == 7
    assert not torch.equal(shown[-1], shown[0])
    assert not torch.equal(shown[-1], shown[-2])


@pytest.mark.slow
def test_agreements_and_shares_are_differences(images_with_donors: Any) -> None:
    images, context, _ = images_with_donors
    table = selectivity([(images, context)], [load("ablations", "hue_rotate")()])
    assert set(table["statistic"]) == {*VALUES, *COMPARISONS, "hue_agreement"}
    opposite = table[table["target"] & (table["dose"] == 180)].iloc[0]
    assert (opposite["scale"], round(opposite["change"], 2)) == ("agreement", -2.0)
    area = table[(table["statistic"] == "changed_area") & (table["dose"] == 180)].iloc[0]
    assert area["scale"] == "share"
    assert area["change"] == area["changed"] - area["clean"]
    luma = table[table["statistic"] == "luma_mean"].iloc[0]
    assert luma["scale"] == "relative"
    assert luma["clean_sd"] > 0
