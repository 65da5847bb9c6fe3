"""The plan as a file: what it holds is checked before an audit goes on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memlab.audit.plan import AuditPlan, FeaturePlan, StratumPlan
from memlab.audit.plan_file import read_plan, write_plan
from memlab.audit.power import FeaturePower
from memlab.errors import MemlabError

IDS = {"a.png", "b.png", "c.png", "d.png"}


def plan() -> AuditPlan:
    """A plan of two of four images."""
    return AuditPlan(
        audited=["a.png", "c.png"],
        displayed=["c.png"],
        scanned=["a.png", "c.png"],
        scored=["a.png", "b.png", "c.png"],
        of=4,
        strata=[StratumPlan("none", 3, 2)],
        features=[FeaturePlan("face", "faces", 2, 40, 1.5, FeaturePower(0.2, None, 2, 3))],
        conditions=8,
        clean_forwards=3,
        changed_forwards=40,
        scan_forwards=0,
        expected_forwards=43,
        seconds=2.0,
        trial_seconds=1.0,
        trial_images=3,
        sd=0.1,
    )


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_plan(tmp_path, IDS) is None
    write_plan(plan(), tmp_path)
    assert read_plan(tmp_path, IDS) == plan()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"audited": ["a.png", "z.png"]}, "audited holds 'z.png', which is not in scored"),
        ({"scored": ["a.png", "c.png", "z.png"]}, "'z.png', which is not among the images"),
        ({"displayed": ["b.png"]}, "displayed holds 'b.png', which is not in audited"),
        ({"audited": ["a.png", "a.png"], "displayed": []}, "audited holds an image twice"),
        ({"audited": [], "displayed": [], "scanned": []}, "audited is empty"),
        ({"changed_forwards": -40}, "changed_forwards is -40"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"strata": [{"name": "none", "images": 3, "audited": -1}]}, "strata[0].audited is -1"),
        ({"of": "4"}, "of: Input should be a valid integer"),
        ({"sd": None}, "sd: Input should be a valid number"),
    ],
)
def test_a_damaged_plan_is_one_line_with_file_and_remedy(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    write_plan(plan(), tmp_path)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(MemlabError) as error:
        read_plan(tmp_path, IDS)
    message = str(error.value)
    assert said in message
    assert message.startswith(f"{path}: damaged: ")
    assert message.endswith("; delete the folder, or choose another --out")
    assert "\n" not in message
