"""A module that leaves a trace if it is imported, and a way to see none."""

from __future__ import annotations

MODULE = """
import pathlib
pathlib.Path("RUN").touch()
from lightning.pytorch import Callback
from torch import nn, optim
from memlab.backbones.base import Backbone

class Net(nn.Module):
    def forward(self, images): return images.mean((1, 2, 3))

class Watcher(Callback): pass
class Step(optim.SGD): pass

class Tiny(Backbone):
    feature_dim, input_size = 3, 64
    def __init__(self, pretrained: bool = False) -> None: super().__init__()
    def stem(self, images): return images
    def tail(self, activations): return activations.mean((2, 3))
    def grid(self, activations): return activations
"""

POPEN = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "RUN"]}}

FOREIGN = "memlab.models.foreign.ForeignModel"
