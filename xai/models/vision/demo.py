"""The demo network: blood smears of 112 pixels, four classes, maps of 14 x 14 and 7 x 7."""

from __future__ import annotations

from typing import Any

from ...core.errors import MissingExtraError
from ...core.resources import resource
from .model import ImageModel
from .preprocess import Preprocess

SIZE = 112
FILE = "blood_smear-cnn.safetensors"
PREPROCESS = Preprocess(size=(SIZE, SIZE), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
_BLOCKS = (("map56", 3, 16, 2), ("map28", 16, 32, 2), ("to14", 32, 64, 2), ("map14", 64, 64, 1), ("map7", 64, 64, 2))


def network(n_classes: int) -> Any:
    """The network without its weights: five blocks of convolution, batch norm and ReLU; average pooling; one layer.

    The last map, ``map7``, is never negative and the head behind it is affine.
    """
    try:
        from torch import nn
    except ImportError as error:
        raise MissingExtraError("torch", "vision") from error

    def block(depth_in: int, depth_out: int, stride: int) -> Any:
        convolution = nn.Conv2d(depth_in, depth_out, 3, stride, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(depth_out), nn.ReLU())

    whole = nn.Sequential()
    for name, depth_in, depth_out, stride in _BLOCKS:
        whole.add_module(name, block(depth_in, depth_out, stride))
    whole.add_module("pool", nn.AdaptiveAvgPool2d(1))
    whole.add_module("flatten", nn.Flatten())
    whole.add_module("head", nn.Linear(_BLOCKS[-1][2], n_classes))
    return whole


def demo_cnn() -> ImageModel:
    """The shipped network, trained by ``sample_data/recipes/demo_cnn.py`` on synthetic smears.

    Raises
    ------
    MissingExtraError
        If torch or safetensors is not installed.
    """
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise MissingExtraError("safetensors", "vision") from error
    with safe_open(resource("sample_data", "models", FILE), framework="pt") as file:
        classes = file.metadata()["classes"].split(",")
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    whole = network(len(classes))
    whole.load_state_dict(weights)
    return ImageModel(whole.eval(), PREPROCESS, classes)
