"""Results of a command, as one versioned JSON file."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memlab.errors import MemlabError
from memlab.files import write_text
from memlab.reading import read_json
from memlab.values import check_fields, fits, shown

SCHEMA = 1
FILE = "results.json"
REMEDY = "test the run again: memlab test --run RUN"


@dataclass
class Results:
    """Contents of `results.json`; a missing value is `null`, with a reason.

    Args:
        command: fit, validate, test or predict.
        status: `finished`, set once everything else is written.
        started: UTC, ISO 8601.
        finished: UTC, ISO 8601.
        provenance: versions, commit, device, plugins.
        model: spec, weights id and checkpoint of the model.
        data: source, split, counts, fingerprint, decoder, geometry, skipped images.
        seed: seed of the run.
        n: number of images in rows.
        metrics: name to statistic with interval.
        interval: prediction intervals: nominal level, half width, coverage, expected coverage, and
            mean width.
        conditions: one entry per ablation, dose and role `target`, `swap` or `floor`, which
            contains its comparison; see `condition_entry`.
        dose_curves: one entry per ablation with several doses.
        families: statistics per family of ablations.
        scan: effects of occluding each cell of a grid, if requested.
        maps: one entry per attribution method.
        notes: notes for the reader.
        figures: paths relative to the file.
        schema: version of this layout.
    """

    command: str
    status: str
    started: str
    finished: str
    provenance: dict[str, Any]
    model: dict[str, Any]
    data: dict[str, Any]
    seed: int | None
    n: int
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    interval: dict[str, Any] | None = None
    conditions: list[dict[str, Any]] = field(default_factory=list)
    dose_curves: list[dict[str, Any]] = field(default_factory=list)
    families: list[dict[str, Any]] | None = None
    scan: dict[str, Any] | None = None
    maps: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    schema: int = SCHEMA

    def write(self, folder: Path) -> Path:
        """Write `results.json` into a folder, atomically; NaN becomes null."""
        path = folder / FILE
        text = json.dumps(without_nan(dataclasses.asdict(self)), indent=2, allow_nan=False)
        write_text(path, text + "\n")
        return path


def read(folder: Path) -> Results:
    """Read a folder's `results.json`.

    Raises:
        MemlabError: if the file is missing, damaged, or written by a newer memlab; the message
            names the file.
    """
    path = folder / FILE
    if not path.exists():
        raise MemlabError(f"{path}: no results there; run memlab fit or memlab test")
    found = read_json(path, REMEDY)
    if isinstance(found, dict) and "schema" not in found:
        raise MemlabError(f"{path}: damaged: no 'schema' in it; {REMEDY}")
    fields = check_fields(Results, found, str(path), REMEDY)
    if fields["schema"] != SCHEMA:
        schema = fields["schema"]
        raise MemlabError(f"{path}: schema {schema}, this memlab reads {SCHEMA}; update memlab")
    if "pictures" in fields["data"]:  # key of earlier versions
        fields["data"]["images"] = fields["data"].pop("pictures")
    results = Results(**fields)
    _check_entries(results, path)
    return results


def _check_entries(results: Results, path: Path) -> None:
    """Check the contents of the fields; raise a MemlabError that names an invalid field."""
    named = {f"metrics.{name}": statistic for name, statistic in results.metrics.items()}
    for entry in results.conditions:
        condition = entry.get("condition")
        for field_, kind in (("condition", str), ("role", str), ("parameters", dict)):
            if not isinstance(entry.get(field_), kind):
                found = shown(entry.get(field_))
                raise MemlabError(f"{path}: damaged: {condition}: {field_} is {found}; {REMEDY}")
        named |= {
            f"{condition}.{name}": entry[name]
            for name in ("drop", "rms", "spearman_clean", "spearman")
            if entry.get(name) is not None
        }
    for name, statistic in named.items():
        if not isinstance(statistic, dict):
            raise MemlabError(f"{path}: damaged: {name} is {shown(statistic)}; {REMEDY}")
        numbers = [statistic.get(part) for part in ("value", "low", "high")]
        if not all(fits(number, float | None) for number in numbers) or "value" not in statistic:
            raise MemlabError(f"{path}: damaged: {name} is {shown(statistic)}; {REMEDY}")
    files = [*results.figures, *(str(one.get("figure")) for one in results.maps)]
    for file in files:
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise MemlabError(f"{path}: damaged: the figure {file!r} is not beside it; {REMEDY}")


def condition_entry(
    condition: dict[str, Any],
    n: int,
    eligible: int,
    drop: dict[str, Any],
    spearman_clean: dict[str, Any],
    spearman: dict[str, Any],
    rms: dict[str, Any] | None = None,
    control: dict[str, Any] | None = None,
    test: dict[str, Any] | None = None,
    test_mean: dict[str, Any] | None = None,
    test_size: dict[str, Any] | None = None,
    not_eligible: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Return the entry of one condition.

    Args:
        condition: `Condition.describe()`.
        n: number of evaluated images.
        eligible: number of images that the ablation can change.
        drop: mean effect, clean - changed, with interval, over eligible images.
        spearman_clean: correlation of clean predictions with scores, same images.
        spearman: correlation of changed predictions with scores, same images.
        rms: root mean square effect with interval.
        control: what the effect is compared with, and the comparison.
        test: tested statistic, `p` and `p_corrected`; or the reason why there is no test.
        test_mean: the same for the mean effect alone.
        test_size: the same for the size of the effect alone.
        not_eligible: number of images that could not be changed, by reason.
    """
    test = dict(test) if test else {}
    return {
        **condition,
        "n": n,
        "eligible": eligible,
        "drop": drop,
        "rms": rms,
        "spearman_clean": spearman_clean,
        "spearman": spearman,
        "control": control,
        "p": test.pop("p", None),
        "p_corrected": test.pop("p_corrected", None),
        "test": test or None,
        "test_mean": test_mean,
        "test_size": test_size,
        "not_eligible": not_eligible,
        "notes": [],
        "out_of_distribution": None,
    }


def without_nan(value: Any) -> Any:
    """Return plain data for JSON: NaN and infinity become None, and -0.0 becomes 0."""
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # turns -0.0 into 0.0
    if isinstance(value, dict):
        return {name: without_nan(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    return value
