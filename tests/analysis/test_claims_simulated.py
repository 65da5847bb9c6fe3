"""Claims over whole audits: simulated ones, and one from tables."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.arrays import ImageEffects, read_effects, read_images
from memlab.analysis.claims import Claim, removal_claim, swap_claim
from memlab.analysis.per_image import occlusions
from memlab.analysis.quantities import removal_quantities, value_quantities
from memlab.analysis.significance import by_interval
from memlab.stats import bootstrap, permutation_tests
from memlab.stats.measures import Statistic

K = 8
ALL = ("specific_effect_sd", "rms_effect_sd_lower", "rms_effect_sd_upper")


def audited(
    removals: list[ImageEffects], seed: int, resamples: int = 400
) -> tuple[Claim, list[Statistic]]:
    """The claim of a feature, and S, RMS- and RMS+ in SDs that it was made from."""
    estimates = removal_quantities(removals)
    found = bootstrap({name: estimates[name] for name in ALL}, seed, resamples).statistics
    tests = permutation_tests(*occlusions([removals]), seed, permutations=resamples)
    three = [found[name] for name in ALL]
    return removal_claim(*three, tests.either[0].p_all), three


def audits(
    rng: np.random.Generator,
    n: int,
    effect: float,
    target_noise: float = 0.13,
    signs: bool = True,
    times: int = 20,
    draws: int = 2,
) -> list[tuple[Claim, list[Statistic]]]:
    """Audits of a feature that moves each prediction by ± so many SDs; control noise .13 SD."""
    answers = []
    for _ in range(times):
        f = rng.normal(size=n)
        moved = effect * rng.choice([-1, 1], n) if signs else np.full(n, effect)
        drops = {
            "target": moved[:, None] + rng.normal(0, 1, (n, draws)) * target_noise,
            "control": rng.normal(0, 0.13, (n, K)),
        }
        rows = pd.DataFrame({"id": range(n), "predicted": f, "face": 1})
        effects = ImageEffects("remove@1", 1.0, read_images(rows), drops)
        answers.append(audited([effects], int(rng.integers(2**31))))
    return answers


def shares(found: list[tuple[Claim, list[Statistic]]]) -> dict[str, float]:
    counts = Counter(claim.claim for claim, _ in found)
    return {claim: count / len(found) for claim, count in counts.items()}


@pytest.mark.parametrize("draws", [1, 2])
@pytest.mark.parametrize("target_noise", [0, 0.085, 0.13, 0.2])
def test_a_real_effect_is_never_called_absent(target_noise: float, draws: int) -> None:
    """Also not beside controls that vary more than the target; they used to hide the effect."""
    rng = np.random.default_rng(0)
    told = shares(audits(rng, 300, 0.10, target_noise, times=8, draws=draws))
    assert "does not rely" not in told
    if target_noise == 0.13:
        assert told == {"relies": 1.0}


@pytest.mark.slow
def test_a_noisy_target_without_effect_is_no_reliance() -> None:
    """Its draws show that they differ by chance; a single draw does not."""
    rng = np.random.default_rng(5)
    told = shares(audits(rng, 1000, 0.0, target_noise=0.2))
    assert "relies" not in told
    assert told["does not rely"] >= 0.3


@pytest.mark.slow
def test_real_effects_are_found_and_more_images_find_them_more_often() -> None:
    rng = np.random.default_rng(1)
    few, many = (shares(audits(rng, n, 0.10)).get("relies", 0) for n in (60, 400))
    assert few < many
    assert many >= 0.9
    assert shares(audits(rng, 100, 0.2)) == {"relies": 1.0}
    assert shares(audits(rng, 300, 0.10, signs=False)) == {"relies": 1.0}


@pytest.mark.slow
def test_alarms_on_null_cues_do_not_grow_with_the_number_of_images() -> None:
    rng = np.random.default_rng(2)
    for effect, signs in ((0.0, True), (0.02, True), (0.02, False)):  # below half the SESOI
        told = {n: shares(audits(rng, n, effect, signs=signs)) for n in (100, 1000)}
        assert told[1000].get("relies", 0) == 0
        assert told[100].get("relies", 0) <= 0.05
        assert told[1000]["does not rely"] > told[100].get("does not rely", 0)


def test_from_tables_to_claims(tmp_path: Path) -> None:
    """A model that reads faces and colour, audited from the tables that commands write."""
    rng = np.random.default_rng(3)
    n, k = 400, 6
    rows = pd.DataFrame({"id": [f"{i:03}.jpg" for i in range(n)]})
    rows["face"], rows["text"] = rng.random((2, n)) < 0.5
    colour = rng.normal(size=n)
    face = rows["face"].to_numpy()
    rows["predicted"] = 0.7 + 0.03 * face + 0.02 * colour + rng.normal(0, 0.05, n)
    rows["score"] = rows["predicted"] + rng.normal(0, 0.05, n)

    def table(condition: str, role: str, drop: np.ndarray, eligible: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "condition": condition if role == "target" else f"{condition}:{role}",
                "draw": np.tile(np.arange(drop.shape[1]), n),
                "id": np.repeat(rows["id"].to_numpy(), drop.shape[1]),
                "eligible": np.repeat(eligible, drop.shape[1]),
                "predicted": (rows["predicted"].to_numpy()[:, None] - drop).ravel(),
                "dose": 1.0,
                "role": role,
            }
        ).assign(predicted=lambda t: t["predicted"].where(t["eligible"]))

    def noise(draws: int) -> np.ndarray:
        return -0.01 + rng.normal(0, 0.002, (n, draws))  # any occlusion raises the score

    everywhere = np.full(n, True)
    parts = []
    for fill in ("mean", "blur"):
        for name, effect in {"face": 0.03, "text": 0.0}.items():
            has, key = rows[name].to_numpy(), f"remove@1(fill={fill})[{name}]"
            parts.append(table(key, "target", effect + noise(1), has))
            parts.append(table(key, "control", noise(k), has))
    for name, size in {"palette": 0.02, "spectrum": 0.0}.items():
        change = size * (colour[:, None] - rng.normal(size=(n, k)))
        parts.append(table(f"{name}@1", "swap", change + noise(k), everywhere))
        parts.append(table(f"{name}@1", "round-trip", noise(k), everywhere))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    pd.concat(parts).to_csv(tmp_path / "conditions.csv", index=False)

    images = read_images(pd.read_csv(tmp_path / "rows.csv"))
    effects = read_effects(images, pd.read_csv(tmp_path / "conditions.csv"))
    claims = {}
    for name in ("face", "text"):
        removals = [effects[f"remove@1(fill={fill})[{name}]"] for fill in ("mean", "blur")]
        claim, found = audited(removals, 0)
        claims[name] = claim.claim
        assert found[0].value == pytest.approx(
            {"face": 0.03, "text": 0.0}[name] / rows["predicted"].std(), abs=0.01
        )
    for name in ("palette", "spectrum"):
        drawn = bootstrap(value_quantities(effects[f"{name}@1"]).estimates, 0, 400)
        p = by_interval("T above 0", drawn.resampled["variance_share"], above=True).p
        shares = (drawn.statistics[key] for key in ("variance_share", "variance_share_upper"))
        claims[name] = swap_claim(*shares, p).claim
    assert claims == {
        "face": "relies",
        "text": "does not rely",
        "palette": "relies",
        "spectrum": "does not rely",
    }
