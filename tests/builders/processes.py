"""memlab in processes of its own: a program, or two forks of this one that work together.

A program imports torch for twelve seconds of processor time; a fork does not. A test takes programs
where the start or the end of a process is what it tests, forks where the results of two are.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from memlab.cli import main

TWO = ["--trainer.strategy=ddp", "--trainer.devices=2"]


@dataclass(frozen=True)
class Ended:
    """Exit codes of processes, and what they wrote to stderr."""

    codes: list[int]
    stderr: str


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run memlab as a program of its own; it finds modules in the current folder."""
    return subprocess.run(
        [sys.executable, "-m", "memlab", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.curdir, *sys.path]), **environment},
    )


def two_processes(*arguments: str) -> Ended:
    """Run a command in two processes that torchrun could have started; returns when both ended."""
    if sys.platform != "linux":  # macOS kills forks that use its frameworks
        found = program(*arguments, *TWO)
        return Ended([found.returncode], found.stderr)
    port = _free_port()
    logs = [Path(f"stderr-of-{rank}.txt") for rank in range(2)]
    children = [_fork([*arguments, *TWO], rank, port, log) for rank, log in enumerate(logs)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return Ended(codes, "".join(log.read_text() for log in logs))


def _free_port() -> int:
    # memlab takes the port after that of torch's, too
    for _ in range(100):
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no two free ports beside each other")


def _fork(arguments: list[str], rank: int, port: int, log: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)  # CPython 3.12, of threads
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        sys.stdout = sys.stderr = log.open("w", buffering=1)
        os.dup2(sys.stderr.fileno(), 1)
        os.dup2(sys.stderr.fileno(), 2)
        warnings.resetwarnings()  # pytest's, which make errors of them; a program has none
        torch.set_num_threads(1)  # the threads of OpenMP did not come along
        os.environ |= {
            **{"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"},
            **{"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "forks"},
            **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
        }
        code = main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)  # without what pytest does when a process ends
