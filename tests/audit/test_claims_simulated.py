"""Claims over whole audits: simulated ones, and one from tables."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.arrays import ImageEffects, read_effects, read_images
from memlab.analysis.per_image import occlusions
from memlab.analysis.quantities import SESOI, removal_quantities, value_quantities
from memlab.audit.claims import Claim, removal_claim, swap_claim
from memlab.stats import bootstrap, permutation_tests
from memlab.stats.measures import Statistic

K = 8
ALL = ("specific_effect_sd", "rms_effect_sd", "rms_effect_sd_upper", "energy_distance")


def audited(
    removals: list[ImageEffects], seed: int, resamples: int = 400
) -> tuple[Claim, list[Statistic]]:
    """The claim of a feature, and S, RMS and RMS+ in SDs and M that it was made from."""
    estimates = removal_quantities(removals)
    found = bootstrap({name: estimates[name] for name in ALL}, seed, resamples).statistics
    tests = permutation_tests(*occlusions([removals]), seed, permutations=resamples)
    four = [found[name] for name in ALL]
    return removal_claim(*four, tests.specific[0].p_all, tests.energy[0].p_all), four


def audits(
    rng: np.random.Generator,
    n: int,
    effect: float,
    target_noise: float = 0.13,
    signs: bool = True,
    times: int = 20,
) -> list[tuple[Claim, list[Statistic]]]:
    """Audits of a feature that moves each prediction by ± so many SDs; control noise .13 SD."""
    answers = []
    for _ in range(times):
        f = rng.normal(size=n)
        moved = effect * rng.choice([-1, 1], n) if signs else np.full(n, effect)
        drops = {
            "target": (moved + rng.normal(0, 1, n) * target_noise)[:, None],
            "control": rng.normal(0, 0.13, (n, K)),
        }
        rows = pd.DataFrame({"id": range(n), "predicted": f, "face": 1})
        effects = ImageEffects("remove@1", 1.0, read_images(rows), drops)
        answers.append(audited([effects], int(rng.integers(2**31))))
    return answers


def shares(found: list[tuple[Claim, list[Statistic]]]) -> dict[str, float]:
    counts = Counter(claim.claim for claim, _ in found)
    return {claim: count / len(found) for claim, count in counts.items()}


def test_a_quiet_target_is_no_proof_of_absence() -> None:
    rng = np.random.default_rng(0)
    found = audits(rng, 300, 0.10, target_noise=0)
    assert shares(found) == {"cannot tell": 1.0}
    assert {claim.clause for claim, _ in found} == {"controls vary more than the target"}
    # by size alone every one of them would have been told not to rely
    sizes = [(s.low, s.high, rms.high) for _, (s, rms, _, _) in found]
    assert all(low > -SESOI and high < SESOI and top < SESOI for low, high, top in sizes)


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
        found = bootstrap(value_quantities(effects[f"{name}@1"]).estimates, 0, 400).statistics
        claims[name] = swap_claim(found["variance_share"], found["variance_share_upper"]).claim
    assert claims == {
        "face": "relies",
        "text": "does not rely",
        "palette": "relies",
        "spectrum": "does not rely",
    }
