"""Plugins: found without importing, collisions named, broken ones kept apart."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from memlab import registry
from memlab.cli import main
from memlab.cli.config_names import expand_tree
from memlab.errors import PluginError
from memlab.spec import build

WHITE_BOX = (
    *("chroma", "constant", "face_chroma", "face_luminance"),
    *("high_frequency", "random_conv", "redness", "watermark"),
)
MODULE = """
from memlab.ablations.colour import Grayscale
class Pale(Grayscale):
    def __init__(self, amount: float = 0.6) -> None:
        super().__init__(amount)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a distribution importable, by a dist-info folder on the path."""
    monkeypatch.delenv("MEMLAB_PLUGINS")

    def make(
        distribution: str, name: str, module: str, source: str, attribute: str = "Pale"
    ) -> None:
        site = tmp_path / distribution
        info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        points = f"[memlab.ablations]\n{name} = {module}:{attribute}\n"
        (info / "entry_points.txt").write_text(points)
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        registry._discover.cache_clear()

    yield make
    registry._discover.cache_clear()


def test_an_old_name_is_read_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    registry.say_renamed.cache_clear()
    for _ in range(2):
        assert registry.find("models", "oracle_chroma").name == "white_box_chroma"
        assert registry.find("models", "memlab:oracle_chroma").name == "white_box_chroma"
    found = registry.find_with_file("models", "oracle_redness:weights.pt")
    assert found is not None
    assert found[0].name == "white_box_redness"
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].startswith("memlab: 'oracle_chroma' is now called 'white_box_chroma'")


def test_a_recorded_class_path_of_former_times_is_found(tmp_path: Path) -> None:
    old = "memlab.data.sources.scenes.ScenesSource"
    found = registry.plugin_at(old)
    assert found is not None
    assert found.name == "synthetic"
    source = build({"class_path": old, "init_args": {"n": 3}}, "sources")
    assert source.n == 3
    recorded = {"data": {"source": {"class_path": old, "init_args": {}}}}
    assert expand_tree(recorded)["data"]["source"]["class_path"] == found.path


def test_each_renamed_plugin_exists_under_its_new_name_only() -> None:
    for group in registry.GROUPS:
        names = registry.RENAMED.get(group, {})
        known = {plugin.name for plugin in registry.plugins(group)}
        assert set(names.values()) <= known
        assert not set(names) & known


def test_the_seven_groups_hold_memlabs_own() -> None:
    names = {
        group: [plugin.name for plugin in registry.plugins(group)] for group in registry.GROUPS
    }
    ablations = names.pop("ablations")
    # each has tests of its own; here, that they come through the same door as third-party ones
    assert {"blur", "center_crop", "paste", "remove_faces", "swap_face"} <= set(ablations)
    assert names == {
        "backbones": ["color_moments", "efficientnet_lite", "resnet50", "timm"],
        "models": [
            *("memnet", "regressor", "timm_file", "vitmem"),
            *(f"white_box_{name}" for name in WHITE_BOX),
        ],
        "regions": [],
        "attributions": [
            *("contrast_cam", "grad_cam", "grad_cam_relu"),
            *("integrated_gradients", "layer_cam", "occlusion"),
        ],
        "sources": ["csv", "folder", "lamem", "synthetic"],
        "callbacks": [
            *("ablation_evaluation", "attribution_maps", "blind_scan"),
            *("ema", "lr_finder", "records"),
        ],
    }


def test_a_third_party_plugin_is_listed_checked_and_used(
    install: Callable[..., None],
    make_image: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    install("memlab-pale", "pale", "pale_plugin", MODULE)
    assert main(["plugins"]) == 0
    assert "memlab-pale 1.2" in capsys.readouterr().out
    assert main(["apply", str(make_image("a.png")), "--ablation", "pale", "--out", "out"]) == 0
    assert Path("out/pale@0.6/a.png").is_file()


def test_two_claims_to_a_name_fail_only_the_bare_name(install: Callable[..., None]) -> None:
    install("memlab-pale", "pale", "pale_one", MODULE)
    install("memlab-wan", "pale", "pale_two", MODULE)
    with pytest.raises(PluginError, match=r"memlab-pale:pale or memlab-wan:pale"):
        registry.find("ablations", "pale")
    assert registry.find("ablations", "memlab-wan:pale").value == "pale_two:Pale"
    assert registry.load("ablations", "blur").__name__ == "Blur"


def test_a_claim_to_a_built_in_name_is_a_collision(install: Callable[..., None]) -> None:
    install("memlab-pale", "blur", "pale_blur", MODULE)
    with pytest.raises(PluginError, match="memlab-pale:blur"):
        registry.find("ablations", "blur")
    assert registry.find("ablations", "memlab:blur").distribution == "memlab"


def test_a_broken_plugin_breaks_nothing_but_its_own_run(
    install: Callable[..., None],
    failing: Callable[..., str],
    make_image: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    install("memlab-bad", "bad", "bad_plugin", "raise RuntimeError('no such chip')")
    assert main(["--help"]) == 0
    assert main(["plugins"]) == 0
    original = str(make_image("a.png"))
    assert main(["apply", original, "--ablation", "blur", "--out", "fine"]) == 0
    with pytest.raises(PluginError, match=r"memlab-bad 1\.2.*RuntimeError: no such chip"):
        registry.load("ablations", "bad")
    assert "bad" in failing("apply", original, "--ablation", "bad", "--out", "out")


def test_a_missing_class_and_a_bad_name_are_told(install: Callable[..., None]) -> None:
    install("memlab-gone", "gone", "gone_plugin", MODULE, attribute="Nothing")
    with pytest.raises(PluginError, match="cannot be imported"):
        registry.load("ablations", "gone")
    install("memlab-loud", "Loud", "loud_plugin", MODULE)
    with pytest.raises(PluginError, match="not lower-case"):
        registry.load("ablations", "Loud")


def test_the_environment_restricts_discovery(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("memlab-pale", "pale", "pale_env", MODULE)
    monkeypatch.setenv("MEMLAB_PLUGINS", "none")
    with pytest.raises(PluginError, match="unknown ablation 'pale'"):
        registry.find("ablations", "pale")
    monkeypatch.setenv("MEMLAB_PLUGINS", "memlab-pale")
    assert registry.find("ablations", "pale").distribution == "memlab-pale"


@pytest.mark.slow
def test_plugins_check_holds_each_to_its_contract(
    install: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unchanged = MODULE + (
        "    def change(self, images, context, dose):\n        return images.clone()\n"
    )
    install("memlab-bright", "bright", "bright_plugin", unchanged)
    absent = MODULE.replace("class", "from memlab.errors import MissingWeightsError\nclass", 1) + (
        "    def __init__(self):\n        raise MissingWeightsError('pip install dim')\n"
    )
    install("memlab-dim", "dim", "dim_plugin", absent)
    # tests/testing holds each of memlab's ablations to its contract; two of them suffice here
    some = ("bright", "dim", "blur", "grayscale")
    monkeypatch.setattr(
        "memlab.cli.plugins.plugins",
        lambda group: [
            one for one in registry.plugins(group) if group != "ablations" or one.name in some
        ],
    )
    assert main(["plugins", "--check"]) == 1
    out = capsys.readouterr().out
    assert out.count("broken") == 1  # none of memlab's own
    assert "broken: Pale chroma does not fall" in out
    assert "cannot run here: pip install dim" in out
    assert out.count("sound") >= 14
    monkeypatch.setattr("memlab.testing.check_plugin", lambda *_: None)  # all keep their contracts
    assert main(["plugins", "--check"]) == 0


def test_packages_and_guide_name_the_groups_that_memlab_reads() -> None:
    root = Path(__file__).parents[1]
    groups = {f"memlab.{group}" for group in registry.GROUPS}
    for path in root.glob("plugins/*/pyproject.toml"):
        points = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["entry-points"]
        assert set(points) <= groups, path
    guide = (root / "docs" / "guides" / "own-plugin.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(memlab\.\w+)` \|", guide, re.MULTILINE)) == groups
