"""What README and the docs say can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from memlab.cli import main
from memlab.cli.commands import COMMANDS
from memlab.cli.names import expand_arguments

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
LINES = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
TYPED = [line for line in LINES if line.startswith("memlab ")]


def test_the_first_command_is_the_promised_one() -> None:
    assert LINES[0] == "pip install -e . && memlab fit --config quickstart"
    assert "pip install -e '.[test]' && pytest" in LINES


@pytest.mark.slow
@pytest.mark.parametrize("line", TYPED)
def test_typed_commands_exist_and_their_names_resolve(
    line: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mynets.py").write_text("import torch\n\nNet = type('Net', (torch.nn.Module,), {})\n")
    if "--ckpt_path" in line:
        finished.rename("runs/long")
    command, *arguments = shlex.split(line)[1:]
    assert command in COMMANDS
    # its plugin is not installed here; a white-box model is
    expand_arguments(["white_box_redness" if word == "resmem" else word for word in arguments])
    if command == "fit":
        assert main([command, *arguments, "--print_config"]) == 0


@pytest.mark.parametrize("name", re.findall(r"\]\(([\w/.-]+)\)", TEXT))
def test_links_lead_somewhere(name: str) -> None:
    assert (ROOT / name).exists()
