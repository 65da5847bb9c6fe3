"""The interval of the lag model covers the truth in simulated games."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memlab.ceiling.lag import fit_lag
from memlab.ceiling.lag_interval import estimate_lag
from memlab.ceiling.responses import Responses

ALPHA, RATE, AT = -0.03, 0.65, 60
IMAGES, SHOWN = 40, 20


def simulated(rng: np.random.Generator, people: int = 40) -> Responses:
    """Targets at lags 56 to 64 and vigilance repeats at 1 to 9, of the same images."""
    memory, score = rng.normal(0, 0.1, people), rng.normal(RATE, 0.08, IMAGES)
    parts = []
    for low, high, shift in ((56, 64, 0), (1, 9, SHOWN)):
        image = np.array([rng.permutation(IMAGES) for _ in range(people)])[:, shift:][:, :SHOWN]
        person = np.repeat(np.arange(people), SHOWN)
        image, lag = image.ravel(), rng.integers(low, high + 1, people * SHOWN).astype(float)
        rate = score[image] + memory[person] + ALPHA * np.log(lag / AT)
        said = (rng.random(len(rate)) < rate).astype(float)
        parts.append(pd.DataFrame({"person": person, "image": image, "said": said, "lag": lag}))
    names = [f"{place:02d}.jpg" for place in range(IMAGES)]
    vigilance = parts[1].assign(image=np.array(names)[parts[1]["image"]])
    people_names = [f"p{place}" for place in range(people)]
    return Responses(people_names, names, parts[0], parts[0][:0], "game", {}, vigilance)


@pytest.mark.slow
def test_intervals_cover_the_truth_and_are_no_wider_than_needed() -> None:
    rng = np.random.default_rng(1)
    found = [estimate_lag(simulated(rng), AT) for _ in range(200)]
    for name, truth in (("alpha", ALPHA), ("hit_rate", RATE)):
        statistics = [getattr(each, name) for each in found]
        covered = np.mean([each.low <= truth <= each.high for each in statistics])
        assert 0.9 <= covered <= 0.985
        values = np.array([each.value for each in statistics])
        assert values.mean() == pytest.approx(truth, abs=0.005)
        width = np.mean([each.high - each.low for each in statistics])
        assert width == pytest.approx(2 * 1.96 * values.std(), rel=0.2)


def test_vigilance_counts_in_alpha_but_not_in_scores() -> None:
    responses = simulated(np.random.default_rng(2))
    found = estimate_lag(responses, AT)
    assert responses.vigilance is not None
    image = responses.vigilance["image"].str.removesuffix(".jpg").astype(int)
    rows = pd.concat([responses.repeats, responses.vigilance.assign(image=image)])
    columns = (rows[name].to_numpy() for name in ("image", "said", "lag"))
    expected = fit_lag(*columns, IMAGES, AT)
    assert found.alpha.value == pytest.approx(expected.alpha)
    hits, lag = responses.repeats["said"], responses.repeats["lag"]
    corrected = hits - expected.alpha * np.log(lag / AT)
    scores = corrected.groupby(responses.repeats["image"]).mean()
    np.testing.assert_allclose(found.model.scores, scores)
    assert found.hit_rate.value == pytest.approx(scores.mean())
    # without vigilance, 56 to 64 tell little
    alone = Responses(responses.people, responses.images, responses.repeats, responses.first, "")
    assert (width := estimate_lag(alone, AT).alpha).low is not None
    assert width.high - width.low > 5 * (found.alpha.high - found.alpha.low)


def test_vigilance_of_other_images_and_without_lag() -> None:
    responses = simulated(np.random.default_rng(3))
    assert responses.vigilance is not None
    rows = responses.vigilance
    others = rows.assign(image="other_" + rows["image"])
    others.loc[:9, "lag"] = np.nan
    found = estimate_lag(
        Responses(responses.people, responses.images, responses.repeats, responses.first, "",
                  {}, others), AT,
    )  # fmt: skip
    assert found.without_lag == 10
    assert found.vigilance == len(rows) - 10
    assert found.model.scores.shape == (IMAGES,)
