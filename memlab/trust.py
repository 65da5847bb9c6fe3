"""Rules for the classes that a file may name: registered classes, and classes that the user trusts.

Checkpoints, the files of a run folder and mask stores are shared between people. memlab builds
only classes that are registered by entry point from them. A third-party class is built from a
file only if the user names it: `--trust MODULE:CLASS`, or as a model, a callback or a source of
the same command. Uses only the standard library, and never imports the classes that it checks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from memlab.errors import MemlabError
from memlab.registry import plugin_at

_FORM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*")

_PACKAGES = ("torch.optim", "lightning.pytorch", "lightning.fabric.plugins")
"""Packages whose classes a run's configuration may name; other objects in them are refused."""

OWN = (
    "memlab.models.foreign.ForeignModel",  # its `target` needs the same trust
    "memlab.models.schedules.WarmupCosine",
)
"""Classes of memlab that files may name, besides the registered classes."""


@dataclass
class Guard:
    """Check of class paths while memlab reads recorded files, which the user did not write.

    Args:
        files: the recorded files, for messages.
        named: dotted paths that the user named in the same command.
        refused: the first path that was refused.
    """

    files: list[Path]
    named: set[str] = field(default_factory=set)
    refused: str = ""

    def allows(self, path: str) -> bool:
        """Return whether the class at this dotted path may be imported."""
        inside = any(path.startswith(f"{package}.") for package in _PACKAGES)
        # memlab's dataclasses (such as a world) have no entry point; a loaded module runs no new
        # code
        loaded = path.startswith("memlab.") and path.rpartition(".")[0] in sys.modules
        return inside or loaded or path in OWN or self.trusts(path) or plugin_at(path) is not None

    def trusts(self, path: str) -> bool:
        """Return whether the user named the class at this dotted path."""
        return path in self.named or path in trusted()

    def refusal(self, path: str) -> MemlabError:
        """Return the error that names file, class and remedy; record the first refused path."""
        self.refused = self.refused or path
        return refusal(str(self.files[0]), "", path)


_trusted: ContextVar[frozenset[str]] = ContextVar("trusted", default=frozenset())
_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


def trusted() -> frozenset[str]:
    """Return the dotted paths of the classes that the user trusts."""
    return _trusted.get()


def dotted(name: str) -> str:
    """Return `package.module:Class` as a dotted path.

    Raises:
        MemlabError: if the name has another form.
    """
    if not _FORM.fullmatch(name):
        raise MemlabError(f"--trust {name}: write MODULE:CLASS, such as mynets:Net")
    return name.replace(":", ".")


def is_path(name: str) -> bool:
    """Return whether a name has the form `package.module:Class`, or `package.module.Class`."""
    return _FORM.fullmatch(name) is not None


def trust(name: str) -> None:
    """Trust a class for the rest of the command; see `dotted`."""
    _trusted.set(_trusted.get() | {dotted(name)})


@contextmanager
def trusting(names: Iterable[str] = ()) -> Iterator[None]:
    """Trust these classes inside the block; trust added inside the block ends with it."""
    token = _trusted.set(_trusted.get() | {dotted(name) for name in names})
    try:
        yield
    finally:
        _trusted.reset(token)


@contextmanager
def guarded(files: Collection[Path], named: Iterable[str] = ()) -> Iterator[None]:
    """Check every class path that is imported in the block, if `files` is not empty."""
    token = _guard.set(Guard(list(files), set(named)))
    try:
        yield
    finally:
        _guard.reset(token)


def guard() -> Guard | None:
    """Return the active guard, or None if only the user's own input is read."""
    judge = _guard.get()
    return judge if judge is not None and judge.files else None


@contextmanager
def reading(path: Path, recorded: bool) -> Iterator[None]:
    """Add a file to the guard inside the block, if it was recorded."""
    judge = _guard.get() or Guard([])
    with guarded([*judge.files, *([path] if recorded else [])], judge.named):
        yield


def check_import(path: str) -> None:
    """Raise a MemlabError if a recorded file names the class and it may not be imported."""
    judge = guard()
    if judge is not None and not judge.allows(path):
        raise judge.refusal(path)


def refusal(origin: str, where: str, path: str, group: str = "") -> MemlabError:
    """Return the error for a class that a file names and that is not registered.

    Args:
        origin: the file.
        where: the field in the file.
        path: dotted path of the class.
        group: the plugin group that was expected.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    place = f"{where} names" if where else "names"
    kind = f"no registered {group.removesuffix('s')}" if group else "not registered"
    text = f"{origin}: {place} the class {path[:200]!r}, which is {kind}; nothing was imported"
    known = path.partition(".")[0] in (*sys.stdlib_module_names, "memlab", "torch", "lightning")
    never = known or not _FORM.fullmatch(path)
    return MemlabError(text if never else f"{text}. If you trust it: --trust {module}:{name}")


def named_in(value: object) -> set[str]:
    """Return all dotted names in plain data, with `module:Class` as `module.Class`."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and _FORM.fullmatch(item):
            found.add(item.replace(":", "."))
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return found
