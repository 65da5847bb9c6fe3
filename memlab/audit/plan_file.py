"""`plan.json`: the plan of an audit as a file, which is checked before an audit goes on with it."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from memlab.audit.plan import AuditPlan
from memlab.errors import MemlabError
from memlab.files import write_text
from memlab.reading import read_json
from memlab.values import shown

FILE = "plan.json"
REMEDY = "delete the folder, or choose another --out"
_PARTS = {"audited": "scored", "displayed": "audited", "scanned": "audited"}
"""Lists of ids, and the list that each is a part of."""


def write_plan(plan: AuditPlan, folder: Path) -> None:
    """Write the plan into the folder of the audit."""
    write_text(folder / FILE, json.dumps(asdict(plan), indent=1) + "\n")


def read_plan(folder: Path, ids: Collection[str]) -> AuditPlan | None:
    """Return the plan that a folder holds, or None.

    Args:
        folder: folder of the audit.
        ids: ids of the population.

    Raises:
        MemlabError: if the file is damaged, names an image that is not in the population, or has a
            number that cannot be; names file and entry.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    found = read_json(path, REMEDY)
    try:
        plan = TypeAdapter(AuditPlan).validate_json(json.dumps(found), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise MemlabError(f"{path}: damaged: {where}: {first['msg']}; {REMEDY}") from error
    wrong = next(_wrong(plan, ids), None)
    if wrong is not None:
        raise MemlabError(f"{path}: damaged: {wrong}; {REMEDY}")
    return plan


def _wrong(plan: AuditPlan, ids: Collection[str]) -> Iterator[str]:
    """Yield what a plan cannot hold."""
    lists = {name: getattr(plan, name) for name in ("scored", *_PARTS)}
    for name, members in lists.items():
        if len(set(members)) < len(members):
            yield f"{name} holds an image twice"
        outer = _PARTS.get(name)
        there = frozenset(ids if outer is None else lists[outer])
        where = "not among the images" if outer is None else f"not in {outer}"
        for one in members:
            if one not in there:
                yield f"{name} holds {shown(one)}, which is {where}"
    if not plan.audited:
        yield "audited is empty"
    for where, number in _numbers(asdict(plan)):
        if not (math.isfinite(number) and number >= 0):
            yield f"{where} is {number}"


def _numbers(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Yield all numbers of plain data, with their places."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _numbers(part, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _numbers(part, f"{where}[{index}]")
    elif isinstance(value, (int, float)):
        yield where, float(value)
