"""Local language models: exact scores whatever is shared between rows, the demo models, and what cannot be used."""
# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from xai import reagent
from xai.core.errors import InputError, ModelError
from xai.datasets.vignettes import generate, several
from xai.models.text import HuggingFaceLM, MaskedLM, demo_causal, demo_masked, encode_prompt, open_huggingface
from xai.models.text import open_masked as open_masked_model
from xai.reagent.compared import compare
from xai.reagent.gradients import gradient_x_input, integrated_gradients
from xai.reagent.problem import make_problem
from xai.reagent.replacement import make_sampler

NOTE = generate(1, 77)[0]
SHORT = " ".join(NOTE.prompt.split()[-20:])


@pytest.fixture(scope="module")
def lm():
    return demo_causal()


@pytest.fixture(scope="module")
def gpt2():
    """A small untrained GPT-2 with the demo's tokenizer."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=1711, n_positions=96, n_embd=32, n_layer=2, n_head=2)
    return transformers.GPT2LMHeadModel(config).eval()


def changed(ids, n, seed=0):
    """Copies of a text, each with one or two tokens changed; some of them equal."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(ids[None], n, axis=0)
    for row in rows[: n - 2]:
        row[rng.integers(1, len(ids), rng.integers(1, 3))] = rng.integers(5, 1700)
    return rows


@pytest.mark.parametrize("budget", [200, 8192])
@pytest.mark.parametrize("which", ["demo", "gpt2"])
def test_scores_are_those_of_one_plain_forward_a_row(lm, gpt2, which, budget):
    model = lm.model if which == "demo" else gpt2
    shared = HuggingFaceLM(model, lm.tokenizer, token_budget=budget)
    ids = shared.encode(NOTE.prompt).ids[:60]
    rows = changed(ids, 40)
    targets, positions = np.array([10, 50, 300]), np.array([len(ids) - 20, len(ids) - 4, len(ids)])
    scores = shared.score(rows, targets, positions)
    with torch.inference_mode():
        logits = torch.cat([model(input_ids=torch.as_tensor(row[None])).logits for row in rows]).double()
    for g, (target, position) in enumerate(zip(targets, positions, strict=True)):
        plain = torch.log_softmax(logits[:, position - 1], -1).numpy()
        np.testing.assert_allclose(scores.log_probs[:, g], plain[:, target], atol=2e-4)
        assert (scores.ranks[:, g] == (plain > plain[:, [target]]).sum(axis=1)).mean() > 0.95
    assert scores.forwards == len(np.unique(rows, axis=0))


def test_next_tokens_and_left_context_agree(lm):
    ids = lm.encode(SHORT).ids
    left = lm.left_context(ids)
    np.testing.assert_allclose(left[-1], lm.next_tokens(ids[None, :-1])[0], atol=1e-4)
    np.testing.assert_allclose(np.exp(left).sum(axis=1), 1, atol=1e-5)


def test_spans_and_protection(lm):
    encoding = lm.encode(SHORT)
    assert encoding.protected.tolist() == [True] + [False] * (len(encoding) - 1)
    assert "".join(SHORT[a:b] for a, b in encoding.spans) == SHORT
    assert lm.decode(encoding.ids[1:]) == SHORT


def test_the_template_of_a_chat_is_protected(lm):
    import copy

    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.chat_template = "<s>user: {{ messages[0]['content'] }}\nassistant:"
    chat = HuggingFaceLM(lm.model, tokenizer, chat=True)
    encoding = chat.encode("A man with fever.")
    words = "".join("A man with fever."[a:b] for a, b in encoding.spans[~encoding.protected])
    assert words == "A man with fever."
    assert encoding.protected[-1]
    found = reagent.attribute(chat, "A man with fever.", " asthma", config=reagent.ReagentConfig(budget=12))
    assert set("".join(found.tokens)) <= set("A man with fever.")
    with pytest.raises(InputError, match="no chat template"):
        HuggingFaceLM(lm.model, lm.tokenizer, chat=True)


def test_what_cannot_be_asked_is_said(lm):
    with pytest.raises(InputError, match="prompt is empty"):
        encode_prompt(lm, "\n ")
    with pytest.raises(InputError, match="reads at most 512"):
        encode_prompt(lm, "fever and cough. " * 300)
    with pytest.raises(InputError, match="local model"):
        gradient_x_input(make_problem(_Server(), "a b", " c", None, 1, reagent.ReagentConfig()))


class _Server:
    """As little as a server gives."""

    name, context, vocabulary, special, hash = "server", 99, 5, frozenset(), ""

    def encode(self, text, *, start=True):
        from xai.models.text import Encoding

        ids = np.arange(len(text.split()))
        spans = np.array([(2 * i, 2 * i + 1) for i in ids]) + (0 if start else 1)
        return Encoding(ids, spans, np.zeros(len(ids), bool), text)

    def decode(self, ids):
        return " c" * len(ids)


def test_a_target_that_cannot_be_written(lm):
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_words({"<unk>": 0, "fever": 1, "flu": 2}), unk_token="<unk>"
    )
    words = HuggingFaceLM(lm.model, tokenizer)
    with pytest.raises(InputError, match="cannot be written"):
        reagent.attribute(words, "fever fever", "Ebola")


def _words(vocabulary):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_special_tokens_beyond_the_table(lm):
    import copy

    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<tool>"]})
    more = HuggingFaceLM(lm.model, tokenizer)
    assert max(more.special) < more.vocabulary
    assert reagent.attribute(more, SHORT, " gout", config=reagent.ReagentConfig(budget=6)).n_forwards > 0
    with pytest.raises(InputError, match="does not fit the model"):
        more.encode("fever <tool> cough")


def test_half_precision_that_overflows(gpt2, lm):
    import copy

    broken = copy.deepcopy(gpt2)
    with torch.no_grad():
        broken.transformer.h[1].mlp.c_proj.weight.fill_(float("inf"))
    with pytest.raises(ModelError, match="float32"):
        reagent.attribute(HuggingFaceLM(broken, lm.tokenizer), SHORT, " gout")


def test_a_model_without_a_mask_token(lm, gpt2):
    import copy

    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.mask_token = None
    with pytest.raises(InputError, match="no mask token"):
        MaskedLM(gpt2, tokenizer)


def test_slow_tokenizers_and_broken_folders(lm, tmp_path):
    with pytest.raises(InputError, match="fast"):
        HuggingFaceLM(lm.model, object())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "auto_map": {"AutoConfig": "evil.C"}}))
    for opener in (open_huggingface, open_masked_model):
        with pytest.raises(ModelError, match="cannot be opened"):
            opener(tmp_path)


def test_gradients_are_those_of_finite_differences(lm):
    problem = make_problem(lm, SHORT, " gout", None, 1, reagent.ReagentConfig())
    points = lm.embeddings(problem.ids)
    target = int(problem.targets[0])
    step = 1e-2

    def answer(share):
        return lm.after_embeddings((share * points)[None])[0, target]

    slope = (answer(1 + step) - answer(1 - step)) / (2 * step)
    start = problem.owner < 0
    # Gradient times input sums to the slope along the input; the start token's share belongs to no unit.
    whole = gradient_x_input(problem)[0].sum()
    only = np.where(start[:, None], points, 0)
    own = (
        lm.after_embeddings((points + step * only)[None])[0, target]
        - lm.after_embeddings((points - step * only)[None])[0, target]
    ) / (2 * step)
    assert whole == pytest.approx(slope - own, rel=0.1, abs=0.05)
    assert np.isfinite(integrated_gradients(problem, steps=8)).all()


def test_methods_side_by_side(lm):
    found = compare(lm, SHORT, " gout", reagent.ReagentConfig(budget=14, units="words"), ["adaptive", "attention"])
    assert found["adaptive"].shape == found["attention"].shape
    assert (found["attention"] >= 0).all()
    assert found["attention"].sum() <= 1 + 1e-6
    with pytest.raises(InputError, match="method"):
        compare(lm, SHORT, " gout", reagent.ReagentConfig(), ["lime"])


def test_soft_scores_know_the_extremes(lm):
    t = reagent.attribute(lm, SHORT, " gout", config=reagent.ReagentConfig(budget=40))
    own = reagent.soft_faithfulness(lm, t)
    assert 0 <= own.sufficiency <= 1
    assert own.comprehensiveness > own.random_comprehensiveness
    released = reagent.soft_faithfulness(lm, t, kind="released")
    assert released.comprehensiveness != own.comprehensiveness
    with pytest.raises(InputError, match="non-negative"):
        reagent.soft_faithfulness(lm, t, -t.scores[0])


def test_the_masked_model_belongs_to_the_demo():
    masked, causal = demo_masked(), demo_causal()
    assert masked.tokenizer.get_vocab() == causal.tokenizer.get_vocab()
    assert (masked.vocabulary_map(causal)[5:] >= 0).all()
    ids = causal.encode(NOTE.prompt).ids
    right = masked.fill(ids, np.arange(1, len(ids))).argmax(axis=1) == ids[1:]
    assert right.mean() > 0.3  # one in 1,711 by chance
    drawn = make_sampler("masked", causal, ids).draw(50, np.random.default_rng(0))
    assert (drawn[:, 1:] != ids[1:]).all()
    found = reagent.attribute(causal, SHORT, " gout", config=reagent.ReagentConfig(budget=12, replacement="masked"))
    assert np.isfinite(found.values).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_long_prompt_the_right_sentence_is_found_for_a_quarter_of_leaving_every_token_out(lm, seed):
    """Of 20 such prompts (benchmarks/long_prompts.py) the right sentence came out on top in 19; these are two."""
    note = several(7, seed)
    n_tokens = len(lm.encode(note.prompt))
    assert 400 < n_tokens <= 512
    config = reagent.HierarchicalConfig(budget=n_tokens // 4 - 4, joint=True, seed=seed)
    found = reagent.attribute(lm, note.prompt, note.answer, config=config)
    assert found.n_forwards <= n_tokens / 4
    before = found.spans[:, 1] <= note.carrier[0]
    assert np.isfinite(found.values[0][before]).all()
    best = int(np.argmax(np.where(before, found.values[0], -np.inf)))
    # Nothing but the last note bears on the diagnosis, and of its sentences those with evidence.
    start, end = found.spans[best]
    assert any(a < end and start < b for a, b in note.evidence)


@pytest.mark.slow
def test_diagnoses_of_unseen_notes(lm):
    notes = generate(100, 4_000_000)
    right = 0
    for note in notes:
        ids, answer = lm.encode(note.prompt).ids, lm.encode(note.answer, start=False).ids
        row = np.concatenate([ids, answer])[None]
        ranks = lm.score(row, answer, len(ids) + np.arange(len(answer))).ranks
        right += bool((ranks == 0).all())
    assert right >= 95
