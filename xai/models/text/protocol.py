"""What every language model can do here: text to tokens, and log-probabilities of given next tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ...core.errors import InputError


@dataclass(frozen=True, eq=False)
class Encoding:
    """A text as tokens.

    Attributes
    ----------
    ids
        ``(T,)`` token ids.
    spans
        ``(T, 2)`` characters of the text that each token covers; an empty span for tokens the text does not hold.
    protected
        ``(T,)`` bool: tokens that are not the user's words (start of text, chat template) and are never replaced.
    text
        The text the spans count in.
    """

    ids: np.ndarray
    spans: np.ndarray
    protected: np.ndarray
    text: str

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model says of given next tokens.

    Attributes
    ----------
    log_probs
        ``(n, G)`` natural logarithms of the tokens' probabilities.
    ranks
        ``(n, G)`` place of each token among all next tokens, 0 = the most probable.
    censored
        ``(n, G)`` bool: the server did not name this token, so ``log_probs`` is an upper bound and ``ranks`` a lower.
    forwards
        Rows the model really computed: repeated rows count once.
    """

    log_probs: np.ndarray
    ranks: np.ndarray
    censored: np.ndarray
    forwards: int


@runtime_checkable
class LanguageModel(Protocol):
    """A causal language model."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def context(self) -> int:
        """Most tokens it reads."""
        ...

    @property
    def vocabulary(self) -> int:
        """Token ids run from 0 to ``vocabulary - 1``."""
        ...

    @property
    def special(self) -> frozenset[int]:
        """Ids that never stand for text: start, end, padding, mask."""
        ...

    @property
    def hash(self) -> str:
        """SHA-256 of what decides its answers, empty where it cannot be known."""
        ...

    def __hash__(self) -> int: ...

    def encode(self, text: str, *, start: bool = True) -> Encoding:
        """A text as tokens; ``start``: with what the model expects before a text."""
        ...

    def decode(self, ids: np.ndarray) -> str:
        """Tokens as text."""
        ...

    def score(self, rows: np.ndarray, targets: np.ndarray, positions: np.ndarray) -> Scores:
        """How probable ``targets[g]`` is after ``row[:positions[g]]``, for rows ``(n, T)`` and G targets."""
        ...

    def next_tokens(self, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities ``(n, vocabulary)`` of the token after each row."""
        ...

    def generate(self, ids: np.ndarray, max_new_tokens: int) -> Iterator[int]:
        """The most probable continuation, token by token, up to the end of the text."""
        ...


def encode_prompt(lm: LanguageModel, prompt: str, reserve: int = 1) -> Encoding:
    """A prompt as tokens, checked.

    Raises
    ------
    InputError
        If it holds no words, or leaves no room for ``reserve`` more tokens in the model's context.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError("the prompt is empty: write at least one word.")
    encoding = lm.encode(prompt)
    if encoding.protected.all():
        raise InputError("the prompt holds no token that could be explained: write at least one word.")
    if len(encoding) + reserve > lm.context:
        raise InputError(
            f"the prompt has {len(encoding)} tokens and {reserve} more are needed, but {lm.name} reads at most "
            f"{lm.context}: shorten the prompt or ask for fewer new tokens."
        )
    return encoding
