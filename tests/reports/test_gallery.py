"""The page of maps: every image beside its maps, in its proportions, with scale and text."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memlab import explain
from memlab.reports import gallery
from memlab.reports.gallery import caption, map_set, panels, write_gallery
from tests.builders.small_networks import tiny


@pytest.fixture
def page(make_image: Callable[..., Path], tmp_path: Path) -> str:
    images = [make_image("wide <b>.png", (300, 100)), make_image("tall.png", (100, 300), seed=1)]
    sets = []
    for method in ("grad_cam", "occlusion"):
        maps = explain(tiny().eval(), images, method, progress=False)
        sets.append(map_set(method, maps.unit, maps.arrays(), [f"{method} was checked."]))
    assert write_gallery(sets, tmp_path, "Maps", ["A sample."]) == "maps/index.html"
    return (tmp_path / "maps" / "index.html").read_text()


def test_the_page_needs_no_other_file_and_has_all(page: str) -> None:
    urls = re.findall(r'src="(.*?)"', page)
    assert len(urls) == 6
    sizes = []
    for url in urls:
        assert url.startswith("data:image/jpeg;base64,")
        content = io.BytesIO(base64.b64decode(url.partition(",")[2]))
        sizes.append(Image.open(content).size)
    assert sizes == [(240, 80)] * 3 + [(80, 240)] * 3
    assert "<b>.png" not in page  # names are escaped
    assert "A sample." in page
    for method in ("grad_cam", "occlusion"):
        assert f"{method} was checked." in page
        assert page.count(f"<figcaption>{method}: ") == 2
    assert len(page) < 100_000


def test_the_page_says_how_many_images_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "SHOWN", 2)
    arrays = {
        "id": np.array(["a", "b", "c"]),
        "maps": np.stack([np.full((2, 2), value) for value in (0.1, -0.2, 0.4)]),
        "images": np.full((3, 3, 8, 8), 128, dtype=np.uint8),
        "predicted": np.array([0.5, 0.6, 0.7]),
        "score": np.array([0.4, np.nan, 0.5]),
    }
    maps = map_set("method", "score", arrays)
    assert maps.limit == pytest.approx(0.4)  # one scale for all, also for those left out
    write_gallery([maps], tmp_path, "Maps")
    text = (tmp_path / "maps" / "index.html").read_text()
    assert "The first 2 of 3 images." in text
    assert "predicted 0.50, by people 0.40" in text
    first, second = panels(maps)
    assert "by people" not in caption(second, maps)
    assert "full colour is 0.40 score" in caption(first, maps)
    assert "100 % of what raises" not in caption(first, maps)
