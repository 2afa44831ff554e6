"""What is explained: targets, units, estimators, files; on a model whose answers are sums, so truths are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from xai import faithfulness, reagent
from xai.core.errors import InputError, ModelError
from xai.core.game import Game
from xai.core.units import Units
from xai.models.text import Scores
from xai.reagent import draws
from xai.reagent.difference import differences
from xai.reagent.masks import balanced
from xai.reagent.problem import make_problem
from xai.reagent.replacement import make_sampler

from .toy import WORDS, ToyLM

PROMPT = "the old man fever and cough the rash"


def probability(lm, row, target):
    return float(np.exp(lm.next_tokens(np.asarray(row)[None])[0, target]))


def expected_drops(lm, prompt, target):
    """Mean drop of the probability over every other word at each place, by enumeration."""
    ids = lm.encode(prompt).ids
    before = probability(lm, ids, target)
    drops = []
    for place in range(1, len(ids)):
        others = [word for word in range(1, 11) if word != ids[place]]
        after = []
        for word in others:
            row = ids.copy()
            row[place] = word
            after.append(probability(lm, row, target))
        drops.append(before - np.mean(after))
    return np.array(drops)


@pytest.mark.parametrize("config", [reagent.ReagentConfig, reagent.LeaveOneOutConfig])
def test_values_converge_to_the_expected_drops(config):
    lm = ToyLM()
    truth = expected_drops(lm, PROMPT, WORDS.index("gout"))
    found = reagent.attribute(lm, PROMPT, " gout", config=config(budget=3000))
    assert np.abs(found.values[0] - truth).max() < 0.01
    inside = np.abs(found.values[0] - truth) <= 3 * found.standard_error[0] + 1e-3
    assert inside.all()
    assert found.converged.all()
    assert found.repeatability[0] > 0.9


def test_masked_difference_of_an_additive_game_is_its_weights():
    rng = np.random.default_rng(0)
    masks = np.stack(list(islice(balanced(10, 0.3, rng), 4000)))
    weights = rng.normal(size=10)
    values, errors = differences(masks, (masks @ weights)[:, None])
    # Masks of a fixed size: a unit takes the place of the mean of the others.
    truth = weights - (weights.sum() - weights) / 9
    assert (np.abs(values[0] - truth) < 3 * errors[0]).all()


def test_balanced_masks_replace_all_units_equally_often():
    masks = np.stack(list(islice(balanced(7, 0.3, np.random.default_rng(1)), 70)))
    assert (masks.sum(axis=1) == 2).all()
    assert (masks.sum(axis=0) == 20).all()


def test_precision_stops_before_the_budget():
    found = reagent.attribute(ToyLM(), PROMPT, " gout", config=reagent.ReagentConfig(budget=5000, precision=0.2))
    assert found.n_forwards < 3000
    assert found.standard_error.max() <= 0.2 * np.abs(found.values).max()


def test_a_larger_budget_sees_again_what_a_smaller_one_saw(monkeypatch):
    seen = []
    take = draws.Pool.take
    monkeypatch.setattr(draws.Pool, "take", lambda self, masks: seen.append(take(self, masks)) or seen[-1])
    small = reagent.attribute(ToyLM(), PROMPT, " gout", config=reagent.LeaveOneOutConfig(budget=9))
    large = reagent.attribute(ToyLM(), PROMPT, " gout", config=reagent.LeaveOneOutConfig(budget=60))
    rows = {tuple(row) for row in np.concatenate(seen[1:])}
    assert {tuple(row) for row in seen[0]} <= rows
    assert small.n_forwards < large.n_forwards


def test_every_token_of_an_answer_shares_the_forwards():
    lm = ToyLM()
    config = reagent.LeaveOneOutConfig(budget=40)
    whole = reagent.attribute(lm, PROMPT, " flu gout rash", config=config)
    alone = reagent.attribute(lm, PROMPT, " flu", config=config)
    assert whole.values.shape == (3, 10)
    assert np.isnan(whole.values[0, 8:]).all()
    assert np.isnan(whole.values[1, 9:]).all()
    assert not np.isnan(whole.values[2]).any()
    assert whole.n_forwards == alone.n_forwards
    np.testing.assert_allclose(whole.original[0], alone.original[0])
    np.testing.assert_allclose(whole.scores.sum(axis=1), 1)


def test_a_joint_answer_is_the_product_of_its_tokens():
    lm = ToyLM()
    whole = reagent.attribute(lm, PROMPT, " flu gout", config=reagent.ReagentConfig(budget=30))
    joint = reagent.attribute(lm, PROMPT, " flu gout", config=reagent.ReagentConfig(budget=30, joint=True))
    np.testing.assert_allclose(joint.original[0], whole.original.prod())
    assert joint.targets == (" flu gout",)


@pytest.mark.parametrize(
    ("effect", "scale"),
    [
        ("probability", lambda p: p),
        ("log_probability", np.log),
        ("logit", lambda p: np.log(p / (1 - p))),
    ],
)
def test_effects_are_on_their_scale(effect, scale):
    lm = ToyLM()
    found = reagent.attribute(lm, PROMPT, " gout", config=reagent.ReagentConfig(budget=20, effect=effect))
    p = probability(lm, lm.encode(PROMPT).ids, WORDS.index("gout"))
    np.testing.assert_allclose(found.original[0], scale(p), rtol=1e-9)


def test_contrast_is_the_difference_of_two_targets():
    lm = ToyLM()
    config = reagent.LeaveOneOutConfig(budget=60, effect="log_probability", joint=True)
    first, second = (reagent.attribute(lm, PROMPT, word, config=config) for word in (" gout", " flu"))
    both = reagent.attribute(lm, PROMPT, " gout", config=config, foil=" flu")
    # The same seed replaces the same words, so the values subtract exactly.
    np.testing.assert_allclose(both.values, first.values - second.values, atol=1e-12)
    assert both.targets == ("gout rather than flu",)


def test_units():
    lm = ToyLM()
    text = "the old man fever and cough the rash"
    spans = ((0, 11), (12, 17), (22, 27))
    found = reagent.attribute(lm, text, " gout", config=reagent.ReagentConfig(budget=20, units=spans))
    assert found.units.names == ("the old man", "fever", "cough")
    assert [found.text[a:b] for a, b in found.spans] == ["the old man", "fever", "cough"]
    for units, message in (
        (((0, 11), (8, 17)), "overlap"),
        (((0, 99),), "does not lie"),
        (((3, 4),), "covers no token"),
    ):
        with pytest.raises(InputError, match=message):
            reagent.attribute(lm, text, " gout", config=reagent.ReagentConfig(units=units))


def test_game_and_attribution_agree():
    lm = ToyLM()
    played = reagent.game(lm, PROMPT, " gout")
    found = reagent.attribute(lm, PROMPT, " gout", config=reagent.LeaveOneOutConfig(budget=400))
    whole, none = played(np.stack([np.ones(8), np.zeros(8)]))[:, 0]
    np.testing.assert_allclose(whole, found.original[0])
    curve = faithfulness.curve(played, np.nan_to_num(found.values[0]), "deletion", n_random=40)
    assert curve.y[0] == pytest.approx(whole)
    assert curve.y[-1] == pytest.approx(none)
    assert curve.percentile > 0.8


def test_insertion_and_deletion_share_their_random_orders():
    rng = np.random.default_rng(2)
    weights = rng.normal(1, 1, 9)
    additive = Game(lambda masks: (masks @ weights)[:, None], Units(tuple("abcdefghi"), "token"), ("y",), "binary")
    inserted, deleted = faithfulness.insertion_deletion(additive, weights, n_random=200)
    for found in (inserted, deleted):
        # By these weights the curves are known, and random orders give the straight line on the mean.
        known = faithfulness.curve(additive, weights, found.order, n_random=20)
        np.testing.assert_allclose(found.y, known.y)
        assert found.auc == pytest.approx(known.auc)
        assert abs(found.random_auc - weights.sum() / 2) < 4 * found.random_standard_error
        assert found.percentile == 1
    # Fewer steps: the same ends, straight lines between the steps that were played.
    rows = []
    counted = Game(
        lambda masks: rows.append(len(masks)) or (masks @ weights)[:, None], additive.units, ("y",), "binary"
    )
    coarse, _ = faithfulness.insertion_deletion(counted, weights, steps=3)
    np.testing.assert_allclose(coarse.y[[0, 3, 6, 9]], inserted.y[[0, 3, 6, 9]])
    assert coarse.y[1] == pytest.approx((2 * coarse.y[0] + coarse.y[3]) / 3)
    assert sum(rows) == 22 * 4


def test_files(tmp_path):
    found = reagent.attribute(ToyLM(), PROMPT, " flu gout", config=reagent.ReagentConfig(budget=30))
    again = reagent.TokenAttribution.from_dict(found.to_dict())
    np.testing.assert_array_equal(again.values, found.values)
    assert again.to_dict() == found.to_dict()
    frame = found.to_frame()
    assert len(frame) == 2 * 9
    assert list(frame.columns[:3]) == ["target", "target_number", "unit"]
    assert found.attribution.values.shape == (2, 9, 1)
    assert found.attribution.rows == ("1 flu", "2 gout")


def test_proposals_are_found_once_a_prompt():
    lm = ToyLM()
    calls = []
    original = lm.left_context
    lm.left_context = lambda ids: calls.append(1) or original(ids)
    config = reagent.ReagentConfig(budget=20, replacement="left_context")
    for _ in range(3):
        reagent.attribute(lm, PROMPT, " gout", config=config)
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["uniform", "left_context", "part_of_speech"])
def test_replacements_are_other_plain_words(name):
    lm = ToyLM()
    ids = lm.encode(PROMPT).ids
    drawn = make_sampler(name, lm, ids).draw(200, np.random.default_rng(0))
    assert drawn.shape == (200, len(ids))
    assert not np.isin(drawn[:, 1:], list(lm.special)).any()
    if name != "part_of_speech":  # a word that is the only one of its kind stands for itself
        assert (drawn[:, 1:] != ids[1:]).all()


class Censoring(ToyLM):
    """Names only the three best tokens, as a server does."""

    def score(self, rows, targets, positions):
        scores = super().score(rows, targets, positions)
        hidden = scores.ranks >= 3
        return Scores(np.where(hidden, -3.0, scores.log_probs), scores.ranks, hidden, scores.forwards)


def test_bounds_are_flagged():
    found = reagent.attribute(Censoring(), PROMPT, " gout", config=reagent.ReagentConfig(budget=60))
    assert found.censored > 0
    assert "bounds only" in found.notes[0]


class Broken(ToyLM):
    """Answers with numbers that are not finite, as half precision does when it overflows."""

    def score(self, rows, targets, positions):
        scores = super().score(rows, targets, positions)
        return Scores(scores.log_probs * np.nan, scores.ranks, scores.censored, scores.forwards)


def test_numbers_that_are_not_finite_are_an_error():
    with pytest.raises(ModelError, match="not finite"):
        reagent.attribute(Broken(), PROMPT, " gout")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "   "}, "prompt is empty"),
        ({"prompt": "the old man " * 30}, "at most 64"),
        ({"target": ""}, "target is empty"),
        ({"foil": " gout", "target": " gout"}, "nothing to contrast"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"config": "fast"}, "config must be one of"),
    ],
)
def test_bad_input_is_said(options, message):
    with pytest.raises(InputError, match=message):
        reagent.attribute(ToyLM(), **{"prompt": PROMPT, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 1}, "at least 2"),
        ({"replacement": "none"}, "replacement"),
        ({"effect": "loss"}, "effect"),
        ({"units": "lines"}, "kind of unit"),
        ({"precision": 1.5}, "precision"),
    ],
)
def test_bad_options_are_said(options, message):
    with pytest.raises(InputError, match=message):
        reagent.ReagentConfig(**options)
    with pytest.raises(InputError, match="cannot be taken apart"):
        reagent.HierarchicalConfig(units="words")


def test_published_presets():
    paper, released = reagent.PublishedConfig.paper(), reagent.PublishedConfig.released(steps=10)
    assert (paper.mask, paper.keep, paper.replacement) == ("exact", 0.3, "masked_best")
    assert (released.mask, released.keep, released.replacement, released.steps) == (
        "bernoulli",
        5,
        "part_of_speech",
        10,
    )


def test_hierarchy_spends_no_more_than_its_budget():
    lm = ToyLM()
    lm.context = 200
    text = "the old man. fever and cough. rash and pain"
    lm.encode = _with_points(lm.encode)
    problem = make_problem(lm, text, " gout", None, 1, reagent.HierarchicalConfig(budget=16, segments=1))
    assert problem.n_units == 3
    found = reagent.attribute(lm, text, " gout", config=reagent.HierarchicalConfig(budget=16, segments=1))
    assert found.method == "hierarchical"
    assert len(found.tokens) == 2 + 3
    assert np.isfinite(found.values).all()
    assert found.n_forwards <= 16 + 4
    assert "taken apart" in found.notes[-1]


def _with_points(encode):
    """The toy's words with full stops that are no tokens."""

    def split(text, *, start=True):
        return replace(encode(text.replace(".", " "), start=start), text=text)

    return split


@pytest.mark.parametrize(
    "config",
    [
        reagent.ReagentConfig(budget=200, fixed=["the rash"]),
        reagent.LeaveOneOutConfig(budget=200, fixed=["the rash"]),
        reagent.PublishedConfig(steps=20, replacement="uniform", fixed=["the rash"]),
        reagent.ReagentConfig(budget=200, units="words", fixed=["the rash"]),
    ],
    ids=lambda config: f"{type(config).__name__}-{config.units}",
)
def test_fixed_pieces_are_never_replaced(config):
    lm, asked = ToyLM(), []
    score = lm.score
    lm.score = lambda rows, *more: asked.append(np.asarray(rows)) or score(rows, *more)
    found = reagent.attribute(lm, PROMPT, " gout", config=config)
    assert found.units.names == ("the", "old", "man", "fever", "and", "cough")
    ids = lm.encode(PROMPT).ids
    rows = np.concatenate([some[:, : len(ids)] for some in asked])
    assert (rows[:, -2:] == ids[-2:]).all()
    assert (rows[:, :-2] != ids[:-2]).any()


def test_fixed_pieces_that_are_not_there():
    with pytest.raises(InputError, match="'gout' is to stay as it is, but does not stand in the prompt"):
        reagent.attribute(ToyLM(), PROMPT, " gout", config=reagent.ReagentConfig(fixed=["gout"]))
    with pytest.raises(InputError, match="every token of the prompt is protected or fixed"):
        reagent.attribute(ToyLM(), PROMPT, " gout", config=reagent.ReagentConfig(fixed=[PROMPT]))
    with pytest.raises(InputError, match=r"write fixed=\['the rash'\]"):
        reagent.ReagentConfig(fixed="the rash")
