"""Answers of simulated people in a memory game."""

import numpy as np


def people(
    count: int, images: int, share: float, seed: int, memory_sd: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """True scores, and answers (people, images) with NaN where an image was not shown."""
    rng = np.random.default_rng(seed)
    true = np.clip(rng.normal(0.7, 0.12, images), 0.05, 0.95)
    memory = rng.normal(0, memory_sd, (count, 1))
    answers = (rng.random((count, images)) < true + memory).astype(float)
    answers[rng.random((count, images)) >= share] = np.nan
    return true, answers
