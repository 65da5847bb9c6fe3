"""Exit code of an audit for pipelines."""

from __future__ import annotations

from typing import get_args

from memlab.audit.result import AuditResult, VerdictName
from memlab.errors import MemlabError

VERDICTS: tuple[str, ...] = get_args(VerdictName)


def verdicts_of(text: str) -> list[str]:
    """Return the verdicts that a text names: `shortcut`, or `shortcut,mixed`.

    >>> verdicts_of("shortcut, cannot tell")
    ['shortcut', 'cannot tell']

    Raises:
        MemlabError: for any other word; names the verdicts.
    """
    names = [one.strip() for one in text.split(",")]
    for name in names:
        if name not in VERDICTS:
            raise MemlabError(
                f"--fail-on {name!r}: no such verdict; there are {', '.join(VERDICTS)}"
            )
    return names


def exit_code(result: AuditResult, fail_on: str | None) -> int:
    """Return 1 if the verdict is among those that the pipeline must stop at, else 0.

    Args:
        result: the audit.
        fail_on: verdicts, as `verdicts_of` reads them; None for none.
    """
    return int(fail_on is not None and result.verdict.verdict in verdicts_of(fail_on))
