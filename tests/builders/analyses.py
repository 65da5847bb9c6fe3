"""Analyses of hand-made effects, and their table as it is printed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from memlab.analysis.analyse import Analysis, analyse
from memlab.analysis.balance import MEASURES
from memlab.analysis.effect import AblationEffect
from memlab.reports.effect_table import print_effects

N = 60
"""Images of an analysis."""


def made_analysis(
    drops: dict[tuple[str, str], np.ndarray],
    clean: np.ndarray,
    score: np.ndarray,
    position: np.ndarray | None = None,
    asked_for: tuple[str, ...] = (),
    **given: Any,
) -> Analysis:
    """The analysis of hand-made effects, (N, draws), by condition and role; NaN: not eligible."""
    ids = [f"{index:03d}" for index in range(N)]
    kinds = {"swap": "round-trip", "round-trip": "round-trip", "nuisance": None}
    parts = []
    for (name, role), drop in drops.items():
        described: dict[str, Any] = {
            "condition": name if role == "target" else f"{name}:{role}",
            "ablation": name.partition("@")[0],
            "role": role,
            "dose": 1.0,
            "compared_with": kinds.get(role, "nuisance-baseline"),
            "primary": True,
            "family": "colour",
            "region": "all",
            "fill": None,
            "unit": "",
            "dose_name": "",
            "in_baseline": role == "nuisance" and name not in asked_for,
        }
        parts += [
            pd.DataFrame({"id": ids, "draw": draw, "donor": ids}).assign(
                eligible=~np.isnan(drop[:, draw]),
                predicted=clean - drop[:, draw],
                position=pd.array(
                    [None] * N
                    if position is None or role != "control"
                    else position[:, draw].tolist(),
                    dtype="string",
                ),
                **dict.fromkeys(MEASURES, 0.1),
                **described | given,
            )
            for draw in range(drop.shape[1])
        ]
    rows = pd.DataFrame({"id": ids, "predicted": clean, "score": score})
    return analyse(rows, pd.concat(parts, ignore_index=True))


def shown(conditions: list[AblationEffect], columns: int) -> list[str]:
    """What is printed in a terminal of some width."""
    out = io.StringIO()
    print_effects(conditions, Console(file=out, width=columns))
    return [line.rstrip() for line in out.getvalue().splitlines()]
