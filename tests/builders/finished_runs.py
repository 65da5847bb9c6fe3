"""Finished runs written by hand: results, rows and conditions of predictions that a test chose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memlab.analysis.effect import AblationEffect
from memlab.analysis.results import Results
from memlab.analysis.run_record import DataRecord, ModelRecord, Provenance
from memlab.metrics.mean_effect import mean_effect
from memlab.metrics.metric import METRICS
from memlab.shards import write_table


def write_finished(
    folder: Path,
    predicted: np.ndarray,
    score: np.ndarray,
    ids: list[str] | None = None,
    drops: dict[str, np.ndarray] | None = None,
    finished: str = "2026-01-01T00:00:00+00:00",
    **data: Any,
) -> Path:
    """A test's folder as memlab leaves it; `drops` are per condition, a value per image."""
    ids = ids or [f"{place:03d}.jpg" for place in range(len(score))]
    folder.mkdir(parents=True)
    results = Results(
        command="test",
        status="finished",
        started=finished,
        finished=finished,
        provenance=Provenance(None, {}, [], "cpu", 1),
        model=ModelRecord("", {}, "abc", None, "32 in evaluation", {}, None),
        data=DataRecord(
            **{
                "root": "",
                "origin": "",
                "source": {},
                "split": None,
                "split_seed": 0,
                "images": {},
                "split_rule": None,
                "donors": None,
                "fingerprint": "same",
                "decoder": "",
                "geometry": {},
                "empty_masks": None,
                "masks": {},
                "skipped": [],
            }
            | data
        ),
        seed=0,
        n=len(score),
    )
    for name, metric in METRICS.items():
        results.metrics[name] = metric.with_interval(predicted, score, 0, 200)
    rows = pd.DataFrame(
        {"index": range(len(ids)), "id": ids, "split": "test", "score": score}
    ).assign(predicted=predicted)
    write_table(rows, folder, "rows")
    tables = []
    for name, drop in (drops or {}).items():
        changed = predicted - drop
        statistic = results.metrics["spearman"]
        effect = mean_effect(predicted, changed, 0, 200)
        results.conditions.append(
            AblationEffect(
                condition=name,
                ablation=name.partition("@")[0],
                parameters={"dose": 1},
                family="colour",
                region="all",
                fill=None,
                dose=1.0,
                unit="",
                primary=True,
                role="target",
                in_baseline=False,
                compared_with="nuisance-baseline",
                n=len(ids),
                eligible=len(ids),
                not_eligible=None,
                effect=effect,
                rms_effect=effect,
                spearman_clean=statistic,
                spearman_ablated=statistic,
            )
        )
        columns = {"condition": name, "draw": 0, "id": ids, "eligible": True, "predicted": changed}
        columns["role"] = "target"
        tables.append(pd.DataFrame(columns))
    if tables:
        write_table(pd.concat(tables, ignore_index=True), folder, "conditions")
    results.write(folder)
    return folder


def people(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of n images, and predictions that correlate with them."""
    rng = np.random.default_rng(seed)
    score = rng.beta(6, 2, size=n)
    return score + rng.normal(0, 0.1, size=n), score
