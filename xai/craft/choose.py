"""How many concepts: error, agreement with the model and stability along a sweep of r."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from .bank import stability
from .factorize import FactorConfig, factorize
from .nnls import nnls

if TYPE_CHECKING:
    import pandas as pd

    from ..models.vision import Cut

_NEAR_BEST = 0.95  # of the best agreement in the sweep: what a suggestion must reach
_STABILITY_ROWS = 1500
_BLOCK = 64  # images


@dataclass(frozen=True, eq=False)
class RankSweep:
    """What each number of concepts is worth.

    Attributes
    ----------
    ranks
        ``(m,)`` numbers of concepts, rising.
    error
        ``(m,)`` relative error of the rebuilt activations.
    agreement
        ``(m,)`` share of images whose first class stays the same when the head sees rebuilt activations.
    stability
        ``(m,)`` mean matched cosine between concepts of different seeds and rows; 1 is perfectly stable.
    suggested
        The knee of the error, or the first number after it whose agreement is within 5 % of the best.
    """

    ranks: np.ndarray
    error: np.ndarray
    agreement: np.ndarray
    stability: np.ndarray
    suggested: int

    def to_frame(self) -> pd.DataFrame:
        """One row a number of concepts: error, agreement, stability, suggested."""
        import pandas as pd

        return pd.DataFrame(
            {
                "error": self.error, "agreement": self.agreement, "stability": self.stability,
                "suggested": self.ranks == self.suggested,
            },
            index=pd.Index(self.ranks, name="concepts"),
        )  # fmt: skip


def sweep(
    cut: Cut,
    maps: np.ndarray,
    prefix: np.ndarray | None,
    ranks: Sequence[int],
    *,
    config: FactorConfig | None = None,
    n_seeds: int = 3,
    seed: int = 0,
) -> RankSweep:
    """Factorise the same activations with several numbers of concepts.

    Parameters
    ----------
    cut
        Where the model was split.
    maps, prefix
        ``(n, h, w, p)`` activations, all finite, and the tokens beside them, as the cut encodes them.
    ranks
        Numbers of concepts; each fit starts from the concepts of the one before.
    n_seeds
        Independent fits on other rows, for the stability.

    Raises
    ------
    InputError
        If there are no ranks or fewer than two seeds.
    """
    if not len(ranks) or min(ranks) < 1:
        raise InputError(f"ranks must be numbers of concepts from 1, not {list(ranks)}.")
    if n_seeds < 2:
        raise InputError(f"n_seeds must be at least 2 to compare fits, not {n_seeds}.")
    config = config or FactorConfig()
    ordered = sorted(set(ranks))
    rows = maps.reshape(-1, maps.shape[-1])
    first_class = cut.decode(maps, prefix).argmax(axis=1)
    few = replace(config, n_rows=min(config.n_rows or len(rows), _STABILITY_ROWS, max(len(rows) // 2, *ordered)))
    warm = None
    error, agreement, stable = [], [], []
    for r in ordered:
        factors = factorize(rows, r, config, seed, warm)
        warm = factors.W
        rebuilt = [  # a block at a time: the rebuilt maps of all images would fill the memory
            cut.decode(nnls(maps[part], warm) @ warm, None if prefix is None else prefix[part]).argmax(axis=1)
            for part in (slice(start, start + _BLOCK) for start in range(0, len(maps), _BLOCK))
        ]
        error.append(factors.error)
        agreement.append(float((np.concatenate(rebuilt) == first_class).mean()))
        stable.append(stability([factorize(rows, r, few, seed + 1 + i).W for i in range(n_seeds)]))
    found = np.array(ordered), np.array(error), np.array(agreement)
    return RankSweep(*found, np.array(stable), suggest(*found))


def suggest(ranks: np.ndarray, error: np.ndarray, agreement: np.ndarray) -> int:
    """The knee of a falling error, moved up to where the rebuilt activations keep the model's classes."""
    start = knee(ranks, error)
    good = np.flatnonzero(agreement >= _NEAR_BEST * agreement.max())
    return int(ranks[max(start, int(good[0]))])


def knee(x: np.ndarray, y: np.ndarray) -> int:
    """Position of the point of a falling curve that lies furthest below the line from its first to its last point."""
    if len(x) < 3 or y[0] <= y[-1]:
        return 0
    across = (x - x[0]) / (x[-1] - x[0])
    down = (y - y[-1]) / (y[0] - y[-1])
    return int(np.argmax(1 - across - down))
