"""Importances against enumeration, closed forms and a plain re-implementation of the published algorithm."""

from __future__ import annotations

from itertools import product as cartesian

import numpy as np
import pytest
from scipy.stats import qmc

import xai
from tests.craft import heads
from xai.core.errors import InputError
from xai.craft.head import Coded, Head
from xai.craft.importance import closed_form, importance
from xai.craft.sobol import SobolConfig, published_design, scrambled_designs, total_indices

N, H, W_, R, P, K = 5, 3, 4, 4, 7, 3
NAMES = tuple("abcd")
CLASSES = ("x", "y", "z")


def parts(seed=0):
    rng = np.random.default_rng(seed)
    U = rng.exponential(size=(N, H, W_, R)) * (rng.random((N, H, W_, R)) < 0.6)
    return U, rng.random((R, P)), rng


def coded(cut, U, W):
    maps = np.nan_to_num(U) @ W
    return Coded(U, maps, None, cut.decode(maps))


def explain(cut, U, W, class_id=1, **options):
    images = coded(cut, U, W)
    names = NAMES if len(W) == R else tuple(str(i) for i in range(len(W)))
    classes = CLASSES[: images.outputs.shape[1]]
    return importance(Head(cut, W), images, class_id=class_id, names=names, output_names=classes, **options)


def by_enumeration(function, r):
    """Total indices of independent fair coins as masks, straight from the definition."""
    masks = np.array(list(cartesian([0.0, 1.0], repeat=r)))
    answers = function(masks)
    total = np.zeros(r)
    for i in range(r):
        off, on = answers[masks[:, i] == 0], answers[masks[:, i] == 1]  # paired: the other masks stand in one order
        total[i] = ((on - off) ** 2 / 4).mean() / answers.var()
    return total


def as_published(cut, U, W, class_id, n_points=32):
    """Masked maps of every image, one by one, with a low-discrepancy design and Jansen's formula."""
    r = U.shape[-1]
    points = qmc.Halton(2 * r, scramble=False).random(n_points).astype(np.float32)
    a, b = points[:, :r], points[:, r:]
    rows = [a, b]
    for i in range(r):
        exchanged = a.copy()
        exchanged[:, i] = b[:, i]
        rows.append(exchanged)
    result = []
    for u in U:
        y = [cut.decode(np.stack([(u * m) @ W for m in masks]).astype(np.float32))[:, class_id] for masks in rows]
        variance = ((y[0] - y[0].mean()) ** 2).sum() / (n_points - 1)
        result.append([((y[0] - y[2 + i]) ** 2).sum() / (2 * n_points * variance) for i in range(r)])
    return np.mean(result, axis=0)


def test_closed_form_is_what_enumeration_finds():
    U, W, rng = parts()
    cut = heads.linear(rng.normal(size=(K, P)), rng.normal(size=K))
    found = explain(cut, U, W)
    assert found.estimator == "closed_form"
    head, images = Head(cut, W), coded(cut, U, W)
    one = lambda i: images[slice(i, i + 1)]  # noqa: E731
    expected = [by_enumeration(lambda masks, i=i: head.played(one(i), masks)[0, :, 1], R) for i in range(N)]
    np.testing.assert_allclose(found.per_image, expected, atol=1e-5)
    np.testing.assert_allclose(found.sobol, np.mean(expected, axis=0), atol=1e-5)
    np.testing.assert_allclose(found.per_image.sum(axis=1), 1)


def test_contributions_add_up_to_the_answer_for_every_class():
    U, W, rng = parts()
    weight, bias = rng.normal(size=(K, P)), rng.normal(size=K)
    found = explain(heads.linear(weight, bias), U, W, class_id=2)
    attribution = found.attribution
    assert attribution.values.shape == (N, R, K)
    np.testing.assert_allclose(attribution.base_values, np.repeat(bias[None], N, axis=0), atol=1e-6)
    np.testing.assert_allclose(attribution.additivity_gap, 0, atol=1e-5)
    np.testing.assert_allclose(found.signed, attribution.for_output("z").values[:, :, 0].mean(axis=0))
    by_hand = U.mean(axis=(1, 2)) * (W @ weight[2])
    np.testing.assert_allclose(attribution.for_output("z").values[:, :, 0], by_hand, rtol=1e-10)
    assert np.abs(found.share).sum() == pytest.approx(1)


def test_heads_on_single_positions_have_a_closed_form_too():
    U, W, rng = parts()
    weight = rng.normal(size=(H, W_, P, K))
    found = explain(heads.positional(weight, np.ones(K)), U, W)
    assert found.estimator == "closed_form"
    by_hand = np.einsum("nhwr,rp,hwpk->nrk", U, W, weight)
    np.testing.assert_allclose(found.attribution.values, by_hand, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda g: heads.linear(g.normal(size=(K, P)), np.zeros(K)), "affine"),
        (lambda g: heads.positional(g.normal(size=(H, W_, P, K)), np.zeros(K)), "affine"),
        (lambda g: heads.network(g.normal(size=(P, 9)), g.normal(size=(9, K))), "pooled"),
        (lambda g: heads.highest(g.normal(size=(K, P))), "maps"),
    ],
)
def test_kinds_of_heads_are_told_apart(make, kind):
    _, W, rng = parts()
    assert Head(make(rng), W).kind == kind


def test_indices_of_an_affine_head_add_up_to_one():
    U, W, rng = parts()
    cut = heads.linear(rng.normal(size=(K, P)), rng.normal(size=K))
    exact, sampled = explain(cut, U, W), explain(cut, U, W, estimator="sobol")
    assert sampled.sobol.sum() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(sampled.sobol, exact.sobol, atol=0.01)
    np.testing.assert_allclose(sampled.signed, exact.signed, rtol=1e-6)  # slopes are exact, whatever the design
    assert (sampled.standard_error > 0).all()
    assert (exact.standard_error == 0).all()
    assert ((sampled.interval[:, 0] <= sampled.sobol) & (sampled.sobol <= sampled.interval[:, 1])).all()


def test_an_interaction_is_shared_by_both_sides():
    """Of m1 m2 with uniform weights each total index is 4/7: (1/36) / (7/144)."""
    found = explain(heads.product(), np.ones((1, 2, 2, 2)), np.eye(2), 0, config=SobolConfig(1024, 8))
    assert found.estimator == "sobol"
    np.testing.assert_allclose(found.sobol, 4 / 7, atol=0.005)
    np.testing.assert_allclose(found.signed, 0.5, atol=0.01)  # mean slope: the mean of the other weight


def test_intervals_hold_the_truth():
    """The same interaction, 40 seeds: 95 % intervals of 4 designs hold 4/7 nearly always."""
    cut, hits = heads.product(), []
    for seed in range(40):
        found = explain(cut, np.ones((1, 2, 2, 2)), np.eye(2), 0, config=SobolConfig(64, 4), seed=seed)
        hits.append((found.interval[:, 0] <= 4 / 7) & (found.interval[:, 1] >= 4 / 7))
    assert 0.88 <= np.mean(hits) <= 1


def test_pooled_evaluation_is_that_of_whole_maps():
    U, W, rng = parts()
    cut = heads.network(rng.normal(size=(P, 9)), rng.normal(size=(9, K)))
    head, images = Head(cut, W), coded(cut, U, W)
    assert head.kind == "pooled"
    whole = lambda masks: np.stack([cut.decode((u * masks[:, None, None, :]) @ W) for u in U])  # noqa: E731
    for design in scrambled_designs(R, SobolConfig(64, 2), seed=0):
        np.testing.assert_allclose(head.outputs(images, design.masks), whole(design.masks), atol=1e-5)
        np.testing.assert_allclose(
            total_indices(lambda masks: head.outputs(images, masks), design)[0],
            total_indices(whole, design)[0],
            atol=1e-4,
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda g: heads.linear(g.normal(size=(K, P)), g.normal(size=K)),
        lambda g: heads.network(g.normal(size=(P, 9)), g.normal(size=(9, K))),
        lambda g: heads.highest(g.normal(size=(K, P))),
    ],
)
def test_published_numbers_are_reproduced(make):
    U, W, rng = parts()
    cut = make(rng)
    found = explain(cut, U, W, estimator="published")
    np.testing.assert_allclose(found.sobol, as_published(cut, U, W, 1), atol=1e-4)
    assert np.isnan(found.standard_error).all()  # one design cannot know its own error


def test_published_design_undervalues_late_concepts():
    """For an affine head the factor is 12 mean((A - B)^2) / 2, which should be 1: 0.07 for the last of 25."""
    design = published_design(25)
    factor = 6 * ((design.first - design.second) ** 2).mean(axis=0)
    assert factor[10] == pytest.approx(1.17, abs=0.01)
    assert factor[24] == pytest.approx(0.069, abs=0.001)
    cut = heads.linear(np.ones((1, 25)), np.zeros(1), grid=(1, 1), depth=25)
    biased = explain(cut, np.ones((1, 1, 1, 25)), np.eye(25), 0, estimator="published").sobol
    assert biased[10] > 10 * biased[24]
    np.testing.assert_allclose(explain(cut, np.ones((1, 1, 1, 25)), np.eye(25), 0).sobol, 1 / 25, rtol=1e-4)


@pytest.mark.parametrize("estimator", ["closed_form", "sobol", "published"])
def test_one_bad_image_spoils_no_other(estimator):
    U, W, rng = parts()
    cut = heads.linear(rng.normal(size=(K, P)), rng.normal(size=K))
    bad = U.copy()
    bad[1], bad[3, 0, 0, 0] = 0.0, np.nan
    good = explain(cut, U[[0, 2, 4]], W, estimator=estimator)
    found = explain(cut, bad, W, estimator=estimator)
    np.testing.assert_allclose(found.sobol, good.sobol)
    assert np.isnan(found.per_image[[1, 3]]).all()
    assert found.attribution.rows == (0, 1, 2, 4)
    assert any("image 3 was left out" in note for note in found.notes)
    assert any("image 1: left out of the mean" in note for note in found.notes)


def test_nothing_left_is_told():
    U, W, rng = parts()
    cut = heads.linear(rng.normal(size=(K, P)), np.zeros(K))
    silent = explain(cut, np.zeros_like(U), W)
    assert (silent.sobol == 0).all()
    assert silent.notes
    with pytest.raises(InputError, match="none of the 5 images"):
        explain(cut, np.full_like(U, np.nan), W)
    with pytest.raises(InputError, match="needs an affine head"):
        explain(heads.network(rng.normal(size=(P, 9)), rng.normal(size=(9, K))), U, W, estimator="closed_form")
    with pytest.raises(InputError, match="Did you mean 'sobol'"):
        explain(cut, U, W, estimator="sobl")
    with pytest.raises(InputError, match="power of two"):
        SobolConfig(n_points=100)


def test_closed_form_of_a_plain_case():
    np.testing.assert_allclose(closed_form(np.array([[3.0, -4.0], [0.0, 0.0]])), [[9 / 25, 16 / 25], [np.nan, np.nan]])


def test_concepts_stand_for_election():
    U, W, rng = parts()
    found = explain(heads.linear(rng.normal(size=(K, P)), rng.normal(size=K)), U, W)
    parliament = xai.elect(found.attribution.for_output(found.class_name), seats=50)
    assert sum(parliament.seats.values()) == 50
    assert set(parliament.seats) == set(NAMES)


def test_table_of_importances():
    U, W, rng = parts()
    found = explain(heads.linear(rng.normal(size=(K, P)), rng.normal(size=K)), U, W)
    frame = found.to_frame()
    assert list(frame.index) == list(NAMES)
    np.testing.assert_array_equal(frame["sobol"], found.sobol)
    assert list(np.diff(found.sobol[found.order]) <= 0) == [True] * (R - 1)
