"""What is asked of a language model: which tokens may change, and which answer is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..core.errors import InputError, ModelError
from ..models.text import Encoding, LanguageModel, encode_prompt
from .options import AnyConfig
from .units import inside, owners, unique_names

_LEAST = -745.0  # log of the smallest positive double: keeps the log of a probability of 0 finite


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to n rows.

    Attributes
    ----------
    values
        ``(n, G)`` the targets' effects' scale: probability, log-probability or log-odds.
    ranks
        ``(n, G)`` ranks of the targets (the worst of a joint target's tokens).
    censored
        ``(n, G)`` whether a server gave a bound only.
    """

    values: np.ndarray
    ranks: np.ndarray
    censored: np.ndarray


@dataclass(eq=False)
class Problem:
    """A prompt, its units, and the targets; counts what it costs.

    Attributes
    ----------
    lm
        The language model.
    ids
        ``(T,)`` tokens of the prompt and, where each answer token is a target of its own, of the answer.
    owner
        ``(T,)`` unit of each token, -1 for tokens that stay.
    unit_names, unit_texts
        U unique names, and the texts as they stand.
    text, spans
        The prompt with the answer's tokens that are units, and ``(T, 2)`` where each token stands in it.
    targets, target_texts, positions
        G target ids, their texts, and how many tokens stand before each.
    foil
        Ids of the continuation the target is compared with; empty without one.
    joint
        The targets are one: the sum of their log-probabilities, after an unchanged beginning of the answer.
    effect
        Scale of the values.
    """

    lm: LanguageModel
    ids: np.ndarray
    owner: np.ndarray
    unit_names: tuple[str, ...]
    unit_texts: tuple[str, ...]
    text: str
    spans: np.ndarray
    targets: np.ndarray
    target_texts: tuple[str, ...]
    positions: np.ndarray
    foil: np.ndarray
    joint: bool
    effect: str
    n_forwards: int = field(default=0)
    on_rows: Callable[[int], None] | None = field(default=None, repr=False)

    @property
    def n_units(self) -> int:
        """U."""
        return len(self.unit_names)

    @property
    def unit_spans(self) -> np.ndarray:
        """``(U, 2)`` first and last character + 1 of each unit in ``text``."""
        own = [self.spans[self.owner == unit] for unit in range(self.n_units)]
        return np.array([(int(spans[:, 0].min()), int(spans[:, 1].max())) for spans in own])

    @property
    def n_targets(self) -> int:
        """G, 1 for a joint target."""
        return 1 if self.joint else len(self.targets)

    @property
    def valid(self) -> np.ndarray:
        """``(G, U)`` bool: units that stand wholly before a target."""
        ends = np.zeros(self.n_units, dtype=int)
        np.maximum.at(ends, self.owner[self.owner >= 0], np.flatnonzero(self.owner >= 0))
        first = np.array([self.positions[0]]) if self.joint else self.positions
        return ends[None, :] < first[:, None]

    def token_masks(self, masks: np.ndarray) -> np.ndarray:
        """Masks of units ``(n, U)`` as masks of tokens ``(n, T)``; True = replaced."""
        padded = np.concatenate([np.asarray(masks, dtype=bool), np.zeros((len(masks), 1), dtype=bool)], axis=1)
        return padded[:, self.owner]

    def replaced(self, masks: np.ndarray, proposals: np.ndarray) -> np.ndarray:
        """Rows ``(n, T)``: where the units of a mask are replaced, the proposals ``(n, T)`` stand."""
        return np.where(self.token_masks(masks), proposals, self.ids)

    def ask(self, rows: np.ndarray) -> Answers:
        """What the model says of the targets after rows ``(n, T)``."""
        rows = np.asarray(rows)
        if self.joint:
            found = self._continued(rows, self.targets)
            if len(self.foil):
                other = self._continued(rows, self.foil)
                return Answers(self._contrast(found.values, other.values), found.ranks, found.censored | other.censored)
            return Answers(self._scaled(found.values), found.ranks, found.censored)
        scores = self.lm.score(rows, self.targets, self.positions)
        self._count(scores.forwards)
        return Answers(self._scaled(scores.log_probs), scores.ranks, scores.censored)

    def _continued(self, rows: np.ndarray, continuation: np.ndarray) -> Answers:
        """Log-probabilities of a whole continuation, its own beginning unchanged."""
        n, length = rows.shape
        whole = np.concatenate([rows, np.repeat(continuation[None, :-1], n, axis=0)], axis=1)
        scores = self.lm.score(whole, continuation, length + np.arange(len(continuation)))
        self._count(scores.forwards)
        return Answers(
            scores.log_probs.sum(axis=1, keepdims=True),
            scores.ranks.max(axis=1, keepdims=True),
            np.asarray(scores.censored.any(axis=1, keepdims=True)),
        )

    def _count(self, forwards: int) -> None:
        self.n_forwards += forwards
        if self.on_rows is not None:
            self.on_rows(self.n_forwards)

    def _scaled(self, log_probs: np.ndarray) -> np.ndarray:
        if np.isnan(log_probs).any():
            raise ModelError(f"{self.lm.name} answers with numbers that are not finite.")
        log_probs = np.clip(log_probs, _LEAST, 0.0)
        if self.effect == "log_probability":
            return np.asarray(log_probs)
        probability = np.exp(log_probs)
        if self.effect == "probability":
            return np.asarray(probability)
        # log(p / (1 - p)); 1 - p from log p without losing small differences, and never below the least double.
        rest = -np.expm1(log_probs)
        return np.asarray(log_probs - np.log(np.maximum(rest, np.finfo(float).eps)))

    def _contrast(self, target: np.ndarray, foil: np.ndarray) -> np.ndarray:
        # The log-odds between the two answers are the difference of their log-probabilities.
        if self.effect == "logit":
            return np.asarray(np.maximum(target, _LEAST) - np.maximum(foil, _LEAST))
        return np.asarray(self._scaled(target) - self._scaled(foil))


def make_problem(  # noqa: PLR0917 - the arguments of attribute
    lm: LanguageModel,
    prompt: str | Encoding,
    target: str | None,
    foil: str | None,
    max_new_tokens: int,
    config: AnyConfig,
) -> Problem:
    """The problem of explaining a target, or what the model generates, after a prompt.

    Raises
    ------
    InputError
        On a prompt, target or units that cannot be used.
    """
    if max_new_tokens < 1:
        raise InputError(f"max_new_tokens must be at least 1, not {max_new_tokens}.")
    encoding = encode_prompt(lm, prompt) if isinstance(prompt, str) else prompt
    answer = _answer(lm, encoding, target, max_new_tokens)
    other = np.array([], dtype=np.int64) if foil is None else _continuation(lm, foil, "foil")
    if len(encoding) + max(len(answer), len(other)) > lm.context:
        raise InputError(
            f"prompt and answer have {len(encoding) + max(len(answer), len(other))} tokens, but {lm.name} reads at "
            f"most {lm.context}: shorten them."
        )
    joint = bool(config.joint or foil is not None)
    if foil is not None and np.array_equal(answer, other):
        raise InputError("target and foil are the same tokens: there is nothing to contrast.")
    text, spans, ids = encoding.text, encoding.spans, encoding.ids
    protected = encoding.protected | inside(spans, text, config.fixed)
    pieces = [lm.decode(answer[: i + 1]) for i in range(len(answer))]
    texts = [piece[len(before) :] for piece, before in zip(pieces, ["", *pieces], strict=False)]
    if not joint and len(answer) > 1:
        # Answer tokens stand before later targets, so they are units too.
        ends = len(text) + np.cumsum([len(t) for t in texts[:-1]])
        starts = np.concatenate([[len(text)], ends[:-1]])
        text += "".join(texts[:-1])
        spans = np.concatenate([spans, np.stack([starts, ends], axis=1)])
        ids = np.concatenate([ids, answer[:-1]])
        protected = np.concatenate([protected, np.isin(answer[:-1], list(lm.special))])
    owner, names = owners(spans, protected, text, config.units)
    if not names:
        raise InputError("no unit is left to explain: every token of the prompt is protected or fixed.")
    return Problem(
        lm=lm,
        ids=ids,
        owner=owner,
        unit_names=unique_names(names),
        unit_texts=tuple(names),
        text=text,
        spans=spans,
        targets=answer,
        target_texts=tuple(texts),
        positions=len(encoding) + np.arange(len(answer)),
        foil=other,
        joint=joint,
        effect=config.effect,
    )


def _answer(lm: LanguageModel, encoding: Encoding, target: str | None, max_new_tokens: int) -> np.ndarray:
    if target is not None:
        return _continuation(lm, target, "target")
    generated = np.fromiter(lm.generate(encoding.ids, max_new_tokens), dtype=np.int64)
    if not len(generated):
        raise InputError("the model ends the text right after this prompt: give a target to explain.")
    return generated


def _continuation(lm: LanguageModel, text: str, what: str) -> np.ndarray:
    """Ids of a continuation; a word is given with the space before it, as it stands in running text."""
    if not isinstance(text, str) or not text:
        raise InputError(f"the {what} is empty: write the continuation to explain, with the space before it.")
    encoding = lm.encode(text, start=False)
    unknown = getattr(getattr(lm, "tokenizer", None), "unk_token_id", None)
    if not len(encoding) or (unknown is not None and (encoding.ids == unknown).any()):
        raise InputError(f"the {what} {text!r} cannot be written in the tokens of {lm.name}.")
    return encoding.ids
