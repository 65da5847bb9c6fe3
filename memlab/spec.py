"""Specs: the class and arguments of an object as plain data, and objects built from specs.

Checkpoints and results describe their model, backbone or ablation by `class_path` and `init_args`,
in the same form as a configuration file. Nothing is pickled.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Collection, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Self

from memlab.errors import MemlabError
from memlab.registry import GROUPS, current_path, plugin_at
from memlab.trust import check_import, dotted, refusal, trusted
from memlab.values import check_bounded, expected, fits, shown

Spec = dict[str, Any]
"""`{"class_path": "package.module.Class", "init_args": {...}}` of plain values and nested specs."""


class Specified:
    """Base class of objects that remember their constructor arguments.

    The arguments, including defaults, are recorded when the object is created, so a subclass needs
    no code of its own. Arguments that are not plain data (e.g. an optimizer's factory) are left
    out.
    """

    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Create the object and record its arguments."""
        self = super().__new__(cls)
        try:
            bound = inspect.signature(cls.__init__).bind(self, *args, **kwargs)
        except TypeError:  # wrong arguments: __init__ reports them; or a copy
            return self
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                arguments |= value
            elif kind is not inspect.Parameter.VAR_POSITIONAL:
                arguments[name] = value
        # torch modules accept no attribute before their own __init__.
        object.__setattr__(self, "_arguments", arguments)
        return self

    @property
    def spec(self) -> Spec:
        """Return class path and arguments as plain data, ready for JSON, YAML and checkpoints."""
        cls = type(self)
        values = {name: plain(value) for name, value in self._arguments.items()}
        return {
            "class_path": f"{cls.__module__}.{cls.__qualname__}",
            "init_args": {name: value for name, value in values.items() if value is not _NOT_PLAIN},
        }


def required_arguments(cls: type[Any]) -> tuple[str, ...]:
    """Return the names of the constructor's arguments without a default.

    `all` and families of ablations leave out a class that has any.
    """
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.default is parameter.empty and parameter.kind not in variable
    )


_NOT_PLAIN = object()


def plain(value: Any) -> Any:
    """Return a value in a form that JSON and YAML can hold, or a marker if there is none."""
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
    """Import the class at a dotted path that the user named, or that memlab itself chose.

    Class paths that come from a file go through `build` instead.

    Raises:
        MemlabError: if the class does not exist, or a recorded file names it and it may not be
            imported; names the path.
    """
    check_import(path)
    module, _, name = current_path(path).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a third-party module may raise anything on import
        raise MemlabError(f"cannot import {path!r}: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise MemlabError(f"{path!r} is not a class")
    return found


def import_typed(ref: str) -> type[Any]:
    """Import the class that a user refers to by `package.module:Class`.

    Raises:
        MemlabError: if the class does not exist; names it.
    """
    search_here()
    return import_class(ref.replace(":", "."))


def loaded_class(path: str) -> type[Any] | None:
    """Return the class at a dotted path if its module is loaded, else `None`; import nothing."""
    module, _, name = path.rpartition(".")
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) else None


def search_here() -> None:
    """Add the current folder to the import path, which installed programs do not search.

    It is searched last, so its modules cannot replace an installed package.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


BASES = {
    "models": "memlab.models.base.MemorabilityModel",
    "backbones": "memlab.backbones.base.Backbone",
    "ablations": "memlab.ablations.base.Ablation",
    "attributions": "memlab.attributions.base.Attribution",
    "sources": "memlab.data.sources.base.Source",
}
"""Base class required of the classes of each group, where a file may ask for one."""

_FOREIGN = "memlab.models.foreign.ForeignModel"


def build(
    spec: Any, group: str = "", origin: str = "a description", trust: Collection[str] = ()
) -> Any:
    """Create the object that a spec describes, nested specs first: the inverse of `Specified.spec`.

    A spec comes from a file, and a file is data. Only classes that are registered by entry point,
    or that the user trusts, are created; this is checked before anything is imported. Before
    anything is called, each class must derive from the type expected at its position, and each
    argument must have its annotated type.

    Args:
        spec: class path and arguments, as in the file.
        group: plugin group that the class must belong to; any group by default.
        origin: the file, for messages.
        trust: dotted paths of classes that the user named, in addition to those of `--trust`.

    Raises:
        MemlabError: if a class is not allowed, cannot be imported, or does not accept the
            arguments; names file, field and value.
    """
    check_bounded(spec, origin)
    allowed = {dotted(name) for name in trust} | trusted()
    cls = _allowed_class(spec, group, "", origin, allowed)
    base = import_class(BASES[group]) if group else object
    if not issubclass(cls, base):
        raise MemlabError(
            f"{origin}: {spec['class_path']} is no {base.__name__}, which is needed here"
        )
    return _make(cls, spec, "", origin, allowed)


def _allowed_class(
    spec: Any, group: str, where: str, origin: str, allowed: Collection[str]
) -> type[Any]:
    """Return the class that a spec names; it is imported only if it is registered or trusted."""
    path = spec.get("class_path") if isinstance(spec, Mapping) else None
    if not isinstance(path, str):
        place = f"{where}: " if where else ""
        raise MemlabError(f"{origin}: damaged: {place}no class_path in {shown(spec)}")
    plugin = plugin_at(path, [group] if group else GROUPS)
    if plugin is not None:
        return plugin.load()
    if path == _FOREIGN and group in ("", "models"):
        arguments = spec.get("init_args")
        target = str(arguments.get("target")) if isinstance(arguments, Mapping) else ""
        if target.replace(":", ".") in allowed:
            return import_class(path)
        raise refusal(origin, "target", target.replace(":", "."), group)
    if path in allowed:
        return import_typed(path)
    for name in allowed:  # a package may re-export the class that the user named
        if name.rpartition(".")[2] == path.rpartition(".")[2]:
            cls = import_typed(name)
            if f"{cls.__module__}.{cls.__qualname__}" == path:
                return cls
    raise refusal(origin, where, path, group)


def _make(cls: type[Any], spec: Any, where: str, origin: str, allowed: Collection[str]) -> Any:
    given = spec.get("init_args") or {}
    place = f"{where}: " if where else ""
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise MemlabError(f"{origin}: damaged: {place}init_args {shown(given)} are no arguments")
    signature = inspect.signature(cls)
    try:
        signature.bind(**given)
    except TypeError as error:
        raise MemlabError(f"{origin}: {spec['class_path']}: {error}") from error
    try:
        hints = typing.get_type_hints(cls.__init__)
    except Exception:  # annotations of a third-party class may use undefined names
        hints = {}
    arguments = {}
    for name, value in given.items():
        parameter = signature.parameters.get(name)
        unknown = parameter is None or parameter.annotation is parameter.empty
        annotation = Any if unknown else hints.get(name, Any)
        path = f"{where}.{name}" if where else name
        arguments[name] = _argument(value, annotation, path, origin, allowed)
    try:
        return cls(**arguments)
    except MemlabError as error:
        raise type(error)(f"{origin}: {place}{error}") from error
    except Exception as error:  # a constructor may raise anything for invalid values
        first = (str(error).strip().splitlines() or [""])[0][:200]
        raise MemlabError(
            f"{origin}: {place}{cls.__name__} cannot be made with these arguments: "
            f"{type(error).__name__}: {first}"
        ) from error


def _argument(
    value: Any, annotation: Any, where: str, origin: str, allowed: Collection[str]
) -> Any:
    """Return an argument of the annotated type, built from a nested spec if it is one."""
    if isinstance(value, Mapping) and "class_path" in value:
        wanted = _classes(annotation)
        if wanted is not None and not wanted:
            raise MemlabError(
                f"{origin}: {where} names the class {shown(value['class_path'])}, where "
                f"{expected(annotation)} is expected; nothing was imported"
            )
        cls = _allowed_class(value, "", where, origin, allowed)
        if wanted is not None and not issubclass(cls, wanted):
            raise MemlabError(
                f"{origin}: {where}: {value['class_path']} is no {expected(annotation)}"
            )
        return _make(cls, value, where, origin, allowed)
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        inner = typing.get_args(annotation)
        part = inner[0] if inner else Any
        return [_argument(item, part, f"{where}[]", origin, allowed) for item in value]
    if not fits(value, annotation):
        raise MemlabError(
            f"{origin}: damaged: {where} is {shown(value)}, not {expected(annotation)}"
        )
    if isinstance(value, Mapping):
        return {
            name: _argument(item, Any, f"{where}.{name}", origin, allowed)
            for name, item in value.items()
        }
    return value


def _classes(annotation: Any) -> tuple[type[Any], ...] | None:
    """Return the classes that an annotation accepts from a spec; `None` if it accepts any."""
    if annotation is Any or annotation is object or isinstance(annotation, typing.TypeVar):
        return None
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        plain_kinds = (bool, int, float, str, list, dict, tuple, set, Path, type(None))
        found = isinstance(annotation, type) and not issubclass(annotation, plain_kinds)
        return (annotation,) if found else ()
    if origin is typing.Annotated:
        return _classes(inner[0])
    if origin is typing.Union or type(annotation).__name__ == "UnionType":
        parts = [_classes(part) for part in inner]
        return None if None in parts else tuple(cls for part in parts for cls in part or ())
    return ()
