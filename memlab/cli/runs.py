"""Run folders: the output folder of a command, and the run that a later command refers to."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.checksums import damage
from memlab.cli.processes import is_first
from memlab.errors import CheckpointError, MemlabError
from memlab.files import make_folder, write_text
from memlab.reading import read_config
from memlab.run_folder import CHECKPOINTS, LAST, PREVIOUS, SPLIT, tested_checkpoint

if TYPE_CHECKING:
    from filelock import FileLock

    from memlab.cli.trainer import Plan

ROOT = Path("runs")
CONFIG = "config.yaml"
LOCK = ".lock"
ASKED = Path("shards", "asked.txt")
"""The options of a test. The file is removed with the shards, so it marks an interrupted test."""


def new_run(label: str) -> Path:
    """Return a name for a new run under `runs/`: time and label."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return ROOT / f"{stamp}-{_slug(label)}"


def claim(wanted: Path) -> Path:
    """Create a new folder; add a number if another process created it first.

    Raises:
        MemlabError: if the folder cannot be created.
    """
    make_folder(wanted.parent)
    for count in range(1, 1000):
        path = wanted if count == 1 else wanted.with_name(f"{wanted.name}-{count}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise MemlabError(f"cannot make the folder {path}: {error.strerror}") from error
        return path
    raise MemlabError(f"{wanted} exists already, and 998 like it; give --out")


def newest_run() -> Path:
    """Return the run under `runs/`, repeated runs included, whose training finished last.

    Raises:
        CheckpointError: if there is none; says what to do.
    """
    results = [*ROOT.glob("*/fit/results.json"), *ROOT.glob("*/*/fit/results.json")]
    finished = [path.parent.parent for path in results]
    if not finished:
        raise CheckpointError(
            f"no finished run under {ROOT.resolve()}: run memlab fit first, or give --run, "
            "--config and --ckpt_path, or --model"
        )
    return max(finished, key=lambda run: (run / "fit" / "results.json").stat().st_mtime)


def run_of(path: Path) -> Path | None:
    """Return the run folder that contains a configuration or checkpoint, or None."""
    for folder in path.resolve().parents:
        if (folder / "fit" / CONFIG).is_file():
            here = Path.cwd()
            return folder.relative_to(here) if folder.is_relative_to(here) else folder
    return None


def is_recorded(path: Path) -> bool:
    """Return whether a configuration lies in a run folder, and so may come from another person."""
    return run_of(path) is not None or (path.parent / "results.json").is_file()


def config_of(run: Path) -> Path:
    """Return the configuration that a run was trained with.

    Raises:
        CheckpointError: if the folder holds no run; MemlabError if the file is damaged.
    """
    path = run / "fit" / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{run}: not a run folder (no {path}); where to write is --out DIR")
    read_config(path, recorded=True)
    return path


_WRITTEN = ("dirpath", "default_root_dir")
"""Arguments of Lightning's classes that name a folder in which files are replaced."""


def require_own_paths(config: Path) -> None:
    """Check that a recorded configuration names no folder outside its run for replacing files.

    Raises:
        MemlabError: if it does; names the file, the key and the folder.
    """
    run = run_of(config) or config.parent
    waiting: list[Any] = [read_config(config).get("trainer")]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key in _WRITTEN:
                folder = item.get(key)
                if folder is not None and not _inside(str(folder), run):
                    raise MemlabError(
                        f"{config}: {key} {str(folder)[:160]!r} is outside the run, and files "
                        "there would be replaced; remove it from the file"
                    )
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _inside(folder: str, run: Path) -> bool:
    return Path(folder).resolve().is_relative_to(run.resolve())


def checkpoint_of(run: Path | None, name: str | None) -> Path:
    """Return the file that `--ckpt_path NAME` refers to: best, last or previous, or a path.

    Without a name, this is the checkpoint that the run itself was tested on: best, or last if no
    epoch had a defined correlation.

    Raises:
        CheckpointError: if it does not exist; lists the searched paths.
    """
    if name is None and run is not None:
        name = tested_checkpoint(run).stem
    if name not in ("best", "last", "previous"):
        path = Path(str(name))
        if not path.is_file():
            raise CheckpointError(
                f"--ckpt_path {name}: no such file; best, last, previous or a file"
            )
        return path
    if run is None:
        raise CheckpointError(f"--ckpt_path {name}: of which run? give --run, or a file")
    path = run / CHECKPOINTS / f"{name}.ckpt"
    if not path.is_file():
        before = run / CHECKPOINTS / PREVIOUS
        other = "; there is --ckpt_path previous" if name == "last" and before.is_file() else ""
        raise CheckpointError(f"--ckpt_path {name}: looked for {path}, which does not exist{other}")
    return path


def whole_checkpoint(run: Path) -> Path | None:
    """Return an interrupted run's last checkpoint, the previous if it is damaged, or None."""
    last, previous = run / CHECKPOINTS / LAST, run / CHECKPOINTS / PREVIOUS
    wrong = damage(last) if last.is_file() else ""
    if wrong and previous.is_file() and not damage(previous):
        note = f"damaged; going on with the one before, {previous} ({wrong})"
        print(f"memlab: {last}: {note}", file=sys.stderr)  # noqa: T201
        return previous
    if not last.is_file() and previous.is_file():
        print(f"memlab: no {last}; going on with the one before, {previous}", file=sys.stderr)  # noqa: T201
    return next((path for path in (last, previous) if path.is_file()), None)


def make_folders(plan: Plan) -> tuple[Path, Path]:
    """Create the run folder and the folder that a command writes to.

    `fit` has one such folder. The other commands' folders are numbered, such as `test-001-blur`, in
    the run folder or in `--out`.

    Args:
        plan: the command, its run folder, whether that folder is new, and labels.

    Returns:
        The run folder, and the command's folder.

    Raises:
        MemlabError: if they cannot be created.
    """
    if plan.command == "test":
        cut = _cut_off(plan)
        if cut is not None:
            return cut.parent, cut
    if plan.out is not None:
        run = make_folder(plan.out)
    else:
        run = claim(plan.run) if plan.fresh else plan.run
    if plan.command == "fit":
        return run, make_folder(run / "fit")
    label = _slug("-".join(plan.labels))
    folder = claim(numbered(run, plan.command, label))
    if plan.command == "test":
        write_text(folder / ASKED, plan.asked)
    return run, folder


def numbered(run: Path, command: str, label: str = "") -> Path:
    """Return the next folder of a command in a run folder, such as `test-001-blur`."""
    there = run.glob(f"{command}-[0-9][0-9][0-9]*")
    taken = [int(path.name.split("-")[1]) for path in there]
    name = f"{command}-{max(taken, default=0) + 1:03d}"
    return run / (f"{name}-{label}" if label else name)


def _cut_off(plan: Plan) -> Path | None:
    """Return the folder of an interrupted identical test that no process uses, or None."""
    folders = sorted(ROOT.glob("*")) if plan.fresh else [plan.run]
    for run in folders if plan.out is None else [plan.out]:
        for note in sorted(run.glob(f"test-[0-9][0-9][0-9]*/{ASKED}")):
            folder = note.parent.parent
            if note.read_bytes() != plan.asked.encode():
                continue
            with contextlib.suppress(MemlabError):  # a process is writing to it
                held = lock(folder)
                if held is not None:
                    held.release()
                return folder
    return None


def lock(folder: Path, command: str = "memlab fit") -> FileLock | None:
    """Keep other processes from writing into a folder, until the lock is released.

    The operating system releases the lock when the process ends for any reason.

    Args:
        folder: the folder.
        command: the command that writes, for messages.

    Raises:
        MemlabError: if another process holds the lock.
    """
    from filelock import FileLock, Timeout

    taken = FileLock(folder / LOCK, timeout=0)
    try:
        taken.acquire()
    except Timeout as error:
        raise MemlabError(
            f"another {command} is writing in {folder}; wait for it, or choose another --out"
        ) from error
    except (NotImplementedError, OSError):
        print(  # noqa: T201
            f"memlab: the file system of {folder} has no locks: see to it that no other {command} "
            "writes there",
            file=sys.stderr,
        )
        return None
    return taken


@contextlib.contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Hold the lock of a folder inside the block; see `lock`."""
    held = lock(folder, command)
    try:
        yield
    finally:
        if held is not None:
            Path(held.lock_file).unlink(missing_ok=True)
            held.release()


def remove_empty(folder: str | None) -> None:
    """Remove the folder of a command that failed before writing results, and its empty run."""
    if folder is None or not is_first():
        return
    path = Path(folder)
    files = {file.name for file in path.rglob("*") if file.is_file()}
    if files <= {CONFIG, SPLIT, LOCK, ASKED.name, "sameness.txt", "wandb-id.txt"}:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty
            path.parent.rmdir()


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-")[:40]
