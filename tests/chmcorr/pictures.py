"""Pictures made of coloured squares, and an encoder that reads them: every match is known beforehand."""

from __future__ import annotations

import numpy as np

SIDE = 8
"""Pixels of a square."""
CODES = 256
_BOOK = np.random.default_rng(0).normal(size=(CODES, 32)).astype(np.float32)


def picture(codes):
    """A picture of squares ``(rows, columns)`` with codes from 0 to 255, ``(8 rows, 8 columns, 3)`` uint8."""
    codes = np.asarray(codes)
    return np.repeat(np.kron(codes, np.ones((SIDE, SIDE)))[..., None], 3, axis=2).astype(np.uint8)


class Squares:
    """Reads the code in the middle of each square: equal codes get equal vectors, others nearly orthogonal ones."""

    def __init__(self, salt=0):
        self.hash = f"squares {salt}"
        self.calls = 0

    def encode(self, images):
        self.calls += 1
        return _BOOK[images[:, SIDE // 2 :: SIDE, SIDE // 2 :: SIDE, 0]]


def random_codes(seed, size=(7, 7), low=0, high=CODES):
    return np.random.default_rng(seed).permutation(np.arange(low, high))[: size[0] * size[1]].reshape(size)


def shifted(codes, down, right, fill):
    """Codes moved by whole cells, the emptied cells filled with other codes."""
    moved = np.array(fill)
    h, w = codes.shape
    rows, columns = np.arange(h), np.arange(w)
    to_rows, to_columns = rows + down, columns + right
    r, c = (to_rows >= 0) & (to_rows < h), (to_columns >= 0) & (to_columns < w)
    moved[np.ix_(to_rows[r], to_columns[c])] = codes[np.ix_(rows[r], columns[c])]
    return moved
