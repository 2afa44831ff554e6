"""Shapley values as a weighted regression of outputs on coalitions, with their most likely curvature beside them."""

from __future__ import annotations

import numpy as np

from ...core.errors import InputError

_SPARE = 3


class Regression:
    """Weighted regression of one game's outputs on pairs of coalitions.

    With phi = total / d + u and sum u = 0 the constraint is eliminated. Pairs are antithetic: only the odd part of the
    game enters, so that interactions of two units leave no error.

    Parameters
    ----------
    masks
        ``(p, d)`` booleans, one coalition a pair.
    gains
        ``(p, k)`` half the difference between the coalition's output and its complement's.
    weights
        ``(p,)`` of the regression.
    left_out
        ``(p,)`` share of the coalitions of this size that were not drawn: those drawn completely leave no error.
    total
        ``(k,)`` what the values add up to.

    Raises
    ------
    InputError
        If the coalitions do not determine the values.
    """

    def __init__(
        self, masks: np.ndarray, gains: np.ndarray, weights: np.ndarray, left_out: np.ndarray, total: np.ndarray
    ) -> None:
        d = masks.shape[1]
        self.masks, self.left_out, self.share = masks, left_out, total / d
        self.weights = weights / weights.mean() if len(weights) else weights
        self.centred = masks - masks.mean(axis=1, keepdims=True)
        self.target = gains - (masks.sum(axis=1) - d / 2)[:, None] * self.share
        self.fit = _Fit(self.centred, self.weights)
        if self.fit.rank < d - 1:
            raise InputError(
                "too few coalitions were drawn for KernelSHAP: raise budget, or use estimator 'permutation'."
            )

    def plain(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and variances ``(d, k)``."""
        found = self.fit.coefficients(self.target)
        return self.share + found, self.fit.variance(self.target - self.centred @ found, self.left_out)

    def bent(self, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same with the third order along ``slopes`` (d, k) fitted beside the values, if there are pairs to spare.

        The slopes must come from other games: see :func:`cubic`.
        """
        if len(self.masks) < _SPARE * self.masks.shape[1] or not self.left_out.any():
            return self.plain()
        d, k = slopes.shape
        values, variances = np.empty((2, d, k))
        for output in range(k):
            one, a = self.target[:, [output]], slopes[:, output]
            extra = [cubic(self.masks, b) for b in (np.ones(d), a, np.abs(a)) if b.any()]
            design = np.column_stack([self.centred, *extra])
            fit = _Fit(design, self.weights)
            found = fit.coefficients(one)
            values[:, output] = self.share[output] + found[:d, 0]
            variances[:, output] = fit.variance(one - design @ found, self.left_out)[:d, 0]
        return values, variances


class _Fit:
    """Weighted least squares; the smallest solution where several are as good (coefficients of units then sum to 0)."""

    def __init__(self, design: np.ndarray, weights: np.ndarray) -> None:
        self.root = np.sqrt(weights)[:, None]
        left, sizes, self.right = np.linalg.svd(design * self.root, full_matrices=False)
        kept = sizes > 1e-9 * sizes.max(initial=0.0)
        self.rank = int(kept.sum())
        self.left, self.right, self.sizes = left[:, kept], self.right[kept], sizes[kept]

    def coefficients(self, target: np.ndarray) -> np.ndarray:
        return np.asarray(self.right.T @ ((self.left.T @ (target * self.root)) / self.sizes[:, None]))

    def variance(self, residual: np.ndarray, left_out: np.ndarray) -> np.ndarray:
        """Sandwich over pairs, residuals enlarged by what their own pair took away from them."""
        rest = np.maximum(1.0 - (self.left**2).sum(axis=1), 1e-3)[:, None]
        influence = (self.left / self.sizes) @ self.right
        return np.asarray((left_out[:, None] * influence**2).T @ (residual * self.root / rest) ** 2)


def cubic(masks: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The third-order part ``(p,)`` of the game T(S) = (a(S) - a(N) / 2)^3, where a(S) is the sum of a over S.

    Its Shapley values are known, a_i (sum a_j^2 / 2 + a(N)^2 / 4 - a_i a(N) / 2), and are taken away: what is left has
    Shapley values 0. As a regressor it explains outputs that bend along a(S) and leaves the values what they are,
    provided that the outputs had no part in a.
    """
    a = a / np.linalg.norm(a)
    total = a.sum()
    values = a * ((a**2).sum() / 2 + total**2 / 4 - a * total / 2)
    signs = masks - 0.5
    return np.asarray((signs @ a) ** 3 - signs @ values)
