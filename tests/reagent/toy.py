"""A language model whose every answer is known: next-token odds are sums of weights of the tokens before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xai.models.text import Encoding, Scores

WORDS = ("<s>", "fever", "cough", "rash", "pain", "flu", "gout", "the", "and", "old", "man")


class ToyLM:
    """Ten words; the next token's logits are the sum of the rows of ``weights`` of the tokens before."""

    name = "toy"
    context = 64
    vocabulary = len(WORDS)
    special = frozenset({0})
    hash = ""

    def __init__(self, weights: np.ndarray | None = None) -> None:
        self.weights = np.random.default_rng(5).normal(0, 0.8, (11, 11)) if weights is None else weights
        self.rows = 0

    def encode(self, text: str, *, start: bool = True) -> Encoding:
        ids, spans, at = ([0], [(0, 0)], 0) if start else ([], [], 0)
        for word in text.split():
            begin = text.index(word, at)
            at = begin + len(word)
            ids.append(WORDS.index(word))
            spans.append((begin, at))
        array = np.array(ids, dtype=np.int64)
        return Encoding(array, np.array(spans).reshape(-1, 2), array == 0, text)

    def decode(self, ids: np.ndarray) -> str:
        return "".join(f" {WORDS[int(i)]}" for i in ids)

    def _next(self, rows: np.ndarray) -> np.ndarray:
        logits = self.weights[rows].sum(axis=1)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def next_tokens(self, rows: np.ndarray) -> np.ndarray:
        return self._next(np.asarray(rows))

    def left_context(self, ids: np.ndarray) -> np.ndarray:
        return np.concatenate([self._next(ids[None, :i]) for i in range(1, len(ids))])

    def score(self, rows: np.ndarray, targets: np.ndarray, positions: np.ndarray) -> Scores:
        rows = np.asarray(rows)
        self.rows += len(rows)
        log_probs = np.empty((len(rows), len(targets)))
        ranks = np.empty(log_probs.shape, dtype=int)
        for g, (target, position) in enumerate(zip(targets, positions, strict=True)):
            following = self._next(rows[:, :position])
            log_probs[:, g] = following[:, target]
            ranks[:, g] = (following > following[:, [target]]).sum(axis=1)
        return Scores(log_probs, ranks, np.zeros(log_probs.shape, dtype=bool), len(rows))

    def generate(self, ids: np.ndarray, max_new_tokens: int) -> Iterator[int]:
        for _ in range(max_new_tokens):
            token = int(self._next(np.asarray(ids)[None])[0].argmax())
            yield token
            ids = np.append(ids, token)
