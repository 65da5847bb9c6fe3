"""Files of weights: find, verify and read them, without running code in them."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memlab.checksums import damage, file_sha256, is_zip
from memlab.errors import CheckpointError, MissingWeightsError


@dataclass(frozen=True)
class Release:
    """File of weights that its authors publish; memlab does not download it.

    Args:
        model: the plugin's name.
        url: where the file is published.
        sha256: first digits of its SHA-256, as far as the authors publish them; else empty.
    """

    model: str
    url: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rpartition("/")[2]

    @property
    def usual(self) -> Path:
        """Path of the file in torch.hub's folder."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.name

    def find(self, weights_file: str | None) -> Path:
        """Return the path of the given file, or else of the file in torch.hub's download folder.

        Raises:
            MissingWeightsError: if no file was given and none was found; the message has two
                remedies.
            CheckpointError: if the given file does not exist.
        """
        if weights_file is not None:
            path = Path(weights_file)
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
        """Check that a file in the download folder is the published one; other files may differ."""
        if path == self.usual and not sha256.startswith(self.sha256):
            raise CheckpointError(
                f"{path}: damaged or another file: SHA-256 {sha256[:16]}..., that of the published "
                f"file begins with {self.sha256}: fetch {self.url} again"
            )

    @property
    def source(self) -> str:
        """URL and hash, in words."""
        checksum = f"begins with {self.sha256}" if self.sha256 else "is not published"
        return f"{self.url} (its SHA-256 {checksum})"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file of weights, in single precision; no pickled code is run.

    Supported are safetensors, files written by torch.save, and plain pickles of tensors. If the
    file holds a checkpoint, its `state_dict` or `model` entry is read. A prefix that all names
    share (`module.`, written by DataParallel) is kept; `fitting` removes it.

    Raises:
        CheckpointError: if the format is another, or the file holds other objects; the message
            names it.
    """
    try:
        content = _read(path)
    except Exception as error:  # a damaged or wrong file raises many types
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path}: cannot be read as weights: {first}") from error
    for part in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(part), dict):
            content = content[part]
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"{path}: holds no weights by name, but a {type(content).__name__}")
    odd = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if odd:
        raise CheckpointError(f"{path}: {odd[0]!r} is no tensor: not a file of weights")
    return {
        str(name): value.detach().float() if value.is_floating_point() else value.detach()
        for name, value in content.items()
    }


def fitting(state: dict[str, Tensor], expected: dict[str, Any]) -> dict[str, Tensor]:
    """Return the state without the first part of its names.

    The prefix is removed only if all names share it and no name in `expected` starts with it.
    """
    first = next(iter(state)).partition(".")[0] + "."
    shared = all(name.startswith(first) for name in state)
    if not shared or any(name.startswith(first) for name in expected):
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
            content = _Tensors(file, encoding="latin1").load()  # also reads pickles of Python 2
            if not isinstance(content, int):  # older torch.save files start with a number
                return content
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's message recommends running the code
        raise pickle.UnpicklingError(
            "it holds something else than tensors, and code that makes it: nothing was run"
        ) from error


def _encode(text: str, encoding: str) -> bytes:
    # Python 3 writes bytes this way in pickles that Python 2 can read.
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding}")
    return text.encode("latin1")


def _storage(content: bytes | str) -> Any:
    raw = content.encode("latin1") if isinstance(content, str) else content
    return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)


class _Tensors(pickle.Unpickler):
    """Unpickler of plain pickles of tensors; every other lookup is refused."""

    _allowed = {  # noqa: RUF012 - private, and never changed
        ("_codecs", "encode"): _encode,
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
        ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
        ("torch.storage", "_load_from_bytes"): _storage,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return the object that a pickle names, if tensors need it."""
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which tensors do not need: refused, nothing was run"
            )
        return self._allowed[module, name]
