"""Games whose answers are known."""

from __future__ import annotations

import numpy as np

from xai.core.game import Game
from xai.core.units import Units

VALUES = np.array([[3.0, 0.0], [0.0, 2.0], [0.5, 1.0], [1.0, 0.25]])


def additive(values=VALUES, base=0.0, weights="continuous"):
    """outputs = base + mask @ values."""
    d, k = values.shape
    names = tuple(f"u{i}" for i in range(d))
    return Game(lambda m: base + m @ values, Units(names), tuple(f"class {j}" for j in range(k)), weights)


def product():
    """One output, present only if both units are: nothing about it is additive."""
    return Game(lambda m: m[:, :1] * m[:, 1:2] - 0.5, Units(("a", "b")), ("margin",), "binary")


def patches():
    """A 2 x 3 grid of patches."""
    names = tuple(f"row {r} column {c}" for r in (1, 2) for c in (1, 2, 3))
    values = np.eye(6)[:, :3]
    return Game(lambda m: m @ values, Units(names, "patch", layout=(2, 3)), ("a", "b", "c"), "continuous")
