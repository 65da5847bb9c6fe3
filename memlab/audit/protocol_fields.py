"""Strict reading of the fields of a protocol: known keys, types and ranges, in one-line errors."""

from __future__ import annotations

import hashlib
import json
import math
import operator
import re
from collections.abc import Sequence
from typing import Any

from memlab.errors import MemlabError, did_you_mean
from memlab.registry import plugins
from memlab.values import expected, fits, shown

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MISSING = object()


class Fields:
    """Fields of one mapping in a file; `done` raises an error for keys that nobody took.

    Args:
        found: the mapping.
        origin: the file.
        where: position of the mapping in the file: `features[0]`; empty for the file itself.
    """

    def __init__(self, found: object, origin: str, where: str = "") -> None:
        self.origin = origin
        self.where = where
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            raise MemlabError(
                f"{origin}: {where or 'the protocol'} is {shown(found)}; write keys with values"
            )
        self._left: dict[str, Any] = dict(found)
        self._taken: list[str] = []

    def error(self, key: str, what: str) -> MemlabError:
        """Return the error for a field; names file and field."""
        return MemlabError(f"{self.origin}: {self._at(key)} is {what}")

    def take(
        self,
        key: str,
        kind: Any,
        *,
        default: Any = _MISSING,
        least: float | None = None,
        most: float | None = None,
        above: float | None = None,
        below: float | None = None,
    ) -> Any:
        """Return a value of a type, within bounds; text must not be empty."""
        value = self._value(key, default)
        if value is default:
            return value
        odd = isinstance(value, float) and not math.isfinite(value)
        if not fits(value, kind) or odd or value == "":
            raise self.error(key, f"{shown(value)}; write {expected(kind)}")
        bounds = (
            (least, "at least", operator.ge),
            (most, "at most", operator.le),
            (above, "above", operator.gt),
            (below, "below", operator.lt),
        )
        for bound, words, holds in bounds:
            if bound is not None and not holds(value, bound):
                raise self.error(key, f"{shown(value)}; write a value {words} {bound:g}")
        return float(value) if kind is float else value

    def choice(self, key: str, choices: Sequence[str]) -> Any:
        """Return one of several words."""
        value = self._value(key)
        if value not in choices:
            raise self.error(key, f"{shown(value)}; write {' or '.join(choices)}")
        return value

    def name(self, key: str) -> str:
        """Return a name: lower-case letters, digits and underscores."""
        value: str = self.take(key, str)
        if not _NAME.fullmatch(value):
            raise self.error(key, f"{shown(value)}; write lower-case letters, digits and _")
        return value

    def ablation(self, key: str) -> str:
        """Return the plugin name of one of memlab's own ablations; nothing is imported."""
        value: str = self.take(key, str)
        own = [one.name for one in plugins("ablations") if one.distribution == "memlab"]
        if value not in own:
            raise self.error(
                key,
                f"{shown(value)}, which is no ablation of memlab{did_you_mean(value, own)} "
                "(plugins of other packages cannot take part; see memlab plugins)",
            )
        return value

    def plain(self, key: str) -> dict[str, str | float]:
        """Return a mapping from names to text or finite numbers, empty if it is missing."""
        found = self._value(key, {})
        if not fits(found, dict[str, str | float]):
            raise self.error(key, f"{shown(found)}; write names with text or numbers")
        for name, value in found.items():
            if not _NAME.fullmatch(name) or (isinstance(value, float) and not math.isfinite(value)):
                raise self.error(f"{key}.{name}", f"{shown(value)}; write text or a number")
        return dict(found)

    def numbers(self, key: str, known: Sequence[str] | None) -> dict[str, float]:
        """Return a mapping from known names to finite numbers; all names must be there.

        Args:
            key: the field.
            known: the names; None for any.
        """
        section = Fields(self._value(key), self.origin, self._at(key))
        names = list(section._left) if known is None else known
        values = {name: section.take(name, float) for name in names}
        section.done()
        return values

    def names(self, key: str) -> tuple[str, ...]:
        """Return a list of names that is not empty."""
        found = self._value(key)
        if not fits(found, list[str]) or not found:
            raise self.error(key, f"{shown(found)}; write a list of names")
        return tuple(found)

    def groups(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of names, at least two and none empty."""
        found = self._value(key)
        if not fits(found, list[list[str]]) or len(found) < 2 or not all(found):
            raise self.error(key, f"{shown(found)}; write at least two lists of names")
        return tuple(map(tuple, found))

    def one(self, key: str) -> Fields | None:
        """Return the fields of a mapping, None if it is missing."""
        value = self._value(key, None)
        return None if value is None else Fields(value, self.origin, self._at(key))

    def each(self, key: str, optional: bool = False) -> list[Fields]:
        """Return the fields of each mapping in a list."""
        found = self._value(key, []) if optional else self._value(key)
        if not isinstance(found, list):
            raise self.error(key, f"{shown(found)}; write a list")
        return [
            Fields(one, self.origin, f"{self._at(key)}[{index}]") for index, one in enumerate(found)
        ]

    def done(self) -> None:
        """Raise a MemlabError if the mapping has a key that nobody took."""
        for key, value in self._left.items():
            raise MemlabError(
                f"{self.origin}: {self._at(key)} is {shown(value)}, but there is no field "
                f"{key!r}{did_you_mean(key, self._taken)}; take it out"
            )

    def _value(self, key: str, default: Any = _MISSING) -> Any:
        self._taken.append(key)
        if key not in self._left and default is _MISSING:
            of = f" in {self.where}" if self.where else ""
            raise MemlabError(f"{self.origin}: no {key!r}{of}; add it")
        return self._left.pop(key, default)

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def content_hash(content: object) -> str:
    """Return the SHA-256 of plain data, 64 hex digits; order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
