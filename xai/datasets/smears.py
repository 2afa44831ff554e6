"""Synthetic blood smears with known parts: no patient's data, and every concept's true place is known.

One white blood cell of one of four classes lies among red cells, drawn as a Wright stain shows it. What separates the
classes is known: coarse red granules mark the eosinophil, and the shape of the nucleus tells the other three apart (one
round body, several lobes, a horseshoe).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..core.errors import InputError, unknown_names

CLASSES = ("lymphocyte", "neutrophil", "eosinophil", "monocyte")
PARTS = ("background", "red cell", "cytoplasm", "nucleus", "granules")
"""Names of the values 0..4 of a part mask. Only the eosinophil's coarse granules count as granules."""
_BACKGROUND, _RED_CELL, _CYTOPLASM, _NUCLEUS, _GRANULES = range(5)
_MIN_SIZE = 32

_GLASS = (222, 214, 200)
_RED = (196, 130, 125)
_PLATELET = (130, 90, 160)
_CHROMATIN = (98, 60, 140)
_CYTOPLASM_COLOUR = ((176, 190, 222), (226, 196, 206), (232, 196, 190), (178, 182, 205))
_CELL_SIZE = (0.82, 1.0, 1.02, 1.15)
_COARSE, _FINE = (205, 80, 60), (190, 140, 170)


@dataclass(frozen=True)
class Artefact:
    """A coloured smudge in a corner that goes with one class: a shortcut a model may take.

    Attributes
    ----------
    target
        The class it goes with.
    share, share_elsewhere
        Share of the pictures of that class, and of all others, that carry it.
    colour
        RGB of the stain.
    opacity
        How much of the picture it hides, 0 to 1.
    """

    target: str = "monocyte"
    share: float = 0.75
    share_elsewhere: float = 0.05
    colour: tuple[int, int, int] = (40, 150, 130)
    opacity: float = 0.7

    def __post_init__(self) -> None:
        if self.target not in CLASSES:
            raise InputError(unknown_names("class", [self.target], CLASSES))
        if not (0 <= self.share <= 1 and 0 <= self.share_elsewhere <= 1 and 0 < self.opacity <= 1):
            raise InputError("share, share_elsewhere and opacity of an artefact lie between 0 and 1.")


@dataclass(frozen=True, eq=False)
class Smears:
    """Synthetic smears and the truth about them.

    Attributes
    ----------
    images
        ``(n, size, size, 3)`` uint8.
    labels
        ``(n,)`` positions in :data:`CLASSES`.
    parts
        ``(n, size, size)`` uint8, positions in :data:`PARTS`.
    artefact
        ``(n, size, size)`` bool, where a smudge lies; ``None`` if none was asked for.
    """

    images: np.ndarray
    labels: np.ndarray
    parts: np.ndarray
    artefact: np.ndarray | None


def generate(n: int, size: int = 112, seed: int = 0, artefact: Artefact | None = None) -> Smears:
    """``n`` smears, the classes in turn but in random order: any four in a row from the start hold one of each.

    Picture ``i`` depends on ``seed``, ``size`` and ``i`` alone: more pictures never change the first ones, and with an
    artefact they are the same but for the smudge.

    Parameters
    ----------
    n
        Number of pictures.
    size
        Side in pixels, at least 32.
    seed
        Of everything random.
    artefact
        A smudge that goes with one class.

    Raises
    ------
    InputError
        If ``n`` or ``size`` is too small.
    """
    if n < 1 or size < _MIN_SIZE:
        raise InputError(f"n = {n} smears of {size} pixels: at least one, of at least {_MIN_SIZE} pixels.")
    labels = _labels(n, seed)
    images = np.empty((n, size, size, 3), dtype=np.uint8)
    parts = np.empty((n, size, size), dtype=np.uint8)
    smudges = None if artefact is None else np.zeros((n, size, size), dtype=bool)
    for i, label in enumerate(labels):
        picture = _smear(np.random.default_rng([seed, i]), int(label), size)
        if artefact is not None and smudges is not None:
            smudges[i] = _smudge(picture, np.random.default_rng([seed, i, 1]), artefact, CLASSES[label])
        images[i], parts[i] = _photograph(picture, np.random.default_rng([seed, i, 2])), picture.parts
    return Smears(images, labels, parts, smudges)


class _Picture:
    """A canvas with its part mask; lengths are in pixels, places are (row, column)."""

    def __init__(self, size: int, colour: np.ndarray) -> None:
        self.size = size
        self.colours = np.empty((size, size, 3), dtype=np.float32)
        self.colours[:] = colour
        self.parts = np.zeros((size, size), dtype=np.uint8)
        self.rows, self.columns = np.ogrid[0:size, 0:size]

    def window(self, place: np.ndarray, reach: float) -> tuple[slice, slice]:
        """The part of the canvas no farther than ``reach`` from a place."""
        low = np.maximum(np.floor(place - reach).astype(int), 0)
        high = np.minimum(np.ceil(place + reach).astype(int) + 1, self.size)
        return slice(low[0], max(low[0], high[0])), slice(low[1], max(low[1], high[1]))

    def paint(self, where: tuple[slice, slice], cover: np.ndarray, colour: np.ndarray, part: int | None) -> None:
        """Lay a colour over the canvas, as far as it covers each pixel (0 to 1)."""
        self.colours[where] += cover[..., None] * (colour - self.colours[where])
        if part is not None:
            self.parts[where][cover > 0.5] = part


def _labels(n: int, seed: int) -> np.ndarray:
    turns = -(-n // len(CLASSES))
    order = [np.random.default_rng([seed, turn, 3]).permutation(len(CLASSES)) for turn in range(turns)]
    return np.concatenate(order)[:n]


def _smear(rng: np.random.Generator, label: int, size: int) -> _Picture:
    glass = _jittered(rng, _GLASS, 5)
    picture = _Picture(size, glass)
    centre = size / 2 + rng.normal(0, 0.06 * size, 2)
    radius = size * rng.uniform(0.25, 0.31) * _CELL_SIZE[label]
    _red_cells(picture, rng, glass, centre, radius)
    cytoplasm = _jittered(rng, _CYTOPLASM_COLOUR[label], 6)
    _blob(picture, rng, centre, radius, colour=cytoplasm, part=_CYTOPLASM, roughness=0.05 if label == 3 else 0.025)
    chromatin = _jittered(rng, _CHROMATIN, 8)
    _NUCLEI[label](picture, rng, centre, radius, chromatin)
    if label in {1, 2}:
        _granules(picture, rng, coarse=label == 2)
    return picture


def _red_cells(
    picture: _Picture, rng: np.random.Generator, glass: np.ndarray, centre: np.ndarray, radius: float
) -> None:
    """Red cells with their pale middle, and a platelet or two, none on the white cell."""
    size, colour = picture.size, _jittered(rng, _RED, 8)
    pale = 0.55 * glass + 0.45 * colour
    for place in rng.uniform(0, size, (rng.integers(5, 11), 2)):
        if np.hypot(*(place - centre)) > radius + 0.08 * size:
            side = 0.15 * size * rng.uniform(0.85, 1.1)
            tint = colour + rng.normal(0, 3, 3)
            _blob(picture, rng, place, side, colour=tint, part=_RED_CELL, roughness=0.02)
            _blob(picture, rng, place, 0.42 * side, colour=pale, part=_RED_CELL, roughness=0.03)
    for place in rng.uniform(0, size, (rng.integers(0, 3), 2)):
        if np.hypot(*(place - centre)) > 1.2 * radius:
            tint = _jittered(rng, _PLATELET, 8)
            _blob(picture, rng, place, 0.025 * size, colour=tint, part=None, roughness=0.06)


def _round_nucleus(
    picture: _Picture, rng: np.random.Generator, centre: np.ndarray, radius: float, colour: np.ndarray
) -> None:
    place = centre + rng.normal(0, 0.06 * radius, 2)
    _blob(picture, rng, place, radius * rng.uniform(0.74, 0.84), colour=colour, part=_NUCLEUS, roughness=0.02)


def _lobes(
    picture: _Picture, rng: np.random.Generator, centre: np.ndarray, radius: float, colour: np.ndarray, *, two: bool
) -> None:
    """Lobes on an arc, each joined to the one before by a thin bridge."""
    n, apart = (2, 1.9) if two else (int(rng.integers(3, 6)), 1.15)
    angles = rng.uniform(0, 2 * np.pi) + apart * np.arange(n) * rng.uniform(0.85, 1.1, n)
    places = centre + radius * (0.40 if two else 0.42) * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    for before, after in pairwise(places):
        _bridge(picture, before, after, 0.06 * radius, colour)
    low, high = (0.34, 0.40) if two else (0.24, 0.31)
    for place in places:
        tint = colour + rng.normal(0, 4, 3)
        _blob(picture, rng, place, radius * rng.uniform(low, high), colour=tint, part=_NUCLEUS, roughness=0.05)


def _several_lobes(
    picture: _Picture, rng: np.random.Generator, centre: np.ndarray, radius: float, colour: np.ndarray
) -> None:
    _lobes(picture, rng, centre, radius, colour, two=False)


def _two_lobes(
    picture: _Picture, rng: np.random.Generator, centre: np.ndarray, radius: float, colour: np.ndarray
) -> None:
    _lobes(picture, rng, centre, radius, colour, two=True)


def _horseshoe(
    picture: _Picture, rng: np.random.Generator, centre: np.ndarray, radius: float, colour: np.ndarray
) -> None:
    """A thick arc of a third of a turn and more: everything within a distance of it."""
    facing = rng.uniform(0, 2 * np.pi)
    opening = np.array([np.sin(facing), np.cos(facing)])
    middle = centre - 0.08 * radius * opening
    where = picture.window(centre, radius)
    offsets = _offsets(picture, where, middle)
    angles = facing + np.linspace(-1.15, 1.15, 7) * rng.uniform(0.92, 1.05)
    bend = middle + 0.36 * radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    nearest = np.full(offsets[0].shape, np.inf, dtype=np.float32)
    for before, after in pairwise(bend):
        nearest = np.minimum(nearest, _distance_to_line(picture, where, before, after))
    thickness = radius * (0.29 + 0.02 * np.cos(3 * np.arctan2(*offsets) + rng.uniform(0, 2 * np.pi)))
    picture.paint(where, np.clip(thickness - nearest + 0.5, 0, 1).astype(np.float32), colour, _NUCLEUS)


_NUCLEI = (_round_nucleus, _several_lobes, _two_lobes, _horseshoe)


def _granules(picture: _Picture, rng: np.random.Generator, *, coarse: bool) -> None:
    """Grains over the cytoplasm: coarse red ones, or fine pink dust."""
    free = np.argwhere(picture.parts == _CYTOPLASM)
    places = free[rng.choice(len(free), min(110 if coarse else 60, len(free)), replace=False)]
    radius = picture.size * (0.014 if coarse else 0.007)
    reach = int(np.ceil(radius + 0.5))
    near = np.clip(places[:, :, None] + np.arange(-reach, reach + 1), 0, picture.size - 1)
    rows, columns = near[:, 0, :, None], near[:, 1, None, :]
    distance = np.hypot(rows - places[:, 0, None, None], columns - places[:, 1, None, None])
    cover = np.zeros((picture.size, picture.size), dtype=np.float32)
    np.maximum.at(cover, (rows, columns), np.clip(radius - distance + 0.5, 0, 1).astype(np.float32))
    colour = _jittered(rng, _COARSE if coarse else _FINE, 8)
    picture.paint((slice(None), slice(None)), cover, colour, _GRANULES if coarse else None)


def _smudge(picture: _Picture, rng: np.random.Generator, artefact: Artefact, name: str) -> np.ndarray:
    """Perhaps a smudge in one of the corners; where it lies, ``(size, size)`` bool."""
    mask = np.zeros((picture.size, picture.size), dtype=bool)
    share = artefact.share if name == artefact.target else artefact.share_elsewhere
    if rng.random() >= share:
        return mask
    corner = rng.integers(0, 2, 2)
    place = picture.size * (corner + (1 - 2 * corner) * rng.uniform(0.1, 0.16, 2))
    where, cover = _blob_cover(picture, rng, place, picture.size * rng.uniform(0.09, 0.13), roughness=0.08)
    picture.paint(where, artefact.opacity * cover, _jittered(rng, artefact.colour, 8), None)
    mask[where] = cover > 0.5
    return mask


def _photograph(picture: _Picture, rng: np.random.Generator) -> np.ndarray:
    """The canvas through a microscope: blurred, unevenly lit, with noise; uint8."""
    from scipy.ndimage import gaussian_filter

    size = picture.size
    blur = rng.uniform(0.3, 0.9) * size / 96
    seen = gaussian_filter(picture.colours, (blur, blur, 0), truncate=3)
    down, right = rng.normal(0, 0.05, (2, 1)) * np.linspace(-1, 1, size)
    light = (1 + down[:, None] + right[None, :]) * rng.uniform(0.93, 1.05)
    noise = rng.standard_normal(seen.shape, dtype=np.float32) * np.float32(4)
    pixels: np.ndarray = np.clip(seen * light[..., None].astype(np.float32) + noise, 0, 255).astype(np.uint8)
    return pixels


def _jittered(rng: np.random.Generator, colour: tuple[int, int, int], spread: float) -> np.ndarray:
    return np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def _blob(
    picture: _Picture,
    rng: np.random.Generator,
    place: np.ndarray,
    radius: float,
    *,
    colour: np.ndarray,
    part: int | None,
    roughness: float,
) -> None:
    where, cover = _blob_cover(picture, rng, place, radius, roughness=roughness)
    picture.paint(where, cover, colour, part)


def _blob_cover(
    picture: _Picture, rng: np.random.Generator, place: np.ndarray, radius: float, *, roughness: float
) -> tuple[tuple[slice, slice], np.ndarray]:
    """A stretched round body whose outline wavers in its second to fifth harmonic: window and cover of each pixel."""
    where = picture.window(place, radius * (1.3 + 6 * roughness))
    down, right = _offsets(picture, where, place)
    turn, stretch = np.exp(1j * rng.uniform(0, np.pi)), 1 + rng.uniform(-0.13, 0.13)
    turned = (right + 1j * down) * turn
    points = turned.real / stretch + 1j * turned.imag * stretch
    distance = np.abs(points)
    # cos(m t + phase) is the real part of (e^it)^m e^(i phase): powers are cheaper than angles.
    direction = points / np.maximum(distance, 1e-6)
    outline = np.ones(distance.shape)
    power = direction
    for size, phase in zip(rng.normal(0, roughness, 4), rng.uniform(0, 2 * np.pi, 4), strict=True):
        power = power * direction
        outline += size * (power * np.exp(1j * phase)).real
    return where, np.clip(radius * outline - distance + 0.5, 0, 1).astype(np.float32)


def _bridge(picture: _Picture, before: np.ndarray, after: np.ndarray, half: float, colour: np.ndarray) -> None:
    where = picture.window((before + after) / 2, np.hypot(*(after - before)) / 2 + half + 1)
    distance = _distance_to_line(picture, where, before, after)
    picture.paint(where, np.clip(half - distance + 0.5, 0, 1).astype(np.float32), colour, _NUCLEUS)


def _offsets(picture: _Picture, where: tuple[slice, slice], place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a window's pixels from a place."""
    rows, columns = np.broadcast_arrays(picture.rows[where[0]] - place[0], picture.columns[:, where[1]] - place[1])
    return rows, columns


def _distance_to_line(
    picture: _Picture, where: tuple[slice, slice], before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """Distance of a window's pixels from a piece of a straight line."""
    down, right = _offsets(picture, where, before)
    step = after - before
    along = np.clip((down * step[0] + right * step[1]) / (step @ step), 0, 1)
    distance: np.ndarray = np.hypot(down - along * step[0], right - along * step[1])
    return distance
