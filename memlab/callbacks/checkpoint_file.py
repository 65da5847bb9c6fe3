"""How a checkpoint gets onto the disk: whole, or not at all."""

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
    """Writes a checkpoint beside the old one, to the platter, and then takes its place.

    A process that is killed and a disk that is full leave the old file. Of the last checkpoint the
    one before is kept, too, for the day on which the last is damaged all the same.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            CheckpointError: if it cannot be written; names the file and how to go on.
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
        except (OSError, RuntimeError, MemlabError) as error:  # what the disk says may be wrapped
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
        """Read a checkpoint whose checksums match; no pickled code is run, whatever is asked for.

        Raises:
            CheckpointError: if it is damaged; names the file.
        """
        return read_checkpoint(Path(path))


@contextlib.contextmanager
def _checksums() -> Iterator[None]:
    """Have torch write checksums, whatever somebody else set."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(True)
    try:
        yield
    finally:
        torch.serialization.set_crc32_options(before)


def _keep(last: Path) -> None:
    previous = last.with_name(PREVIOUS)
    waiting = last.with_name(f".{PREVIOUS}")
    with contextlib.suppress(OSError):  # nothing there yet, or a file system without links
        waiting.unlink(missing_ok=True)
        os.link(last, waiting)
        waiting.replace(previous)
