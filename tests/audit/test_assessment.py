"""From tables to the answer: a model of known causes gets the ranking and verdict it earns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memlab.ablations.scan import scan_conditions
from memlab.audit.assessment import audit_result
from memlab.audit.protocol import Protocol, read_protocol
from memlab.audit.result import AuditResult
from memlab.audit.result_file import SCHEMA_FILE, json_schema, read_result, write_result
from memlab.errors import MemlabError
from tests.builders.audit_tables import audit_tables

FACE = {"face": 0.95}
COLOUR = {"colour_background": 0.95}
MIXTURE = {"face": 0.7, "colour_background": 0.7}


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return replace(read_protocol(), resamples=400, sufficiency=())


def audited(
    protocol: Protocol, strength: dict[str, float], n: int = 120, **how: Any
) -> AuditResult:
    tables = audit_tables(protocol, strength, n, fills=1, draws=3, **how)
    return audit_result(*tables, protocol, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strength", "verdict", "first"),
    [
        (FACE, "human-interpretable", "face"),
        (COLOUR, "shortcut", "colour_background"),
        (MIXTURE, "mixed", None),
    ],
)
def test_a_model_of_known_causes_gets_its_verdict(
    protocol: Protocol, strength: dict[str, float], verdict: str, first: str | None
) -> None:
    found = audited(protocol, strength)
    assert found.verdict.verdict == verdict, found.verdict.clause
    if first is not None:
        assert found.ranking.decisive
        assert found.ranking.places[0].name == first
        assert found.feature(first).claim.claim == "relies"
    for name, share in strength.items():
        assert found.feature(name).variance_share.value == pytest.approx(share**2, rel=0.4)


@pytest.mark.slow
def test_a_model_of_unlisted_causes_is_not_judged(protocol: Protocol) -> None:
    found = audited(protocol, {})
    assert found.verdict.verdict == "cannot tell"
    assert not found.ranking.decisive
    assert all(one.claim.claim != "relies" for one in found.features)


@pytest.mark.slow
def test_few_images_do_not_decide(protocol: Protocol) -> None:
    found = audited(protocol, MIXTURE, n=30)
    assert found.verdict.verdict == "cannot tell"
    assert found.verdict.images_needed is not None
    assert found.verdict.images_needed > 30
    assert all(place.reason for place in found.ranking.places if place.name == "text")


@pytest.mark.slow
def test_predictions_without_correlation_have_no_ranking(protocol: Protocol) -> None:
    found = audited(protocol, FACE, accuracy=0.0)
    assert found.verdict.verdict == "cannot tell"
    assert "not shown to correlate" in found.verdict.clause
    assert found.ranking.reason is not None
    assert all(place.rank is None for place in found.ranking.places)


@pytest.mark.slow
def test_without_scores_the_answer_says_what_is_unknown(protocol: Protocol) -> None:
    found = audited(protocol, FACE, accuracy=None)
    assert found.verdict.verdict == "human-interpretable"
    assert "no scores" in found.verdict.does_not_show
    assert found.feature("face").performance_loss.reason == "the images have no scores"


@pytest.mark.slow
def test_a_constant_model_is_not_judged(protocol: Protocol) -> None:
    rows, conditions, records = audit_tables(protocol, FACE, 60, fills=1, draws=3)
    rows["predicted"] = conditions["predicted"] = 0.5
    found = audit_result(rows, conditions, records, protocol, 0)
    assert found.verdict.verdict == "cannot tell"
    assert "do not vary" in found.verdict.clause
    effects = [one.specific_effect for one in found.features if one.specific_effect]
    assert {effect.value for effect in effects if effect.n} == {0.0}


@pytest.mark.slow
def test_what_was_not_measured_counts_against_the_verdict(protocol: Protocol) -> None:
    """Without the low-level swaps, a reliance on faces does not make a model interpretable."""
    low = frozenset(one.name for one in protocol.features if one.side == "low-level")
    found = audited(protocol, FACE, skip=low - {"colour_background"})
    assert found.verdict.verdict == "cannot tell"
    assert set(found.semantic_share.unmeasured) >= {"texture_background", "spectrum_background"}


@pytest.mark.slow
def test_without_masks_what_stands_in_is_named(protocol: Protocol) -> None:
    masked = frozenset(
        one.name
        for one in protocol.features
        if one.kind == "presence" or one.name.endswith(("_background", "_figures"))
    )
    found = audited(protocol, {"colour_anywhere": 0.9}, skip=masked)
    colour = found.feature("colour_anywhere")
    assert colour.ranked
    assert colour.stands_in_for == "colour_background"
    assert "figures included" in colour.label
    assert found.ranking.places[0].name == "colour_anywhere"
    case = next(one for one in found.hypotheses if one.name == "Case B")
    assert ["colour_anywhere"] in case.order


@pytest.mark.slow
def test_hypotheses_are_decided_pair_by_pair(protocol: Protocol) -> None:
    found = audited(protocol, {"face": 0.8, "person": 0.5, "text": 0.3})
    case = next(one for one in found.hypotheses if one.name == "Case A")
    outcomes = {(pair.first, pair.second): pair.outcome for pair in case.pairs}
    assert outcomes["face", "person"] == "as predicted"
    assert outcomes["object", "text"] == "reversed"
    assert outcomes["face", "action"] == "cannot tell"
    assert case.tau.value is not None
    assert 0 < case.tau.value < 1


@pytest.mark.slow
def test_images_without_annotation_are_left_out_and_counted(protocol: Protocol) -> None:
    rows, conditions, records = audit_tables(protocol, FACE, 120, fills=1, draws=3)
    half = set(rows["id"][::2])
    rows.loc[rows["id"].isin(half), "face"] = np.nan
    unknown = conditions["id"].isin(half) & conditions["condition"].str.startswith("remove_faces")
    conditions.loc[unknown, "eligible"] = False
    conditions.loc[unknown, "reason"] = "not annotated"
    found = audit_result(rows, conditions, records, protocol, 0).feature("face")
    assert found.prevalence.n == 60
    assert found.prevalence.value == pytest.approx(0.4, abs=0.15)
    assert found.without["not annotated"] == 60
    assert found.variance_share.value == pytest.approx(0.9, rel=0.4)


@pytest.mark.slow
def test_a_stratified_sample_speaks_for_the_whole_table(protocol: Protocol) -> None:
    """Half of the audited images have a face, which a tenth of the table has."""
    rows, conditions, records = audit_tables(
        protocol, FACE, 200, table=2000, fills=1, draws=3, prevalence={"face": 0.1}
    )
    assert rows["audited"].sum() == 200
    found = audit_result(rows, conditions, records, protocol, 0)
    assert found.feature("face").prevalence.value == pytest.approx(0.1, abs=0.02)


@pytest.mark.slow
def test_the_file_is_read_back_and_has_a_schema(protocol: Protocol, tmp_path: Path) -> None:
    found = audited(protocol, FACE, n=60)
    write_result(found, tmp_path)
    assert read_result(tmp_path) == found
    content = json.loads((tmp_path / "audit.json").read_text())
    del content["verdict"]["clause"]
    (tmp_path / "audit.json").write_text(json.dumps(content))
    with pytest.raises(MemlabError, match=r"no 'verdict\.clause' in it"):
        read_result(tmp_path)


def test_the_shipped_schema_is_that_of_the_dataclasses() -> None:
    """If it differs on purpose: write `json_schema()` to the file again."""
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.slow
def test_what_leaves_the_range_of_predictions_has_no_share(protocol: Protocol) -> None:
    """A swap that drives scores 25 SD away says nothing about the feature."""
    rows, conditions, records = audit_tables(protocol, FACE, 60, fills=1, draws=3)
    wild = conditions["condition"] == "swap_pattern@1:swap"
    conditions.loc[wild, "predicted"] += 25
    found = audit_result(rows, conditions, records, protocol, 0).feature("texture_background")
    assert found.variance_share.value is None
    assert "out of distribution" in (found.variance_share.reason or "")
    assert found.claim.claim == "cannot tell"
    assert found.gauge[0].gauge.outside == 1


@pytest.mark.slow
def test_a_mark_that_no_mask_names_is_found(protocol: Protocol) -> None:
    """Occluding the last of 2 × 2 cells moves predictions; the other cells do nothing."""
    rows, conditions, records = audit_tables(protocol, {}, 80, fills=1, draws=3)
    rng = np.random.default_rng(0)
    for cell in scan_conditions():
        one = cell.record
        if one.parameters["row"] > 1 or one.parameters["column"] > 1:
            continue
        move = 0.5 * (one.parameters["row"] == one.parameters["column"] == 1)
        changed = rows["predicted"] - move + 0.02 * rng.normal(size=len(rows))
        table = {"condition": one.condition, "draw": 0, "id": rows["id"], "eligible": True}
        table |= {"predicted": changed, "dose": 1.0, "role": "target", "region": "all"}
        conditions = pd.concat([conditions, pd.DataFrame(table)], ignore_index=True)
        records.append(one)
    found = audit_result(rows, conditions, records, protocol, 0)
    assert found.scan is not None
    assert found.scan.strongest == 3
    assert found.scan.positions[3].stands_out
    assert "row 2, column 2 of 2 × 2" in found.verdict.shows


@pytest.mark.slow
def test_more_than_the_whole_variance_is_no_share(protocol: Protocol) -> None:
    """A swap that moves predictions twice as far as they differ, but within their range."""
    rows, conditions, records = audit_tables(protocol, FACE, 80, fills=1, draws=3)
    wild = conditions["condition"] == "swap_pattern@1:swap"
    ends = rows["predicted"].quantile([0.01, 0.99]).tolist()
    low = rows.set_index("id").loc[conditions.loc[wild, "id"], "predicted"].lt(0).to_numpy()
    conditions.loc[wild, "predicted"] = [ends[1] if one else ends[0] for one in low]
    found = audit_result(rows, conditions, records, protocol, 0).feature("texture_background")
    assert found.variance_share.value is None
    assert "above 1" in (found.variance_share.reason or "")
    assert found.claim.claim == "cannot tell"
