"""Unexpected end of one of several processes: the others stop, and one line names the process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch.distributed
from lightning.pytorch.strategies.launchers import subprocess_script

from memlab.cli.messages import known_error
from memlab.cli.processes import world_size
from memlab.cli.trainer import Plan
from memlab.errors import MemlabError
from memlab.run_folder import CHECKPOINTS, LAST

GRACE = 10.0
"""Seconds that the first process has to notice that another process ended."""

_OBSERVER = "_launch_process_observer"  # private; a test checks that Lightning has it

_LOST = re.compile(
    r"gloo|Connection (closed|reset|refused)|Broken pipe|NCCL|ProcessGroup|TCPStore|recvValue",
    re.IGNORECASE,
)


class ProcessEndedError(MemlabError):
    """Error in this process caused by the end of another process of the same run."""


_children: list[subprocess.Popen[bytes]] = []
_parent = os.getppid()
_world = [world_size()]  # Lightning unsets it before its exception arrives here


def lost_connection(error: BaseException) -> bool:
    """Return whether an exception says that another process of this run cannot be reached."""
    if _world[0] == 1:
        return False
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, torch.distributed.DistError):
            return True
        if isinstance(seen, RuntimeError) and _LOST.search(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _process_ended(plan: Plan) -> BaseException:
    """Return the exception to raise after a lost connection: a one-line error, or a silent exit.

    Among processes that Lightning started, the first process prints the line if it is alive.
    """
    if _started_by_lightning() and not _children:
        time.sleep(0.5)  # the system reassigns children after it closes sockets
        if os.getppid() == _parent:
            return SystemExit(2)
        return ProcessEndedError(line(plan, _named(0), "ended"))
    ended = _first_ended(seconds=3)
    if ended is not None:
        return ProcessEndedError(line(plan, _named(ended[0]), _how(ended[1])))
    others = [rank for rank in range(_world[0]) if rank != _rank()]
    who = _named(others[0]) if len(others) == 1 else "another process"
    return ProcessEndedError(line(plan, who, "ended"))


def line(plan: Plan, who: str, how: str) -> str:
    """Return the message: which process ended, how, and how to continue."""
    if plan.command != "fit":
        on = "Start the same command again; what is done is kept"
    elif (plan.run / CHECKPOINTS / LAST).is_file():
        start = "the same command, with" if "TORCHELASTIC_RUN_ID" in os.environ else "memlab fit"
        on = f"Go on: {start} --out {plan.run} --ckpt_path last"
    else:
        on = "Nothing was saved yet: start again"
    return f"{who} {how}; this one stops. {on}"


@contextmanager
def watched(plan: Plan) -> Iterator[None]:
    """Watch the processes that Lightning starts inside the block, in place of Lightning.

    Lightning's own observer kills the first process without a message. After an exception in the
    block, the other processes are ended too.
    """
    launch = getattr(subprocess_script, _OBSERVER)
    setattr(subprocess_script, _OBSERVER, lambda procs: _observe(procs, plan))
    try:
        yield
    except Exception as error:
        lost = known_error(error) is None and lost_connection(error)
        said = _process_ended(plan) if lost else None
        _end_children()
        if said is not None:
            raise said from error
        raise
    except BaseException:
        _end_children()
        raise
    finally:
        setattr(subprocess_script, _OBSERVER, launch)
        _children.clear()


def _observe(procs: Sequence[subprocess.Popen[bytes]], plan: Plan) -> None:
    _children[:] = procs
    _world[0] = world_size()
    threading.Thread(target=_wait, args=(list(procs), plan), daemon=True).start()


def _wait(procs: list[subprocess.Popen[bytes]], plan: Plan) -> None:
    """End the first process if it does not notice that another process ended."""
    while not any(process.poll() for process in procs):
        if all(process.returncode == 0 for process in procs):
            return
        time.sleep(0.2)
    ended = _first_ended()
    time.sleep(GRACE)
    if not _children or ended is None:
        return  # the first process noticed
    text = line(plan, _named(ended[0]), _how(ended[1]))
    print(f"memlab: {text}", file=sys.stderr, flush=True)  # noqa: T201
    _end_children(seconds=0)
    os._exit(2)


def _first_ended(seconds: float = 0) -> tuple[int, int] | None:
    """Return rank and exit code of the first child process that failed, or None after `seconds`."""
    until = time.monotonic() + seconds
    first = int(os.environ.get("NODE_RANK", "0")) * (len(_children) + 1) + 1
    while True:
        failed = [(rank, p.poll()) for rank, p in enumerate(_children, start=first)]
        # A killed process is the cause; processes with an exit code may have ended because of it.
        failed.sort(key=lambda pair: pair[1] or 0)
        ended = next(((rank, code) for rank, code in failed if code), None)
        if ended is not None or not _children or time.monotonic() >= until:
            return ended
        time.sleep(0.05)


def _end_children(seconds: float = 3) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(process.poll() is None for process in _children):
        time.sleep(0.05)
    for process in _children:
        if process.poll() is None:
            process.kill()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _named(rank: int) -> str:
    return f"process {rank + 1} of {_world[0]} (rank {rank})"


def _rank() -> int:
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        if name in os.environ:
            return int(os.environ[name])
    return 0


def _started_by_lightning() -> bool:
    """Return whether Lightning's first process started this process, not torchrun or SLURM."""
    external = ("TORCHELASTIC_RUN_ID", "SLURM_PROCID")
    return not any(name in os.environ for name in external) and _rank() > 0
