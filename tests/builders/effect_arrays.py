"""Tables of a test by hand, and effects from arrays without any table."""

import numpy as np
import pandas as pd

from memlab.analysis.arrays import ImageEffects, read_images
from memlab.stats import Correlations, Estimate
from memlab.stats.bootstrap import point

NAN = float("nan")


def value(estimate: Estimate | Correlations, weights: np.ndarray | None = None) -> float | None:
    return point(estimate, weights).value


def condition_rows(
    clean: pd.DataFrame, key: str, role: str, changed: np.ndarray, dose: float = 1.0
) -> pd.DataFrame:
    """Rows as in conditions.csv from (n, draws) predictions; NaN where not eligible."""
    n, draws = changed.shape
    suffix = "" if role == "target" else f":{role}"
    return pd.DataFrame(
        {
            "condition": f"{key}{suffix}",
            "draw": np.tile(np.arange(draws), n),
            "id": np.repeat(clean["id"].to_numpy(), draws),
            "eligible": np.isfinite(changed).ravel(),
            "donor": "",
            "predicted": changed.ravel(),
            "ablation": key.split("@")[0],
            "region": "face",
            "fill": "mean",
            "dose": dose,
            "role": role,
        }
    )


def clean_rows(rng: np.random.Generator, n: int, share: float = 0.6) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{i}.jpg" for i in rng.permutation(n)],
            "predicted": rng.normal(0.7, 0.1, n),
            "score": rng.normal(0.7, 0.1, n),
            "weight": rng.uniform(0.5, 3, n),
            "face": rng.random(n) < share,
        }
    )


def with_holes(rng: np.random.Generator, values: np.ndarray, share: float = 0.2) -> np.ndarray:
    return np.where(rng.random(values.shape) < share, NAN, values)


def made_effects(n: int, drops: dict[str, np.ndarray], **columns: np.ndarray) -> ImageEffects:
    """ImageEffects of an ablation from arrays, without rows in between."""
    rows = pd.DataFrame({"id": np.arange(n), **columns})
    return ImageEffects("made@1", 1.0, read_images(rows), drops)
