"""What the docs say can be typed, and what they show has run.

A fence after `<!-- run -->` is run, in the page's order; one after `<!-- file: NAME -->` is written
first. Every `memlab ...` line, run or not, is parsed by the command that it names.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import sys
from pathlib import Path

import nbclient
import nbformat
import pandas as pd
import pytest

from memlab.cli import main
from memlab.cli.commands import COMMANDS, TRAINER_COMMANDS
from tests.builders.commands import QUIET

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebooks" / "first-steps.ipynb"
PAGES = sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)
GUIDES = [page for page in PAGES if "<!-- run -->" in page.read_text(encoding="utf-8")]
FENCE = re.compile(
    r"^(?:<!-- (run|file: [\w./-]+) -->\n)?```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE
)


def fences(page: Path) -> list[tuple[str, str, str]]:
    """(mark, language, text) of every code block of a page."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def lines(text: str) -> list[str]:
    """Commands of a block: comments off, continued lines joined."""
    joined = text.replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip().removeprefix("python -m ") for line in joined]


def typed() -> list[str]:
    """Every memlab command in the docs and README, once; those with a gap (`...`) left out."""
    found = []
    for page in [*PAGES, ROOT / "README.md"]:
        text = page.read_text(encoding="utf-8")
        found += [line for _, _, block in FENCE.findall(text) for line in lines(block)]
        found += [" ".join(span.split()) for span in re.findall(r"(?<!`)`(memlab [^`]+)`", text)]
    commands = [line for line in found if line.startswith("memlab ") and "..." not in line]
    # a name alone, and COMMAND for any, show nothing
    return sorted({line for line in commands if "--" in line and line.split()[1] in COMMANDS})


@pytest.fixture
def desk(finished: Path, synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What docs and README take for granted: a run, photographs, scored images, a network."""
    finished.rename(tmp_path / "runs" / "quickstart")
    shutil.copytree(synthetic / "images", tmp_path / "my-data" / "images")
    table = pd.read_csv(synthetic / "synthetic.csv")
    table["category"] = "scene"
    table[["image", "score", "category"]].to_csv(tmp_path / "my-data" / "scores.csv", index=False)
    (tmp_path / "photos").mkdir()
    for path in sorted((synthetic / "images").iterdir())[:6]:
        shutil.copy(path, tmp_path / "photos")
    (tmp_path / "mynets.py").write_text("import torch\n\nclass Net(torch.nn.Module): pass\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def write_files(page: Path) -> list[str]:
    """Write the page's files into the current folder; returns the modules among them."""
    written = [(mark, text) for mark, _, text in fences(page) if mark.startswith("file: ")]
    for mark, text in written:
        Path(mark.removeprefix("file: ")).write_text(text, encoding="utf-8")
    return [Path(mark.removeprefix("file: ")).stem for mark, _ in written]


def help_of(*command: str) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        main([*command, "--help"])
    return shown.getvalue()


def without(arguments: list[str], *options: str) -> list[str]:
    """The arguments without some options and the value of each."""
    rest = iter(arguments)
    return [each for each in rest if each not in options or not next(rest)]


def parse(command: str, arguments: list[str]) -> None:
    """See that a command knows these options, without running it."""
    if command == "repeat":
        command, arguments = "fit", without(arguments, "--splits", "--seeds", "--folds")
    if command in TRAINER_COMMANDS:
        arguments = without(arguments, "--run", "--ckpt_path")
        assert main([command, *arguments, "--print_config"]) == 0
        return
    nested = command in ("data", "regions")
    shown = help_of(command, arguments.pop(0)) if nested else help_of(command)
    for argument in arguments:
        if argument.startswith("-") and not argument.startswith(("--ablation.", "--with.")):
            assert re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", shown), argument


@pytest.mark.slow
@pytest.mark.parametrize("line", typed())
def test_typed_commands_and_options_exist(line: str, desk: Path) -> None:
    modules = [name for page in GUIDES for name in write_files(page)]
    command, *arguments = shlex.split(line)[1:]
    assert command in COMMANDS
    # plugins are not installed here: a guide's class is, and memlab's own models are
    here = {
        "mosaic": "mosaic:Mosaic",
        "resmem": "white_box_redness",
        "falseresmem": "white_box_redness",
    }
    arguments = [here.get(argument, argument) for argument in arguments]
    try:
        parse(command, arguments)
    finally:
        for name in modules:
            sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_guides_run(page: Path, desk: Path) -> None:
    modules = write_files(page)
    namespace: dict[str, object] = {}
    try:
        for mark, language, text in fences(page):
            if mark == "run" and language == "python":
                exec(compile(text, str(page), "exec"), namespace)
            elif mark == "run":
                for line in lines(text):
                    _, command, *arguments = shlex.split(line)
                    quiet = QUIET if command in TRAINER_COMMANDS else []
                    assert main([command, *arguments, *quiet]) == 0, line
    finally:
        for name in modules:
            sys.modules.pop(name, None)


@pytest.mark.slow
def test_notebook_is_stored_with_its_outputs_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a notebook shows its figures inline
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "/site-packages/" not in NOTEBOOK.read_text(encoding="utf-8"), "a machine's path"
    assert _figures(cells) == 3, "stored with its outputs"
    for cell in cells:
        cell.outputs = []

    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=place).execute()

    assert _figures(cells) == 3  # the images, a map, the curves
    assert (tmp_path / "runs" / "first" / "fit" / "results.json").is_file()


def _figures(cells: list[nbformat.NotebookNode]) -> int:
    outputs = [output for cell in cells for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_every_page_is_in_the_site() -> None:
    listed = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    for page in [*PAGES, NOTEBOOK]:
        assert page.name == "index.md" or re.search(rf"^(\w+/)?{page.stem}$", listed, re.MULTILINE)
