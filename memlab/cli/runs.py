"""Run folders: where a command writes, and which run a later command means."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from memlab.errors import CheckpointError, MemlabError
from memlab.files import make_folder

ROOT = Path("runs")
CONFIG = "config.yaml"
FOLDER_VARIABLE = "MEMLAB_FOLDER"
"""Tells processes that Lightning starts where the first one writes."""


def new_run(label: str) -> Path:
    """A folder name for a new run under `runs/`: time and label."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    path = ROOT / f"{stamp}-{_slug(label)}"
    count = 2
    while path.exists():
        path = ROOT / f"{stamp}-{_slug(label)}-{count}"
        count += 1
    return path


def newest_run() -> Path:
    """The run under `runs/` whose training finished last.

    Raises:
        CheckpointError: if there is none; says what to do.
    """
    finished = [path.parent.parent for path in ROOT.glob("*/fit/results.json")]
    if not finished:
        raise CheckpointError(
            f"no finished run under {ROOT.resolve()}: run memlab fit first, or give --run, "
            "--config and --ckpt_path, or --model"
        )
    return max(finished, key=lambda run: (run / "fit" / "results.json").stat().st_mtime)


def run_of(path: Path) -> Path | None:
    """The run folder that a configuration or checkpoint lies in, or None."""
    for folder in path.resolve().parents:
        if folder.name == "fit" and (folder / CONFIG).is_file():
            try:
                return folder.parent.relative_to(Path.cwd())
            except ValueError:
                return folder.parent
    return None


def config_of(run: Path) -> Path:
    """The configuration that a run was trained with.

    Raises:
        CheckpointError: if the folder holds no run.
    """
    path = run / "fit" / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{run}: not a run folder (no {path})")
    return path


def checkpoint_of(run: Path | None, name: str) -> Path:
    """The file that `--ckpt_path NAME` means: best or last of a run, or a path.

    Raises:
        CheckpointError: if it does not exist; says what was looked for.
    """
    if name not in ("best", "last"):
        path = Path(name)
        if not path.is_file():
            raise CheckpointError(f"--ckpt_path {name}: no such checkpoint (best, last or a file)")
        return path
    if run is None:
        raise CheckpointError(f"--ckpt_path {name}: of which run? give --run, or a file")
    path = run / "fit" / "checkpoints" / f"{name}.ckpt"
    if not path.is_file():
        raise CheckpointError(f"--ckpt_path {name}: looked for {path}, which does not exist")
    return path


def command_folder(run: Path, command: str, labels: list[str]) -> Path:
    """Make the folder that a command writes to.

    `fit` has one; the others are numbered: `test-001-blur`. A process that Lightning started takes
    the folder of the one that started it.

    Raises:
        MemlabError: if it cannot be made.
    """
    inherited = os.environ.get(FOLDER_VARIABLE)
    if inherited and int(os.environ.get("LOCAL_RANK", "0")) > 0:
        return Path(inherited)
    if command == "fit":
        return make_folder(run / "fit")
    label = _slug("-".join(labels))
    make_folder(run)
    for number in range(1, 1000):
        if any(run.glob(f"{command}-{number:03d}*")):
            continue
        path = run / "-".join(part for part in (command, f"{number:03d}", label) if part)
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            continue
        except OSError as error:
            raise MemlabError(f"cannot make the folder {path}: {error.strerror}") from error
        return path
    raise MemlabError(f"{run}: more than 999 {command} folders; choose another --run")


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-")[:40]
