"""For whom an effect speaks: images with a control, among those that have the region."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memlab.analysis.eligible import speaks_for

KEY = "remove_faces@1"


def changed(area: list[float], reasons: list[str | None], controlled: list[bool]) -> pd.DataFrame:
    ids = [f"{place}.png" for place in range(len(area))]
    own = pd.DataFrame(
        {
            "condition": KEY, "id": ids, "draw": 0, "reason": reasons, "area": area,
            "eligible": [reason is None for reason in reasons],
        }
    )  # fmt: skip
    control = own.assign(condition=f"{KEY}:control", eligible=controlled, area=np.nan)
    return pd.concat([own, control, control.assign(draw=1, eligible=False)])


def test_an_effect_speaks_for_images_with_a_control_and_says_their_areas() -> None:
    rows = changed(
        [0.02, 0.12, 0.3, 0.24, np.nan, np.nan, np.nan],
        [None, None, None, None, "not possible", "absent", "not annotated"],
        [True, True, False, False, False, False, False],
    )
    found = speaks_for(KEY, rows)
    assert found is not None
    assert (found.compared, found.have) == (2, 5)
    assert found.sentence() == (
        "S speaks for 2 of the 5 images that have the region, where it covers 2.0 to 12 % of the "
        "image; without a control it covers 24 to 30 %"
    )


def test_an_effect_that_speaks_for_all_says_nothing() -> None:
    found = speaks_for(
        KEY, changed([0.1, 0.1, np.nan], [None, None, "absent"], [True, True, False])
    )
    assert found is not None
    assert found.sentence() is None


def test_rows_that_do_not_say_the_area_and_effects_without_a_control_speak_for_nobody() -> None:
    rows = changed([0.1], [None], [True])
    assert speaks_for(KEY, rows.drop(columns="area")) is None
    assert speaks_for(KEY, changed([0.1], [None], [False])) is None
