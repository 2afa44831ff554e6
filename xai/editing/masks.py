"""Masks a person painted: what is allowed, and what a change was, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import InputError, listing
from ..core.game import Game
from ..core.units import Units

_PLURALS = {"patch": "patches"}


def check_mask(game: Game, mask: Any) -> np.ndarray:
    """One mask of a game as ``(d,)`` float64, after checking it.

    Parameters
    ----------
    game
        The game whose units were painted.
    mask
        One weight a unit: ``(d,)``, or the shape of the units' layout, e.g. ``(7, 7)``.

    Raises
    ------
    InputError
        If the mask has another shape, holds a weight outside the game's domain (NaN among them), or keeps nothing.
    """
    units = game.units
    try:
        weights = np.asarray(mask, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"the mask holds something that is no number: {error}") from error
    if weights.shape not in {(len(units),), units.layout}:
        shapes = f"({len(units)},)" if units.layout is None else f"({len(units)},) or {units.layout}"
        raise InputError(f"the mask has shape {weights.shape}, but {len(units)} {plural(units)} need {shapes}.")
    weights = weights.ravel()
    allowed = np.isin(weights, (0, 1)) if game.weights == "binary" else np.isfinite(weights) & (weights >= 0)
    if not allowed.all():
        bad = int(np.flatnonzero(~allowed)[0])
        domain = "0 or 1" if game.weights == "binary" else "a finite weight of 0 or more"
        raise InputError(f"the mask has {weights[bad]} for '{units.names[bad]}': this game takes {domain}.")
    if not weights.any():
        raise InputError(f"the mask ignores all {len(units)} {plural(units)}: keep at least one.")
    # Adding 0 turns -0.0 into 0.0, so equal masks have equal bytes.
    return weights + 0.0


def describe(before: np.ndarray, after: np.ndarray, units: Units) -> str:
    """What changed between two masks ``(d,)``, in one line, e.g. ``"ignored row 1 column 2; 3 cells at weight 2"``."""
    changed = np.flatnonzero(before != after)
    if not changed.size:
        return "no change"
    if np.array_equal(after, 1 - before) and np.isin(before, (0, 1)).all():
        return f"inverted: {count(int((after > 0).sum()), units)} kept"
    kept = after > 0
    if len(changed) > len(units) // 2 and len(set(after[kept])) == 1:
        weight = after[kept][0]
        said = "kept" if weight == 1 else f"kept at weight {weight:g}"
        if kept.all():
            return f"all {len(units)} {plural(units)} {said}"
        return f"only {_named(np.flatnonzero(kept), units)} {said}"
    parts = []
    for weight in sorted(set(after[changed])):
        members = changed[after[changed] == weight]
        what = {0.0: "ignored", 1.0: "kept"}.get(float(weight), f"weight {weight:g} for")
        parts.append(f"{what} {_named(members, units)}")
    return "; ".join(parts[:3]) + (f"; and {len(parts) - 3} more weights" if len(parts) > 3 else "")


def count(number: int, units: Units) -> str:
    """A number of units, e.g. ``"3 patches"``."""
    return f"{number} {units.kind if number == 1 else plural(units)}"


def plural(units: Units) -> str:
    """The plural of what a unit is."""
    return _PLURALS.get(units.kind, f"{units.kind}s")


def _named(members: np.ndarray, units: Units) -> str:
    return count(len(members), units) if len(members) > 3 else listing(units.names[i] for i in members)
