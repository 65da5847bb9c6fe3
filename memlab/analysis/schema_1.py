"""Reading of results of schema 1, which earlier versions of memlab wrote. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from memlab.roles import OLD_CONTROLS, OLD_ROLES

_QUANTITIES = {
    "S": "specific_effect",
    "S_sd": "specific_effect_sd",
    "M": "energy_distance",
    "V": "squared_effect",
    "RMS": "rms_effect",
    "RMS+": "rms_effect_upper",
    "g": "rms_effect_sd",
    "g+": "rms_effect_sd_upper",
    "T": "variance_share",
    "T+": "variance_share_upper",
}
_CURVES = {"S": "specific_effect", "T": "variance_share", "D": "effect"}
_POSITIONS = {"elsewhere": "matched", "blob": "random-shape"}
_RECORD = (
    *("ablation", "class_path", "parameters", "fill", "region", "dose", "unit", "primary"),
    *("n", "eligible", "not_eligible"),
)


def results(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a `results.json` of schema 1 in the layout of schema 2.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: if the content is damaged.
    """
    new = {name: value for name, value in old.items() if name != "families"}
    data = dict(old["data"])
    if "pictures" in data:  # key of still earlier versions
        data["images"] = data.pop("pictures")
    data["masks"] = {
        region: {"annotated" if name == "looked_at" else name: value for name, value in one.items()}
        for region, one in data.get("masks", {}).items()
    }
    scan = old.get("scan")
    return {
        **new,
        "schema": 2,
        "data": {"split_rule": None, "donors": None, "empty_masks": None, **data},
        "conditions": [_effect(entry) for entry in old.get("conditions") or ()],
        "dose_curves": [_curve(entry) for entry in old.get("dose_curves") or ()],
        "scan": scan and {**scan, "positions": [_cell(entry) for entry in scan["positions"]]},
    }


def conditions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a `conditions.csv` of schema 1 with the columns and values of schema 2."""
    if "role" in table and table["role"].isin(list(OLD_ROLES)).any():
        table = table.assign(
            role=table["role"].replace(OLD_ROLES), condition=table["condition"].map(_key)
        )
    if "family" in table:
        table = table.assign(family=table["family"].replace({"floor": "nuisance"}))
    if "place" in table:
        position = table["place"].replace(_POSITIONS)
        table = table.drop(columns="place").assign(position=position)
    return table


def _key(condition: str) -> str:
    change, colon, role = condition.rpartition(":")
    return f"{change}:{OLD_ROLES[role]}" if colon and role in OLD_ROLES else condition


def _effect(old: Mapping[str, Any]) -> dict[str, Any]:
    control = old["control"]
    kind = old["compared_with"]
    test = dict(old["test"] or {})
    test |= {name: old[name] for name in ("p", "p_corrected")}
    if control is not None and "p_max_t" in control:
        test["p_max_t"] = control["p_max_t"]
    tests = {"either": test, "mean": old.get("test_mean"), "size": old.get("test_size")}
    untested = {"reason": "not tested"}
    return {
        **{name: old.get(name) for name in _RECORD},
        "notes": old.get("notes") or [],
        "condition": _key(old["condition"]),
        "family": {"floor": "nuisance"}.get(old["family"], old["family"]),
        "role": OLD_ROLES.get(old["role"], old["role"]),
        "in_baseline": old.get("yardstick", True) and old["role"] == "floor",
        "compared_with": OLD_CONTROLS.get(kind, kind),
        "effect": old["drop"],
        "rms_effect": old["rms"],
        "spearman_clean": old["spearman_clean"],
        "spearman_ablated": old["spearman"],
        "control": None if control is None else _control(control),
        "beyond_control": {
            name: control[letter]
            for letter, name in _QUANTITIES.items()
            if control is not None and letter in control
        },
        "tests": {name: test or untested for name, test in tests.items()},
    }


def _control(old: Mapping[str, Any]) -> dict[str, Any]:
    kind = OLD_CONTROLS.get(old["kind"], old["kind"])
    new = {
        name: old[name]
        for name in ("reason", "draws", "draws_mean", "without", "balance", "donors", "warnings")
        if name in old
    }
    new |= {"kind": kind}
    if kind == "nuisance-baseline":
        return {**new, "baseline": _baseline(old) if "condition" in old else None}
    beside = {"eligible": "n", "drop": "effect", "own_drop": "ablation_effect"}
    new |= {name: old[before] for before, name in beside.items() if before in old}
    baseline = old.get("baseline")
    return {
        **new,
        "random_shapes": old.get("blobs", False),
        "baseline": None if baseline is None else _baseline(baseline),
    }


def _baseline(old: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "condition": _key(old["condition"]),
        "effect": old["drop"],
        "rms_effect": old["rms"],
        "ratio": old["ratio"],
        "beyond": old["beyond"],
    }


def _curve(old: Mapping[str, Any]) -> dict[str, Any]:
    unchanged = "curve ablation family region fill unit conditions doses area isotonic_residual"
    kind = old["compared_with"]
    return {
        **{name: old[name] for name in unchanged.split()},
        "compared_with": OLD_CONTROLS.get(kind, kind),
        "quantity": _CURVES[old["effect"]],
        "values": old["effects"],
        "effects": old["drops"],
        "control_effects": old["control_drops"],
    }


def _cell(old: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"drop": "effect", "specific": "specific_effect"}
    return {renamed.get(name, name): value for name, value in old.items()}
