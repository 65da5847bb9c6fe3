"""Protocols are data, read strictly: what they name is compared, never imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memlab import registry
from memlab.audit.conditions import ablation_of, conditions_of, ladder_of
from memlab.audit.protocol import BUILT_IN, Operator, read_protocol
from memlab.errors import MemlabError
from tests.builders.protocols import built_in, small, write_protocol


def test_every_family_has_one_representative_and_every_operator_can_be_made() -> None:
    protocol = read_protocol()
    families = [one.family for one in protocol.representatives]
    assert sorted(families) == sorted({one.family for one in protocol.features})
    for feature in protocol.features:
        assert conditions_of(protocol, feature)[0].ablation.dose > 0
        assert all(not one.primary for one in ladder_of(protocol, feature))


def test_draws_are_those_of_the_protocol() -> None:
    protocol = read_protocol()
    face = conditions_of(protocol, protocol.feature("face"))
    by_role = {(one.ablation.name, one.role): one.draws for one in face}
    assert by_role["remove_faces", "target"] == protocol.target_draws
    assert by_role["remove_faces", "control"] == protocol.draws == 8
    person = conditions_of(protocol, protocol.feature("person"))
    by_role = {(one.ablation.name, one.role): one.draws for one in person}
    assert by_role["swap_figure", "swap"] == by_role["swap_figure", "round-trip"]
    elsewhere = ladder_of(protocol, protocol.feature("colour_anywhere"))
    assert all(one.draws == protocol.draws_elsewhere for one in elsewhere)


def test_the_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    text = BUILT_IN.read_text(encoding="utf-8")
    commented = tmp_path / "commented.yaml"
    commented.write_text("# a comment\n\n" + text.replace("\nalpha:", "\n\n\nalpha:"))
    reordered = write_protocol(tmp_path / "reordered.yaml", dict(reversed(built_in().items())))
    other = write_protocol(tmp_path / "other.yaml", built_in() | {"sesoi": 0.1})
    own = read_protocol().sha256
    assert read_protocol(commented).sha256 == read_protocol(reordered).sha256 == own
    assert read_protocol(other).sha256 != own


def first(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content["features"][0][name] = value

    return change


def top(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update({name: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (top("version", 2), "version is 2, and this memlab runs protocol 1; use the memlab"),
        (top("sesio", 0.1), "sesio is 0.1, but there is no field 'sesio'; did you mean 'sesoi'?"),
        (lambda content: content.pop("alpha"), "no 'alpha'; add it"),
        (top("draws", 2.5), "draws is 2.5; write a whole number"),
        (top("draws", 1), "draws is 1; write a value at least 2"),
        (top("draws", True), "draws is True; write a whole number"),
        (top("level", 1.5), "level is 1.5; write a value below 1"),
        (top("sesoi", float("nan")), "sesoi is nan; write a number"),
        (top("scan", "yes please"), "scan is 'yes please'; write true or false"),
        (top("features", "face"), "features is 'face'; write a list"),
        (top("gauge", {"beyond_all": 1}), "gauge"),
        (first("side", "deep"), "features[0].side is 'deep'; write semantic or low-level"),
        (first("name", "My face"), "features[0].name is 'My face'; write lower-case"),
        (first("kind", "value"), "features[0].kind is value, and such a feature has a swap"),
        (first("removals", []), "features[0].removals is none"),
        (first("colour", 1), "features[0].colour is 1, but there is no field 'colour'"),
        (first("stands_in_for", "visage"), "features[0].stands_in_for is 'visage'; name another"),
        (first("representative", False), "family is 'face'; its representative is no feature"),
        (first("swap", {"ablation": "swap_eye"}), "'swap_eye', which is no ablation of memlab"),
        (first("swap", {"ablation": "os:system"}), "'os:system', which is no ablation of memlab"),
        (
            first("swap", {"ablation": "swap_face", "arguments": {"amount": [1]}}),
            "features[0].swap.arguments is {'amount': [1]}; write names with text or numbers",
        ),
        (
            top("contrasts", [{"name": "c", "first": ["visage"], "second": ["text"]}]),
            "contrasts: c is 'visage'; name a feature",
        ),
        (
            top("hypotheses", [{"name": "h", "claim": "c", "words": "w", "order": [["face"]]}]),
            "hypotheses[0].order is [['face']]; write at least two lists of names",
        ),
    ],
)
def test_what_a_protocol_cannot_say_is_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    content = built_in()
    change(content)
    path = write_protocol(tmp_path / "protocol.yaml", content)
    with pytest.raises(MemlabError) as error:
        read_protocol(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def test_two_features_of_one_name_are_refused(tmp_path: Path) -> None:
    content = built_in()
    content["features"].append(content["features"][0] | {"representative": False})
    with pytest.raises(MemlabError, match=r"features\[\d+\].name is 'face'"):
        read_protocol(write_protocol(tmp_path / "twice.yaml", content))


@pytest.mark.parametrize("text", ["", "[1, 2]", "version: [", "3", "!!python/object:os.system {}"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "protocol.yaml"
    path.write_text(text)
    with pytest.raises(MemlabError, match=r"protocol\.yaml: "):
        read_protocol(path)


def test_arguments_that_an_ablation_does_not_take_name_it() -> None:
    with pytest.raises(MemlabError, match=r"swap_face with \{'side': 'left'\}: got an unexpected"):
        ablation_of(Operator("swap_face", {"side": "left"}))


def test_an_installed_plugin_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its names nor its module: the module raises an error when it is imported."""
    installed = tmp_path / "evil-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "[memlab.ablations]\nswap_face = evil_ablation:Evil\nswap_soul = evil_ablation:Evil\n"
    )
    (tmp_path / "evil_ablation.py").write_text("raise RuntimeError('imported')\n")
    path = write_protocol(tmp_path / "protocol.yaml", small())
    before = read_protocol(path)
    monkeypatch.delenv("MEMLAB_PLUGINS")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._discover.cache_clear()
    try:
        assert "swap_soul" in {one.name for one in registry.plugins("ablations")}
        after = read_protocol(path)
        assert after == before
        made = conditions_of(after, after.feature("face"))
        assert {type(one.ablation).__module__.split(".")[0] for one in made} == {"memlab"}
        content = small()
        content["features"][0]["swap"] = {"ablation": "swap_soul"}
        with pytest.raises(MemlabError, match="'swap_soul', which is no ablation of memlab"):
            read_protocol(write_protocol(path, content))
        assert "evil_ablation" not in sys.modules
    finally:
        registry._discover.cache_clear()
