"""What `import memlab` offers, frozen: names, signatures and methods are in public_api.txt.

After a change on purpose, write the file again with `python -m tests.test_public_api`, and say in
CHANGELOG.md what changed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import memlab

FILE = Path(__file__).with_name("public_api.txt")


def signature(function: Any) -> str:
    return str(inspect.signature(function)).replace("'", "")


def members(cls: type[Any]) -> Iterator[str]:
    """Public members that memlab defines, not those of torch or Lightning."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("memlab"):
            found |= {name: value for name, value in vars(base).items() if name[0] != "_"}
            found |= {
                name: None
                for name in inspect.get_annotations(base)
                if name[0] != "_" and name not in found
            }
    for name, value in sorted(found.items()):
        if inspect.isfunction(value):
            yield f"    {name}{signature(value)}"
        else:
            yield f"    {name}"


def lines() -> Iterator[str]:
    for name in memlab.__all__:
        value = getattr(memlab, name)
        if inspect.isclass(value):
            own = "" if issubclass(value, Exception) else signature(value)
            yield f"class {name}{own}"
            yield from members(value)
        else:
            yield f"{name}{signature(value)}"


def test_the_public_api_is_as_frozen() -> None:
    frozen = FILE.read_text(encoding="utf-8").splitlines()
    now = list(lines())
    gone = [line for line in frozen if line not in now]
    new = [line for line in now if line not in frozen]
    assert now == frozen, (
        "the public API changed: if on purpose, run `python -m tests.test_public_api`\n"
        + "\n".join([*(f"- {line}" for line in gone), *(f"+ {line}" for line in new)])
    )


def test_every_public_name_has_a_docstring() -> None:
    assert [name for name in memlab.__all__ if not getattr(memlab, name).__doc__] == []


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
