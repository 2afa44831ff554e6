"""Pictures in any usual form, brought to uint8 RGB; a bad one is named by its position and spoils no other."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
"""Largest picture that is decoded: a small file can unpack to far more memory than there is."""
FORMATS = ("PNG", "JPEG")
_MIN_SIDE = 2


@dataclass(frozen=True, eq=False)
class Sorted:
    """Usable pictures, and what is wrong with the others.

    Attributes
    ----------
    images
        The usable pictures, each ``(H, W, 3)`` uint8.
    positions
        ``(len(images),)`` where each stood in the input.
    problems
        Position of each unusable picture to one sentence about it.
    """

    images: tuple[np.ndarray, ...]
    positions: np.ndarray
    problems: Mapping[int, str]


def sort_out(images: object) -> Sorted:
    """Pictures brought to uint8 RGB, those that cannot be used set aside with a reason.

    Parameters
    ----------
    images
        An array ``(n, H, W, 3)`` or a sequence of pictures of any sizes, each an array or a Pillow image. Greyscale
        ``(H, W)`` or ``(H, W, 1)`` is repeated, the transparent parts of ``(H, W, 4)`` become white. uint8 is taken as
        it is, uint16 on its full range, floating point from 0 to 1, bool as black and white.
    """
    good: list[np.ndarray] = []
    positions: list[int] = []
    problems: dict[int, str] = {}
    for position, image in enumerate(_pictures(images)):
        try:
            good.append(as_image(image))
        except InputError as error:
            problems[position] = str(error)
        else:
            positions.append(position)
    return Sorted(tuple(good), np.array(positions, dtype=int), problems)


def as_images(images: object) -> tuple[np.ndarray, ...]:
    """All pictures as uint8 RGB, see :func:`sort_out`.

    Raises
    ------
    InputError
        If there is none, or some cannot be used: the message names each by its position.
    """
    found = sort_out(images)
    if found.problems:
        shown = "; ".join(f"image {position}: {text}" for position, text in list(found.problems.items())[:5])
        more = "" if len(found.problems) <= 5 else f"; and {len(found.problems) - 5} more"
        raise InputError(f"{shown}{more} Leave them out (xai.models.vision.sort_out does) or mend them.")
    if not found.images:
        raise InputError("there are no images: give at least one.")
    return found.images


def as_image(image: object) -> np.ndarray:
    """One picture as ``(H, W, 3)`` uint8, see :func:`sort_out`.

    Raises
    ------
    InputError
        If its shape, type or values are not those of a picture.
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in {1, 3, 4}:
        raise InputError(f"its shape is {array.shape}, not (height, width) with 1, 3 or 4 channels.")
    if min(array.shape[:2]) < _MIN_SIDE:
        raise InputError(f"it is only {array.shape[1]} x {array.shape[0]} pixels.")
    pixels = _eight_bits(array)
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.float32) / 255
        pixels = np.rint(pixels[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def read_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """A PNG or JPEG file, or its bytes, as ``(H, W, 3)`` uint8, turned the way its EXIF tag says.

    Raises
    ------
    InputError
        If it cannot be read, is of another format, damaged, or has more than ``max_pixels`` pixels.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    name = "the image" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as picture:
            # The size stands in the header: it is known before anything is unpacked.
            if picture.width * picture.height > max_pixels:
                raise InputError(
                    f"{name} has {picture.width} x {picture.height} pixels; at most {max_pixels:,} are read: shrink it."
                )
            return as_image(_plain_mode(ImageOps.exif_transpose(picture)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} cannot be read as {' or '.join(FORMATS)}: {error}") from error


def read_images(sources: Iterable[str | Path | bytes]) -> Sorted:
    """Files as uint8 RGB, those that cannot be read set aside with a reason."""
    good: list[np.ndarray] = []
    positions: list[int] = []
    problems: dict[int, str] = {}
    for position, source in enumerate(sources):
        try:
            good.append(read_image(source))
        except InputError as error:
            problems[position] = str(error)
        else:
            positions.append(position)
    return Sorted(tuple(good), np.array(positions, dtype=int), problems)


def _pictures(images: object) -> Sequence[Any]:
    """One entry a picture; a lone picture is a batch of one."""
    if isinstance(images, np.ndarray):
        if images.dtype == object:
            return list(images)
        lone = images.ndim == 2 or (images.ndim == 3 and images.shape[2] in {1, 3, 4})
        return [images] if lone else list(images) if images.ndim else [images]
    if isinstance(images, Iterable) and not isinstance(images, (str, bytes)):
        return list(images)
    return [images]


def _plain_mode(picture: Image) -> np.ndarray:
    """Palettes and print colours as RGB(A); the modes numpy understands as they are."""
    if picture.mode in {"P", "PA", "LA"}:
        picture = picture.convert("RGBA")
    elif picture.mode in {"1", "CMYK", "YCbCr", "LAB", "HSV"}:
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    # Pillow opens 16-bit grey PNG as 32-bit integers in some versions.
    return array.astype(np.uint16) if array.dtype == np.int32 else array


def _eight_bits(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        eight: np.ndarray = np.rint(array / np.float32(257)).astype(np.uint8)
        return eight
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise InputError(f"{int((~np.isfinite(array)).sum())} of its values are NaN or infinite.")
        low, high = float(array.min()), float(array.max())
        if low < 0 or high > 1:
            raise InputError(f"its floating-point values run from {low:.3g} to {high:.3g}, not within 0 to 1.")
        pixels: np.ndarray = np.rint(array * 255).astype(np.uint8)
        return pixels
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            raise InputError(f"its {array.dtype} values run from {low} to {high}: give uint8, or uint16 for 16 bits.")
        return array.astype(np.uint8)
    raise InputError(f"it holds {array.dtype}, not pixel values.")
