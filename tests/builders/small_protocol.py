"""A small protocol of the audit: features of the built-in one, with few draws and no scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from memlab.audit.protocol import BUILT_IN

KEPT = ("face", "text", "colour_background", "colour_anywhere", "background")


def small_protocol(path: Path, kept: tuple[str, ...] = KEPT) -> Path:
    """Write a protocol with some features, one fill, two draws, no ladder and no scan."""
    found: dict[str, Any] = yaml.safe_load(BUILT_IN.read_text(encoding="utf-8"))
    found["features"] = [one for one in found["features"] if one["name"] in kept]
    for one in found["features"]:
        one.pop("insertion", None)
        if one["kind"] == "presence":
            one.pop("swap", None)
            one["removals"] = one["removals"][:1]
    for case in found["hypotheses"]:
        groups = [[name for name in group if name in kept] for group in case["order"]]
        case["order"] = [group for group in groups if group]
    found["contrasts"] = [{"name": "face", "first": ["face"], "second": ["colour_background"]}]
    found |= {"draws": 2, "draws_elsewhere": 1, "target_draws": 2, "swap_draws": 2}
    found |= {"display_share": 0.0, "resamples": 200, "scan": False, "sufficiency": []}
    found["nuisance"] = found["nuisance"][:1]
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
    return path
