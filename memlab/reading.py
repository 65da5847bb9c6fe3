"""Safe reading of YAML and JSON from damaged or malicious files, with one-line errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from memlab.errors import MemlabError
from memlab.values import NODES, check_bounded, shown


def read_text(path: Path, remedy: str = "") -> str:
    """Read a text file in UTF-8, with or without a byte-order mark.

    Raises:
        MemlabError: if it cannot be read or is not UTF-8; names the file.
    """
    end = f"; {remedy}" if remedy else ""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MemlabError(
            f"{path}: damaged: not text in UTF-8 (byte {error.start}){end}"
        ) from error
    except OSError as error:
        raise MemlabError(f"{path}: cannot be read: {error.strerror}{end}") from error


@contextmanager
def content_of(*paths: Path, remedy: str = "") -> Iterator[None]:
    """Convert exceptions from damaged results into a one-line error that names their folders.

    Every field is checked when its file is read. This context manager covers invalid combinations
    of fields.

    Raises:
        MemlabError: for a missing entry, or a value of another type.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        named = " or ".join(map(str, paths))
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise MemlabError(
            _damaged(named, f"damaged results, which cannot be used ({what})", remedy)
        ) from error


def read_config(path: Path, recorded: bool = False) -> dict[str, Any]:
    """Read a configuration file: sections with keys that are all text.

    Args:
        path: the file.
        recorded: whether memlab wrote it, so that all sections must exist.

    Raises:
        MemlabError: if it cannot be read or has another form; names the file and the section.
    """
    remedy = "train the run again, or give a --config of your own" if recorded else ""
    found = read_yaml(path, remedy)
    if not isinstance(found, dict):
        raise MemlabError(_damaged(path, f"not a configuration: {shown(found)} in it", remedy))
    sections = {"model": (dict, str), "data": (dict,), "trainer": (dict,)}
    for name, kinds in sections.items():
        value = found.get(name)
        if (recorded and name not in found) or (name in found and not isinstance(value, kinds)):
            what = f"{name} is {shown(value)}" if name in found else f"no {name} in it"
            raise MemlabError(_damaged(path, f"damaged: {what}", remedy))
    waiting: list[Any] = [found]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            odd = [key for key in item if not isinstance(key, str)]
            if odd:
                raise MemlabError(_damaged(path, f"damaged: the key {odd[0]!r} is no name", remedy))
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return found


def read_json(path: Path, remedy: str = "") -> Any:
    """Read a JSON file.

    Raises:
        MemlabError: if it cannot be read, is damaged, or is nested too deep; names the file.
    """
    text = read_text(path, remedy)
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise MemlabError(_damaged(path, "nested too deep", remedy)) from error
    except ValueError as error:
        raise MemlabError(_damaged(path, f"not JSON: {error}", remedy)) from error
    check_bounded(found, str(path))
    return found


def read_yaml(path: Path, remedy: str = "") -> Any:
    """Read a YAML file without Python tags, and without recursive or exploding aliases.

    Raises:
        MemlabError: if it cannot be read, is damaged, or refers to itself; names the file.
    """
    return parse_yaml(read_text(path, remedy), str(path), remedy)


def parse_yaml(text: str, origin: str, remedy: str = "") -> Any:
    """Parse a YAML text; raises as `read_yaml` does, and names `origin`."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_references(node, origin)
        found = loader.construct_document(node)
    except RecursionError as error:
        raise MemlabError(_damaged(origin, "nested too deep", remedy)) from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        said = " ".join(str(error).replace('in "<unicode string>", ', "").split())
        raise MemlabError(_damaged(origin, f"not YAML: {said}", remedy)) from error
    finally:
        loader.dispose()
    check_bounded(found, origin)
    return found


def _check_references(node: yaml.Node, origin: str) -> None:
    """Check that aliases are not recursive and do not multiply; each use of a node counts."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(item: yaml.Node) -> int:
        if id(item) in sizes:
            return sizes[id(item)]
        if id(item) in open_nodes:
            raise MemlabError(
                f"{origin}: damaged: it refers to itself (an alias within its anchor)"
            )
        open_nodes.add(id(item))
        parts: list[yaml.Node] = []
        if isinstance(item, yaml.MappingNode):
            parts = [part for pair in item.value for part in pair]
        elif isinstance(item, yaml.SequenceNode):
            parts = list(item.value)
        total = 1 + sum(size(part) for part in parts)
        if total > NODES:
            raise MemlabError(f"{origin}: damaged: its aliases stand for more than {NODES} values")
        open_nodes.discard(id(item))
        sizes[id(item)] = total
        return total

    size(node)


def _damaged(origin: object, what: str, remedy: str) -> str:
    return f"{origin}: {what[:300]}" + (f"; {remedy}" if remedy else "")
