"""memlab.analyse: from two tables to effects; results.json of both schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import memlab
from memlab.analysis.results import SCHEMA_FILE, json_schema, read
from memlab.errors import DataError, MemlabError
from tests.builders.commands import results

NAMES = ("rows", "conditions")


def tables(run: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, conditions = (pd.read_parquet(run / "fit" / f"{name}.parquet") for name in NAMES)
    return rows, conditions


def test_two_tables_suffice_for_every_effect_of_a_test(run: Path) -> None:
    rows, conditions = tables(run)
    analysis = memlab.analyse(rows, conditions)
    written = pd.read_csv(run / "fit" / "effects.csv")
    ours, theirs = (
        frame.set_index("condition").sort_index().fillna(float("nan")).infer_objects()
        for frame in (analysis.effects, written)
    )
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=1e-6, atol=1e-6)
    labels = {effect.condition: effect.label for effect in analysis.conditions}
    assert labels["blur@2"] == "Blur, σ = 2 % of width"
    assert labels["grayscale@1"] == "Grayscale"


def test_without_scores_there_are_effects_and_no_correlations(run: Path) -> None:
    rows, conditions = tables(run)
    analysis = memlab.analyse(rows.drop(columns="score"), conditions)
    assert analysis.effects["effect"].notna().all()
    assert analysis.effects["spearman_clean"].isna().all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda c: c.drop(columns="compared_with"), "no column compared_with (written by an earl"),
        (lambda c: c.assign(id="x"), "image x is not among the audited rows"),
        (lambda c: c.assign(role="boss"), "unknown role 'boss'"),
    ],
)
def test_tables_that_do_not_fit_are_named(run: Path, wrong, said: str) -> None:  # type: ignore[no-untyped-def]
    rows, conditions = tables(run)
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        memlab.analyse(rows, wrong(conditions))


def test_the_schema_that_is_shipped_is_that_of_the_dataclasses(run: Path) -> None:
    """If it differs on purpose: write `json_schema()` to the file again."""
    shipped = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert shipped == json_schema()
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(results(run / "fit"), shipped)


def as_schema_1(new: dict) -> dict:  # type: ignore[type-arg]
    """Results in the layout of earlier versions."""
    names = {
        "matched-control": "placed",
        "nuisance-baseline": "floor",
        "round-trip": "there-and-back",
    }
    old = {**new, "schema": 1, "families": None, "conditions": []}
    for entry in new["conditions"]:
        role = "floor" if entry["role"] == "nuisance" else entry["role"]
        before = {name: entry[name] for name in ("ablation", "class_path", "parameters", "dose")}
        before |= {name: entry[name] for name in ("fill", "region", "unit", "primary", "n")}
        before |= {name: entry[name] for name in ("eligible", "not_eligible", "notes")}
        control = entry["control"] and {"kind": names[entry["control"]["kind"]], "reason": None}
        if control:
            baseline = entry["control"]["baseline"]
            control |= {name: baseline[name] for name in ("ratio", "beyond")}
            control |= {"drop": baseline["effect"], "rms": baseline["rms_effect"]}
            control["condition"] = baseline["condition"].replace(":nuisance", ":floor")
            control["warnings"] = entry["control"]["warnings"]
        tests = entry["tests"]
        old["conditions"].append(
            before
            | {
                "condition": entry["condition"].replace(":nuisance", ":floor"),
                "family": entry["family"].replace("nuisance", "floor"),
                "role": role,
                "yardstick": entry["in_baseline"],
                "compared_with": names.get(entry["compared_with"]),
                "drop": entry["effect"],
                "rms": entry["rms_effect"],
                "spearman_clean": entry["spearman_clean"],
                "spearman": entry["spearman_ablated"],
                "control": control,
                "p": tests["either"]["p"],
                "p_corrected": tests["either"]["p_corrected"],
                "test": {name: tests["either"][name] for name in ("statistic", "n", "method")},
                "test_mean": tests["mean"],
                "test_size": tests["size"],
                "out_of_distribution": None,
            }
        )
    return old


def test_results_of_schema_1_are_read(run: Path, tmp_path: Path) -> None:
    new = results(run / "fit")
    (tmp_path / "results.json").write_text(json.dumps(as_schema_1(new)))
    before, after = read(tmp_path), read(run / "fit")
    assert after.conditions[0].control is not None
    for old, effect in zip(before.conditions, after.conditions, strict=True):
        assert old.effect == effect.effect
        assert old.control == effect.control
        assert old.tests.size == effect.tests.size
        assert (old.condition, old.role, old.family) == (
            effect.condition,
            effect.role,
            effect.family,
        )


def test_a_damaged_field_is_named_with_its_condition(run: Path, tmp_path: Path) -> None:
    damaged = results(run / "fit")
    damaged["conditions"][1]["effect"]["value"] = "much"
    (tmp_path / "results.json").write_text(json.dumps(damaged))
    with pytest.raises(MemlabError, match=r"conditions\.grayscale@1\.effect\.value is 'much'"):
        read(tmp_path)
