"""`audit.json`: an audit's result as one versioned file. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from memlab.analysis.results import first_invalid, without_nan
from memlab.audit.result import SCHEMA, AuditResult
from memlab.errors import MemlabError
from memlab.files import write_text
from memlab.reading import read_json
from memlab.values import shown

FILE = "audit.json"
SCHEMA_FILE = Path(__file__).with_name("audit.schema.json")
"""JSON schema of the file, generated from the dataclasses; see `json_schema`."""
REMEDY = "audit the model again: memlab audit MODEL"


def write_result(result: AuditResult, folder: Path) -> Path:
    """Write `audit.json` into a folder, atomically; NaN becomes null."""
    path = folder / FILE
    write_text(path, json.dumps(without_nan(result), indent=2, allow_nan=False) + "\n")
    return path


def read_result(folder: Path) -> AuditResult:
    """Read a folder's `audit.json`.

    Raises:
        MemlabError: if the file is missing, damaged, or written by another version; the message
            names the file.
    """
    path = folder / FILE
    if not path.exists():
        raise MemlabError(f"{path}: no audit there; run memlab audit MODEL")
    content = read_json(path, REMEDY)
    if not isinstance(content, dict) or "schema" not in content:
        raise MemlabError(f"{path}: damaged: no 'schema' in it; {REMEDY}")
    if content["schema"] != SCHEMA:
        raise MemlabError(
            f"{path}: schema {shown(content['schema'])}, this memlab reads {SCHEMA}; update memlab"
        )
    try:
        result = _adapter().validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        raise MemlabError(f"{path}: damaged: {first_invalid(error, content)}; {REMEDY}") from error
    for file in result.figures:
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise MemlabError(f"{path}: damaged: the figure {file!r} is not beside it; {REMEDY}")
    return result


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of `audit.json`, generated from the dataclasses."""
    return _adapter().json_schema()


def _adapter() -> TypeAdapter[AuditResult]:
    return TypeAdapter(AuditResult)
