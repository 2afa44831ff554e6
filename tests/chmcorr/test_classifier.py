"""Scores, votes, pairs and edits against their definitions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from xai.chmcorr import PUBLISHED, CorrespondenceClassifier, Gallery, Options, compare
from xai.chmcorr.grids import unit
from xai.chmcorr.stories import alone
from xai.chmcorr.voting import vote
from xai.core.errors import InputError
from xai.editing import EditSession

from .pictures import Squares, picture, random_codes, shifted

N = 30
CORNER = (0, 0)


def pictures(seed=0):
    """Pictures of two classes: each class has squares of its own in the middle, and shares the rest at random."""
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for i in range(N):
        codes = rng.integers(0, 200, (7, 7))
        name = ("left", "right")[i % 2]
        codes[2:5, 2:5] = (201 if name == "left" else 215) + np.arange(9).reshape(3, 3)
        if name == "left":
            codes[CORNER] = 240  # the shortcut: a mark that only this class has
        images.append(picture(codes))
        labels.append(name)
    return images, labels


@pytest.fixture(scope="module")
def gallery():
    return Gallery.build(*pictures(), Squares())


@pytest.fixture(scope="module")
def query():
    """A picture of the class on the right that carries the mark of the left, everywhere but in the middle."""
    codes = np.full((7, 7), 240)
    codes[2:5, 2:5] = 215 + np.arange(9).reshape(3, 3)
    return picture(codes)


def explain(gallery, image, **options):
    return CorrespondenceClassifier(gallery, Options(**({"n_candidates": 30, "k": 9} | options))).explain(image)


def test_scores_and_votes_are_those_of_the_definition(gallery, query):
    e = explain(gallery, query)
    shares = e.patch_map.ravel() / e.patch_map.sum()
    scores = [(row * shares).sum() for row in e.matched.cosines]
    assert e.scores.values == pytest.approx(scores)
    best = sorted(range(len(scores)), key=lambda i: -scores[i])
    voters = [gallery.labels[e.matched.candidates[i]] for i in best[: e.n_voters]]
    assert e.votes == {name: voters.count(i) for i, name in enumerate(gallery.class_names)}
    assert sum(e.votes.values()) == e.n_voters
    assert e.label == max(e.votes, key=e.votes.get)


def test_a_mask_of_ones_scores_the_mean_cosine_and_equal_pictures_score_one(gallery):
    image = pictures()[0][4]
    e = CorrespondenceClassifier(gallery, Options(30, 9)).explain(image, keep_itself=True)
    e = e.edit(np.ones((7, 7)))
    assert e.scores.values == pytest.approx(e.matched.cosines.mean(axis=1))
    assert e.exemplars[0].position == 4
    assert e.exemplars[0].score == pytest.approx(1, abs=2e-3)
    assert all(pair.query == pair.exemplar for pair in e.exemplars[0].pairs)


def test_scaling_a_mask_changes_nothing(gallery, query):
    e = explain(gallery, query)
    mask = np.zeros((7, 7))
    mask[2:5, 1:3] = 1
    one, half = e.edit(mask), e.edit(0.5 * mask)
    assert np.array_equal(one.ballot.order, half.ballot.order)
    assert one.scores.values == pytest.approx(half.scores.values)


def test_neither_order_of_the_gallery_nor_names_of_classes_matter(gallery, query):
    images, labels = pictures()
    order = np.random.default_rng(0).permutation(N)
    other = Gallery.build([images[i] for i in order], [labels[i] for i in order], Squares())
    a, b = explain(gallery, query), explain(other, query)
    assert np.sort(a.scores.values) == pytest.approx(np.sort(b.scores.values))
    assert a.votes == b.votes
    renamed = Gallery.build(images, [{"left": "right", "right": "left"}[name] for name in labels], Squares())
    c = explain(renamed, query)
    assert (c.votes["left"], c.votes["right"]) == (a.votes["right"], a.votes["left"])


@pytest.mark.parametrize("rule", ["map", "published", "emd"])
def test_the_pair_that_is_shown_is_the_pair_that_is_scored(gallery, query, rule):
    e = explain(gallery, query, rule=rule)
    vectors = unit(gallery.maps.astype(float).reshape(N, 49, -1))
    mine = unit(Squares().encode(query[None]).astype(float).reshape(49, -1))
    for exemplar in e.exemplars:
        place = list(e.matched.candidates).index(exemplar.position)
        for pair in exemplar.pairs:
            i, j = 7 * pair.query[0] + pair.query[1], 7 * pair.exemplar[0] + pair.exemplar[1]
            assert pair.cosine == pytest.approx(mine[i] @ vectors[exemplar.position, j], abs=1e-5)
            if rule != "emd":
                assert j == e.matched.targets[place, i]
        terms = [pair.term for pair in exemplar.pairs]
        if rule != "emd":  # there the flow decides which pairs count, and in which order
            assert terms == sorted(terms, reverse=True)
        if rule != "map":
            assert sum(terms) == pytest.approx(exemplar.score)


def test_the_published_rule_is_a_mask_for_each_candidate_and_its_five_best(gallery, query):
    e = explain(gallery, query, rule="published", ties="first")
    f = Squares().encode(query[None])[0].reshape(49, -1).astype(float)
    for place, position in enumerate(e.matched.candidates):
        g = gallery.maps[position].reshape(49, -1).astype(float)
        product = (f @ g.T).sum(axis=1) / (49 * 49 * np.linalg.norm(f.mean(axis=0)) * np.linalg.norm(g.mean(axis=0)))
        total = f.mean(axis=0) @ g.mean(axis=0) / np.linalg.norm(f.mean(axis=0)) / np.linalg.norm(g.mean(axis=0))
        assert product.sum() == pytest.approx(total)
        mask = (product - product.min()) / (product.max() - product.min()) >= 0.55
        expected = np.sort(e.matched.cosines[place] * mask)[::-1][:5].mean()
        assert e.scores.values[place] == pytest.approx(expected, rel=1e-4)
    assert PUBLISHED.k == 20
    assert PUBLISHED.n_candidates == 50


def test_an_edit_looks_at_no_picture_again_and_flips_what_it_should(query):
    encoder = Squares()
    gallery = Gallery.build(*pictures(), encoder)
    e = explain(gallery, query, start="uniform")
    calls = encoder.calls
    border = np.ones((7, 7))
    border[1:6, 1:6] = 0
    middle = np.zeros((7, 7))
    middle[2:5, 2:5] = 1
    assert e.edit(border).label == "left"  # the mark decides
    assert e.edit(middle).label == "right"  # the cell itself decides
    assert e.edit(middle).votes == {"left": 0, "right": 9}
    assert encoder.calls == calls
    assert e.edit(middle).edited
    assert not e.edited


def test_the_game_is_the_vote(gallery, query):
    e = explain(gallery, query)
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (20, 49)).astype(float)
    shares = e.game(masks)
    for mask, row in zip(masks, shares, strict=True):
        edited = e.edit(mask)
        assert row == pytest.approx(edited.shares)
        assert gallery.class_names[row.argmax()] == edited.label
    assert e.game(e.patch_map.reshape(1, -1))[0] == pytest.approx(e.shares)


@pytest.mark.parametrize("rule", ["map", "published", "emd"])
def test_the_own_map_is_the_own_decision(gallery, query, rule):
    e = explain(gallery, query, rule=rule)
    assert e.edit(e.patch_map) is e
    assert e.game(e.patch_map.reshape(1, -1))[0] == pytest.approx(e.shares)
    # One cell more or less, and the map of a person stands in its place.
    other = e.patch_map.copy()
    other[0, 0] += 1
    assert e.edit(other).edited
    assert e.game(other.reshape(1, -1))[0] == pytest.approx(e.edit(other).shares)


def test_undo_brings_everything_back(gallery, query):
    e = explain(gallery, query)
    s = EditSession(e.game, e.patch_map, original=e.shares)
    mask = np.zeros((7, 7))
    mask[2:5, 2:5] = 1
    before = s.step
    s.edit(mask)
    assert s.answer == e.edit(mask).label
    assert s.undo() is before
    assert np.array_equal(s.mask, e.scores.patch_map)
    assert s.outputs.after == pytest.approx(e.shares)


def test_the_attribution_adds_up(gallery, query):
    for rule in ("map", "published", "emd"):
        a = explain(gallery, query, rule=rule).attribution
        assert np.abs(a.additivity_gap).max() < 1e-12
        assert a.values.shape == (1, 49, 2)
        assert a.units.layout == (7, 7)


def test_a_change_is_explained_to_the_last_bit(gallery, query):
    e = explain(gallery, query, start="uniform")
    middle = np.zeros((7, 7))
    middle[2:5, 2:5] = 1
    border = 1 - middle
    change = compare(e.edit(border), e.edit(middle))
    assert change.flipped
    assert (change.winner, change.runner_up) == ("right", "left")
    assert change.contributions.sum() == pytest.approx(change.lead_after - change.lead_before)
    assert change.lead_after > 0 > change.lead_before
    # Only the middle can have spoken for the class on the right.
    assert change.terms_after[middle == 0] == pytest.approx(0)
    assert len(change.entered) == len(change.left) > 0
    labels = change.after.matched.labels
    assert {gallery.class_names[labels[i]] for i in change.entered} == {"right"}
    same = compare(e, e)
    assert not same.flipped
    assert same.contributions == pytest.approx(0)
    assert len(same.entered) == 0
    other = explain(gallery, pictures()[0][0])
    with pytest.raises(InputError, match="different pictures"):
        compare(e, other)


@pytest.mark.parametrize(
    ("labels", "k", "ties", "counts", "voters", "tied"),
    [
        ([0, 0, 1], 3, "grow", [2, 1], 3, False),
        ([1, 0, 1, 0], 2, "grow", [1, 2], 3, False),  # one more voter settles it
        ([1, 0, 1, 0], 2, "first", [1, 1], 2, True),
        ([1, 0, 0, 1], 2, "grow", [2, 1], 3, False),
        ([1, 0], 2, "grow", [1, 1], 2, True),  # nobody is left to ask
    ],
)
def test_ties(labels, k, ties, counts, voters, tied):  # noqa: PLR0917  # one argument a column of the table
    ballot = vote(-np.arange(len(labels), dtype=float), np.array(labels), 2, k, ties)
    assert (ballot.counts.tolist(), ballot.n_voters, ballot.tied) == (counts, voters, tied)
    assert ballot.winner == int(np.argmax(counts))


def test_more_voters_are_asked_one_by_one():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 3, 12)
        ballot = vote(rng.permutation(12).astype(float), labels, 3, 4, "grow")
        ranked = labels[ballot.order]
        counts = [np.bincount(ranked[:k], minlength=3) for k in range(4, 13)]
        clear = [k for k, c in enumerate(counts, start=4) if np.sort(c)[-1] > np.sort(c)[-2]]
        assert ballot.n_voters == (clear[0] if clear else 4)
        assert all(a <= b for a, b in pairwise(sorted(ballot.counts)))


class TestOcclusion:
    def test_an_encoder_that_sees_one_cell_leaks_nothing(self, gallery, query):
        mask = np.zeros((7, 7))
        mask[2:5, 2:5] = 1
        check = explain(gallery, query).edit(mask).occlude()
        assert check.mean_leak == pytest.approx(0, abs=1e-6)
        assert np.isnan(check.leak[0, 0])
        assert check.same_answer
        assert np.array_equal(check.picture[16:40, 16:40], query[16:40, 16:40])
        assert len(np.unique(check.picture[:16])) == 1

    def test_an_encoder_that_sees_its_neighbours_does(self, query):
        class Blurred(Squares):
            """Each cell also holds the mean of its row: what lies there leaks into it."""

            def encode(self, images):
                maps = super().encode(images)
                return maps + 3 * maps.mean(axis=2, keepdims=True)

        gallery = Gallery.build(*pictures(), Blurred())
        mask = np.zeros((7, 7))
        mask[2:5, 2:5] = 1
        check = explain(gallery, query).edit(mask).occlude()
        assert check.mean_leak > 0.1
        assert "painted over" in check.summary

    def test_a_map_that_keeps_all_is_refused(self, gallery, query):
        with pytest.raises(InputError, match="ignores no cell"):
            explain(gallery, query).edit(np.ones((7, 7))).occlude()


def test_the_query_itself_does_not_vote(gallery):
    image = pictures()[0][4]
    e = explain(gallery, image)
    assert 4 not in e.matched.candidates
    assert e.matched.left_out == ("4",)
    assert any("this very picture: 4" in notice for notice in e.notices)


def test_a_picture_of_the_gallery_needs_not_be_encoded_again(gallery):
    classifier = CorrespondenceClassifier(gallery, Options(30, 9))
    encoded = classifier.explain(pictures()[0][4])
    calls = gallery.backbone.encoder.calls
    stored = classifier.explain_member(4)
    assert gallery.backbone.encoder.calls == calls
    assert stored.matched.left_out == ("4",)
    assert np.array_equal(stored.matched.candidates, encoded.matched.candidates)
    assert stored.votes == encoded.votes
    np.testing.assert_allclose(stored.scores.values, encoded.scores.values, atol=2e-3)  # features are kept in 16 bits
    with pytest.raises(InputError, match=r"no picture 30: .* 30"):
        classifier.explain_member(30)


def test_evidence_alone_answers_the_same(gallery, query):
    e = explain(gallery, query)
    small = alone(e)
    assert len(small.matched.gallery) == 30
    assert small.votes == e.votes
    assert [x.name for x in small.exemplars] == [x.name for x in e.exemplars]
    mask = np.pad(np.ones((3, 3)), 2)
    assert small.edit(mask).votes == e.edit(mask).votes


def test_shifted_pictures_are_found_again(gallery):
    codes = random_codes(11)
    g = Gallery.build(
        [picture(shifted(codes, 0, 1, random_codes(12))), picture(random_codes(13)), picture(random_codes(14))],
        ["same", "other", "other"],
        Squares(),
    )
    e = CorrespondenceClassifier(g, Options(3, 1)).explain(picture(codes))
    assert e.label == "same"
    assert all(pair.exemplar == (pair.query[0], pair.query[1] + 1) for pair in e.pairs)
