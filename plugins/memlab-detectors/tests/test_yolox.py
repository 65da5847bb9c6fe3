"""A YOLOX is decoded as its authors train it, and other networks are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from memlab_detectors.yolox import YOLOX

from memlab.cli import main
from memlab.errors import CheckpointError, MissingWeightsError

onnx = pytest.importorskip("onnx", reason="onnx, which makes the networks, is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("cv2", reason="OpenCV is not installed")

DOG = 16
SIDE = 64


def network(path: Path, classes: int = 80, scores: str = "Sigmoid", log_side: float = 0.0) -> Path:
    """Write a YOLOX for 64 × 64 pixels that finds blue cells of its grid of stride 16 to be dogs.

    Its input is BGR, 0 to 255. The centre of a box is that of its cell, its sides are e^log_side
    steps.
    """
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, constants, layers = [], [], []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    for stride in (8, 16, 32):
        own = f"{stride}"
        cells = helper.make_node(
            "AveragePool",
            ["images"],
            [f"cells{own}"],
            kernel_shape=[stride] * 2,
            strides=[stride] * 2,
        )
        box = np.zeros((4, 3, 1, 1), np.float32)
        middle = np.array([0.5, 0.5, log_side, log_side], np.float32)
        logits = np.zeros((1 + classes, 3, 1, 1), np.float32)
        logits[0, :, 0, 0] = (0.2, 0.0, -0.2) if stride == 16 else 0  # blue minus red
        certain = np.full(1 + classes, -20.0, np.float32)
        certain[1 + min(DOG, classes - 1)] = 20
        nodes += [
            cells,
            helper.make_node(
                "Conv",
                [f"cells{own}", constant(f"box{own}", box), constant(f"middle{own}", middle)],
                [f"boxes{own}"],
            ),
            helper.make_node(
                "Conv",
                [f"cells{own}", constant(f"logit{own}", logits), constant(f"bias{own}", certain)],
                [f"logits{own}"],
            ),
            helper.make_node(scores, [f"logits{own}"], [f"scores{own}"]),
            helper.make_node("Concat", [f"boxes{own}", f"scores{own}"], [f"both{own}"], axis=1),
            helper.make_node(
                "Reshape",
                [f"both{own}", constant(f"shape{own}", np.array([1, 5 + classes, -1]))],
                [f"layer{own}"],
            ),
        ]
        layers.append(f"layer{own}")
    nodes += [
        helper.make_node("Concat", layers, ["all"], axis=2),
        helper.make_node("Transpose", ["all"], ["output"], perm=[0, 2, 1]),
    ]
    return save(path, nodes, constants, (1, 84, 5 + classes))


def save(path: Path, nodes: list[Any], constants: list[Any], shape: tuple[int, ...]) -> Path:
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", number, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output", number, shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def pooled(path: Path) -> Path:
    """Write a network whose output is a smaller image."""
    pool = onnx.helper.make_node(
        "AveragePool", ["images"], ["output"], kernel_shape=[2, 2], strides=[2, 2]
    )
    return save(path, [pool], [], (1, 3, SIDE // 2, SIDE // 2))


def blocks() -> torch.Tensor:
    """An image twice as wide as high: a blue and a red block on grey."""
    image = torch.full((3, SIDE, 2 * SIDE), 0.5)
    image[:, :32, 64:96] = torch.tensor([0.0, 0.0, 1.0])[:, None, None]
    image[:, 32:, 32:64] = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
    return image


def test_boxes_are_where_the_image_shows_them(tmp_path: Path) -> None:
    detector = YOLOX(network(tmp_path / "tiny.onnx"), regions="objects")
    boxes = detector.boxes(blocks())  # at half its size in the upper left of the input
    assert boxes.edges.tolist() == [[64, 0, 96, 32]]
    assert boxes.classes.tolist() == [DOG]
    assert boxes.scores[0] == pytest.approx(1.0, abs=1e-4)
    wider = YOLOX(network(tmp_path / "wide.onnx", log_side=float(np.log(2))), regions="objects")
    assert wider.boxes(blocks()).edges.tolist() == [[48, 0, 112, 48]]  # cut at the upper edge


def test_the_hash_is_printed_and_no_quality_is_claimed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    pixels = (blocks() * 255).byte().permute(1, 2, 0).numpy()
    (tmp_path / "album").mkdir()
    Image.fromarray(pixels).save(tmp_path / "album" / "blocks.png")
    (tmp_path / "album" / "scores.csv").write_text("image,score\nblocks.png,0.5\n")
    weights = network(tmp_path / "tiny.onnx", log_side=float(np.log(2)))
    find = ["regions", "find", str(tmp_path / "album"), "--out", str(tmp_path / "store")]
    find += ["--with", "memlab_detectors.yolox:YOLOX", "--with.regions", "objects"]
    assert main([*find, "--with.weights", str(weights)]) == 0
    written = capsys.readouterr()
    assert "objects      in 1 of 1 images" in written.out
    assert "recall" not in written.out
    assert "tiny.onnx sha256:" in written.err
    assert "no claim about the quality of these weights" in written.err


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda path: network(path, classes=20), "a YOLOX of 20 classes, not of COCO's 80"),
        (lambda path: network(path, scores="Identity"), "scores are not between 0 and 1"),
        (lambda path: network(path, log_side=64.0), "boxes are decoded already"),
        (pooled, r"not a YOLOX: its output is \(1, 3, 32, 32\), not \(1, 84, 85\)"),
    ],
)
def test_another_network_is_refused(
    tmp_path: Path, write: Callable[[Path], Path], problem: str
) -> None:
    with pytest.raises(CheckpointError, match=rf"net\.onnx: .*{problem}; export a YOLOX"):
        YOLOX(write(tmp_path / "net.onnx"), regions="objects")


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"yolox: no weights; .* --with\.weights FILE"):
        YOLOX()
    weights = network(tmp_path / "net.onnx")
    weights.write_bytes(weights.read_bytes()[:-700])
    with pytest.raises(CheckpointError, match=r"net\.onnx: cannot be read as ONNX, damaged or"):
        YOLOX(weights, regions="objects")
