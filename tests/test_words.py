"""One word for one thing: the words that memlab no longer uses stay out of what users see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import memlab

ROOT = Path(__file__).parents[1]
PACKAGE = Path(memlab.__file__).parent

OLD = {
    "picture": "image",
    "tak(e|es|en|ing) (it |them |images |an image )?apart": "ablate",
    "human ceiling": "noise ceiling",
    "stranger('s)?": "third-party",
    "lend(s|er|ers)?|lent": "donate, donor",
    "seam": "feature layer",
    "(?<!lr_)finders?": "detector",
    "oracles?": "white-box model",
    "scenes?": "synthetic image",
    "prototypes?": "student study",
    "(?<!model )cards": "selectivity profile",
    "looked[ _]at": "annotated",
    "goes with": "correlates with",
    "relabellings?": "permutation",
    "there and back": "round trip",
    "style packs?": "rendering style",
    "nobody looked|somebody looked": "annotated",
}
"""Words that are gone, as regular expressions, and what memlab says now."""

ALLOWED = {
    "memlab data scenes": "its former name, which one version reads",
    "donor scenes": "part of a seed; another text would draw other images",
}
"""Messages with an old word, and why they keep it."""


def messages() -> Iterator[tuple[str, str]]:
    """Texts of the package that are not docstrings and have a space in them, with their place."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and id(node) not in docstrings and " " in text:
                if text in ALLOWED:
                    continue
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", text


def pages() -> Iterator[tuple[str, str]]:
    """Prose of README and docs: no code, no glossary, which says what an old word means."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for path in files:
        if path.name == "glossary.md" or "_build" in path.parts:
            continue
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
        text = re.sub(r"`[^`\n]*`|<!--.*?-->", "", text)
        yield str(path.relative_to(ROOT)), text
    for path in PACKAGE.rglob("*.html*"):  # and templates
        yield str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")


@cache
def texts() -> list[tuple[str, str]]:
    """All of them, parsed once for all words."""
    return [*messages(), *pages()]


@pytest.mark.parametrize("old", OLD)
def test_an_old_word_is_gone(old: str) -> None:
    word = re.compile(rf"\b({old})\b", re.IGNORECASE)
    found = [
        f"{where}: {word.search(text)[0]!r}; write {OLD[old]!r}"  # type: ignore[index]
        for where, text in texts()
        if word.search(text)
    ]
    assert found == []
