"""The mask store keeps what was found, by what, and only for the images it was found in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.data.module import MemorabilityData
from memlab.detection.find import find_regions
from memlab.errors import DataError, PluginError
from memlab.masks.base import Mask, require_fit, thumbnail_of
from memlab.masks.store import MaskStore
from memlab.testing import check_regions

TOY = """
from pathlib import Path
from memlab.detection.detector import RegionDetector

class Dark(RegionDetector):
    '''Finds what is dark.'''
    licence = "CC0-1.0"

    def __init__(self, threshold: float = 0.5, crash: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.crash = crash

    def forward(self, images):
        with Path("calls").open("a") as file:
            file.write("x")
        if images.shape[-1] == 48 and Path("crash").exists():
            raise RuntimeError("48 is too much")
        return {"dark": (images.mean(dim=1, keepdim=True) < self.threshold).float()}

class Light(Dark):
    def forward(self, images):
        return {"light": 1 - super().forward(images)["dark"]}

class Moody(Dark):
    def forward(self, images):
        found = super().forward(images)
        return found if images.shape[-1] < 48 else {"light": 1 - found["dark"]}

class Wrong(Dark):
    def forward(self, images):
        return {"dark": images}
"""


@pytest.fixture
def photos(
    tmp_path: Path, make_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Path:
    for place in range(4):
        make_image(f"photos/{place}.png", size=(40 + 4 * place, 30), seed=place)
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "toy", raising=False)
    return tmp_path / "photos"


def find(*more: str, name: str = "toy:Dark") -> int:
    return main(["regions", "find", "photos", "--with", name, "--out", "masks", *more])


def test_what_is_found_comes_back_bit_for_bit(photos: Path) -> None:
    assert find("--with.threshold", "0.4") == 0
    data = MemorabilityData(root=photos, masks=Path("masks"))
    for place in range(4):
        pixels = np.asarray(Image.open(photos / f"{place}.png"), dtype=np.float32) / 255
        mask = data.table.masks["dark"].read(f"{place}.png", ["dark"])["dark"]
        assert np.array_equal(mask.inside[0], pixels.mean(axis=-1) < 0.4)


def test_it_says_where_masks_come_from(photos: Path) -> None:
    assert find("--with.threshold", "0.4") == 0
    data = MemorabilityData(root=photos, masks=Path("masks"), image_size=32, num_workers=2)
    data.load_regions(["dark"])
    assert next(iter(data.predict_dataloader()))["errors"] == [""] * 4
    told = json.loads(json.dumps(data.describe()))["masks"]["dark"]
    assert told["found_by"] | {"time": ""} == {
        "plugin": "toy:Dark",
        "distribution": None,
        "version": None,
        "arguments": {"threshold": 0.4, "crash": False},
        "threshold": 0.4,
        "licence": "CC0-1.0",
        "weights_id": None,
        "quality": [],
        "time": "",
    }
    index = pd.read_csv("masks/index.csv")
    assert list(index["id"]) == [f"{place}.png" for place in range(4)]
    assert index["area_dark"].between(0, 1).all()


def test_a_crash_is_named_and_tried_again(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("crash").touch()
    assert find() == 1
    said = capsys.readouterr()
    assert "2.png: RuntimeError: 48 is too much" in said.err
    assert "1 of 4 images failed" in said.err
    assert "of 3 images" in said.out
    assert list(pd.read_csv("masks/failed.csv")["id"]) == ["2.png"]
    source = MemorabilityData(root=photos, masks=Path("masks")).table.masks["dark"]
    assert set(source.annotated("dark")) == {"0.png", "1.png", "3.png"}

    Path("crash").unlink()
    Path("calls").unlink()
    assert find() == 0
    assert len(Path("calls").read_text()) == 1  # the one that was not in the store
    assert "3 were there, 1 are new" in capsys.readouterr().out
    assert not Path("masks/failed.csv").exists()


def test_a_kill_loses_nothing_that_was_written(photos: Path) -> None:
    detector = __import__("toy").Dark()
    table = MemorabilityData(root=photos).table
    store = MaskStore(Path("masks"))
    seen = iter(range(2))

    def advance(_: int) -> None:
        if next(seen, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_regions(table, detector, {"plugin": "dark"}, store, advance=advance)
    Path("masks/index.csv").unlink()  # as kill -9 leaves it
    again = MaskStore(Path("masks"))
    assert again.areas.keys() == store.areas.keys()
    for name, shares in store.areas.items():
        assert again.areas[name] == pytest.approx(shares)
    filled = find_regions(table, detector, {"plugin": "dark"}, again)
    assert (filled.there, filled.added) == (3, 1)
    assert MaskStore(Path("masks")).areas.keys() == {f"{place}.png" for place in range(4)}


def test_two_detectors_share_a_store_but_not_a_region(photos: Path, failing: Any) -> None:
    assert find() == 0
    assert find(name="toy:Light") == 0
    table = MemorabilityData(root=photos, masks=Path("masks")).table
    both = table.masks["dark"].read("1.png", ["dark", "light"])
    assert (both["dark"].inside + both["light"].inside == 1).all()
    other = ["regions", "find", "photos", "--with", "toy:Dark", "--with.threshold", "0.6"]
    message = failing(*other, "--out", "masks")
    assert "masks: dark are there already, by toy:Dark" in message
    assert "another --out" in message


def test_two_detectors_at_the_same_time_lose_nothing(photos: Path) -> None:
    one, other = (MaskStore(Path("masks")) for _ in range(2))
    inside, thumbnail = torch.ones(1, 8, 8, dtype=torch.uint8), torch.zeros(64, dtype=torch.uint8)
    one.claim(["faces"], {"plugin": "f"})
    other.claim(["text"], {"plugin": "t"})
    with pytest.raises(DataError, match="faces are there already, by f, not by t"):
        other.claim(["faces"], {"plugin": "t"})
    one.write("a", {"faces": inside}, thumbnail)
    other.write("a", {"text": 1 - inside}, thumbnail)
    other.write("b", {"text": inside}, thumbnail)
    one.close({})
    other.close({})
    for store in (one, other, MaskStore(Path("masks"))):
        assert set(store.regions) == {"faces", "text"}
    found = MaskStore(Path("masks")).areas
    assert found == {"a": {"faces": 1.0, "text": 0.0}, "b": {"text": 1.0}}
    with pytest.raises(DataError, match="are of two sizes, 4 x 8 and 8 x 8"):
        other.write("b", {"faces": inside[..., :4]}, thumbnail)


def test_what_a_kill_left_half_written_is_passed_over(photos: Path) -> None:
    assert find() == 0
    (next(Path("masks/masks").iterdir()) / ".left.npz").write_bytes(b"half")
    assert len(MaskStore(Path("masks")).areas) == 4


def test_masks_of_other_images_are_refused(
    photos: Path, make_image: Callable[..., Path], tmp_path: Path
) -> None:
    assert find() == 0
    Image.open(photos / "0.png").resize((80, 60)).save(photos / "0.png")  # the same make_image
    make_image("photos/1.png", size=(44, 30), seed=99)
    data = MemorabilityData(root=photos, masks=Path("masks"), image_size=32, num_workers=0)
    data.load_regions(["dark"])
    errors = next(iter(data.predict_dataloader()))["errors"]
    assert "masks of another image than 1.png" in errors[1]
    assert [errors[place] for place in (0, 2, 3)] == [""] * 3


def test_a_mask_may_be_a_pixel_off_in_either_side() -> None:
    image = torch.zeros(3, 4, 4, dtype=torch.uint8)

    def fits(width: int, height: int) -> bool:
        mask = Mask(torch.zeros(1, height, width, dtype=torch.uint8), "here")
        try:
            require_fit(mask, "there", (1000, 667), image)
        except DataError:
            return False
        return True

    assert fits(1000, 667)
    assert all(fits(300, height) for height in (199, 200, 201))
    assert not fits(300, 206)
    assert not fits(667, 1000)


def test_bad_detectors_and_stores(photos: Path, failing: Any) -> None:
    command = ["regions", "find", "photos", "--out", "masks", "--with"]
    assert "mask 'dark' is (1, 3, 30, 40)" in failing(*command, "toy:Wrong")
    assert "found light in 2.png, and dark before" in failing(
        *command[:3], "--out", "moody", "--with", "toy:Moody"
    )
    assert "Darc" in failing(*command, "toy:Darc")
    assert "unknown region 'dark'" in failing(*command, "dark")
    assert "threshhold" in failing(*command, "toy:Dark", "--with.threshhold", "1")
    assert "did you mean 'find'" in failing("regions", "fnd")
    assert "is an input" in failing(*command[:3], "--out", "photos", "--with", "toy:Dark")
    with pytest.raises(PluginError, match="mask 'dark' is"):
        check_regions(__import__("toy").Wrong)
    assert find() == 0
    for path in Path("masks").glob("masks/*/*.npz"):
        path.write_bytes(path.read_bytes()[:50])
    assert "delete the file" in failing(*command, "toy:Dark")
    Path("masks/store.json").write_text(
        '{"format": "memlab mask store", "version": 9, "regions": {}}'
    )
    assert "newer memlab" in failing(*command, "toy:Dark")


@pytest.mark.slow
def test_masks_that_are_there_are_packed(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = str(synthetic / "masks")
    assert main(["regions", "import", masks, str(synthetic), "--out", "packed"]) == 0
    own = MemorabilityData(root=synthetic).table
    packed = MemorabilityData(root=synthetic, masks=Path("packed")).table
    for region in own.regions:
        assert set(packed.masks[region].having(region)) == set(own.masks[region].having(region))
        for name in list(own.masks[region].having(region))[:5]:
            one, other = (t.masks[region].read(name, [region])[region] for t in (own, packed))
            assert torch.equal(one.inside, other.inside)
    found = packed.masks["faces"].describe("faces")["found_by"]
    assert found["kind"] == "images"
    assert "in" in capsys.readouterr().out


def test_the_thumbnail_survives_resizing(photos: Path) -> None:
    from memlab.data.geometry import Geometry
    from memlab.imaging.decode import decode

    pixels = decode(photos / "0.png")
    small = thumbnail_of(Geometry(24).image(pixels))
    assert (small.float() - thumbnail_of(pixels).float()).abs().mean() < 3
