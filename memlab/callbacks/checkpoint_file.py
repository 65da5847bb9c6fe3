"""Atomic writing of checkpoints."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from memlab.errors import CheckpointError, MemlabError
from memlab.files import replacing
from memlab.models.load import read_checkpoint
from memlab.run_folder import LAST, PREVIOUS


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoint IO that writes a new file, flushes it to disk, then replaces the old file.

    If the process is killed or the disk is full, the old file remains. The previous version of the
    last checkpoint is also kept, in case the current version is damaged later.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            CheckpointError: if the checkpoint cannot be written; names the file and how to
                continue.
        """
        target = Path(path)
        try:
            with replacing(target) as temporary:
                with temporary.open("wb") as file, _checksums():
                    torch.save(checkpoint, file)
                    file.flush()
                    os.fsync(file.fileno())
                if target.name == LAST:
                    _keep(target)
        except (OSError, RuntimeError, MemlabError) as error:  # may wrap the system's error
            reason: BaseException | None = error
            while reason is not None and not isinstance(reason, OSError):
                reason = reason.__cause__ or reason.__context__
            said = reason.strerror if isinstance(reason, OSError) else str(error).splitlines()[0]
            kept = target.with_name(LAST).is_file()
            remedy = "go on with --ckpt_path last, which is whole" if kept else "start again"
            raise CheckpointError(
                f"{target} cannot be written: {said}; make room, and {remedy}"
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint whose checksums match; never run pickled code, whatever is requested.

        Raises:
            CheckpointError: if it is damaged; names the file.
        """
        return read_checkpoint(Path(path))


@contextlib.contextmanager
def _checksums() -> Iterator[None]:
    """Make torch write checksums regardless of its current setting."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(True)
    try:
        yield
    finally:
        torch.serialization.set_crc32_options(before)


def _keep(last: Path) -> None:
    previous = last.with_name(PREVIOUS)
    waiting = last.with_name(f".{PREVIOUS}")
    with contextlib.suppress(OSError):  # no earlier file, or a file system without links
        waiting.unlink(missing_ok=True)
        os.link(last, waiting)
        waiting.replace(previous)
