"""Finished audits read from their folders: result, protocol, rows and conditions. No torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from memlab.audit.assessment import audit_result
from memlab.audit.protocol import Protocol, read_protocol
from memlab.audit.result import AuditResult
from memlab.audit.result_file import FILE, REMEDY, read_result
from memlab.errors import DataError, MemlabError
from memlab.shards import read_parquet

PROTOCOL = "protocol.yaml"
_COLUMNS = {
    "rows": ("id", "predicted", "audited"),
    "conditions": ("condition", "id", "draw", "role", "dose", "eligible", "predicted"),
}
"""Columns without which a table of an audit cannot be analysed."""


@dataclass(frozen=True)
class FinishedAudit:
    """Finished audit.

    Args:
        label: name in tables.
        folder: its folder.
        result: its `audit.json`.
        protocol: the protocol that it followed.
        rows: the clean predictions of the table.
        conditions: the changed images.
    """

    label: str
    folder: Path
    result: AuditResult
    protocol: Protocol
    rows: pd.DataFrame
    conditions: pd.DataFrame


def read_audit(folder: Path) -> FinishedAudit:
    """Read the folder of a finished audit.

    Raises:
        MemlabError: if a file is missing or damaged, or its protocol has another version; the
            message names the file.
    """
    result = read_result(folder)
    protocol = read_protocol(folder / PROTOCOL if (folder / PROTOCOL).is_file() else None)
    if protocol.sha256 != result.protocol.sha256:
        raise MemlabError(f"{folder}: {FILE} and {PROTOCOL} are of different protocols; {REMEDY}")
    tables = [_table(folder, name) for name in ("rows", "conditions")]
    label = "/".join(folder.resolve().parts[-2:])
    return FinishedAudit(label, folder, result, protocol, *tables)


def again(
    audit: FinishedAudit, ids: Collection[str] | None = None, seed: int | None = None
) -> AuditResult:
    """Analyse the rows of a finished audit again, without the model.

    Args:
        audit: the audit.
        ids: the audited images to use; all by default. The whole table stays as it is.
        seed: seed of resampling and permutations; that of the audit by default.

    Raises:
        DataError: if no audited image is among the ids.
    """
    rows, conditions = audit.rows, audit.conditions
    if ids is not None:
        wanted = rows["id"].isin(set(ids)) & (rows["audited"] > 0)
        if not wanted.any():
            raise DataError(f"{audit.folder}: no audited image is among the given ids")
        rows = rows.assign(audited=wanted.astype(int))
        conditions = conditions[conditions["id"].isin(set(rows.loc[wanted, "id"]))]
    before = audit.result
    left_out = {
        one.name: one.variance_share.reason or "not run"
        for one in before.features
        if not one.conditions
    }
    result = audit_result(
        rows,
        conditions,
        before.conditions,
        audit.protocol,
        before.seed if seed is None else seed,
        left_out,
    )
    return replace(result, model=before.model, data=before.data, provenance=before.provenance)


def _table(folder: Path, name: str) -> pd.DataFrame:
    """Return `name.parquet`, or `name.csv` where it is missing, with the columns that it needs."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        path = path.with_suffix(".csv")
    if not path.is_file():
        raise MemlabError(f"{folder}: no {name}.parquet and no {name}.csv; {REMEDY}")
    try:
        found = (
            read_parquet(path)
            if path.suffix == ".parquet"
            else pd.read_csv(path, dtype={"id": str})
        )
    except (ValueError, OSError) as error:
        raise MemlabError(f"{path}: damaged: {' '.join(str(error).split())}; {REMEDY}") from error
    missing = [one for one in _COLUMNS[name] if one not in found]
    if missing:
        raise MemlabError(f"{path}: damaged: no column {', '.join(missing)}; {REMEDY}")
    return found
