"""How a layer's numbers lie in space: maps with channels first or last, or tokens of a transformer."""

from __future__ import annotations

from math import log
from typing import Any, Literal

from ...core.errors import ModelError

Layout = Literal["channels_first", "channels_last", "tokens"]
MAX_PREFIX = 8
"""Most tokens beside the patches (CLS, distillation, registers) that are looked for."""


def layout_of(shape: tuple[int, ...], size: tuple[int, int]) -> Layout | None:
    """How activations of this shape lie over inputs of ``(height, width)``; ``None`` if they are no map."""
    if len(shape) == 3:
        return "tokens" if token_grid(shape[1], size) else None
    if len(shape) != 4:
        return None
    want = log(size[0] / size[1])
    first, last = (abs(log(a / b) - want) for a, b in (shape[2:], shape[1:3]))
    return "channels_first" if first <= last else "channels_last"


def token_grid(n_tokens: int, size: tuple[int, int]) -> tuple[int, int, int] | None:
    """``(prefix, height, width)`` of a token sequence: the grid whose sides are nearest to those of the input.

    Fewest prefix tokens win a tie; a grid more than a tenth off the input's proportions is none.
    """
    want = log(size[0] / size[1])
    best: tuple[float, int, int, int] | None = None
    for prefix in range(min(MAX_PREFIX, n_tokens - 1) + 1):
        patches = n_tokens - prefix
        for height in range(1, patches + 1):
            if patches % height == 0:
                found = (round(abs(log(height * height / patches) - want), 9), prefix, height, patches // height)
                best = found if best is None or found < best else best
    return None if best is None or best[0] > 0.1 else best[1:]


def to_maps(raw: Any, layout: Layout, size: tuple[int, int]) -> tuple[Any, Any]:
    """A layer's numbers (numpy or torch) as maps ``(n, h, w, p)``, and the tokens beside them ``(n, t, p)`` or None.

    Raises
    ------
    ModelError
        If the tokens form no grid over inputs of this size.
    """
    if layout == "channels_first":
        return raw.swapaxes(1, 2).swapaxes(2, 3), None
    if layout == "channels_last":
        return raw, None
    grid = token_grid(raw.shape[1], size)
    if grid is None:
        raise ModelError(f"{raw.shape[1]} tokens form no grid over pictures of {size[1]} x {size[0]} pixels.")
    prefix, height, width = grid
    maps = raw[:, prefix:].reshape(len(raw), height, width, raw.shape[2])
    return maps, raw[:, :prefix] if prefix else None


def from_maps(maps: Any, prefix: Any, layout: Layout) -> Any:
    """The inverse of :func:`to_maps`."""
    if layout == "channels_first":
        return maps.swapaxes(2, 3).swapaxes(1, 2)
    if layout == "channels_last":
        return maps
    tokens = maps.reshape(len(maps), -1, maps.shape[3])
    if prefix is None:
        return tokens
    if hasattr(tokens, "numpy"):
        import torch

        return torch.cat([prefix, tokens], dim=1)
    import numpy as np

    return np.concatenate([prefix, tokens], axis=1)
