"""T that ranks and decides: what it covers, what it leaves open, and how few images it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from memlab.audit.assessment import audit_result
from memlab.audit.protocol import Protocol, read_protocol
from memlab.audit.result import AuditResult
from memlab.audit.verdict import images_for_rho
from tests.builders.audit_tables import audit_tables

PEOPLE = {"face": 0.5, "person": 0.5}
SEMANTIC = frozenset({"face", "person", "object", "text"})


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return replace(read_protocol(), resamples=300, sufficiency=(), scan=False)


def audited(
    protocol: Protocol, strength: dict[str, float], n: int = 150, **how: Any
) -> AuditResult:
    return audit_result(*audit_tables(protocol, strength, n, fills=1, draws=3, **how), protocol, 0)


def test_a_feature_that_was_not_exchanged_is_compared_by_presence(protocol: Protocol) -> None:
    """Which person it is moves more than whether one is there; of faces this is unknown."""
    found = audited(protocol, PEOPLE, exchange={"person": 0.9})
    face, person = found.feature("face"), found.feature("person")
    assert person.exchange_share is not None
    assert person.exchange_share.value == pytest.approx(0.4**2 * 0.9**2, rel=0.4)
    assert person.variance_share.value == pytest.approx(0.25 + person.exchange_share.value, rel=0.4)
    assert face.exchange_share is not None
    assert face.exchange_share.value is None
    assert face.exchange_share.reason == "not run"
    contrast = next(one for one in found.contrasts if one.name == "face - person")
    assert contrast.presence_only
    assert contrast.difference.value == pytest.approx(0, abs=0.1)
    case = next(one for one in found.hypotheses if one.name == "Case A")
    pairs = {(pair.first, pair.second): pair for pair in case.pairs}
    assert pairs["face", "person"].presence_only
    assert pairs["face", "person"].outcome == "open"
    assert not pairs["person", "colour_background"].presence_only


def test_the_verdict_stays_open_by_what_exchange_could_move(protocol: Protocol) -> None:
    """Every image has a face, so that its presence moves nothing, and its exchange may."""
    strength = {"colour_background": 0.6, "text": 0.2}
    prevalence = {"face": 1.0, "person": 0.4, "object": 0.4, "text": 0.3}
    found = audited(
        protocol, strength, prevalence=prevalence, exchange=dict.fromkeys(SEMANTIC - {"face"}, 0)
    )
    share = found.semantic_share
    assert set(share.unexchanged) == {"face"}
    assert share.unexchanged["face"] == pytest.approx(0.5)
    assert share.share.high is not None
    assert share.share.high < 0.333 < share.high
    assert found.verdict.verdict == "cannot tell"
    assert "whatever was not measured (exchange of face)" in found.verdict.clause


def test_a_feature_that_no_image_has_leaves_nothing_open(protocol: Protocol) -> None:
    prevalence = {"face": 0.0, "person": 0.4, "object": 0.4, "text": 0.4}
    found = audited(
        protocol,
        {"colour_background": 0.9},
        prevalence=prevalence,
        exchange=dict.fromkeys(SEMANTIC, 0.0),
        skip=frozenset({"colour_faces"}),
    )
    for name in ("face", "colour_faces"):
        assert found.feature(name).variance_share.value is None
        assert name not in found.semantic_share.unmeasured
    assert found.verdict.verdict == "shortcut"


def test_few_compared_images_give_no_t_and_a_stand_in(protocol: Protocol) -> None:
    rows, conditions, records = audit_tables(
        protocol, {"face": 0.5, "colour_anywhere": 0.5}, 120, fills=1, draws=3
    )
    kept = set(rows["id"][:12])
    lost = ~conditions["id"].isin(kept) & (
        (conditions["condition"] == "remove_faces@1(fill=harmonic):control")
        | conditions["condition"].str.startswith("swap_palette@1(luma=donor)[background]")
    )
    conditions.loc[lost, "eligible"] = False
    conditions.loc[lost, "reason"] = np.where(
        conditions.loc[lost, "role"] == "control", "no room", "absent"
    )
    found = audit_result(rows, conditions, records, protocol, 0)
    place = next(one for one in found.ranking.places if one.name == "face")
    assert place.reason is not None
    assert "images; fewer than 20 decide nothing" in place.reason
    assert "face" in found.semantic_share.unmeasured
    assert found.feature("colour_anywhere").stands_in_for == "colour_background"
    assert "colour_background" not in [one.name for one in found.ranking.places]


def test_weights_follow_from_the_strata_of_the_images_that_are_used(protocol: Protocol) -> None:
    """A quarter of the table has text and half of the audited images; a half of them as well."""
    rows, conditions, records = audit_tables(
        protocol, {"text": 0.5}, 160, table=480, fills=1, draws=3, prevalence={"text": 0.5}
    )
    without = rows.index[(rows["text"] == 0) & (rows["audited"] == 0)]
    more = rows.loc[without].assign(id=lambda table: "more" + table["id"])
    rows = type(rows)(np.concatenate([rows, more]), columns=rows.columns).infer_objects()
    rows["stratum"] = np.where(rows["text"] == 1, "text", "none")
    for step in (1, 2):
        some = rows.assign(
            audited=rows["audited"] * (rows.groupby("audited").cumcount() % step == 0)
        )
        ids = set(some.loc[some["audited"] == 1, "id"])
        part = conditions[conditions["id"].isin(ids)]
        found = audit_result(some, part, records, protocol, 0)
        swap = found.feature("colour_background")
        assert swap.prevalence.value == pytest.approx(1)
        share = found.feature("text").prevalence
        assert share.value == pytest.approx((rows["text"] == 1).mean())
        error = (share.value * (1 - share.value) / len(rows)) ** 0.5
        assert share.low is not None
        assert share.high is not None
        assert share.high - share.low == pytest.approx(2 * 1.96 * error, rel=0.25)


def test_strata_without_an_audited_image_are_told(protocol: Protocol) -> None:
    rows, conditions, records = audit_tables(
        protocol, {"face": 0.5}, 60, table=100, fills=1, draws=3
    )
    rows.loc[90:, "stratum"] = "rare"
    found = audit_result(rows, conditions, records, protocol, 0)
    assert any(
        note.startswith("10 images (10.0 % of the table) have features that no audited image has")
        and "rare" in note
        for note in found.notes
    )


def test_a_correlation_that_is_open_says_what_would_show_it(protocol: Protocol) -> None:
    found = audited(protocol, {"face": 0.5}, 40, accuracy=0.2)
    rho = found.sample.spearman.value
    assert rho is not None
    assert 0 < rho < 0.3
    needed = images_for_rho(rho)
    assert found.verdict.images_needed == needed
    assert f"about {needed:,} images with scores would show" in found.verdict.clause
    # Spearman's rho of .3 with 5 % and power .8: 84 images by Pearson's z, times 1.06
    assert images_for_rho(0.3) == pytest.approx(90, abs=5)
    assert images_for_rho(-0.1) is None
    against = audited(protocol, {"face": 0.5}, 60, accuracy=-0.9)
    assert "is not that of people's scores" in against.verdict.shows
    assert against.verdict.images_needed is None
