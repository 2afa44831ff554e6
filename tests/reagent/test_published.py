"""The published mode against a plain, one-row-at-a-time writing of the algorithm."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from xai.models.text import demo_causal
from xai.reagent import PublishedConfig
from xai.reagent.problem import make_problem
from xai.reagent.published import n_kept, published, update
from xai.reagent.replacement import make_sampler

from .toy import ToyLM

PROMPT = "the old man fever and cough the rash"


def sequential(lm, problem, config):
    """Algorithm 1 as it is printed: one chain after another, one forward a row, the literal logit."""
    sampler = make_sampler(config.replacement, lm, problem.ids)
    position = int(problem.positions[0])
    target = int(problem.targets[0])
    units = np.flatnonzero(problem.owner >= 0)

    def probability(row):
        return math.exp(lm.next_tokens(row[None, :position])[0, target])

    def logit(u):
        return math.log(u / (1 - u))

    before = probability(problem.ids)
    finished, everyone = [], []
    for chain in range(config.chains):
        rng = np.random.default_rng((config.seed, chain))
        scores = rng.random(len(units))
        done = False
        for _ in range(config.steps):
            if config.mask == "bernoulli":
                chosen = rng.random(len(units)) < config.rate
            else:
                chosen = np.zeros(len(units), bool)
                chosen[rng.choice(len(units), max(1, round(config.rate * len(units))), replace=False)] = True
            other = sampler.draw(1, rng)[0]
            row = problem.ids.copy()
            row[units[chosen]] = other[units[chosen]]
            drop = before - probability(row)
            for i in range(len(units)):
                scores[i] += logit(((drop if chosen[i] else -drop) + 1) / 2)
            other = sampler.draw(1, rng)[0]
            best = np.argsort(-scores, kind="stable")[: n_kept(config.keep, len(units))]
            row = other.copy()
            row[problem.owner < 0] = problem.ids[problem.owner < 0]
            row[units[best]] = problem.ids[units[best]]
            following = lm.next_tokens(row[None, :position])[0]
            if (following > following[target]).sum() < config.top:
                done = True
                break
        weights = np.exp(scores - scores.max())
        everyone.append(weights / weights.sum())
        if done:
            finished.append(everyone[-1])
    return np.mean(finished or everyone, axis=0), len(finished)


class ToyMasked:
    """A masked model of the same words, which looks at the word before and the word after."""

    tokenizer = SimpleNamespace(unk_token_id=0, bos_token_id=0, cls_token_id=0)

    def vocabulary_map(self, lm):
        return np.where(np.arange(lm.vocabulary) > 0, np.arange(lm.vocabulary), -1)

    def fill(self, ids, places):
        table = np.random.default_rng(7).normal(0, 1, (2, 11, 11))
        logits = table[0, ids[places - 1]] + table[1, ids[(places + 1) % len(ids)]]
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("mask", ["bernoulli", "exact"])
@pytest.mark.parametrize("replacement", ["uniform", "left_context", "masked", "masked_best", "part_of_speech"])
@pytest.mark.parametrize("top", [1, 2])
def test_batched_equals_sequential(mask, replacement, top, monkeypatch):
    if replacement.startswith("masked"):
        pytest.importorskip("torch")
    monkeypatch.setattr("xai.reagent.replacement.masked_model", lambda _: ToyMasked())
    lm = ToyLM()
    config = PublishedConfig(chains=6, steps=25, keep=2, top=top, mask=mask, replacement=replacement, seed=3)
    problem = make_problem(lm, PROMPT, " gout", None, 1, config)
    found = published(problem, config)
    expected, n_finished = sequential(lm, problem, config)
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-9, atol=1e-12)
    assert found.converged[0] == (n_finished > 0)


@pytest.mark.parametrize("replacement", ["masked", "masked_best", "part_of_speech"])
def test_batched_equals_sequential_on_the_demo_models(replacement):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    lm = demo_causal()
    config = PublishedConfig(chains=2, steps=6, keep=3, top=1, replacement=replacement, seed=3)
    problem = make_problem(lm, "A man has a tremor. The most likely diagnosis is", " gout", None, 1, config)
    found = published(problem, config)
    expected, n_finished = sequential(lm, problem, config)
    # Rows in a batch differ from rows alone in the last digits of single precision.
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-4, atol=1e-7)
    assert found.converged[0] == (n_finished > 0)


def test_update_is_the_papers_logit():
    drops = np.linspace(-0.999, 0.999, 101)
    literal = np.log(((1 + drops) / 2) / (1 - (1 + drops) / 2))
    np.testing.assert_allclose(update(drops), literal, rtol=1e-10, atol=1e-13)
    assert np.isfinite(update(np.array([1.0, -1.0]))).all()


def test_no_chain_converges_is_finite_and_said():
    lm = ToyLM()
    worst = int(lm.next_tokens(lm.encode(PROMPT).ids[None])[0, 1:].argmin()) + 1
    config = PublishedConfig(chains=3, steps=2, keep=1, top=1, replacement="uniform")
    problem = make_problem(lm, PROMPT, lm.decode(np.array([worst])), None, 1, config)
    found = published(problem, config)
    assert not found.converged.any()
    assert np.isfinite(found.values).all()
    assert "no chain stopped" in found.notes[0]


def test_stopped_chains_cost_nothing_more():
    lm = ToyLM()
    config = PublishedConfig(chains=8, steps=50, keep=8, top=11, replacement="uniform")
    problem = make_problem(lm, PROMPT, " flu", None, 1, config)
    published(problem, config)
    # Every token is among the 11 best of 11: each chain needs one update and one test.
    assert problem.n_forwards == 1 + 8 + 8


def test_one_target_of_a_whole_answer_equals_that_target_alone():
    lm = ToyLM()
    config = PublishedConfig(chains=4, steps=12, keep=2, top=1, replacement="uniform", seed=1)
    whole = make_problem(lm, PROMPT, " flu gout rash", None, 1, config)
    alone = make_problem(lm, PROMPT, " flu", None, 1, config)
    assert whole.n_targets == 3
    assert whole.valid.sum(axis=1).tolist() == [8, 9, 10]
    found = published(whole, config)
    assert np.allclose(found.values.sum(axis=1), 1)
    assert (found.values[0, 8:] == 0).all()
    assert published(alone, config).values.shape == (1, 8)
