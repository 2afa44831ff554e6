"""Where cells lie: known shifts and quarter turns, identity, the kernel against its definition, transport plans."""

from __future__ import annotations

import numpy as np
import pytest

from xai.chmcorr import CorrespondenceClassifier, Gallery, Options
from xai.chmcorr.grids import cell_at, centres, pool, resample, unit
from xai.chmcorr.matching import MATCHERS, mutual_pairs, soft_mutual
from xai.chmcorr.sinkhorn import plans
from xai.chmcorr.votespace import axis_kernel, gather_votes

from .pictures import CODES, Squares, picture, random_codes, shifted

GRID = (7, 7)


def matched(query, candidate, matcher, size=GRID):
    """Cells of the candidate for each cell of the query."""
    other = np.full(size, CODES - 1)
    gallery = Gallery.build([picture(candidate), picture(other)], ["a", "b"], Squares(), GRID)
    options = Options(n_candidates=2, k=1, matcher=matcher, start="uniform")
    e = CorrespondenceClassifier(gallery, options).explain(picture(query), keep_itself=True)
    place = int(np.flatnonzero(e.matched.candidates == 0)[0])
    return e.matched.targets[place].reshape(GRID), e.matched.cosines[place].reshape(GRID)


# A transport plan carries every cell somewhere: it is exact only where nothing enters or leaves, see below.
LOCAL = [name for name in MATCHERS if name != "sinkhorn"]


@pytest.mark.parametrize("matcher", LOCAL)
@pytest.mark.parametrize("step", [(0, 0), (0, 1), (1, 0), (-2, 1), (1, -3)])
def test_a_shift_by_whole_cells_is_found_exactly(matcher, step):
    """Rows and columns are not mixed up: the released code of the method gets 48 of 49 cells wrong here."""
    codes = random_codes(1, low=0, high=100)
    targets, cosines = matched(codes, shifted(codes, *step, random_codes(2, low=100, high=200)), matcher)
    rows, columns = np.indices(GRID)
    there_r, there_c = rows + step[0], columns + step[1]
    seen = (there_r >= 0) & (there_r < 7) & (there_c >= 0) & (there_c < 7)
    assert np.array_equal(targets[seen], (there_r * 7 + there_c)[seen])
    assert cosines[seen] == pytest.approx(1, abs=2e-3)  # maps are kept in 16 bits
    assert cosines[~seen].max(initial=0) < 0.9


@pytest.mark.parametrize("matcher", MATCHERS)
def test_a_quarter_turn_is_found_exactly(matcher):
    codes = random_codes(3)
    targets, _ = matched(codes, np.rot90(codes), matcher)
    expected = np.array([[(6 - c) * 7 + r for c in range(7)] for r in range(7)])
    # Neighbours vote for shifts, not for turns: on the border of so large a turn half of them vote wrongly.
    inner = slice(1, -1) if matcher == "chm" else slice(None)
    assert np.array_equal(targets[inner, inner], expected[inner, inner])


@pytest.mark.parametrize("step", [(0, 1), (3, -2)])
def test_transport_finds_a_shift_around_the_edge(step):
    codes = random_codes(8)
    targets, cosines = matched(codes, np.roll(codes, step, (0, 1)), "sinkhorn")
    rows, columns = np.indices(GRID)
    assert np.array_equal(targets, (rows + step[0]) % 7 * 7 + (columns + step[1]) % 7)
    assert cosines == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("matcher", LOCAL)
def test_finer_maps_than_the_grid_find_the_same(matcher):
    codes = random_codes(4, (14, 14), 0, 220)
    targets, _ = matched(codes, shifted(codes, 2, -2, np.full((14, 14), 250)), matcher, (14, 14))
    rows, columns = np.indices(GRID)
    seen = (rows + 1 < 7) & (columns >= 1)
    assert np.array_equal(targets[seen], ((rows + 1) * 7 + columns - 1)[seen])


@pytest.mark.parametrize("matcher", MATCHERS)
def test_equal_pictures_match_cell_by_cell(matcher):
    codes = random_codes(5)
    targets, cosines = matched(codes, codes, matcher)
    assert np.array_equal(targets.ravel(), np.arange(49))
    assert cosines == pytest.approx(1, abs=2e-3)


def test_neighbours_settle_what_one_cell_cannot():
    """Two cells of the candidate look like one of the query: the one whose neighbours fit is taken."""
    codes = random_codes(6, low=0, high=100)
    other = shifted(codes, 0, 1, random_codes(7, low=100, high=200))
    other[0, 0] = codes[3, 3]  # comes first where only the cell itself is asked
    assert matched(codes, other, "argmax")[0][3, 3] == 0
    assert matched(codes, other, "chm")[0][3, 3] == 3 * 7 + 4


def test_voting_is_the_four_dimensional_convolution_of_the_formula():
    grid, rng = (4, 5), np.random.default_rng(0)
    scores = rng.random((1, 20, 20))
    places = [(r, c) for r in range(4) for c in range(5)]
    steps = [(r, c) for r in range(-2, 3) for c in range(-2, 3)]

    def weight(d, e):
        apart = (d[0] - e[0]) ** 2 + (d[1] - e[1]) ** 2
        return np.exp(-apart / (2 * 0.8**2)) * np.exp(-(d[0] ** 2 + d[1] ** 2 + e[0] ** 2 + e[1] ** 2) / (4 * 1.5**2))

    total = sum(weight(d, e) for d in steps for e in steps)
    slow = np.zeros((20, 20))
    for i, x in enumerate(places):
        for j, y in enumerate(places):
            for d in steps:
                for e in steps:
                    a, b = (x[0] + d[0], x[1] + d[1]), (y[0] + e[0], y[1] + e[1])
                    if a in places and b in places:
                        slow[i, j] += weight(d, e) / total * scores[0, places.index(a), places.index(b)]
    assert gather_votes(scores, grid)[0] == pytest.approx(slow, rel=1e-5)
    assert axis_kernel().sum() == pytest.approx(1)


def test_soft_mutual_is_the_formula_and_mutual_pairs_choose_each_other():
    scores = np.random.default_rng(1).random((2, 5, 6))
    expected = scores * (scores / scores.max(axis=2, keepdims=True)) * (scores / scores.max(axis=1, keepdims=True))
    assert soft_mutual(scores) == pytest.approx(expected)
    for n, i, j in np.argwhere(mutual_pairs(scores)):
        assert scores[n, i].argmax() == j
        assert scores[n, :, j].argmax() == i
    assert mutual_pairs(np.eye(3)[None])[0].sum() == 3


def test_transport_plans_carry_the_masses():
    rng = np.random.default_rng(2)
    cosines = rng.uniform(-1, 1, (3, 20, 20))
    here, there = (m / m.sum(axis=1, keepdims=True) for m in rng.random((2, 3, 20)))
    plan = plans(cosines, here, there)
    assert plan.min() >= 0
    assert plan.sum(axis=1) == pytest.approx(there, abs=1e-9)
    assert np.abs(plan.sum(axis=2) - here).sum(axis=1).max() < 1e-3


def test_the_plan_of_a_two_by_two_case_is_the_closed_form():
    """Equal masses, cost 0 on the diagonal and 1 beside it: the plan is proportional to the kernel."""
    half = np.full((1, 2), 0.5)
    plan = plans(np.eye(2)[None], half, half)[0]
    beside = np.exp(-1 / 0.05)
    assert plan == pytest.approx(np.array([[1, beside], [beside, 1]]) / (2 * (1 + beside)), rel=1e-6)


def test_positions_and_cells():
    assert np.array_equal(cell_at(centres((3, 4)), (3, 4)), np.arange(12))
    assert cell_at(np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]), (7, 7)).tolist() == [48, 0, 42]


def test_resampling_keeps_means_and_pooling_is_a_mean():
    maps = np.random.default_rng(3).random((2, 14, 14, 3)).astype(np.float32)
    assert resample(maps, (7, 7)) == pytest.approx(pool(maps, 2), rel=1e-5)
    assert resample(maps, (5, 3)).mean(axis=(1, 2)) == pytest.approx(maps.mean(axis=(1, 2)), rel=1e-5)
    assert np.linalg.norm(unit(maps), axis=-1) == pytest.approx(1, rel=1e-5)
    assert np.array_equal(unit(np.zeros((2, 3))), np.zeros((2, 3)))
