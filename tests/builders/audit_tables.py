"""Tables of an audit by hand: rows, conditions and records of a model whose causes are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memlab.ablations.record import ConditionRecord
from memlab.audit.protocol import Operator, Protocol

PREVALENCE = {"face": 0.4, "person": 0.4, "object": 0.4, "text": 0.3}


def record(operator: Operator, role: str, family: str = "region") -> ConditionRecord:
    """Return the record of an operator in a role."""
    arguments = {"strength": 1.0, **operator.arguments}
    region = str(operator.arguments.get("region", "all"))
    fill = operator.arguments.get("fill")
    rest = ",".join(f"{k}={v}" for k, v in operator.arguments.items() if k != "region")
    name = f"{operator.ablation}@1" + (f"({rest})" if rest else "")
    name += "" if region == "all" else f"[{region}]"
    kinds: dict[str, Any] = {"swap": "round-trip", "round-trip": "round-trip", "nuisance": None}
    return ConditionRecord(
        condition=name if role == "target" else f"{name}:{role}",
        ablation=operator.ablation,
        parameters=dict(arguments),
        family=family,
        region=region,
        fill=None if fill is None else str(fill),
        dose=1.0,
        unit="",
        primary=True,
        role=role,  # type: ignore[arg-type]
        in_baseline=role == "nuisance",
        compared_with=kinds.get(role, "matched-control"),
    )


def audit_tables(
    protocol: Protocol,
    strength: Mapping[str, float],
    n: int = 300,
    seed: int = 0,
    *,
    table: int | None = None,
    accuracy: float | None = 0.8,
    noise: float = 0.05,
    prevalence: Mapping[str, float] = PREVALENCE,
    skip: frozenset[str] = frozenset(),
    fills: int = 2,
    draws: int = 4,
    exchange: Mapping[str, float] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, list[ConditionRecord]]:
    """Return the tables of a linear model.

    Args:
        protocol: the protocol; every feature that is not skipped is run.
        strength: feature to the root of its share T of the variance of predictions, which is 1;
            what the shares leave to 1 is moved by nothing that is listed.
        n: number of audited images.
        seed: seed of everything.
        table: number of images of the whole table; by default the audited ones.
        accuracy: correlation of predictions with scores; None for no scores.
        noise: SD of occlusions and of artefacts of swaps.
        prevalence: presence feature to its share of images.
        skip: features that are not run.
        fills: number of fills of each removal.
        draws: draws of controls and of swaps.
        exchange: presence feature to the SD of its value among images that have it; each of these
            features is swapped as well. By default none is.
    """
    rng = np.random.default_rng(seed)
    size = table or n
    predicted = np.zeros(size)
    columns: dict[str, np.ndarray] = {}
    values: dict[str, np.ndarray] = {}
    features = [one for one in protocol.features if one.kind == "value" or one.name in prevalence]
    for feature in features:
        share = strength.get(feature.name, 0.0)
        if feature.kind == "presence":
            p = prevalence[feature.name]
            has = (rng.random(size) < p).astype(int)
            columns[feature.name] = has
            # a part that is there or not moves a² p (1 - p) of the variance
            step = share / np.sqrt(max(p * (1 - p), 1e-9))
            values[feature.name] = step * has
        else:
            values[feature.name] = share * rng.normal(size=size)
        predicted += values[feature.name]
    rest = max(0.0, 1 - sum(one**2 for one in strength.values()))
    predicted += np.sqrt(rest) * rng.normal(size=size)
    score = np.full(size, np.nan)
    if accuracy is not None:
        other = np.sqrt(1 - accuracy**2)
        score = accuracy * predicted + other * rng.normal(size=size)
    ids = np.array([f"{index:05d}.jpg" for index in range(size)])
    rows = pd.DataFrame({"id": ids, "predicted": predicted, "score": score, **columns})
    rows["audited"] = (np.arange(size) < n).astype(int)
    rows["weight"] = size / n
    rows["stratum"] = "all"
    parts: list[pd.DataFrame] = []
    records: list[ConditionRecord] = []

    def add(one: ConditionRecord, effects: np.ndarray) -> None:
        """Add a condition with effects (n, draws), NaN where not eligible."""
        records.append(one)
        count = effects.shape[1]
        able = np.isfinite(effects)
        changed = predicted[:n, None] - effects
        parts.append(
            pd.DataFrame(
                {
                    "condition": one.condition,
                    "draw": np.tile(np.arange(count), n),
                    "id": np.repeat(ids[:n], count),
                    "eligible": able.ravel(),
                    "reason": np.where(able.ravel(), None, "absent"),
                    "predicted": changed.ravel(),
                    "area": 0.04,
                    "dose": 1.0,
                    "role": one.role,
                    "region": one.region if one.region != "all" or one.fill is None else "faces",
                }
            )
        )

    for feature in features:
        if feature.name in skip:
            continue
        of = values[feature.name][:n]
        if feature.kind == "presence":
            has = columns[feature.name][:n] == 1
            controls = noise * rng.normal(size=(n, draws))
            for operator in feature.removals[:fills]:
                jitter = noise * rng.normal(size=(n, 2))
                target = of[:, None] - 0.0 + jitter
                add(record(operator, "target"), np.where(has[:, None], target, np.nan))
                beside = controls + noise * 0.2 * rng.normal(size=(n, draws))
                add(record(operator, "control"), np.where(has[:, None], beside, np.nan))
            if exchange is not None and feature.name in exchange and feature.swap is not None:
                kind = exchange[feature.name] * rng.normal(size=(2, n, draws))
                artefact = 0.5 * noise * rng.normal(size=(2, n, draws))
                moved, back = kind[0] - kind[1] + artefact[0], artefact[1]
                add(record(feature.swap, "swap"), np.where(has[:, None], moved, np.nan))
                add(record(feature.swap, "round-trip"), np.where(has[:, None], back, np.nan))
        elif feature.swap is not None:
            share = strength.get(feature.name, 0.0)
            donors = share * rng.normal(size=(n, draws))
            artefact = 0.5 * noise * rng.normal(size=(2, n, draws))
            add(record(feature.swap, "swap"), of[:, None] - donors + artefact[0])
            add(record(feature.swap, "round-trip"), artefact[1])
    for operator in protocol.nuisance:
        add(record(operator, "nuisance"), 0.02 * rng.normal(size=(n, 1)))
    for operator in protocol.sufficiency:
        add(record(operator, "target"), 0.9 * predicted[:n, None] + rng.normal(size=(n, 1)))
    return rows, pd.concat(parts, ignore_index=True), records
