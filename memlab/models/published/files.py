"""Files of weights: where they are, which they are, their tensors; no code in them is run."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memlab.checksums import damage, is_zip
from memlab.errors import CheckpointError, MissingWeightsError


@dataclass(frozen=True)
class Release:
    """A file that its authors publish for download; memlab downloads nothing.

    Args:
        model: the plugin's name.
        url: where the file is.
        sha256: how its SHA-256 begins, as far as the authors say; else empty.
    """

    model: str
    url: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]

    @property
    def usual(self) -> Path:
        """Where torch.hub keeps it."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.name

    def find(self, given: str | None) -> Path:
        """The file: the given one, else that in the folder where torch.hub keeps downloads.

        Raises:
            MissingWeightsError: if none was given, and none found; with the two remedies.
            CheckpointError: if the given one is not there.
        """
        if given is not None:
            path = Path(given)
            if not path.is_file():
                raise CheckpointError(f"{path}: no such file of weights; they are at {self.source}")
            return path
        if not self.usual.is_file():
            raise MissingWeightsError(
                f"no weights of {self.model} at {self.usual}, and memlab downloads none: fetch "
                f"{self.source}, and put it there or write {self.model}:FILE for MODEL"
            )
        return self.usual

    def prove(self, path: Path, sha256: str) -> None:
        """See that the file where downloads are kept is the published one; any other may differ.

        Raises:
            CheckpointError: if it is not.
        """
        if path == self.usual and not sha256.startswith(self.sha256):
            raise CheckpointError(
                f"{path}: damaged or another file: SHA-256 {sha256[:16]}..., that of the published "
                f"file begins with {self.sha256}: fetch {self.url} again"
            )

    @property
    def source(self) -> str:
        """URL and hash in words."""
        known = f"begins with {self.sha256}" if self.sha256 else "is not published"
        return f"{self.url} (its SHA-256 {known})"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits.

    Raises:
        CheckpointError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of weights, in single precision; no pickled code is run.

    Read are safetensors, what torch.save writes, and plain pickles of tensors. Of a checkpoint the
    part `state_dict` or `model` is taken, and a first part that all names share (`module.`, as
    DataParallel leaves it) is left to `fitting`.

    Raises:
        CheckpointError: if it is none of these, or holds something else; names it.
    """
    try:
        found = _read(path)
    except Exception as error:  # unreadable in any of many ways
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path}: cannot be read as weights: {first}") from error
    for part in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(part), dict):
            found = found[part]
    if not isinstance(found, dict) or not found:
        raise CheckpointError(f"{path}: holds no weights by name, but a {type(found).__name__}")
    odd = [name for name, value in found.items() if not isinstance(value, Tensor)]
    if odd:
        raise CheckpointError(f"{path}: {odd[0]!r} is no tensor: not a file of weights")
    return {
        str(name): value.detach().float() if value.is_floating_point() else value.detach()
        for name, value in found.items()
    }


def fitting(state: dict[str, Tensor], wanted: dict[str, Any]) -> dict[str, Tensor]:
    """The state without the first part of its names, where all share it and none is wanted so."""
    first = next(iter(state)).partition(".")[0] + "."
    shared = all(name.startswith(first) for name in state)
    if not shared or any(name.startswith(first) for name in wanted):
        return state
    return {name.removeprefix(first): value for name, value in state.items()}


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    wrong = damage(path) if is_zip(path) else ""
    if wrong:
        raise ValueError(f"damaged: {wrong}")
    with path.open("rb") as file:
        if file.read(2) != b"PK":  # torch.save writes a zip file
            file.seek(0)
            found = _Tensors(file, encoding="latin1").load()  # as Python 2 wrote them, too
            if not isinstance(found, int):  # a number stands before what torch.save wrote once
                return found
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's words recommend to run the code
        raise pickle.UnpicklingError(
            "it holds something else than tensors, and code that makes it: nothing was run"
        ) from error


def _encode(text: str, encoding: str) -> bytes:
    # how Python 3 writes bytes in pickles that Python 2 can read
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding}")
    return text.encode("latin1")


def _storage(content: bytes | str) -> Any:
    raw = content.encode("latin1") if isinstance(content, str) else content
    return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)


class _Tensors(pickle.Unpickler):
    """Reads a plain pickle of tensors, and refuses to look up anything that those do not need."""

    _allowed = {  # noqa: RUF012 - private, and never changed
        ("_codecs", "encode"): _encode,
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
        ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
        ("torch.storage", "_load_from_bytes"): _storage,
    }

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle asks for by name, if tensors need it."""
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which tensors do not need: refused, nothing was run"
            )
        return self._allowed[module, name]
