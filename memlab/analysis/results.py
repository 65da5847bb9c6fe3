"""Results of a command, as one versioned JSON file. No torch."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from memlab.analysis import schema_1
from memlab.analysis.cell_effect import CellEffect
from memlab.analysis.effect import AblationEffect, DoseCurve
from memlab.analysis.layer_choice import LayerChoice
from memlab.analysis.map_agreement import MapAgreement
from memlab.analysis.map_choice import MapChoice
from memlab.analysis.map_evidence import MapEvidence
from memlab.analysis.run_record import DataRecord, ModelRecord, Provenance, RidgeRecord
from memlab.errors import MemlabError
from memlab.files import write_text
from memlab.reading import read_json
from memlab.stats.measures import Statistic
from memlab.values import shown

SCHEMA = 2
FILE = "results.json"
SCHEMA_FILE = Path(__file__).with_name("results.schema.json")
"""JSON schema of the file, generated from the dataclasses; see `json_schema`."""
REMEDY = "test the run again: memlab test --run RUN"


@dataclass(frozen=True)
class Intervals:
    """Prediction intervals; see `memlab.metrics.conformal`.

    Args:
        level: nominal level.
        half_width: half width of the intervals.
        coverage: share of scores within their interval.
        expected_coverage: range of the coverage in 95 % of tests with exchangeable images.
        mean_width: mean width after cutting at 0 and 1.
    """

    level: float
    half_width: Statistic
    coverage: Statistic
    expected_coverage: tuple[float, float] | None
    mean_width: Statistic


@dataclass(frozen=True)
class Scan:
    """Effects of occluding each cell of a grid.

    Args:
        n: number of scanned images.
        of: number of tested images.
        cells: number of rows and columns.
        cell_size: side of a cell, in `unit`.
        unit: unit of positions and sizes.
        fill: what replaces a cell.
        outside: regions that are never occluded.
        free: least share of a cell outside these regions.
        method: how p was computed.
        level: level below which a corrected p counts.
        smallest_effect: smallest effect of interest, in units of the score.
        strongest: index of the strongest position; None if no position was tested.
        positions: one entry per cell, row by row.
    """

    n: int
    of: int
    cells: tuple[int, int]
    cell_size: float
    unit: str
    fill: str
    outside: list[str]
    free: float
    method: str
    level: float
    smallest_effect: float | None
    strongest: int | None
    positions: list[CellEffect]


@dataclass(frozen=True)
class MapsRecord:
    """Attribution maps of one method.

    Args:
        method: plugin name.
        parameters: arguments of the method.
        unit: unit of the values.
        n: number of images.
        grid: height and width of the maps.
        branches: branch of the model to its mean share.
        file: the maps, relative to the results.
        figure: overlays, relative to the results.
        checks: check of the maps to its mean over images, in units of the score (`lift_REGION`: 1
            is chance; `randomised_STAGE`: correlation), and `scores_sd`; see
            `memlab.attributions.trust` and `memlab.attributions.dependence`.
        evidence: whether maps predict the measured effect of removing a region.
        choice: which images, and how they were chosen; None in results of earlier versions.
        page: page with all maps, relative to the results; empty in results of earlier versions.
        layer: how the layer was chosen; None if it was given.
    """

    method: str
    parameters: dict[str, Any]
    unit: str
    n: int
    grid: tuple[int, ...]
    branches: dict[str, float]
    file: str
    figure: str
    checks: dict[str, Statistic] = field(default_factory=dict)
    evidence: list[MapEvidence] = field(default_factory=list)
    choice: MapChoice | None = None
    page: str = ""
    layer: LayerChoice | None = None


@dataclass
class Results:
    """Contents of `results.json`; a missing value is `null`, with a reason.

    Args:
        command: fit, validate, test or predict.
        status: `finished`, set once everything else is written.
        started: UTC, ISO 8601.
        finished: UTC, ISO 8601.
        provenance: code and machine.
        model: the model.
        data: the data.
        seed: seed of the run.
        n: number of images in rows.
        metrics: name to statistic with interval.
        interval: prediction intervals.
        ridge: the model's ridge head, if this command solved one.
        conditions: one effect per ablation, dose and role `target`, `swap` or `nuisance`.
        dose_curves: one curve per ablation with several doses.
        scan: effects of occluding each cell of a grid, if requested.
        maps: one entry per attribution method.
        agreement: one entry per pair of attribution methods.
        notes: notes for the reader.
        figures: paths relative to the file.
        schema: version of this layout.
    """

    command: str
    status: str
    started: str
    finished: str
    provenance: Provenance
    model: ModelRecord
    data: DataRecord
    seed: int | None
    n: int
    metrics: dict[str, Statistic] = field(default_factory=dict)
    interval: Intervals | None = None
    ridge: RidgeRecord | None = None
    conditions: list[AblationEffect] = field(default_factory=list)
    dose_curves: list[DoseCurve] = field(default_factory=list)
    scan: Scan | None = None
    maps: list[MapsRecord] = field(default_factory=list)
    agreement: list[MapAgreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    schema: int = SCHEMA

    def write(self, folder: Path) -> Path:
        """Write `results.json` into a folder, atomically; NaN becomes null."""
        path = folder / FILE
        text = json.dumps(without_nan(self), indent=2, allow_nan=False)
        write_text(path, text + "\n")
        return path


def read(folder: Path) -> Results:
    """Read a folder's `results.json`, of schema 2 or 1.

    Raises:
        MemlabError: if the file is missing, damaged, or written by a newer memlab; the message
            names the file.
    """
    path = folder / FILE
    if not path.exists():
        raise MemlabError(f"{path}: no results there; run memlab fit or memlab test")
    content = read_json(path, REMEDY)
    if not isinstance(content, dict):
        raise MemlabError(f"{path}: damaged: {shown(content)} where fields were expected; {REMEDY}")
    if "schema" not in content:
        raise MemlabError(f"{path}: damaged: no 'schema' in it; {REMEDY}")
    if content["schema"] == 1:
        try:
            content = schema_1.results(content)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise MemlabError(
                f"{path}: damaged results of schema 1: {_of_old(error)}; {REMEDY}"
            ) from error
    elif content["schema"] != SCHEMA:
        schema = shown(content["schema"])
        raise MemlabError(f"{path}: schema {schema}, this memlab reads 1 and 2; update memlab")
    try:
        results = _adapter().validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise MemlabError(f"{path}: damaged: {first_invalid(error, content)}; {REMEDY}") from error
    for file in [*results.figures, *(maps.figure for maps in results.maps)]:
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise MemlabError(f"{path}: damaged: the figure {file!r} is not beside it; {REMEDY}")
    return results


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of `results.json`, generated from the dataclasses."""
    return _adapter().json_schema()


def _adapter() -> TypeAdapter[Results]:
    return TypeAdapter(Results)


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping",
}
"""Type of a validation error to what was expected, in words."""


def first_invalid(error: ValidationError, content: dict[str, Any]) -> str:
    """Return the first invalid field with its value: `conditions.3.effect.n is 'x'`."""
    first = error.errors(include_url=False)[0]
    path = ".".join(_named(content, first["loc"]))
    if first["type"] == "missing":
        return f"no {path!r} in it"
    expected = _EXPECTED.get(first["type"])
    if expected is None and first["type"] == "literal_error":
        expected = str(first["ctx"]["expected"])
    if expected is None:
        return f"{path} is {shown(first['input'])}: {first['msg']}"
    return f"{path} is {shown(first['input'])}, not {expected}"


def _of_old(error: Exception) -> str:
    """Return what is wrong with results of schema 1, from the error of their conversion."""
    if isinstance(error, KeyError):
        return f"no {error.args[0]!r} in it"
    return "a value is of another kind than expected"


def _named(content: Any, path: tuple[int | str, ...]) -> list[str]:
    """Return the parts of a path; an entry of a list is named by its condition, if it has one."""
    parts = []
    for part in path:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = None
        name = content.get("condition") if isinstance(content, dict) else None
        parts.append(name if isinstance(part, int) and isinstance(name, str) else str(part))
    return parts


def without_nan(value: Any) -> Any:
    """Return plain data for JSON, also of dataclasses; NaN becomes None, and -0.0 becomes 0."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # turns -0.0 into 0.0
    if isinstance(value, dict):
        return {name: without_nan(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    return value
