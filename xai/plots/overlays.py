"""Maps laid over pictures, as pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core import InputError

_DIM = 0.35


def overlay(
    image: np.ndarray, maps: np.ndarray, colours: Sequence[str], threshold: float = 0.5, opacity: float = 0.65
) -> np.ndarray:
    """A picture with the places of one or more maps coloured and outlined; the rest is dimmed.

    Parameters
    ----------
    image
        ``(H, W, 3)`` uint8.
    maps
        ``(m, H, W)``; where several are above the threshold, the strongest shows.
    colours
        ``#rrggbb`` of each map.
    threshold
        Share of a map's largest value above which it shows, in [0, 1].
    opacity
        Of the colour at a map's largest value.

    Returns
    -------
    np.ndarray
        ``(H, W, 3)`` uint8.

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    maps = np.asarray(maps, dtype=float)
    if maps.ndim != 3 or maps.shape[1:] != image.shape[:2] or len(maps) != len(colours):
        raise InputError(
            f"maps of shape {maps.shape} do not fit a picture of {image.shape} and {len(colours)} colours."
        )
    picture = image.astype(float)
    if not len(maps):
        return image
    largest = maps.max(axis=(1, 2), keepdims=True)
    strength = np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)
    strength[strength < max(threshold, 1e-9)] = 0
    first = strength.argmax(axis=0)
    level = strength.max(axis=0)
    paint = np.array([_rgb(colour) for colour in colours])[first]
    shown = (level > 0)[..., None]
    alpha = opacity * level[..., None]
    grey = picture.mean(axis=2, keepdims=True)
    dimmed = (1 - _DIM) * picture + _DIM * (0.5 * grey + 90)
    result = np.where(shown, (1 - alpha) * picture + alpha * paint, dimmed)
    label = np.where(level > 0, first + 1, 0)
    result[_edges(label)] = paint[_edges(label)]
    return np.asarray(np.clip(np.rint(result), 0, 255), dtype=np.uint8)


def _edges(label: np.ndarray) -> np.ndarray:
    """Where a labelled place borders another label: an outline shows to people who see no colours."""
    edge = np.zeros(label.shape, dtype=bool)
    for axis in (0, 1):
        for step in (1, -1):
            edge |= (label != np.roll(label, step, axis=axis)) & (label > 0)
    return edge


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
