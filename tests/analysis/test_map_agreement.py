"""Agreement of two methods' maps: counted per image, beside what all images have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from memlab.analysis.map_agreement import agreement_text, map_agreements
from memlab.attributions.coarse import on_grid

N = 12


def arrays(maps: Any, ids: list[str] | None = None) -> dict[str, Any]:
    names = ids or [f"{place}.jpg" for place in range(len(maps))]
    return {"id": np.array(names), "maps": np.asarray(maps, dtype=np.float32)}


def fine(maps: Any) -> Any:
    """Each cell as 2 × 2 of the same sum."""
    return np.repeat(np.repeat(maps, 2, axis=1), 2, axis=2) / 4


def test_methods_that_say_the_same_of_each_image_agree_on_the_coarser_grid() -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(N, 4, 4))
    noisy = maps + rng.normal(size=maps.shape)
    given = {"one": arrays(fine(maps)), "two": arrays(noisy)}
    (found,) = map_agreements(given, seed=0)
    wanted = [
        stats.spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(maps.astype(np.float32), noisy, strict=True)
    ]
    assert found.methods == ("one", "two")
    assert found.grid == (4, 4)
    assert found.rho.value == pytest.approx(np.mean(wanted), abs=1e-6)
    assert found.rho.n == N
    assert found.chance.value is not None
    assert abs(found.chance.value) < 0.1
    said = agreement_text(found)
    assert said.startswith("one and two agree more than maps of different images: ρ = 0.")
    assert "over 4 × 4 cells" in said
    assert "(n = 12)" in said
    # images in another order are matched by id
    turned = {name: values[::-1] for name, values in given["two"].items()}
    (again,) = map_agreements({"one": given["one"], "two": turned}, seed=0)
    assert again.rho.value == pytest.approx(found.rho.value)


def test_what_all_images_share_is_no_agreement() -> None:
    rng = np.random.default_rng(1)
    centre = np.exp(-np.square(np.linspace(-1, 1, 6)[:, None]) - np.square(np.linspace(-1, 1, 6)))
    one, two = (centre + 0.02 * rng.normal(size=(N, 6, 6)) for _ in range(2))
    (found,) = map_agreements({"one": arrays(one), "two": arrays(two)}, seed=0)
    assert found.rho.value is not None
    assert found.rho.value > 0.9
    assert found.chance.value == pytest.approx(found.rho.value, abs=0.02)
    assert "are not shown to agree more than maps of different images" in agreement_text(found)


def test_maps_without_ranks_do_not_count() -> None:
    rng = np.random.default_rng(2)
    maps = rng.normal(size=(N, 7, 7))
    broken = maps.copy()
    broken[0], broken[1], broken[2, 3, 3] = np.nan, 0.0, np.inf
    (found,) = map_agreements({"one": arrays(maps), "two": arrays(broken)}, seed=0)
    assert found.rho.n == N - 3
    assert found.rho.value == pytest.approx(1)
    nothing = arrays(np.zeros((N, 7, 7)))
    (found,) = map_agreements({"one": arrays(maps), "two": nothing}, seed=0)
    assert found.rho.value is None
    assert agreement_text(found) == (
        "one and two: agreement of their maps not measured: no eligible image."
    )
    (found,) = map_agreements({"one": arrays(maps[:2]), "two": arrays(maps[:2])}, seed=0)
    assert found.rho.value is None
    assert found.chance.value is None
    assert "not measured: only 2 images" in agreement_text(found)
    (found,) = map_agreements({"one": arrays(maps), "two": arrays(maps, [*"abcdefghijkl"])}, seed=0)
    assert found.rho.value is None


def test_a_coarser_grid_keeps_the_sum() -> None:
    maps = np.random.default_rng(3).normal(size=(2, 7, 5))
    for grid in ((7, 5), (3, 4), (1, 1)):
        assert on_grid(maps, grid).shape == (2, *grid)
        assert on_grid(maps, grid).sum(axis=(1, 2)) == pytest.approx(maps.sum(axis=(1, 2)))
