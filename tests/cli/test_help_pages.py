"""The short help pages are what the parsers' own help says now."""

from __future__ import annotations

import pytest

from memlab.cli import pages
from memlab.cli.commands import TRAINER_COMMANDS
from memlab.cli.page_writer import Option, options, page


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=() if command == "fit" else pytest.mark.slow)
        for command in TRAINER_COMMANDS
    ],
)
def test_the_page_is_current(command: str) -> None:
    # if this fails, run `python -m memlab.cli.page_writer`
    assert pages.page(command) == page(command)


def test_an_option_has_its_description_the_kind_of_its_value_and_its_default() -> None:
    found = {option.name: option for option in options("fit", "--help", "all")}
    assert found["data.batch_size"] == Option(
        "data.batch_size", "N", "images per batch and process.", "32"
    )
    assert found["data.empty_masks"].value == "{none,unknown}"
    assert found["scan"].value == ""
    assert not [name for name in found if name.endswith(".help")]


def test_every_option_of_memlab_is_on_the_page_of_fit() -> None:
    shown = pages.page("fit")
    own = [one.name for one in options("fit", "--help", "all") if one.name.startswith("data.")]
    own += [one.name for one in options("fit", "--model.help", "regressor")]
    assert len(own) >= 20
    assert [name for name in own if f"  --{name} " not in shown] == []
