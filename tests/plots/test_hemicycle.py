"""Exactly M seats for every M, no two of them overlapping, over the whole arc."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from xai.core import InputError
from xai.plots.hemicycle import INNER, OUTER, border, layout


@pytest.mark.parametrize("start", range(1, 1001, 100))
def test_every_house_up_to_a_thousand(start):
    for seats in range(start, start + 100):
        h = layout(seats)
        assert len(h.x) == len(h.y) == len(h.row) == len(h.angle) == seats
        if seats > 1:
            nearest = cKDTree(np.column_stack([h.x, h.y])).query(np.column_stack([h.x, h.y]), k=2)[0][:, 1]
            assert nearest.min() >= 2 * h.radius * (1 - 1e-9), seats
        distance = np.hypot(h.x, h.y)
        assert distance.min() >= INNER - 1e-9
        assert distance.max() <= OUTER + 1e-9
        assert h.y.min() >= (h.radius if seats > 1 else 0) - 1e-9
        assert (np.diff(h.angle) <= 1e-9).all()
        if seats >= 2:
            # Full arc: both ends of the longest row rest on the base line.
            assert h.y[h.x.argmin()] == pytest.approx(h.radius)
            assert h.x.min() == pytest.approx(-h.x.max())


@pytest.mark.parametrize("seats", [1001, 4321, 10_000])
def test_large_houses(seats):
    h = layout(seats)
    points = np.column_stack([h.x, h.y])
    assert len(points) == seats
    assert cKDTree(points).query(points, k=2)[0][:, 1].min() >= 2 * h.radius * (1 - 1e-9)


def test_the_row_count_is_the_smallest_that_holds_the_house():
    """Totals of R rows that the layout is known to have."""
    totals = [1, 11, 31, 61, 100, 147, 205, 272, 348, 434, 530, 635, 748, 872, 1005]
    for rows, total in enumerate(totals, start=1):
        assert layout(total).radius == pytest.approx(1 / (4 * rows - 2))
        assert layout(total + 1).radius < layout(total).radius


def test_rows_are_filled_by_their_length():
    """In a house with room to spare the seats of a row are proportional to its radius, within one seat."""
    h = layout(560)
    rows = np.bincount(h.row)
    radii = np.array([np.hypot(h.x, h.y)[h.row == k].mean() for k in range(len(rows))])
    assert np.abs(rows - 560 * radii / radii.sum()).max() <= 1


def test_one_and_two_seats():
    one, two = layout(1), layout(2)
    assert (one.x[0], one.y[0]) == pytest.approx((0, 0.5))
    assert two.x[0] == pytest.approx(-two.x[1])
    assert two.y[0] == pytest.approx(two.y[1])


def test_border_has_the_seats_on_its_left():
    h = layout(101)
    for seats in (0, 1, 50, 51, 100, 101):
        line = border(h.angle, seats)
        assert (h.angle > line).sum() <= seats <= (h.angle >= line - 1e-9).sum()
    assert border(h.angle, 0) == pytest.approx(np.pi)
    assert border(h.angle, 101) == 0


@pytest.mark.parametrize("seats", [0, -3])
def test_an_empty_house_is_an_error(seats):
    with pytest.raises(InputError, match="at least one seat"):
        layout(seats)
