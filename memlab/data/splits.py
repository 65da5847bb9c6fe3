"""Random splits, seeded and stratified by score."""

from __future__ import annotations

import math

import numpy as np

from memlab.data.table import SPLITS, Table
from memlab.errors import DataError

VALIDATION_SHARE = 0.1
"""Share of the training part that is held back for validation if only two shares are given."""


def parse_shares(text: str) -> tuple[float, float, float]:
    """Parse `80/20` or `70/10/20` into shares of train, validation and test that sum to 1.

    With two parts the second is the test part, and a tenth of the first is held back for
    validation: the images that choose the checkpoint must not also test it.

    Raises:
        DataError: if the text has another form, or the parts sum to neither 100 nor 1.
    """
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) not in (2, 3) or min(parts) < 0 or sum(parts) <= 0:
        raise DataError(
            f"--data.split {text}: write TRAIN/TEST or TRAIN/VAL/TEST, as in 80/20, or a fold, as "
            "in 3of10"
        )
    if not any(math.isclose(sum(parts), whole, rel_tol=1e-3) for whole in (100, 1)):
        raise DataError(
            f"--data.split {text}: the parts sum to {sum(parts):g}, not to 100; write 80/20 or "
            "70/10/20"
        )
    if len(parts) == 2:
        train, test = parts
        parts = [train * (1 - VALIDATION_SHARE), train * VALIDATION_SHARE, test]
    total = sum(parts)
    return parts[0] / total, parts[1] / total, parts[2] / total


def random_split(table: Table, shares: tuple[float, float, float], seed: int) -> Table:
    """Assign images to splits at random, so that all splits have nearly the same scores.

    Images are sorted by score. Each run of ten neighbours is divided among the splits in random
    order. The result depends on the ids, scores and seed, not on the order of the rows. Copies of
    one file may get different splits, unlike in `memlab.data.folds.fold_split`; `memlab data check`
    lists copies.

    Args:
        table: the images; images without a score are split at random.
        shares: shares of train, validation and test, summing to 1.
        seed: seed of the random order.
    """
    rng = np.random.default_rng(seed)
    rows = table.rows.reset_index(drop=True)
    by_id = rows["id"].argsort(kind="stable").to_numpy()
    shuffled = by_id[rng.permutation(len(rows))]
    scores = rows["score"].to_numpy(dtype=float)[shuffled]
    order = shuffled[np.argsort(scores, kind="stable")]  # NaN last

    # the k-th image goes to the split furthest behind its share: exact to one image
    dealt = np.zeros(3)
    split = np.empty(len(rows), dtype=object)
    for start in range(0, len(order), 10):
        run = order[start : start + 10]
        names = []
        for place in range(start, start + len(run)):
            behind = np.asarray(shares) * (place + 1) - dealt
            chosen = int(np.argmax(behind))
            dealt[chosen] += 1
            names.append(SPLITS[chosen])
        split[run] = rng.permutation(np.array(names, dtype=object))
    return table.with_split(split)
