"""Summaries of hand-made effects, and their table as it is printed."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from memlab.analysis.balance import MEASURES
from memlab.analysis.summary import Summary, summarise
from memlab.reports.effect_table import print_effects

N = 60
"""Images of a summary."""


def made_summary(
    drops: dict[tuple[str, str], np.ndarray],
    clean: np.ndarray,
    score: np.ndarray,
    place: np.ndarray | None = None,
    asked_for: tuple[str, ...] = (),
    **given: Any,
) -> Summary:
    """A summary of hand-made drops, (N, draws), by condition and role; not eligible where NaN."""
    ids = [f"{place:03d}" for place in range(N)]
    kinds = {"swap": "there-and-back", "there-and-back": "there-and-back", "floor": None}
    parts, details = [], []
    for (name, role), drop in drops.items():
        key = name if role == "target" else f"{name}:{role}"
        shown = {"condition": key, "ablation": name.partition("@")[0], "role": role, "dose": 1.0}
        parts += [
            pd.DataFrame({"id": ids, "draw": draw, "donor": ids}).assign(
                eligible=~np.isnan(drop[:, draw]),
                predicted=clean - drop[:, draw],
                place=pd.array(
                    [None] * N if place is None or role != "control" else place[:, draw].tolist(),
                    dtype="string",
                ),
                region=given.get("region", "all"),
                **dict.fromkeys(MEASURES, 0.1),
                **shown,
            )
            for draw in range(drop.shape[1])
        ]
        more: dict[str, Any] = {"compared_with": kinds.get(role, "floor"), "primary": True}
        more |= {"family": "colour", "region": "all", "fill": None, "unit": ""}
        more["yardstick"] = role == "floor" and name not in asked_for
        details.append(shown | more | given)
    rows = pd.DataFrame({"id": ids, "predicted": clean, "score": score})
    return summarise(rows, pd.concat(parts, ignore_index=True), details, 0)


def shown(conditions: list[dict[str, Any]], columns: int) -> list[str]:
    """What is printed in a terminal of some width."""
    out = io.StringIO()
    whole = SimpleNamespace(conditions=conditions)
    print_effects(whole, Console(file=out, width=columns))  # type: ignore[arg-type]
    return [line.rstrip() for line in out.getvalue().splitlines()]
