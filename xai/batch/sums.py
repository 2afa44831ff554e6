"""Sums over rows from which votes, their standard errors and seats follow, and which add up over parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..core.attribution import Attribution


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
        ``(k, d, d)``: sum of the products of two units' sizes.
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
        return cls(len(a.rows), size.sum(axis=1), size.transpose(0, 2, 1) @ size, values.sum(axis=1))

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

    def covariance(self, output: int) -> np.ndarray:
        """``(d, d)`` covariance of the mean sizes, rows taken as independent draws; zero for fewer than two rows."""
        if self.rows < 2:
            return np.zeros_like(self.product[output])
        mean = self.votes(output)
        spread: np.ndarray = (self.product[output] - self.rows * np.outer(mean, mean)) / (self.rows - 1)
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
