"""Sums over rows from which votes, their standard errors and seats follow, and which add up over parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..core.attribution import Attribution


MOST_PRODUCTS = 1 << 16
"""Products of two units' sizes that are kept, of all outputs together: they grow with the square of the units."""


@dataclass(frozen=True)
class Sums:
    """Sums over n rows.

    Attributes
    ----------
    rows
        n.
    size
        ``(k, d)``: sum of the sizes of the values.
    product
        ``(k, d, d)``: sum of the products of two units' sizes; ``(k, d)``, of each unit's size with itself alone, where
        there would be more than :data:`MOST_PRODUCTS`.
    value
        ``(k, d)``: sum of the signed values.
    """

    rows: int
    size: np.ndarray
    product: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, a: Attribution) -> Sums:
        """Of an attribution's rows."""
        values = np.moveaxis(a.values, 2, 0)  # (k, n, d)
        size = np.abs(values)
        k, _, d = size.shape
        product = size.transpose(0, 2, 1) @ size if k * d * d <= MOST_PRODUCTS else (size**2).sum(axis=1)
        return cls(len(a.rows), size.sum(axis=1), product, values.sum(axis=1))

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.rows + other.rows,
            self.size + other.size,
            self.product + other.product,
            self.value + other.value,
        )

    def votes(self, output: int) -> np.ndarray:
        """``(d,)`` mean sizes."""
        mean: np.ndarray = self.size[output] / max(self.rows, 1)
        return mean

    def standard_error(self, output: int) -> np.ndarray:
        """``(d,)`` of the mean sizes, rows taken as independent draws; zero for fewer than two rows."""
        covariance = self.covariance(output)
        variance = covariance if covariance.ndim == 1 else np.diag(covariance)
        error: np.ndarray = np.sqrt(variance.clip(0))
        return error

    def covariance(self, output: int) -> np.ndarray:
        """``(d, d)`` covariance of the mean sizes, or ``(d,)`` their variances where no products of two are kept."""
        product = self.product[output]
        if self.rows < 2:
            return np.zeros_like(product)
        mean = self.votes(output)
        square = mean**2 if product.ndim == 1 else np.outer(mean, mean)
        spread: np.ndarray = (product - self.rows * square) / (self.rows - 1)
        return spread / self.rows

    def to_dict(self) -> dict[str, Any]:
        """JSON types; floats keep every bit."""
        return {
            "rows": self.rows,
            "size": self.size.tolist(),
            "product": self.product.tolist(),
            "value": self.value.tolist(),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Sums:
        """What :meth:`to_dict` gave."""
        return cls(body["rows"], *(np.array(body[name], dtype=float) for name in ("size", "product", "value")))
