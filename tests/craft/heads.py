"""Cuts without a network: heads whose importances are known."""

from __future__ import annotations

import numpy as np

from xai.models.vision.head import find_affine, probes, sees_only_the_mean


class ToyCut:
    """Maps (n, h, w, p) through a plain function to (n, k); what the head is like is found out as for real cuts."""

    layer, hash, n_prefix = "toy", "0" * 64, 0

    def __init__(self, function, grid=(3, 4), depth=7):
        self.function, self.grid, self.depth = function, grid, depth
        maps = probes(grid, depth, 1.0)
        self._pools = sees_only_the_mean(self.decode, maps)
        self._affine = find_affine(self.decode, maps, only_mean=self._pools)

    def decode(self, maps, prefix=None):
        return self.function(np.asarray(maps, dtype=float))

    def decode_pooled(self, means):
        return self.decode(np.broadcast_to(means[:, None, None], (len(means), *self.grid, self.depth)))

    def pools(self):
        return self._pools

    def affine_head(self):
        return self._affine


def linear(weight, bias, **shape):
    """Global mean, then a linear layer."""
    return ToyCut(lambda z: z.mean(axis=(1, 2)) @ weight.T + bias, **shape)


def positional(weight, bias):
    """A linear layer on the flattened map (h, w, p, k)."""
    return ToyCut(lambda z: np.einsum("nhwp,hwpk->nk", z, weight) + bias)


def network(first, second):
    """Global mean, one hidden layer, a linear layer."""
    return ToyCut(lambda z: np.maximum(z.mean(axis=(1, 2)) @ first - 0.3, 0) @ second)


def product():
    """The product of the means of two channels."""
    return ToyCut(lambda z: z.mean(axis=(1, 2)).prod(axis=1, keepdims=True), grid=(2, 2), depth=2)


def highest(weight):
    """The largest response over positions."""
    return ToyCut(lambda z: (z @ weight.T).max(axis=(1, 2)))
