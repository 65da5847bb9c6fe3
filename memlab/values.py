"""Validation of plain data from a file against annotated types. Uses only the standard library."""

from __future__ import annotations

import collections.abc
import dataclasses
import math
import types
import typing
from pathlib import Path
from typing import Any

from memlab.errors import MemlabError

DEPTH, NODES = 60, 1_000_000
"""Maximum nesting depth and number of values of data in a file; each use of a reference counts."""


def check_bounded(value: object, origin: str) -> None:
    """Raise a MemlabError if data are nested too deep, refer to themselves, or are too large."""
    count = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        count += 1
        if depth > DEPTH:
            raise MemlabError(f"{origin}: damaged: nested more than {DEPTH} deep, or within itself")
        if count > NODES:
            raise MemlabError(f"{origin}: damaged: more than {NODES} values in it")
        if isinstance(item, collections.abc.Mapping):
            waiting += [(entry, depth + 1) for entry in item.values()]
        elif isinstance(item, list | tuple | set):
            waiting += [(entry, depth + 1) for entry in item]


def shown(value: object) -> str:
    """Return a value for an error message, shortened if it is long."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a {type(value).__name__} within itself"
    return text if len(text) <= 80 else f"{text[:77]}..."


def expected(annotation: Any) -> str:
    """Return an annotated type in words: `a whole number or None`."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return expected(inner[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(expected(part) for part in inner))
    if origin is typing.Literal:
        return " or ".join(map(repr, inner))
    base = origin or annotation
    words = {
        type(None): "None",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
        list: "a list",
        dict: "a mapping",
    }
    return words.get(base) or str(getattr(base, "__name__", base))


def fits(value: object, annotation: Any) -> bool:
    """Return whether a plain value matches an annotated type; True if that cannot be determined.

    A whole number matches a float, text matches a path, a list matches any sequence, and a mapping
    matches a dataclass. Plain data never match a callable or another class.
    """
    if annotation is Any or annotation is object or annotation is typing.Self:
        return True
    if isinstance(annotation, typing.TypeVar | str | typing.ForwardRef):
        return True
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated or isinstance(annotation, typing.NewType):
        return fits(value, inner[0] if inner else annotation.__supertype__)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, part) for part in inner)
    if origin is typing.Literal:
        return any(type(value) is type(part) and value == part for part in inner)
    base: Any = origin or annotation
    if base in (None, type(None)):
        return value is None
    if base is bool:
        return isinstance(value, bool)
    if base is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(base, type):
        return True
    if isinstance(value, bool):
        return False
    if base is collections.abc.Callable or value is None:
        return False
    if issubclass(base, int | float) and isinstance(value, int | float):
        return _made_of(base, value)
    if issubclass(base, str) and isinstance(value, str):
        return _made_of(base, value)
    if issubclass(Path, base) and not issubclass(str, base):  # Path, PurePath, PathLike
        return isinstance(value, str | Path)
    if dataclasses.is_dataclass(base):
        return isinstance(value, collections.abc.Mapping)
    if base in (tuple, set, frozenset):
        repeated = len(inner) == 2 and inner[1] is Ellipsis
        part = inner[0] if inner and (repeated or base is not tuple) else Any
        return isinstance(value, list | tuple) and all(fits(item, part) for item in value)
    if not isinstance(value, base):
        return False
    if isinstance(value, list | tuple) and inner:
        return all(fits(item, inner[0]) for item in value)
    if isinstance(value, collections.abc.Mapping) and len(inner) == 2:
        return all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items())
    return True


def check_fields(cls: Any, found: object, origin: str, remedy: str = "") -> dict[str, Any]:
    """Return the fields of a dataclass from a file's content, after checking their types.

    Args:
        cls: the dataclass; entries that are not its fields are left out.
        found: the content.
        origin: the file.
        remedy: remedy for the error message.

    Raises:
        MemlabError: if a field is missing or has another type; names file, field and value.
    """
    end = f"; {remedy}" if remedy else ""
    if not isinstance(found, dict):
        raise MemlabError(f"{origin}: damaged: {shown(found)} where fields were expected{end}")
    hints = typing.get_type_hints(cls)
    kept: dict[str, Any] = {}
    for part in dataclasses.fields(cls):
        needed = part.default is part.default_factory is dataclasses.MISSING
        if part.name not in found:
            if needed:
                raise MemlabError(f"{origin}: damaged: no {part.name!r} in it{end}")
            continue
        value = found[part.name]
        if not fits(value, hints[part.name]):
            raise MemlabError(
                f"{origin}: damaged: {part.name} is {shown(value)}, not "
                f"{expected(hints[part.name])}{end}"
            )
        kept[part.name] = value
    return kept


def finite(value: object) -> bool:
    """Return whether a value is a number, and neither NaN nor infinite."""
    return isinstance(value, int | float) and math.isfinite(value)


def _made_of(base: type, value: Any) -> bool:
    if base in (int, float, str):
        return isinstance(value, base)
    try:  # a restricted type, such as a positive number
        base(value)
    except (ValueError, TypeError):
        return False
    return True
