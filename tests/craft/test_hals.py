"""One round of alternating least squares: as if columns were looked at one by one, but nothing waits for the GPU."""
# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from xai.craft.hals import _sweep


def looked_at(factor, products, gram):
    """Each column is asked whether there is anything to say of it."""
    for j in range(factor.shape[1]):
        if gram[j, j] > 0:
            factor[:, j] = (factor[:, j] + (products[:, j] - factor @ gram[:, j]) / gram[j, j]).clamp(min=0)


@pytest.mark.parametrize("empty", [(), (0,), (1, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_the_same_numbers_to_the_last_bit(seed, empty):
    generator = torch.Generator().manual_seed(seed)
    A, W, factor = (torch.rand(shape, generator=generator) for shape in ((60, 9), (4, 9), (60, 4)))
    W[list(empty)] = 0
    expected, found = factor.clone(), factor.clone()
    for _ in range(3):
        looked_at(expected, A @ W.T, W @ W.T)
        _sweep(found, A @ W.T, W @ W.T)
    assert torch.equal(found, expected)
    assert torch.equal(found[:, list(empty)], factor[:, list(empty)])
    assert found.isfinite().all()


def test_no_number_is_asked_for():
    """Tensors without numbers refuse what would wait for a GPU."""
    factor, products, gram = (torch.empty(shape, device="meta") for shape in ((60, 4), (60, 4), (4, 4)))
    with pytest.raises(RuntimeError, match="meta"):
        looked_at(factor, products, gram)
    _sweep(factor, products, gram)
