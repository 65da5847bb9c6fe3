"""Ablations that require an argument: `all` leaves them out, and the error names the remedy."""

from __future__ import annotations

import pytest

from memlab.ablations.plan import default_ablation, own_ablations
from memlab.ablations.removal import RemoveBackground
from memlab.cli.messages import spelled_out
from memlab.cli.names import expand_arguments
from memlab.cli.plugin_names import expand_list
from memlab.errors import MemlabError
from memlab.registry import find, load, plugins
from memlab.spec import build, required_arguments

ALTERNATIVES = "remove_faces, remove_people, remove_objects, remove_text and remove_background"


def test_only_two_ablations_require_an_argument() -> None:
    own = [one for one in plugins("ablations") if one.distribution == "memlab"]
    requiring = {one.name: required_arguments(one.load()) for one in own}
    some = {name: needed for name, needed in requiring.items() if needed}
    assert some == {"remove": ("region",), "swap_figure": ("region",)}
    assert len(own_ablations()) == len(own) - 2


def test_all_and_families_leave_it_out() -> None:
    path = find("ablations", "remove").path
    for name in ("all", "region"):
        chosen = expand_list("ablations", name)
        assert path not in chosen
        assert find("ablations", "remove_faces").path in chosen
    assert expand_list("ablations", "remove") == [path]


def test_without_a_region_the_error_names_the_option_and_the_alternatives() -> None:
    with pytest.raises(MemlabError, match=rf"no default region: give .*; {ALTERNATIVES}"):
        default_ablation("remove")
    assert default_ablation("remove_faces").region == "faces"
    arguments = expand_arguments(["--ablation", "blur", "--ablation", "remove"])
    message = spelled_out("the following arguments are required: region", arguments)
    needed = "--ablation.region is needed, as in --ablation.region logo, for remove; "
    assert message.startswith(needed + ALTERNATIVES)


def test_the_old_name_of_remove_background_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("ablations", "foreground_only") is RemoveBackground
    assert "'foreground_only' is now called 'remove_background'" in capsys.readouterr().err
    recorded = {"class_path": "memlab.ablations.crops.ForegroundOnly", "init_args": {"amount": 0.5}}
    made = build(recorded, "ablations")
    assert (type(made), made.dose, made.fill, made.margin) == (RemoveBackground, 0.5, "grey", 0.0)
