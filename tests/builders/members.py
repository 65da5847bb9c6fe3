"""Members of memlab repeat, trained in the process of the test."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from memlab.cli import main


class Here:
    """Stands in for the program of a member, where its start is not what is tested."""

    stdout = ""

    def __init__(self, command: list[str], stdout: int | None = None, **_: Any) -> None:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            self.returncode = main(command[3:])  # after python -m memlab
        self.stdout = shown.getvalue()

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None: ...

    def wait(self) -> int:
        return self.returncode
