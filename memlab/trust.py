"""Which classes a file may name: registered ones, and those that the user names in this command.

A checkpoint, the files of a run folder and a mask store are data that people pass on. memlab builds
from them only what is registered by entry point. A third-party class is built from a file only if
the user names it: `--trust MODULE:CLASS`, or as a model, a callback or a source of the same
command. The standard library only; nothing here imports what it judges.
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
"""Packages whose classes a run's configuration may name; what is no class there is refused."""

OWN = (
    "memlab.models.foreign.ForeignModel",  # its `target` needs the same trust
    "memlab.models.schedules.WarmupCosine",
)
"""Classes of memlab that files may name, besides the registered ones."""


@dataclass
class Guard:
    """Judges class paths while memlab reads files that were recorded, not written by the user.

    Args:
        files: the recorded files, for messages.
        named: dotted paths that the user named in the same command.
        refused: the first path that was refused.
    """

    files: list[Path]
    named: set[str] = field(default_factory=set)
    refused: str = ""

    def allows(self, path: str) -> bool:
        """Whether a class at this dotted path may be imported."""
        inside = any(path.startswith(f"{package}.") for package in _PACKAGES)
        # memlab's own dataclasses (a world) have no entry point; what is loaded runs nothing anew
        loaded = path.startswith("memlab.") and path.rpartition(".")[0] in sys.modules
        return inside or loaded or path in OWN or self.trusts(path) or plugin_at(path) is not None

    def trusts(self, path: str) -> bool:
        """Whether the user named the class at this dotted path."""
        return path in self.named or path in trusted()

    def refusal(self, path: str) -> MemlabError:
        """The error that names file, class and remedy; the first refused path is kept."""
        self.refused = self.refused or path
        return refusal(str(self.files[0]), "", path)


_trusted: ContextVar[frozenset[str]] = ContextVar("trusted", default=frozenset())
_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


def trusted() -> frozenset[str]:
    """Dotted paths of the classes that the user named."""
    return _trusted.get()


def dotted(name: str) -> str:
    """`package.module:Class` as a dotted path.

    Raises:
        MemlabError: if the name has another form.
    """
    if not _FORM.fullmatch(name):
        raise MemlabError(f"--trust {name}: write MODULE:CLASS, such as mynets:Net")
    return name.replace(":", ".")


def is_path(name: str) -> bool:
    """Whether a name is spelt as `package.module:Class`, or with a dot for the colon."""
    return _FORM.fullmatch(name) is not None


def trust(name: str) -> None:
    """Trust a class for the rest of the command; see `dotted`."""
    _trusted.set(_trusted.get() | {dotted(name)})


@contextmanager
def trusting(names: Iterable[str] = ()) -> Iterator[None]:
    """Trust these classes, and those that are trusted inside the block, until it ends."""
    token = _trusted.set(_trusted.get() | {dotted(name) for name in names})
    try:
        yield
    finally:
        _trusted.reset(token)


@contextmanager
def guarded(files: Collection[Path], named: Iterable[str] = ()) -> Iterator[None]:
    """Judge every class path that is imported in the block, if it reads recorded files."""
    token = _guard.set(Guard(list(files), set(named)))
    try:
        yield
    finally:
        _guard.reset(token)


def guard() -> Guard | None:
    """What judges class paths now, or `None` where only the user's own words are read."""
    judge = _guard.get()
    return judge if judge is not None and judge.files else None


@contextmanager
def reading(path: Path, recorded: bool) -> Iterator[None]:
    """Judge what one more file names, beside those that are read, if it was recorded."""
    judge = _guard.get() or Guard([])
    with guarded([*judge.files, *([path] if recorded else [])], judge.named):
        yield


def check_import(path: str) -> None:
    """Raise a MemlabError if a recorded file names the class and it may not be imported."""
    judge = guard()
    if judge is not None and not judge.allows(path):
        raise judge.refusal(path)


def refusal(origin: str, where: str, path: str, group: str = "") -> MemlabError:
    """The error for a class that a file names and that is not registered.

    Args:
        origin: the file.
        where: the field in it.
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
    """All dotted names in plain data, `module:Class` as `module.Class`."""
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
