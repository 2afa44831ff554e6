"""What can be known about the part behind a cut by asking it: affine or not, pooling or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

_SEED = 0
_N_PROBES = 6
_MAX_BASIS = 2**15
TOLERANCE = 1e-4
"""Largest difference, relative to the spread of the logits, that float32 arithmetic may make."""

Decode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class AffineHead:
    """Logits that are a weighted sum of the activations.

    Attributes
    ----------
    weight
        ``(k, p)`` if ``pooled`` is ``"mean"``: ``logits = bias + weight @ maps.mean((h, w))``.
        ``(k, h, w, p)`` if it is ``"positions"``: every position has weights of its own, ``logits = bias + sum``.
    bias
        ``(k,)``.
    pooled
        ``"mean"`` for global average pooling, ``"positions"`` for a flattened map.
    """

    weight: np.ndarray
    bias: np.ndarray
    pooled: Literal["mean", "positions"]

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """Logits ``(n, k)`` of maps ``(n, h, w, p)``."""
        if self.pooled == "mean":
            return np.asarray(maps.mean(axis=(1, 2), dtype=float) @ self.weight.T + self.bias)
        return np.asarray(np.einsum("nhwp,khwp->nk", maps.astype(float), self.weight, optimize=True) + self.bias)


def probes(grid: tuple[int, int], depth: int, scale: float) -> np.ndarray:
    """Random maps of both signs, ``(n, h, w, p)`` float32, as large as activations are."""
    rng = np.random.default_rng(_SEED)
    return (scale * rng.uniform(-1, 2, size=(_N_PROBES, *grid, depth))).astype(np.float32)


def sees_only_the_mean(decode: Decode, maps: np.ndarray) -> bool:
    """Whether the logits of the maps are those of their spatial means, put at every position."""
    return _same(decode(maps), decode(np.broadcast_to(maps.mean(axis=(1, 2), keepdims=True), maps.shape)))


def takes_one_position(decode: Decode, maps: np.ndarray) -> bool:
    """Whether the means may be handed in as maps of one position, which is quicker."""
    try:
        alone = decode(maps.mean(axis=(1, 2), keepdims=True))
    except Exception:  # noqa: BLE001  # any library may refuse a 1 x 1 map in any way: then it takes none
        return False
    return _same(decode(maps), alone)


def find_affine(decode: Decode, maps: np.ndarray, *, only_mean: bool) -> AffineHead | None:
    """Weights and bias of an affine head, read off its answers; ``None`` if it is none.

    Affine means ``f(a x + b y) = a f(x) + b f(y) + (1 - a - b) f(0)``, checked on random maps of both signs. Batch
    normalisation and dropout in evaluation mode are affine and end up in weights and bias.

    Parameters
    ----------
    decode
        ``(n, h, w, p)`` to logits ``(n, k)``.
    maps
        Random maps to try it with.
    only_mean
        Whether the logits depend on the spatial mean only. If not, a head over more than 32,768 numbers is not read.
    """
    n, height, width, depth = maps.shape
    bias = decode(np.zeros_like(maps[:1]))[0]
    x, y, a, b = maps[: n // 2], maps[n // 2 : n // 2 * 2], 0.75, -0.5
    mixed = decode((a * x + b * y).astype(np.float32))
    if not _same(mixed, a * decode(x) + b * decode(y) + (1 - a - b) * bias):
        return None
    n_basis = depth if only_mean else height * width * depth
    if n_basis > _MAX_BASIS:
        return None
    scale = np.float32(np.abs(maps).max())
    block = max(1, 2**25 // (height * width * depth))
    rows = []
    for start in range(0, n_basis, block):
        which = np.arange(start, min(start + block, n_basis))
        unit = np.zeros((len(which), height * width, depth), dtype=np.float32)
        if only_mean:
            unit[np.arange(len(which)), :, which] = scale
        else:
            unit[np.arange(len(which)), which // depth, which % depth] = scale
        rows.append((decode(unit.reshape(len(which), height, width, depth)) - bias) / scale)
    weight = np.concatenate(rows).T
    found = (
        AffineHead(weight, bias, "mean")
        if only_mean
        else AffineHead(weight.reshape(-1, height, width, depth), bias, "positions")
    )
    return found if _same(found(maps), decode(maps)) else None


def _same(left: np.ndarray, right: np.ndarray) -> bool:
    return bool(np.abs(left - right).max() <= TOLERANCE * max(1e-6, np.abs(left).max(), np.ptp(left)))
