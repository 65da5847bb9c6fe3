"""What a plan can detect: noise of a trial as the audit will average it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memlab.audit.conditions import conditions_of
from memlab.audit.power import noise_of, power_of
from memlab.audit.protocol import Feature, read_protocol
from memlab.audit.trial import Trial
from memlab.inference.changed import Seconds

IMAGES = 400


def trial(fills: int, noise: float) -> Trial:
    """A trial of faces whose fills have independent noise in each draw, and no effect."""
    rng = np.random.default_rng(0)
    protocol = read_protocol()
    ids = [f"{index:03d}" for index in range(IMAGES)]
    clean = rng.normal(size=IMAGES)
    clean /= clean.std()
    parts, seconds, made = [], {}, {}
    for one in conditions_of(protocol, protocol.feature("face"))[: 2 * fills]:
        for draw in range(2):
            predicted = clean - noise * rng.normal(size=IMAGES)
            parts.append(
                pd.DataFrame({"condition": one.key, "draw": draw, "id": ids, "eligible": True})
                .assign(predicted=predicted, role=one.role, compared_with="matched-control")
                .assign(ablation=one.ablation.name, region=one.ablation.region)
            )
        kind = f"{one.record.curve}:{one.role}"
        seconds[kind], made[kind] = Seconds(1.0, 1.0, IMAGES), 1.0
    table = pd.DataFrame({"id": ids, "predicted": clean})
    return Trial(IMAGES, 0.01, False, seconds, made, 1.0, 1.0, table, pd.concat(parts))


def test_four_fills_halve_the_smallest_effect() -> None:
    """The audit averages the fills of a draw; their noise here is independent."""
    protocol = read_protocol()
    face: Feature = protocol.feature("face")
    conditions = conditions_of(protocol, face)
    one, four = (
        power_of(protocol, conditions, 200, noise_of(trial(fills, 0.1))) for fills in (1, 4)
    )
    assert one.detectable is not None
    assert four.detectable is not None
    assert four.detectable == pytest.approx(one.detectable / 2, rel=0.15)
    assert four.images == IMAGES
    assert one.to_exclude is not None
    assert four.to_exclude is not None
    assert four.to_exclude < one.to_exclude
