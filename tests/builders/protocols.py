"""Small protocols, for audits of seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from memlab.audit.protocol import BUILT_IN


def built_in() -> dict[str, Any]:
    """The content of memlab's own protocol."""
    found: dict[str, Any] = yaml.safe_load(BUILT_IN.read_text(encoding="utf-8"))
    return found


def small(features: Sequence[str] = ("face", "colour_anywhere"), **other: Any) -> dict[str, Any]:
    """Content of a protocol with a few features, one fill, and few draws."""
    content = built_in()
    content["features"] = [one for one in content["features"] if one["name"] in features]
    families: set[str] = set()
    for one in content["features"]:
        one.pop("stands_in_for", None)
        one.pop("insertion", None)
        one["representative"] = one["family"] not in families
        families.add(one["family"])
        if "removals" in one:
            one["removals"] = one["removals"][:1]
    content |= {"contrasts": [], "hypotheses": [], "scan": False, "resamples": 200}
    content |= {"draws": 2, "draws_elsewhere": 1, "target_draws": 2, "swap_draws": 2}
    content |= {"nuisance": content["nuisance"][:1], "sufficiency": [], "display_share": 0.1}
    return content | other


def write_protocol(path: Path, content: dict[str, Any]) -> Path:
    """Write a protocol to a file."""
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path
