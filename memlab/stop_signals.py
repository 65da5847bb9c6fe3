"""Signals that ask a run to stop: recorded at once, obeyed at the next safe point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)
"""Ctrl-C, the signals of schedulers and containers, and SLURM's warning (--signal=USR1)."""


class StopSignals:
    """Handler of stop signals between `install` and `remove`.

    The first signal is kept in `received`; a second Ctrl-C stops at once.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Start catching the signals; outside the main thread Python allows no handlers."""
        if threading.current_thread() is threading.main_thread() and not self._before:
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def remove(self) -> None:
        """Restore the previous handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.received == number:
            raise KeyboardInterrupt
        self.received = number
        again = " (Ctrl-C again: at once)" if number == signal.SIGINT else ""
        print(f"\nmemlab: stopping after this batch{again}", file=sys.stderr)  # noqa: T201


def ignore_signals(_worker: int) -> None:
    """Ignore stop signals in data-loading workers; the training process decides when they end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def requeue() -> str:
    """Ask SLURM to requeue this job after a time-limit warning; return a message for the user."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")
    if job is None:
        return ""
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True)
    except OSError as error:
        return f"\nSLURM job {job} could not be requeued: scontrol: {error.strerror}"
    if done.returncode:
        return f"\nSLURM job {job} could not be requeued: {done.stderr.strip()}"
    return f"\nSLURM job {job} is requeued"
