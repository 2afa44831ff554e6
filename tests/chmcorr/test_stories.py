"""Bundled evidence: it loads without torch, edits, and says what it is."""

from __future__ import annotations

import numpy as np
import pytest

import xai
from xai.chmcorr.stories import STORIES, store, story
from xai.core.errors import InputError, ModelError

pytest.importorskip("PIL")


@pytest.mark.parametrize("key", STORIES)
def test_a_story_is_whole(key):
    found = story(key)
    assert len(found.explanations) == len(found.names) == len(found.truths) >= 10
    assert len(set(found.names)) == len(found.names)
    for e, truth in zip(found.explanations, found.truths, strict=True):
        assert truth in e.class_names
        assert e.scores.terms.shape == (len(e.matched.candidates), 49)
        assert np.abs(e.matched.cosines).max() <= 1.001
        assert e.exemplars[0].label == e.label
        assert e.game(e.patch_map.reshape(1, -1)).sum() == pytest.approx(1)
        # Sorted by the nearest neighbours first, and none of them the query itself.
        assert np.all(np.diff(e.matched.similarities) <= 0)
        assert e.matched.digest not in {e.matched.gallery.digests[c] for c in e.matched.candidates}


def test_the_published_rule_is_wrong_where_the_story_says_and_keeping_the_cell_mends_most():
    found = story("stained_smears")
    right = [e.label == truth for e, truth in zip(found.explanations, found.truths, strict=True)]
    assert right == [False] * 8 + [True] * 4
    middle = np.zeros((7, 7))
    middle[2:5, 2:5] = 1
    mended = [e.edit(middle).label == truth for e, truth in zip(found.explanations, found.truths, strict=True)]
    assert sum(mended) >= 10


def test_slices_of_one_height_match_themselves():
    found = story("brains")
    exact = []
    for e, name in zip(found.explanations, found.names, strict=True):
        height = name.rpartition("slice ")[2]
        (same,) = [i for i, c in enumerate(e.matched.candidates) if e.matched.gallery.names[c].endswith(f" {height}")]
        targets = e.matched.targets[same].reshape(7, 7)
        # The middle of the picture: outside the brain everything is black and matches anything.
        exact.append((targets == np.arange(49).reshape(7, 7))[1:6, 2:5].mean())
    assert np.mean(exact) > 0.5


def test_stored_evidence_encodes_nothing():
    e = story("chest_films").explanations[0]
    with pytest.raises(ModelError, match="build a gallery"):
        e.edit(np.eye(7)).occlude()
    with pytest.raises(InputError, match="unknown story"):
        story("chests")


def test_storing_again_keeps_every_score(monkeypatch, tmp_path):
    found = story("brains")
    content = store(found.explanations, {"query_names": found.names, "truths": found.truths, "about": found.about,
                                         "synthetic": found.synthetic, "mm": found.mm})  # fmt: skip
    (tmp_path / "editable_map-brains.npz").write_bytes(content)
    monkeypatch.setattr("xai.chmcorr.stories.resource", lambda *parts: tmp_path / parts[-1])
    again = story.__wrapped__("brains")
    for before, after in zip(found.explanations, again.explanations, strict=True):
        assert np.array_equal(before.scores.values, after.scores.values)
        assert before.votes == after.votes


def test_figures_hold_what_was_scored():
    e = story("stained_smears").explanations[0]
    fig = xai.plots.patches(e, e.exemplars[:2])
    assert len(fig.layout.images) == 4
    texts = [trace.text[i] for trace in fig.data for i in np.flatnonzero(np.isnan(trace.x))]  # a gap after each arc
    pairs = [pair for x in e.exemplars[:2] for pair in x.pairs]
    assert len(texts) == len(pairs)
    assert all(any(f"cosine {pair.cosine:.2f}, adds {pair.term:.3f}" in text for text in texts) for pair in pairs)
    frames = "".join(shape.path for shape in fig.layout.shapes)
    assert frames.count("Z") == 4 * len(pairs)  # two frames for each of two cells
    row, column = pairs[0].query
    assert f"M {column / 7:.4f},{1 + 2 * 0.14 + 1 - (row + 1) / 7:.4f}" in frames
    change = xai.chmcorr.compare(e, e.edit(np.pad(np.ones((3, 3)), 2)))
    assert xai.plots.cell_contributions(change.contributions, e.units, "").data[0].customdata.sum() == pytest.approx(
        change.lead_after - change.lead_before
    )
    lines = xai.plots.rank_changes(change).data
    voters = np.flatnonzero((change.ranks < [change.before.n_voters, change.after.n_voters]).any(axis=1))
    drawn = [(trace.text[i], trace.y[i], trace.y[i + 1]) for trace in lines for i in range(0, len(trace.y), 3)]
    names = [e.matched.gallery.names[e.matched.candidates[place]] for place in voters]
    assert sorted(drawn) == sorted((name, *(change.ranks[i] + 1)) for name, i in zip(names, voters, strict=True))
    bars = xai.plots.votes_beside(list(e.class_names), {"original": e.shares, "now": change.after.shares}).data
    assert list(bars[1].x) == pytest.approx(list(change.after.shares))


@pytest.mark.parametrize("key", STORIES)
def test_curves_of_patches_run_from_the_candidates_to_the_whole_map(key):
    e = story(key).explanations[0]
    inserted, deleted = xai.chmcorr.obeyed(e)
    prior = np.mean([e.class_names[label] == e.label for label in e.matched.labels])
    whole = e.game(np.ones((1, 49)))[0, e.class_names.index(e.label)]
    assert (inserted.y[0], inserted.y[-1]) == pytest.approx((prior, whole))
    assert (deleted.y[0], deleted.y[-1]) == pytest.approx((whole, prior))
    # The first patch in is the one that adds most to the lead.
    change = xai.chmcorr.compare(e, e)
    mask = np.zeros(49)
    mask[np.argsort(-change.terms_after.ravel(), kind="stable")[:10]] = 1
    at = np.unique(np.linspace(0, 49, 21).round())
    expected = e.game(mask[None])[0, e.class_names.index(e.label)]
    assert 10 in at
    assert inserted.y[10] == pytest.approx(expected)
    assert len(inserted.y) == 50
