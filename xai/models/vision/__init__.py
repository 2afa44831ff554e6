"""Image models: preprocessing, layers to cut, activations and their cache. torch and ONNX load when one is given."""

from __future__ import annotations

from .activations import Activations, activations
from .cache import ActivationCache
from .crops import CropGrid
from .cut import Cut
from .demo import demo_cnn
from .head import AffineHead
from .imagenet import efficientnet_lite0
from .images import Sorted, as_image, as_images, read_image, read_images, sort_out
from .layers import Layer, layers, propose_layer
from .model import ImageModel
from .preprocess import Preprocess, enlarge, from_hub, resize

__all__ = [
    "ActivationCache",
    "Activations",
    "AffineHead",
    "CropGrid",
    "Cut",
    "ImageModel",
    "Layer",
    "Preprocess",
    "Sorted",
    "activations",
    "as_image",
    "as_images",
    "demo_cnn",
    "efficientnet_lite0",
    "enlarge",
    "from_hub",
    "layers",
    "propose_layer",
    "read_image",
    "read_images",
    "resize",
    "sort_out",
]
