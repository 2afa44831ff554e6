"""Language models behind an OpenAI-compatible server: llama.cpp, vLLM, Ollama.

A server names only its N most probable next tokens. A target among them is known exactly; for any other the least
probable one that was named is an upper bound, and the answer is marked as censored.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.errors import InputError, ModelError
from .protocol import Encoding, Scores

URL, KEY, NAME = "HEMICYCLE_LM_URL", "HEMICYCLE_LM_KEY", "HEMICYCLE_LM_NAME"
"""Environment variables by which an operator names a server; no page asks for them."""

_PIECE = re.compile(r"\s*(?:\w+|[^\w\s])")


class LostServerError(ModelError):
    """A server that does not answer any more; what was scored before is kept by the model and not asked again."""


class ServerLM:
    """A completions endpoint as a language model. Its tokens here are words: the server's own are never seen.

    Parameters
    ----------
    url
        Address up to and including ``/v1``.
    model
        Name of the model at the server.
    key
        Sent as a bearer token.
    top
        Most probable tokens to ask for.
    timeout, retries
        Seconds to wait for an answer, and how often a failed call is repeated.
    vocabulary
        Words to draw replacements from; by default common English ones and those of the prompts.

    Raises
    ------
    InputError
        If the address is no http(s) address.
    """

    special: frozenset[int] = frozenset()
    hash = ""
    context = 4096

    def __init__(
        self, url: str, model: str = "", *, key: str = "", top: int = 5, timeout: float = 60.0, retries: int = 2
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"'{url}' is no address of a server: it starts with http:// or https:// and ends in /v1.")
        self.url, self.model, self.key = url.rstrip("/"), model, key
        self.top, self.timeout, self.retries = top, timeout, retries
        self.name = model or self.url
        self._words: list[str] = []
        self._index: dict[str, int] = {}
        self._known: dict[str, list[tuple[str, float]]] = {}
        for word in _COMMON.split():
            self._id(f" {word}")

    @classmethod
    def from_environment(cls) -> ServerLM | None:
        """The operator's server, ``None`` where none was named."""
        url = os.environ.get(URL, "")
        return cls(url, os.environ.get(NAME, ""), key=os.environ.get(KEY, "")) if url else None

    @property
    def vocabulary(self) -> int:
        """Number of words seen so far."""
        return len(self._words)

    def encode(self, text: str, *, start: bool = True) -> Encoding:  # noqa: ARG002 - a server adds its own start
        """A text as words, each with the space before it."""
        spans = [match.span() for match in _PIECE.finditer(text)]
        ids = np.array([self._id(text[a:b]) for a, b in spans], dtype=np.int64)
        return Encoding(ids, np.array(spans).reshape(-1, 2), np.zeros(len(ids), dtype=bool), text)

    def decode(self, ids: np.ndarray) -> str:
        """Words as text."""
        return "".join(self._words[int(i)] for i in ids)

    def score(self, rows: np.ndarray, targets: np.ndarray, positions: np.ndarray) -> Scores:
        """How probable ``targets[g]`` is after ``row[:positions[g]]``; bounds where the server did not name it."""
        shape = (len(rows), len(targets))
        log_probs, ranks, censored = np.empty(shape), np.empty(shape, dtype=int), np.empty(shape, dtype=bool)
        asked = 0
        for g, (target, position) in enumerate(zip(targets, positions, strict=True)):
            wanted = self.decode(np.array([target]))
            for i, row in enumerate(np.asarray(rows)):
                named, fresh = self._top(self.decode(row[:position]))
                asked += fresh
                log_probs[i, g], ranks[i, g], censored[i, g] = _find(wanted, named)
        return Scores(log_probs, ranks, censored, asked)

    def next_tokens(self, rows: np.ndarray) -> np.ndarray:  # noqa: ARG002 - the protocol's shape
        """Not to be had from a server."""
        raise InputError(f"{self.name} names only its {self.top} best tokens: whole distributions need a local model.")

    def generate(self, ids: np.ndarray, max_new_tokens: int) -> Iterator[int]:
        """The most probable continuation, word by word."""
        text = self.decode(ids)
        for _ in range(max_new_tokens):
            named, _ = self._top(text)
            word = named[0][0]
            if not word:
                return
            yield self._id(word)
            text += word

    def _id(self, word: str) -> int:
        if word not in self._index:
            self._index[word] = len(self._words)
            self._words.append(word)
        return self._index[word]

    def _top(self, text: str) -> tuple[list[tuple[str, float]], bool]:
        """Named tokens with log-probabilities, best first, and whether the server had to be asked."""
        if text in self._known:
            return self._known[text], False
        body = {"prompt": text, "max_tokens": 1, "temperature": 0, "logprobs": self.top, "model": self.model}
        named = _read(self._post("/completions", body), self.name)
        self._known[text] = named
        return named, True

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)  # noqa: S310 - checked
        for attempt in range(self.retries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - checked
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise ModelError(
                        f"{self.name} refuses: {error.code} {error.reason}. Check model and key."
                    ) from error
                reason = f"it answers {error.code} {error.reason}"
            except TimeoutError:
                reason = f"no answer within {self.timeout:g} s"
            except (OSError, ValueError) as error:
                # URLError wraps time-outs while connecting; ValueError is an answer that is no JSON, cut in the middle.
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            if attempt < self.retries:
                time.sleep(0.2 * 2**attempt)
        raise LostServerError(
            f"{self.name} was lost after {self.retries + 1} tries: {reason}. {len(self._known)} answers are kept; "
            "asking again goes on from there."
        )


def _read(answer: Any, name: str) -> list[tuple[str, float]]:
    """Named tokens of one answer, in the shapes of the legacy and of the chat format."""
    try:
        choice = answer["choices"][0]
        found = choice.get("logprobs") or {}
        if found.get("top_logprobs"):
            named = list(found["top_logprobs"][0].items())
        elif found.get("content"):
            named = [(entry["token"], entry["logprob"]) for entry in found["content"][0]["top_logprobs"]]
        else:
            named = []
        pairs = [(str(token), float(value)) for token, value in named]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{name} answered in a form that is not known: {json.dumps(answer)[:200]}") from error
    if not pairs:
        raise ModelError(
            f"{name} returned no log-probabilities: start it with log-probabilities allowed (llama.cpp and vLLM give "
            "them, some gateways drop them)."
        )
    return sorted(pairs, key=lambda pair: -pair[1])


def _find(wanted: str, named: list[tuple[str, float]]) -> tuple[float, int, bool]:
    """Log-probability, rank, and whether both are bounds only."""
    for rank, (token, value) in enumerate(named):
        # The server's tokens are shorter than words: the word's first one stands for it.
        if token == wanted or (token.strip() and wanted.startswith(token)):
            return min(value, 0.0), rank, False
    rest = 1 - math.fsum(math.exp(value) for _, value in named)
    bound = min(named[-1][1], math.log(max(rest, 1e-12)))
    return min(bound, 0.0), len(named), True


_COMMON = (
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work government number night point home water room mother "
    "area money story fact month lot right study book eye job word business issue side kind head house service friend "
    "father power hour game line end member law car city name president team minute idea body information back parent "
    "face others level office door health person art war history party result change morning reason research girl guy "
    "moment air teacher force education good new first last long great little own other old big high different small "
    "large next early young important few public bad same able green red blue cold warm quick slow bright"
)
