"""What stands in for a replaced token. Candidates are found once a prompt and only drawn from afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..core.errors import InputError, unknown_names
from ..models.text import LanguageModel, MaskedLM, demo_causal, demo_masked, open_masked

_CANDIDATES = 64


@dataclass(frozen=True, eq=False)
class Replacement:
    """Candidates for every token of a prompt.

    Attributes
    ----------
    ids
        ``(T, K)`` token ids.
    cumulative
        ``(T, K)`` cumulative probabilities; the last entry of a row is 1.
    """

    ids: np.ndarray
    cumulative: np.ndarray

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """``n`` independent proposals for every token, ``(n, T)``."""
        chance = rng.random((n, len(self.ids)))
        picked = np.empty((n, len(self.ids)), dtype=np.int64)
        for place, (ids, cumulative) in enumerate(zip(self.ids, self.cumulative, strict=True)):
            picked[:, place] = ids[np.searchsorted(cumulative, chance[:, place], side="right")]
        return picked


@dataclass(frozen=True, eq=False)
class UniformReplacement:
    """Any other token of the vocabulary.

    Attributes
    ----------
    original
        ``(T,)`` ids that are not drawn again at their place.
    allowed
        Sorted ids to draw from.
    """

    original: np.ndarray
    allowed: np.ndarray

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """``n`` independent proposals for every token, ``(n, T)``."""
        index = rng.integers(len(self.allowed) - 1, size=(n, len(self.original)))
        # Skipping the original keeps the rest equally probable.
        place = np.searchsorted(self.allowed, self.original)
        found = self.allowed[np.minimum(place, len(self.allowed) - 1)] == self.original
        return np.asarray(self.allowed[index + (found & (index >= place))])


Sampler = Replacement | UniformReplacement


def uniform(lm: LanguageModel, ids: np.ndarray) -> UniformReplacement:
    """Every other token with the same probability; special tokens never."""
    return UniformReplacement(ids, _plain(lm))


def masked(lm: LanguageModel, ids: np.ndarray) -> Replacement:
    """What a masked language model puts there, sampled; never the original."""
    log_probs, kept = _filled(lm, ids)
    return _candidates(log_probs, kept, ids)


def masked_best(lm: LanguageModel, ids: np.ndarray) -> Replacement:
    """The most probable token of the masked language model, as in the paper: it may be the original."""
    log_probs, kept = _filled(lm, ids)
    return Replacement(kept[log_probs.argmax(axis=1)][:, None], np.ones((len(ids), 1)))


def left_context(lm: LanguageModel, ids: np.ndarray) -> Replacement:
    """What the model itself expects after the tokens before, sampled; never the original."""
    if not hasattr(lm, "left_context"):
        raise InputError(f"{lm.name} gives no distribution over its tokens: choose uniform or part_of_speech.")
    every = np.full((len(ids), lm.vocabulary), -np.log(lm.vocabulary))
    if len(ids) > 1:
        every[1:] = lm.left_context(ids)[:, : lm.vocabulary]
    plain = _plain(lm)
    return _candidates(every[:, plain], plain, ids)


def part_of_speech(lm: LanguageModel, ids: np.ndarray) -> Replacement:
    """Another token of the same kind of word, each with the same probability (rules, no download)."""
    kinds = token_kinds(lm)
    groups = {kind: np.array([i for i in _plain(lm) if kinds[i] == kind]) for kind in {kinds[int(i)] for i in ids}}
    rows = []
    for token in ids:
        group = groups[kinds[int(token)]]
        others = group[group != token]
        rows.append(others if len(others) else np.array([token]))
    width = max(map(len, rows))
    padded = np.stack([np.pad(row, (0, width - len(row)), mode="edge") for row in rows])
    steps = np.minimum(np.arange(1, width + 1)[None] / np.array([len(row) for row in rows])[:, None], 1.0)
    return Replacement(padded, steps)


REPLACEMENTS: dict[str, Callable[[LanguageModel, np.ndarray], Sampler]] = {
    "uniform": uniform,
    "masked": masked,
    "masked_best": masked_best,
    "left_context": left_context,
    "part_of_speech": part_of_speech,
}
"""Samplers by name: ``(language model, ids of the prompt) -> sampler``."""


def make_sampler(name: str, lm: LanguageModel, ids: np.ndarray) -> Sampler:
    """A sampler for one prompt.

    Raises
    ------
    InputError
        On an unknown name, or where the model does not give what the sampler needs.
    """
    if name not in REPLACEMENTS:
        raise InputError(unknown_names("replacement", [name], REPLACEMENTS))
    return _sampler(name, lm, tuple(int(i) for i in ids))


@lru_cache(maxsize=16)
def _sampler(name: str, lm: LanguageModel, ids: tuple[int, ...]) -> Sampler:
    # Samplers hold no state, and their candidates depend on nothing but the prompt.
    return REPLACEMENTS[name](lm, np.array(ids, dtype=np.int64))


def _plain(lm: LanguageModel) -> np.ndarray:
    return np.setdiff1d(np.arange(lm.vocabulary), np.fromiter(lm.special, dtype=np.int64, count=len(lm.special)))


@lru_cache(maxsize=2)
def masked_model(source: str) -> MaskedLM:
    """The masked model that belongs to a language model: the demo's own, else RoBERTa."""
    return demo_masked() if source == "demo" else open_masked(source)


def _masked_for(lm: LanguageModel) -> MaskedLM:
    # By what it is, not by which object: on a GPU it is another one.
    return masked_model("demo" if lm.hash and lm.hash == demo_causal().hash else "roberta-base")


def asked_beside(name: str, lm: LanguageModel) -> dict[str, str]:
    """Name and hash of the model that a replacement asks beside ``lm``, for the provenance; empty if it asks none."""
    if name not in {"masked", "masked_best"}:
        return {}
    model = _masked_for(lm)
    return {"masked_model": model.name, "masked_model_hash": model.hash}


def _filled(lm: LanguageModel, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities ``(T, kept)`` of the masked model, and the language model's ids of the kept columns."""
    model = _masked_for(lm)
    mapping = model.vocabulary_map(lm)
    to_masked = np.full(lm.vocabulary, model.tokenizer.unk_token_id or 0)
    columns = np.flatnonzero(mapping >= 0)
    to_masked[mapping[columns]] = columns
    own = to_masked[ids]
    for token in set(ids.tolist()) & lm.special:
        # Start tokens of the two models stand for each other.
        own[ids == token] = model.tokenizer.bos_token_id or model.tokenizer.cls_token_id or 0
    return model.fill(own, np.arange(len(ids)))[:, columns], mapping[columns]


def _candidates(log_probs: np.ndarray, kept: np.ndarray, ids: np.ndarray) -> Replacement:
    """The most probable tokens other than the original, by their probabilities."""
    weights = np.where(kept[None, :] == ids[:, None], -np.inf, log_probs)
    order = np.argsort(-weights, axis=1, kind="stable")[:, : min(_CANDIDATES, len(kept) - 1)]
    best = np.take_along_axis(weights, order, axis=1)
    chance = np.exp(best - best[:, :1])
    cumulative = np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)
    cumulative[:, -1] = 1.0
    return Replacement(kept[order], cumulative)


_CLOSED = {
    "article": "a an the this that these those his her its their my your our some any no every each",
    "preposition": "of in on at by for with from to into over under after before between during without about as",
    "pronoun": "i you he she it we they me him them us who which what",
    "conjunction": "and or but nor so because if while although than",
    "auxiliary": "is are was were be been being am has have had do does did can could will would may might must shall",
}
_KIND_OF = {word: kind for kind, words in _CLOSED.items() for word in words.split()}
_SUFFIXES = (
    ("adverb", ("ly",)),
    ("gerund", ("ing",)),
    ("past", ("ed",)),
    ("adjective", ("ous", "ful", "able", "ible", "al", "ic", "ive", "less", "ary")),
    (
        "noun",
        ("tion", "sion", "ment", "ness", "ity", "ism", "ist", "ance", "ence", "ship", "itis", "osis", "emia", "gram"),
    ),
    ("plural", ("s",)),
)


def kind_of(token: str) -> tuple[str, bool]:  # noqa: PLR0911 - one return a kind
    """Kind of word by rules, and whether a space stands before it (the start of a word)."""
    word, start = token.strip(), token[:1].isspace()
    if not word:
        return "space", start
    if re.fullmatch(r"[\d.,/]*\d[\d.,/]*", word):
        return "number", start
    if not any(letter.isalpha() for letter in word):
        return "punctuation", start
    lower = word.lower()
    if lower in _KIND_OF:
        return _KIND_OF[lower], start
    if start and word[0].isupper():
        return "name", start
    if not start and len(word) < 4:
        return "piece", start
    return next((kind for kind, ends in _SUFFIXES if lower.endswith(ends) and len(lower) > 4), "word"), start


@lru_cache(maxsize=4)
def token_kinds(lm: LanguageModel) -> tuple[tuple[str, bool], ...]:
    """Kind of every token of a model's vocabulary; found once a model."""
    return tuple(kind_of(lm.decode(np.array([i]))) for i in range(lm.vocabulary))
