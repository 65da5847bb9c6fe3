"""Notes on features whose changed images lie farther from unchanged ones than their controls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memlab.analysis.gauge import Gauge
from memlab.audit.assessment import audit_result
from memlab.audit.feature_result import ConditionGauge, FeatureResult, InsertionEffect
from memlab.audit.gauge_notes import distance_notes
from memlab.audit.protocol import read_protocol
from memlab.stats.measures import Statistic
from tests.builders.audit_tables import audit_tables


@pytest.fixture(scope="module")
def features() -> list[FeatureResult]:
    protocol = replace(read_protocol(), resamples=50)
    tables = audit_tables(protocol, {"face": 0.9}, 40, fills=1, draws=2)
    found = audit_result(*tables, protocol, 0).features
    return [one for one in found if one.conditions][:3]


def with_gauge(one: FeatureResult, difference: float, reason: str | None = None) -> FeatureResult:
    gauge = Gauge(40, difference=difference)
    return replace(one, gauge=[ConditionGauge(one.conditions[0], gauge, reason)])


def test_features_far_from_unchanged_images_are_named_once(features: list[FeatureResult]) -> None:
    face, person, other = features
    measured = [with_gauge(face, 0.12), with_gauge(person, 0.4), with_gauge(other, 0.1)]
    (note,) = distance_notes(measured)
    assert f"{person.label} (0.40 SD), {face.label} (0.12 SD)." in note
    assert other.label not in note


def test_what_is_left_out_of_t_is_not_named_again(features: list[FeatureResult]) -> None:
    assert distance_notes([with_gauge(features[0], 3.0, "out of distribution")]) == []
    far = with_gauge(features[0], 3.0)
    nothing = Statistic(None, 0, reason="not measured")
    for used, count in ((False, 0), (True, 1)):
        inserted = InsertionEffect(far.conditions[0], nothing, nothing, used)
        assert len(distance_notes([replace(far, insertion=inserted)])) == count
