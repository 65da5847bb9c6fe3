"""A broken ablation is named with the image, and nothing of the others is lost."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from torch import Tensor

from memlab import Context, registry
from memlab.ablations.colour import Grayscale
from memlab.cli import main
from memlab.errors import PluginError
from memlab.testing import sample_images, sample_masks
from tests.builders.commands import QUIET, results

ABLATION = '''
import torch
from memlab import Ablation


class Bad(Ablation):
    """Pale, but for one image."""

    family = "colour"
    unit = "of the way"
    target = "chroma"
    control = "nuisance-baseline"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(amount, region)

    def change(self, images, context, dose):
        changed = torch.lerp(images, images.mean(1, keepdim=True), dose)
        for place, name in enumerate(context.ids):
            if name == IMAGE:
                BREAK
        return changed
'''

BREAKS = {
    "changed[place, 0, 0, 0] = float('nan')": "returned values outside [0, 1] (NaN)",
    "changed[place, 0, 0, 0] = 1.5": "returned values outside [0, 1]",
    "changed = changed[..., :8, :8]": "returned (1, 3, 8, 8) float32 on cpu, not (1, 3, 64, 64)",
    "raise KeyError('nose')": "KeyError: 'nose'",
    "return None": "NoneType",
}


@pytest.fixture
def image(finished: Path) -> str:
    """An image of the second batch."""
    return str(pd.read_csv(finished / "fit" / "rows.csv")["id"].iloc[6])


@pytest.fixture
def strange(image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Write a third-party ablation that breaks at one image."""
    monkeypatch.syspath_prepend(str(Path.cwd()))

    def make(line: str) -> None:
        text = ABLATION.replace("IMAGE", repr(image)).replace("BREAK", line)
        Path("third_party.py").write_text(text)
        sys.modules.pop("third_party", None)

    yield make
    sys.modules.pop("third_party", None)
    registry._discover.cache_clear()


ASKED = ["--data.batch_size=4", "--maps=0", *QUIET]


@pytest.fixture(scope="module")
def blurred(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test of the run without any broken ablation."""
    copy = Path(shutil.copytree(run, tmp_path_factory.mktemp("blurred") / "tiny"))
    assert main(["test", "--run", str(copy), "--ablation=blur", *ASKED]) == 0
    return copy / "test-001-blur"


@pytest.mark.slow
def test_rounding_is_clamped_by_the_base_class(
    finished: Path, strange: Callable[[str], None]
) -> None:
    strange("changed[place, 0, 0, 0] = 1.0009")
    assert main(["test", "--run", str(finished), "--ablation=third_party.Bad", *ASKED]) == 0


def test_a_region_hides_nothing_of_what_a_change_returns() -> None:
    images = sample_images(2, 48)
    known = Context(["one", "two"], masks=sample_masks(images))

    class Bad(Grayscale):
        """Returns what is given below."""

        made = images

        def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
            return self.made

    wrong = {
        r"\(2, 1, 48, 48\) float32": images.mean(1, keepdim=True),
        r"outside \[0, 1\] \(0 to 300\) for image one at dose 1": images * 300,
        "int64": (images * 255).long(),
        "not images": None,
    }
    for region in ("all", "faces"):
        for message, made in wrong.items():
            Bad.made = made  # type: ignore[assignment]
            with pytest.raises(PluginError, match=message):
                Bad(region=region)(images, known)


@pytest.mark.slow
@pytest.mark.parametrize("line", BREAKS)
def test_it_is_named_and_the_rest_is_kept(
    line: str,
    finished: Path,
    blurred: Path,
    image: str,
    strange: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    strange(line)
    both = ["--ablation=third_party.Bad", "--ablation=blur"]
    assert main(["test", "--run", str(finished), *both, *ASKED]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("memlab: ablation 'bad' ")
    assert BREAKS[line] in last
    assert image in last
    assert "test-001-third_party.Bad-blur has the results of all others" in last
    with_it = finished / "test-001-third_party.Bad-blur"
    assert (with_it / "conditions.csv").read_text() == (blurred / "conditions.csv").read_text()
    assert results(with_it)["conditions"] == results(blurred)["conditions"]
    assert any(image in note and "Left out" in note for note in results(with_it)["notes"])
    assert not (with_it / "shards").exists()


@pytest.mark.slow
def test_alone_it_leaves_the_clean_results(finished: Path, strange: Callable[[str], None]) -> None:
    strange("raise KeyError('nose')")
    alone = ["--ablation=third_party.Bad", "--controls=0"]
    assert main(["test", "--run", str(finished), *alone, *ASKED]) == 2
    found = results(finished / "test-001-third_party.Bad")
    assert found["conditions"] == []
    assert found["metrics"]


def install(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package were installed."""
    info = Path("strange-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    points = "".join(f"{name} = {path}\n" for name, path in names.items())
    (info / "entry_points.txt").write_text(f"[memlab.ablations]\n{points}")
    monkeypatch.delenv("MEMLAB_PLUGINS")
    registry._discover.cache_clear()


@pytest.mark.slow
def test_a_plugin_that_breaks_among_its_family_is_left_out_and_named(
    finished: Path,
    image: str,
    strange: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    strange("raise KeyError('nose')")
    more = "\n\nclass Unmade(Bad):\n    def __init__(self, amount: float) -> None: ...\n"
    with Path("third_party.py").open("a") as file:
        file.write(more)
    install({"bad": "third_party:Bad", "unmade": "third_party:Unmade"}, monkeypatch)
    swept = ["--ablation=colour", "--controls=0"]
    assert main(["test", "--run", str(finished), *swept, *ASKED]) == 0
    said = capsys.readouterr().err
    assert "left out: 'unmade' requires an argument; give --ablation unmade --abl" in said
    assert f"memlab: left out: ablation 'bad' failed on image {image}" in said
    found = results(finished / "test-001-colour")
    names = {entry["ablation"] for entry in found["conditions"]}
    assert "grayscale" in names
    assert names.isdisjoint({"bad", "unmade"})
    assert any("KeyError: 'nose'" in note for note in found["notes"])
    # named, it fails the command
    assert main(["test", "--run", str(finished), "--ablation=bad", *ASKED]) == 2
