"""What taking pictures apart costs outside the model, beside torchvision, Pillow and OpenCV.

Five measurements, one file of results:

1. Milliseconds a picture for 12 conditions at 224 pixels through the engine, with a model that
   costs nothing: decode once and change twelve times, against decode once and, for each condition,
   the median of what the peers take for the same change. One thread, and all cores.
2. The same by operator: where memlab loses is in the table.
3. Counts: decoded pictures are n + distinct donors, forward passes n × (1 + conditions).
4. Peak memory (resident set of a fresh process) with 5 and with 50 conditions.
5. A whole evaluation by an untrained ResNet50 of blur, grayscale and centre crop, against the
   prototype's way: Pillow, a JPEG on disk for each changed picture, a pass for each set.

Operators are looked up by name among memlab's own; those that are not there are left out. OpenCV is
for this script only (`pip install opencv-python-headless`); without it its column is empty. Pillow
and OpenCV change bytes one picture at a time, which is how they are used; memlab and torchvision
change batches of floats. All take turns within a round, so that what else the machine does meets
them alike; ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps
from score import make_pictures
from torchvision.transforms.v2 import functional as tv

from memlab import registry
from memlab.ablations.base import Ablation, Context
from memlab.ablations.donors import DonorList
from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import Condition, plan
from memlab.data.dataset import PictureDataset, collate, to_float
from memlab.data.decode import decode
from memlab.data.geometry import Geometry
from memlab.data.pixels import to_unit
from memlab.scenes import write

try:
    import cv2
except ImportError:
    cv2 = None

SIZE, BATCH, CONDITIONS, ROUNDS = 224, 32, 12, 5
SIGMA = 0.02 * SIZE  # blur's default, in pixels
HALF = SIZE // 2
LIBRARIES = ("torchvision", "pillow", "opencv")

Floats = torch.Tensor
Bytes = np.ndarray


def _jpeg(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    return Image.open(buffer).convert("RGB")


def _pil_hue(picture: Image.Image) -> Image.Image:
    hue, *rest = picture.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda v: (v + 64) % 256), *rest)).convert("RGB")


def _cv_hue(picture: Bytes) -> Bytes:
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 45) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _cv_grey(picture: Bytes) -> Bytes:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _cv_noise(picture: Bytes) -> Bytes:
    noise = np.empty(picture.shape, np.int16)
    cv2.randn(noise, 0, 5)
    return cv2.add(picture, noise, dtype=cv2.CV_8U)


def _cv_jpeg(picture: Bytes) -> Bytes:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def _tv_jpeg(images: Floats) -> Floats:
    return to_unit(tv.jpeg((images * 255).round().to(torch.uint8), 95))


def _round_trip(resize: Callable[..., Any], there: Any, back: Any) -> Callable[[Any], Any]:
    return lambda picture: resize(resize(picture, there), back)


_CROP = (HALF // 2, HALF // 2, HALF // 2 + HALF, HALF // 2 + HALF)
_SMALL, _FULL = (SIZE * 9 // 10,) * 2, (SIZE, SIZE)
_INSIDE = slice(SIZE // 4, SIZE // 2)
_MASK = np.zeros((SIZE, SIZE), np.uint8)
_MASK[_INSIDE, _INSIDE] = 255

# what each peer calls the same change; None where it has none
PEERS: dict[str, tuple[Callable[[Floats], Floats] | None, Any, Any]] = {
    "blur": (
        lambda x: tv.gaussian_blur(x, [37, 37], [SIGMA, SIGMA]),
        lambda x: x.filter(ImageFilter.GaussianBlur(SIGMA)),
        lambda x: cv2.GaussianBlur(x, (37, 37), SIGMA),
    ),
    "grayscale": (
        lambda x: tv.rgb_to_grayscale(x, 3),
        lambda x: x.convert("L").convert("RGB"),
        _cv_grey,
    ),
    "center_crop": (
        lambda x: tv.resized_crop(x, HALF // 2, HALF // 2, HALF, HALF, list(_FULL)),
        lambda x: x.crop(_CROP).resize(_FULL, Image.Resampling.BILINEAR),
        lambda x: cv2.resize(x[_CROP[0] : _CROP[2], _CROP[0] : _CROP[2]], _FULL),
    ),
    "desaturate": (
        lambda x: tv.adjust_saturation(x, 0.5),
        lambda x: ImageEnhance.Color(x).enhance(0.5),
        lambda x: cv2.addWeighted(x, 0.5, _cv_grey(x), 0.5, 0),
    ),
    "hue_rotate": (lambda x: tv.adjust_hue(x, 0.25), _pil_hue, _cv_hue),
    "contrast": (
        lambda x: tv.adjust_contrast(x, 0.5),
        lambda x: ImageEnhance.Contrast(x).enhance(0.5),
        lambda x: cv2.convertScaleAbs(x, alpha=0.5, beta=0.5 * cv2.mean(x)[0]),
    ),
    "brightness": (
        lambda x: tv.adjust_brightness(x, 0.8),
        lambda x: ImageEnhance.Brightness(x).enhance(0.8),
        lambda x: cv2.convertScaleAbs(x, alpha=0.8),
    ),
    "jpeg": (_tv_jpeg, _jpeg, _cv_jpeg),
    "shift": (
        lambda x: tv.affine(x, 0.0, [2.0, 2.0], 1.0, [0.0, 0.0]),
        lambda x: ImageChops.offset(x, 2, 2),
        lambda x: cv2.warpAffine(x, np.float32([[1, 0, 2], [0, 1, 2]]), _FULL),
    ),
    "flip": (tv.horizontal_flip, ImageOps.mirror, lambda x: cv2.flip(x, 1)),
    "resize_roundtrip": (
        _round_trip(tv.resize, list(_SMALL), list(_FULL)),
        _round_trip(lambda x, to: x.resize(to, Image.Resampling.BILINEAR), _SMALL, _FULL),
        _round_trip(lambda x, to: cv2.resize(x, to), _SMALL, _FULL),
    ),
    "noise": (lambda x: tv.gaussian_noise(x, 0.0, 0.02), None, _cv_noise),
    "texture_smooth": (
        None,
        lambda x: x.filter(ImageFilter.MedianFilter(7)),
        lambda x: cv2.bilateralFilter(x, 9, 50, 9),
    ),
    "remove": (None, None, lambda x: cv2.inpaint(x, _MASK, 3, cv2.INPAINT_TELEA)),
}


def own_ablations() -> dict[str, type[Ablation]]:
    """All of memlab's own ablations by name."""
    own = [one for one in registry.plugins("ablations") if one.distribution == "memlab"]
    return {one.name: one.load() for one in own}


def operators() -> dict[str, Ablation]:
    """Those of the operators with peers that are installed; regions are named, fills harmonic."""
    known = own_ablations()
    found: dict[str, Ablation] = {}
    for name in PEERS:
        if name in known:
            cls = known[name]
            taken = inspect.signature(cls).parameters
            given = {"region": "faces", "fill": "harmonic"} if name == "remove" else {}
            found[name] = cls(**{key: value for key, value in given.items() if key in taken})
    return found


def free(images: Floats, context: Context) -> Floats:
    """A model that costs nothing: the first pixel's red."""
    del context
    return images[:, 0, 0, 0]


def changed_by_memlab(images: Floats, context: Context, conditions: Sequence[Condition]) -> None:
    """All conditions through the engine."""
    for _ in evaluate(free, images, context, conditions, micro_batch=BATCH):
        pass


def clock(action: Callable[[], Any]) -> float:
    """Milliseconds a picture that an action on a batch takes."""
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start) / BATCH


def one_batch(paths: list[Path]) -> tuple[Floats, Context, list[Image.Image], list[Bytes]]:
    """The same pictures as each of the peers wants them, with a mask."""
    geometry = Geometry(SIZE)
    stacked = torch.stack([geometry.picture(decode(path)) for path in paths])
    arrays = [np.ascontiguousarray(one.permute(1, 2, 0).numpy()) for one in stacked]
    mask = torch.from_numpy(_MASK > 0).to(torch.uint8).expand(len(paths), 1, SIZE, SIZE)
    context = Context([path.name for path in paths], masks={"faces": mask.clone()})
    return to_unit(stacked), context, [Image.fromarray(one) for one in arrays], arrays


def measure(paths: list[Path], threads: int) -> dict[str, Any]:
    """Milliseconds of each operator and of 12 conditions together, by turns."""
    torch.set_num_threads(threads)
    if cv2 is not None:
        cv2.setNumThreads(threads)
    images, context, pictures, arrays = one_batch(paths)
    ours = operators()
    planned = plan(list(ours.values()))[:CONDITIONS]
    for condition in plan(list(ours.values()), "ladder"):  # until there are twelve
        if len(planned) < CONDITIONS and condition.key not in {one.key for one in planned}:
            planned.append(condition)
    peers: dict[str, dict[str, Callable[[], Any]]] = {}
    for name in ours:
        whole, pil, opencv = PEERS[name]
        peers[name] = {}
        if whole is not None:
            peers[name]["torchvision"] = lambda do=whole: do(images)
        if pil is not None:
            peers[name]["pillow"] = lambda do=pil: [do(one) for one in pictures]
        if opencv is not None and cv2 is not None:
            peers[name]["opencv"] = lambda do=opencv: [do(one) for one in arrays]
    seconds: dict[str, dict[str, list[float]]] = {
        name: {library: [] for library in ("memlab", *of)} for name, of in peers.items()
    }
    decoding: list[float] = []
    together: list[float] = []
    limits: list[float] = []
    geometry = Geometry(SIZE)
    for turn in range(ROUNDS + 1):  # the first warms up
        taken: dict[str, dict[str, float]] = {}
        for name, of in peers.items():
            own = [one for one in planned if one.ablation is ours[name]][:1] or plan([ours[name]])
            taken[name] = {"memlab": clock(lambda c=own: changed_by_memlab(images, context, c))}
            taken[name] |= {library: clock(action) for library, action in of.items()}
        decoded = clock(lambda: [geometry.picture(decode(path)) for path in paths])
        whole_plan = decoded + clock(lambda: changed_by_memlab(images, context, planned))
        medians = {
            name: statistics.median(value for key, value in each.items() if key != "memlab")
            for name, each in taken.items()
            if len(each) > 1
        }
        if turn == 0:
            continue
        for name, each in taken.items():
            for library, value in each.items():
                seconds[name][library].append(value)
        decoding.append(decoded)
        together.append(whole_plan)
        limits.append(decoded + sum(medians.get(one.ablation.name, 0) for one in planned))
    table = {}
    for name, each in seconds.items():
        row = {library: round(statistics.median(times), 3) for library, times in each.items()}
        others = [
            statistics.median(times)
            for times in zip(*(each[one] for one in peers[name]), strict=True)
        ]
        ratios = [one / other for one, other in zip(each["memlab"], others, strict=False)]
        ratio = round(statistics.median(ratios), 2) if ratios else None
        blank = dict.fromkeys(LIBRARIES)
        table[name] = {**blank, **row, "ratio_to_median_of_peers": ratio}
    return {
        "threads": threads,
        "milliseconds_per_picture": {
            "decode": round(statistics.median(decoding), 2),
            "decode_and_12_conditions": round(statistics.median(together), 2),
            "decode_and_12_medians_of_peers": round(statistics.median(limits), 2),
        },
        "ratio": {
            "median": round(
                statistics.median(a / b for a, b in zip(together, limits, strict=True)), 3
            ),
            "all": [round(a / b, 3) for a, b in zip(together, limits, strict=True)],
        },
        "conditions": [one.key for one in planned],
        "operators": table,
    }


def count(folder: Path, n: int = 40) -> dict[str, Any]:
    """Decodes and forward passes of an evaluation with donors, where swaps are installed."""
    from memlab.data.sources.scenes import ScenesSource

    write(folder, n=3 * n, seed=0, size=64)
    table = ScenesSource().table(folder).rows.reset_index(drop=True)
    decodes: list[str] = []
    passes = 0

    class Counting(PictureDataset):
        def __getitem__(self, index: int) -> Any:
            decodes.append(self.ids[index])
            return super().__getitem__(index)

    def score(images: Floats, context: Context) -> Floats:
        nonlocal passes
        del context
        passes += len(images)
        return images.mean(dim=(1, 2, 3))

    every = [cls() for cls in own_ablations().values()]
    whole = [one for one in every if not one.regions and not one.donor_regions]
    conditions = plan(whole)
    tested = table.iloc[:n].reset_index(drop=True)
    lending = table.iloc[n:].reset_index(drop=True)
    pictures = Counting(tested, folder, Geometry(64))
    others = Counting(lending, folder, Geometry(64))
    donors = DonorList(others, {}, len(lending), pictures.ids)
    lent: set[str] = set()
    draws = sum(one.draws for one in conditions)
    for start in range(0, n, BATCH):
        batch = to_float(collate([pictures[i] for i in range(start, min(n, start + BATCH))]))
        context = Context(batch["ids"], masks=batch["masks"])
        score(batch["images"], context)
        for one in evaluate(score, batch["images"], context, conditions, BATCH, donors):
            lent |= {name for name in one.donors if name is not None}
    return {
        "pictures": n,
        "conditions": draws,
        "distinct_donors": len(lent),
        "decodes": len(decodes),
        "decodes_expected": n + len(lent),
        "forward_passes": passes,
        "forward_passes_expected": n * (1 + draws),
    }


MEMORY = """
import sys
from pathlib import Path
import torch
from memlab.ablations.base import Context
from memlab.ablations.evaluate import evaluate
from memlab.ablations.frequency import Blur
from memlab.ablations.plan import Condition

torch.set_num_threads(1)
blur, many = Blur(), int(sys.argv[1])
conditions = [Condition(blur, 8 - 4 * place / many) for place in range(many)]
images = torch.rand(32, 3, 224, 224, generator=torch.Generator().manual_seed(0))
context = Context([str(place) for place in range(32)])
for _ in evaluate(lambda x, c: x.mean((1, 2, 3)), images, context, conditions, 32):
    pass
# not ru_maxrss: a process inherits that of the one which started it
status = Path("/proc/self/status").read_text()
print(next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024)
"""


def memory() -> dict[str, list[float]]:
    """Peak resident megabytes with 5 and 50 conditions, three fresh processes each, in turn."""
    found: dict[str, list[float]] = {"5": [], "50": []}
    for _ in range(3):
        for many, peaks in found.items():
            command = [sys.executable, "-c", MEMORY, many]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks.append(round(float(run.stdout), 1))
    return found


def whole_evaluation(paths: list[Path], folder: Path) -> dict[str, Any]:
    """Seconds of blur, grayscale and crop by ResNet50: memlab's, and the prototype's."""
    from memlab.backbones.resnet import ResNet50
    from memlab.models.regressor import MemorabilityRegressor

    model = MemorabilityRegressor(ResNet50(pretrained=False)).eval()
    changes = {name: PEERS[name][1] for name in ("blur", "grayscale", "center_crop")}

    def ours() -> None:
        model.ablate(paths, list(changes), batch_size=8, progress=False)

    def prototype() -> None:
        sets = {"clean": paths}
        for name, change in changes.items():
            sets[name] = []
            for path in paths:
                picture = Image.open(path).convert("RGB").resize(_FULL, Image.Resampling.BILINEAR)
                sets[name].append(folder / f"{name}-{path.name}")
                change(picture).save(sets[name][-1], quality=95)
        with torch.inference_mode():
            for of in sets.values():
                for start in range(0, len(of), 8):
                    read = [Image.open(one).convert("RGB") for one in of[start : start + 8]]
                    read = [one.resize(_FULL, Image.Resampling.BILINEAR) for one in read]
                    model(
                        torch.stack(
                            [tv.to_dtype(tv.pil_to_tensor(one), scale=True) for one in read]
                        )
                    )

    seconds: dict[str, list[float]] = {"memlab": [], "prototype": []}
    for turn in range(4):  # the first warms up
        for name, action in (("memlab", ours), ("prototype", prototype)):
            start = time.perf_counter()
            action()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    ratios = [a / b for a, b in zip(seconds["memlab"], seconds["prototype"], strict=True)]
    return {
        "pictures": len(paths),
        "threads": torch.get_num_threads(),
        "seconds": {name: round(statistics.median(all_), 2) for name, all_ in seconds.items()},
        "ratio_to_prototype": {
            "median": round(statistics.median(ratios), 3),
            "all": [round(ratio, 3) for ratio in ratios],
        },
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = make_pictures(root, BATCH)
        turns = [measure(paths, threads) for threads in options.threads]
        torch.set_num_threads(1)
        result = {
            "pixels": SIZE,
            "batch_size": BATCH,
            "rounds": ROUNDS,
            "twelve_conditions": turns,
            "left_out": sorted(set(PEERS) - set(operators())),
            "counts": count(root / "scenes"),
            "peak_memory_mb": memory(),
            "whole_evaluation": whole_evaluation(paths[:24], root),
        }
    packages = ["memlab", "torch", "torchvision", "pillow", "kornia"]
    packages += ["opencv-python-headless"] if cv2 is not None else []
    result |= {
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
    path = Path(__file__).parent / "results" / "ablations.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
