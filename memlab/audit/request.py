"""What an audit was asked for: kept in its folder, so that an identical request goes on. No torch.

A request consists of what the rows depend on. A folder takes no other request: the error names the
first entry that differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from memlab.audit.population import Population
from memlab.audit.protocol import Protocol
from memlab.audit.row_code import row_code
from memlab.data.mask_summary import describe_masks
from memlab.errors import MemlabError
from memlab.files import fingerprint, write_text
from memlab.provenance import states_of, versions
from memlab.reading import read_json
from memlab.scorer import Scorer
from memlab.values import shown

FILE = "request.json"
_HIDDEN = {
    "weights": "another model's weights",
    "images": "images or masks that have changed since",
    "code": "other code for changes or for the model",
}
"""Words for entries that are fingerprints."""


def request_of(
    model: Scorer,
    population: Population,
    protocol: Protocol,
    *,
    budget: str | None,
    seed: int,
    batch_size: int,
    device: str,
) -> dict[str, Any]:
    """Return everything that the rows of an audit depend on, as plain data."""
    table = population.table
    images = (table.root / str(name) for name in table.rows["image"])
    masks = (path for region in table.regions for path in table.masks[region].paths(region))
    described = [describe_masks(table, region) for region in table.regions]
    data = {
        "table": table.fingerprint(),
        "files": states_of(chain(images, masks)),
        "masks": described,
        "audited": fingerprint("\n".join(map(str, population.rows["id"]))),
        "geometry": population.geometry.describe(),
    }
    code = {"versions": versions(), "sources": row_code(type(model))}
    return {
        "model": model.spec["class_path"],
        "protocol": protocol.sha256,
        "budget": budget,
        "seed": seed,
        "batch_size": batch_size,
        "device": device,
        "weights": f"{model.weights_id()} {_hash(model.spec)}",
        "images": _hash(data),
        "code": _hash(code),
    }


def take_up(folder: Path, request: Mapping[str, Any]) -> bool:
    """Return whether the folder holds an audit with the same request; otherwise keep the request.

    Raises:
        MemlabError: if the folder holds another audit; names the first difference.
    """
    path = folder / FILE
    if not path.is_file():
        write_text(path, json.dumps(request, indent=2) + "\n")
        return False
    before = read_json(path, "choose another --out")
    if not isinstance(before, dict):
        raise MemlabError(f"{path}: damaged: {shown(before)}; choose another --out")
    for name, value in request.items():
        if before.get(name) == value:
            continue
        what = _HIDDEN.get(name, f"{name} {before.get(name)}, not {value}")
        raise MemlabError(
            f"{folder} holds an audit with {what}; repeat its own command to go on with it, or "
            "choose another --out"
        )
    return True


def holds(folder: Path, request: Mapping[str, Any]) -> bool:
    """Return whether a folder holds an audit with the same request."""
    path = folder / FILE
    return path.is_file() and read_json(path, "delete it") == dict(request)


def _hash(value: object) -> str:
    return fingerprint(json.dumps(value, sort_keys=True, default=str))
