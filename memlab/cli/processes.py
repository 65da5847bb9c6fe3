"""Processes started one by one by torchrun, SLURM or a user, which share one folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

FOLDER_VARIABLE = "MEMLAB_FOLDER"
"""Variable that tells processes started by Lightning the folder of the first process."""

PATIENCE = timedelta(minutes=10)
"""Maximum time between the starts of a job's processes."""


def is_first() -> bool:
    """Return whether the environment marks this process as the first of all."""
    for name in ("RANK", "SLURM_PROCID"):
        if name in os.environ:
            return int(os.environ[name]) == 0
    return all(int(os.environ.get(name, "0")) == 0 for name in ("NODE_RANK", "LOCAL_RANK"))


def world_size() -> int:
    """Return the number of processes according to the environment."""
    return int(os.environ.get("WORLD_SIZE") or os.environ.get("SLURM_NTASKS") or 1)


def agreed(make: Callable[[], tuple[Path, Path]]) -> tuple[Path, Path]:
    """Return the run folder and the command's folder, created by the first process for all.

    Args:
        make: creates the folders; called in the first process only.
    """
    inherited = os.environ.get(FOLDER_VARIABLE)
    if inherited and int(os.environ.get("LOCAL_RANK", "0")) > 0:
        return Path(inherited).parent, Path(inherited)
    address = _meeting_place()
    if address is None:
        return make()
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    host, port, hosted = address
    store = TCPStore(
        host,
        port,
        is_master=is_first() and not hosted,
        timeout=PATIENCE,
        wait_for_workers=False,
    )
    key = f"memlab/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    if is_first():
        run, folder = make()
        store.set(key, str(folder))
        _kept.append(store)  # the other processes may ask for it later
        return run, folder
    folder = Path(store.get(key).decode())
    return folder.parent, folder


_kept: list[object] = []


def _meeting_place() -> tuple[str, int, bool] | None:
    # Return where processes can talk before Lightning connects them, and whether a server already
    # runs there.
    if "TORCHELASTIC_RUN_ID" in os.environ:
        hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        port = int(os.environ["MASTER_PORT"])
        return os.environ["MASTER_ADDR"], port if hosted else port + 1, hosted
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

    if SLURMEnvironment.detect() and int(os.environ.get("SLURM_NTASKS", "1")) > 1:
        slurm = SLURMEnvironment(auto_requeue=False)
        return slurm.main_address, slurm.main_port + 1, False
    if "MASTER_ADDR" in os.environ and ("NODE_RANK" in os.environ or "GROUP_RANK" in os.environ):
        plain = LightningEnvironment()
        return plain.main_address, plain.main_port + 1, False
    return None
