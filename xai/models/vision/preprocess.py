"""What happens to a picture before a network sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...core.errors import InputError, MissingExtraError

ChannelOrder = Literal["RGB", "BGR", "L"]


@dataclass(frozen=True)
class Preprocess:
    """Size, scale and order of the channels; the default is ``x / 255`` at the picture's own size.

    Attributes
    ----------
    size
        ``(height, width)`` of the input; ``None`` keeps the size of the pictures.
    mean, std
        Of each channel on the scale 0 to 1, in the order RGB: the input is ``(x / 255 - mean) / std``.
    channel_order
        ``"RGB"``, ``"BGR"``, or ``"L"`` for networks with one input channel (the mean of the three).
    shortest_edge
        If given, the picture is resized to this shorter side and ``size`` is cut from its middle; otherwise it is
        stretched to ``size``.
    bicubic
        Resize by bicubic rather than bilinear interpolation.
    """

    size: tuple[int, int] | None = None
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channel_order: ChannelOrder = "RGB"
    shortest_edge: int | None = None
    bicubic: bool = False

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise InputError(f"mean {self.mean} and std {self.std} need three numbers each, and std must be positive.")
        if self.channel_order not in {"RGB", "BGR", "L"}:
            raise InputError(f"channel_order is '{self.channel_order}': it must be 'RGB', 'BGR' or 'L'.")
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise InputError(f"size is {self.size}: it must be (height, width) in pixels.")
        if self.shortest_edge is not None and (self.size is None or self.shortest_edge < max(self.size)):
            raise InputError(f"shortest_edge {self.shortest_edge} needs a size that fits into it, not {self.size}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary of JSON types."""
        return asdict(self)

    def view(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures at the size the network gets them, ``(n, H, W, 3)`` uint8; maps of concepts lie over these.

        Raises
        ------
        InputError
            If no size is set and the pictures differ in theirs.
        """
        if self.size is None:
            sizes = {image.shape[:2] for image in images}
            if len(sizes) > 1:
                first = images[0].shape[:2]
                odd = next(i for i, image in enumerate(images) if image.shape[:2] != first)
                raise InputError(
                    f"image {odd} is {_wide(images[odd].shape)}, image 0 is {_wide(first)}: "
                    "give a Preprocess with a size to bring them together."
                )
            return np.stack(list(images))
        return np.stack([self._resized(image) for image in images])

    def normalise(self, view: np.ndarray) -> np.ndarray:
        """``(n, H, W, 3)`` pixel values from 0 to 255 as the input ``(n, c, H, W)`` float32 of the network."""
        mean, std = np.array(self.mean, dtype=np.float32), np.array(self.std, dtype=np.float32)
        values = (view.astype(np.float32) / np.float32(255) - mean) / std
        if self.channel_order == "BGR":
            values = values[..., ::-1]
        elif self.channel_order == "L":
            values = values.mean(axis=-1, keepdims=True, dtype=np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

    def _resized(self, image: np.ndarray) -> np.ndarray:
        assert self.size is not None
        height, width = self.size
        if self.shortest_edge is None:
            return resize(image, self.size, bicubic=self.bicubic)
        scale = self.shortest_edge / min(image.shape[:2])
        tall, wide = (max(self.shortest_edge, int(side * scale)) for side in image.shape[:2])
        image = resize(image, (tall, wide), bicubic=self.bicubic)
        top, left = (tall - height) // 2, (wide - width) // 2
        return image[top : top + height, left : left + width]


def resize(image: np.ndarray, size: tuple[int, int], *, bicubic: bool = False) -> np.ndarray:
    """A uint8 picture at another ``(height, width)``, smoothed where it shrinks."""
    if image.shape[:2] == size:
        return image
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    how = Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize(size[::-1], how))


def enlarge(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``(n, h, w, c)`` values at another ``(height, width)``, bilinear between pixel centres, without smoothing.

    The same numbers as ``torch.nn.functional.interpolate(mode="bilinear", align_corners=False)``.
    """
    rows, columns = _bilinear(maps.shape[1], size[0]), _bilinear(maps.shape[2], size[1])
    tall = np.einsum("Hh,nhwc->nHwc", rows, maps.astype(np.float32), optimize=True)
    return np.asarray(np.einsum("Ww,nHwc->nHWc", columns, tall, optimize=True))


def from_hub(config: Mapping[str, Any] | str | Path) -> Preprocess:
    """What a Hugging Face ``preprocessor_config.json`` says, given as its path, its folder, or its content.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if not isinstance(config, Mapping):
        path = Path(config)
        path = path / "preprocessor_config.json" if path.is_dir() else path
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as a preprocessor_config.json: {error}") from error
        assert isinstance(config, Mapping)
    size, edge = _hub_size(config)
    # Where values are not brought to 0..1 first, mean and standard deviation are on another scale.
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    if not isinstance(factor, (int, float)) or not 0 < factor < np.inf:
        raise InputError(f"the preprocessor file's rescale_factor is {factor!r}: it must be a positive number.")
    scale = float(factor) * 255
    normal = config.get("do_normalize", True)
    mean = config.get("image_mean", (0.0,) * 3) if normal else (0.0,) * 3
    std = config.get("image_std", (1.0,) * 3) if normal else (1.0,) * 3
    return Preprocess(
        size=size,
        mean=tuple(float(value) / scale for value in mean),  # type: ignore[arg-type]  # the class checks the length
        std=tuple(float(value) / scale for value in std),  # type: ignore[arg-type]  # and here
        shortest_edge=edge,
        bicubic=config.get("resample", 2) == 3,
    )


def known_to(module: Any) -> Preprocess:
    """What a torch module says of itself: ``config.image_size``, ``pretrained_cfg`` (timm), one input channel."""
    cfg = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if isinstance(cfg, Mapping) and "mean" in cfg and "std" in cfg:
        size = cfg.get("input_size", (3, None, None))[-2:]
        return Preprocess(None if None in size else tuple(size), tuple(cfg["mean"]), tuple(cfg["std"]))
    size = getattr(getattr(module, "config", None), "image_size", None)
    size = (size, size) if isinstance(size, int) else size
    first = next((part for part in module.modules() if hasattr(part, "in_channels")), None)
    return Preprocess(
        size=tuple(size) if isinstance(size, (tuple, list)) and len(size) == 2 else None,
        channel_order="L" if getattr(first, "in_channels", 3) == 1 else "RGB",
    )


def _hub_size(config: Mapping[str, Any]) -> tuple[tuple[int, int] | None, int | None]:
    size = _pair(config.get("size")) if config.get("do_resize", True) else None
    edge = config["size"].get("shortest_edge") if isinstance(config.get("size"), Mapping) else None
    crop = _pair(config.get("crop_size"))
    if config.get("do_center_crop") and crop:
        inner = edge if edge is not None else (size[0] if size and size[0] == size[1] else None)
        return crop, inner if inner is not None and inner >= max(crop) else None
    if size is None and edge is not None:
        # ConvNeXt: below 384 pixels the picture is resized to size / crop_pct and its middle taken.
        share = float(config.get("crop_pct") or 1.0) if edge < 384 else 1.0
        return (edge, edge), int(edge / share) if share < 1 else None
    return size, None


def _pair(size: Any) -> tuple[int, int] | None:
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and "height" in size and "width" in size:
        return int(size["height"]), int(size["width"])
    return None


def _wide(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


@cache
def _bilinear(n_in: int, n_out: int) -> np.ndarray:
    """``(n_out, n_in)`` weights of linear interpolation between pixel centres."""
    where = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    left = np.floor(where).astype(int)
    right = np.minimum(left + 1, n_in - 1)
    share = where - left
    weights = np.zeros((n_out, n_in), dtype=np.float32)
    rows = np.arange(n_out)
    np.add.at(weights, (rows, left), 1 - share)
    np.add.at(weights, (rows, right), share)
    return weights
