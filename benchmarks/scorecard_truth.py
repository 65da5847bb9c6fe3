"""Truth of the scorecard: what a network relies on, by re-rendering, and the verdict it implies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from scorecard_nets import Net

import memlab
from memlab.analysis.quantities import SESOI
from memlab.files import replacing
from memlab.synthetic.write import read_declaration
from memlab.validation.truth import truth

IMAGES = 300
"""Re-rendered images."""
MORE_IMAGES = 600
"""Re-rendered images where the interval of a cause is wide with `IMAGES`."""
WIDE = 0.6
"""An interval is wide if it is longer than this share of the value."""
WORTH = 0.1
"""Causes below this share may keep a wide interval."""

CELLS = {
    "face": "face",
    "person": "person",
    "object": "object",
    "text": "text",
    "skin": "colour_faces",
    "palette": "colour_background",
    "saturation": "saturation",
    "contrast": "contrast",
    "slope": "spectrum_background",
    "texture": "texture_background",
    "layout": "layout",
    "blur": "sharpness",
}
"""Cause of the renderer to the feature of the protocol that measures it."""

SEMANTIC = ("face", "person", "object", "text")
LOW_LEVEL = ("skin", "palette", "saturation", "contrast", "slope", "texture", "blur", "watermark")
HUMAN, SHORTCUT = 2 / 3, 1 / 3


class Known(NamedTuple):
    """Truth of one cause: share of variance with its interval, and size where present, in SDs."""

    share: float
    low: float
    high: float
    size: float


def find_truth(net: Net, runs: Path) -> Path:
    """Write the truth of a network unless it is there: a table of `memlab.validation.truth`.

    More images are rendered if an interval is wide.
    """
    path = net.run(runs) / "truth.csv"
    if path.is_file():
        return path
    model = memlab.load(net.run(runs))
    declared = read_declaration(net.images(runs))
    for n in (IMAGES, MORE_IMAGES):
        table = truth(
            model, declared.world, n=n, style=declared.style, size=declared.size, progress=False
        ).table
        if not wide(table):
            break
    with replacing(path) as to:
        table.to_csv(to, index=False)
    return path


def wide(table: pd.DataFrame) -> bool:
    """Return whether the interval of a cause worth knowing is wide."""
    length = table["g_res_high"] - table["g_res_low"]
    return bool(((table["g_res"] >= WORTH) & (length > WIDE * table["g_res"])).any())


def read_truth(path: Path) -> dict[str, Known]:
    """Return the truth by cause.

    The size is the RMS effect of removal for a presence feature, √(2 G_res) for a value.
    """
    table = pd.read_csv(path).set_index("feature")
    found = {}
    for cause, row in table.iterrows():
        removed, share = float(row["g_rem_rms_sd"]), float(row["g_res"])
        size = removed if row["kind"] == "presence" else math.sqrt(max(2 * share, 0.0))
        ends = (float(row["g_res_low"]), float(row["g_res_high"]))
        found[str(cause)] = Known(share, *ends, 0.0 if math.isnan(size) else size)
    return found


def true_verdict(causes: Mapping[str, float], learned: bool) -> str:
    """Return the verdict that the true shares imply, by the thresholds of the protocol.

    >>> true_verdict({"face": 0.8, "palette": 0.1}, learned=True)
    'human-interpretable'

    Args:
        causes: cause to its share.
        learned: whether the network's predictions correlate with the scores at all.
    """
    if not learned:
        return "cannot tell"
    semantic, low = (
        sum(share for cause, share in causes.items() if cause in side)
        for side in (SEMANTIC, LOW_LEVEL)
    )
    share = semantic / (semantic + low) if semantic + low > SESOI**2 / 2 else math.nan
    if math.isnan(share):
        return "cannot tell"
    return "human-interpretable" if share >= HUMAN else "shortcut" if share <= SHORTCUT else "mixed"
