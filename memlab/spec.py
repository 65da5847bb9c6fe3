"""What an object was made from, as plain data, and the way back.

Checkpoints and results say which model, backbone or ablation made them by `class_path` and
`init_args`, in the same form as a configuration file. Nothing is pickled.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Self

from memlab.errors import MemlabError

Spec = dict[str, Any]
"""`{"class_path": "package.module.Class", "init_args": {...}}` of plain values and nested specs."""


class Specified:
    """A class whose objects remember the arguments they were made with.

    Arguments are taken when the object is made, defaults included, so a subclass needs no code of
    its own. Arguments that are not plain data (an optimizer's factory, say) are left out.
    """

    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the object and note its arguments."""
        self = super().__new__(cls)
        try:
            bound = inspect.signature(cls.__init__).bind(self, *args, **kwargs)
        except TypeError:  # wrong arguments: __init__ will say so; or a copy: they come with it
            return self
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                arguments |= value
            elif kind is not inspect.Parameter.VAR_POSITIONAL:
                arguments[name] = value
        # torch modules accept no attribute before their own __init__
        object.__setattr__(self, "_arguments", arguments)
        return self

    @property
    def spec(self) -> Spec:
        """Class path and arguments as plain data, ready for JSON, YAML and checkpoints."""
        cls = type(self)
        values = {name: plain(value) for name, value in self._arguments.items()}
        return {
            "class_path": f"{cls.__module__}.{cls.__qualname__}",
            "init_args": {name: value for name, value in values.items() if value is not _NOT_PLAIN},
        }


_NOT_PLAIN = object()


def plain(value: Any) -> Any:
    """A value as JSON and YAML can hold it; a marker where it cannot be."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Specified):
        return value.spec
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return _NOT_PLAIN if _NOT_PLAIN in items else items
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        entries = {str(key): plain(item) for key, item in value.items()}
        return _NOT_PLAIN if _NOT_PLAIN in entries.values() else entries
    return _NOT_PLAIN


def import_class(path: str) -> type[Any]:
    """The class at a dotted path.

    Raises:
        MemlabError: if there is none; names the path.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a stranger's module may raise anything on import
        raise MemlabError(f"cannot import {path!r}: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise MemlabError(f"{path!r} is not a class")
    return found


def import_typed(ref: str) -> type[Any]:
    """The class that a person means by `package.module:Class`.

    Raises:
        MemlabError: if there is none; names it.
    """
    search_here()
    return import_class(ref.replace(":", "."))


def search_here() -> None:
    """Let classes in the current folder be found, which Python leaves out for installed programs.

    It is searched last: nothing there can take the place of an installed package.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def build(spec: Spec) -> Any:
    """Make the object that a spec describes, nested specs first: the inverse of `Specified.spec`.

    Raises:
        MemlabError: if a class cannot be imported or does not take the arguments.
    """
    cls = import_class(str(spec["class_path"]))
    arguments = {name: _built(value) for name, value in spec.get("init_args", {}).items()}
    try:
        inspect.signature(cls).bind(**arguments)
    except TypeError as error:
        raise MemlabError(f"{spec['class_path']}: {error}") from error
    return cls(**arguments)


def _built(value: Any) -> Any:
    if isinstance(value, Mapping):
        return build(dict(value)) if "class_path" in value else dict(value)
    if isinstance(value, list):
        return [_built(item) for item in value]
    return value
