"""Causal models in the Hugging Face format: local folders, names of the hub, GGUF files, objects in memory."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, MissingExtraError, ModelError
from .fingerprint import fingerprint
from .protocol import Encoding, Scores

_MIN_PREFIX = 16
_MIN_BATCH, _APART = 12, 0.2
"""Rows whose beginnings differ by a fifth of the text get batches of their own, if those have that many rows."""


def import_transformers() -> Any:
    """The transformers package.

    Raises
    ------
    MissingExtraError
        If it or torch is not installed.
    """
    try:
        import torch  # noqa: F401 - transformers can be imported without it, and then does nothing
        import transformers
    except ImportError as error:
        raise MissingExtraError(error.name or "transformers", "text") from error
    return transformers


class HuggingFaceLM:
    """A causal Hugging Face model with its tokenizer.

    Parameters
    ----------
    model, tokenizer
        Objects of transformers, the model on any device; the tokenizer must be a fast one, because only those say which
        characters a token covers.
    name
        For people.
    hash
        SHA-256 of what decides its answers, empty where nobody knows it.
    chat
        Put the prompt into the tokenizer's chat template as the user's turn; the template's tokens are protected.
    token_budget
        Most tokens in one batch.

    Raises
    ------
    InputError
        If the tokenizer is not a fast one, or has no chat template where one was asked for.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str = "model",
        hash: str = "",  # noqa: A002 - the protocol's name
        chat: bool = False,
        token_budget: int = 8192,
    ) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise InputError(
                f"the tokenizer of {name} is not a fast one: it cannot say which characters a token covers."
            )
        if chat and not getattr(tokenizer, "chat_template", None):
            raise InputError(f"{name} has no chat template: use it without chat=True.")
        self.model, self.tokenizer = model.eval(), tokenizer
        self.name, self.hash, self.chat, self.token_budget = name, hash, chat, token_budget
        config = model.config
        self.vocabulary = int(config.vocab_size)
        # Added special tokens may lie beyond the table of embeddings: they cannot be fed, so they are not known here.
        self.special = frozenset(int(i) for i in tokenizer.all_special_ids if 0 <= int(i) < self.vocabulary)
        self.context = _context(config, tokenizer)
        arguments = inspect.signature(model.forward).parameters
        self._keeps = "logits_to_keep" in arguments
        # transformers renames this argument in its fifth version.
        self._cache = "cache" if "cache" in arguments else "past_key_values"

    def tensor(self, array: np.ndarray) -> Any:
        """An array as a tensor on the model's device."""
        import torch

        return torch.as_tensor(np.asarray(array)).to(self.model.device)

    def encode(self, text: str, *, start: bool = True) -> Encoding:
        """A text as tokens; ``start``: with the start token, or the chat template around it.

        Raises
        ------
        InputError
            If a token's id lies beyond the model's table of embeddings.
        """
        shown, first, last = text, 0, len(text)
        if start and self.chat:
            shown = self.tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
            first = shown.find(text)
            if first < 0:
                raise InputError(f"the chat template of {self.name} changes the text: use it without chat=True.")
            last = first + len(text)
        encoded = self.tokenizer(shown, add_special_tokens=start and not self.chat, return_offsets_mapping=True)
        ids = np.asarray(encoded["input_ids"], dtype=np.int64)
        spans = np.asarray(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)
        if len(ids) and ids.max() >= self.vocabulary:
            raise InputError(
                f"token {ids.max()} ({self.tokenizer.convert_ids_to_tokens(int(ids.max()))!r}) lies beyond the "
                f"{self.vocabulary} tokens {self.name} knows: the tokenizer does not fit the model."
            )
        special = np.isin(ids, list(self.special))
        outside = (spans[:, 1] <= first) | (spans[:, 0] >= last)
        return Encoding(ids, np.clip(spans - first, 0, len(text)), special | outside, text)

    def decode(self, ids: np.ndarray) -> str:
        """Tokens as text."""
        text: str = self.tokenizer.decode([int(i) for i in ids], clean_up_tokenization_spaces=False)
        return text

    def score(self, rows: np.ndarray, targets: np.ndarray, positions: np.ndarray) -> Scores:
        """How probable ``targets[g]`` is after ``row[:positions[g]]``.

        Equal rows are computed once, beginnings that rows share are computed once, and only the logits that are read
        are computed at all.
        """
        positions, wanted = np.asarray(positions), self.tensor(targets)
        read, index = np.unique(positions - 1, return_inverse=True)
        rows, back = np.unique(np.asarray(rows)[:, : positions.max()], axis=0, return_inverse=True)
        found, ranks = np.empty((len(rows), len(wanted))), np.empty((len(rows), len(wanted)), dtype=int)
        for batch, logits in self._logits(rows, read):
            logits = logits[:, index]  # noqa: PLW2901 - all of a batch's logits would stay otherwise
            chosen = logits.gather(-1, wanted.expand(len(logits), -1)[..., None])
            found[batch] = (chosen[..., 0] - logits.logsumexp(-1)).double().cpu().numpy()
            ranks[batch] = (logits > chosen).sum(-1).cpu().numpy()
        back = back.reshape(-1)
        found = found[back]
        if not np.isfinite(found).all():
            raise ModelError(
                f"{self.name} answers with numbers that are not finite: its weights overflow in this precision; "
                "load it in float32."
            )
        return Scores(found, ranks[back], np.zeros(found.shape, bool), len(rows))

    def next_tokens(self, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities ``(n, vocabulary)`` of the token after each row ``(n, T)``."""
        import torch

        rows = np.asarray(rows)
        found = np.empty((len(rows), self.vocabulary))
        for batch, logits in self._logits(rows, np.array([rows.shape[1] - 1])):
            found[batch] = torch.log_softmax(logits[:, 0], -1).double().cpu().numpy()
        return found

    def left_context(self, ids: np.ndarray) -> np.ndarray:
        """Log-probabilities ``(T - 1, vocabulary)`` of tokens 1..T-1, each given those before it; one pass."""
        import torch

        ((_, logits),) = self._logits(np.asarray(ids)[None], np.arange(len(ids) - 1))
        return np.asarray(torch.log_softmax(logits[0], -1).double().cpu().numpy())

    def embeddings(self, ids: np.ndarray) -> np.ndarray:
        """``(T, E)`` what the model reads in place of the tokens."""
        table = self.model.get_input_embeddings()
        return np.asarray(table(self.tensor(ids)[None])[0].detach().float().cpu().numpy())

    def after_embeddings(self, points: np.ndarray) -> np.ndarray:
        """Log-probabilities ``(n, vocabulary)`` of the token after each row of embeddings ``(n, T, E)``."""
        import torch

        with torch.inference_mode():
            given = self.tensor(np.asarray(points, dtype=np.float32))
            logits = self.model(inputs_embeds=given, use_cache=False).logits[:, -1].float()
            return np.asarray(torch.log_softmax(logits, -1).double().cpu().numpy())

    def attention(self, ids: np.ndarray) -> np.ndarray:
        """``(T, T)`` how much each place looks at those before it, mean over layers and heads.

        Raises
        ------
        ModelError
            If the model has no attention to show.
        """
        import torch

        used = self.model.config._attn_implementation  # noqa: SLF001 - there is no public way to ask
        try:
            # Faster kernels never hold the whole matrix.
            self.model.set_attn_implementation("eager")
            with torch.inference_mode():
                layers = self.model(input_ids=self.tensor(ids)[None], output_attentions=True).attentions
        except (AttributeError, ValueError) as error:
            raise ModelError(f"{self.name} does not show its attention: {error}") from error
        finally:
            self.model.set_attn_implementation(used)
        if not layers or layers[0] is None:
            raise ModelError(f"{self.name} does not show its attention.")
        mean = torch.stack([layer[0].double().mean(dim=0) for layer in layers]).mean(dim=0)
        return np.asarray(mean.cpu())

    def generate(self, ids: np.ndarray, max_new_tokens: int) -> Iterator[int]:
        """The most probable continuation, token by token."""
        ids = np.asarray(ids)
        ends = set(np.atleast_1d(self.tokenizer.eos_token_id if self.tokenizer.eos_token_id is not None else []))
        for _ in range(max_new_tokens):
            if len(ids) >= self.context:
                return
            token = int(self.next_tokens(ids[None])[0].argmax())
            if token in ends:
                return
            yield token
            ids = np.append(ids, token)

    def _logits(self, rows: np.ndarray, read: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
        """Logits ``(batch, len(read), vocabulary)`` in float32, batch by batch, with the places of the batch's rows.

        Rows are changed copies of one text: what stands before a row's first change is computed once.
        """
        import torch

        common = _middle(rows)
        changed = rows != common
        first = np.where(changed.any(axis=1), changed.argmax(axis=1), rows.shape[1])
        # What is read must lie after the shared beginning.
        first = np.minimum(first, int(read[0]))
        order = np.argsort(-first, kind="stable")
        with torch.inference_mode():
            cache = None
            if len(rows) > 1 and first.max() >= _MIN_PREFIX:
                prefix = self.tensor(common[None, : first.max()])
                output = self.model(input_ids=prefix, use_cache=True)
                cache = output["cache"] if "cache" in output else output["past_key_values"]
            for batch in _batches(first[order], rows.shape[1], self.token_budget):
                places = order[batch]
                shared = int(first[places].min())
                shared = shared if cache is not None and shared >= _MIN_PREFIX else 0
                ids = self.tensor(rows[places, shared:])
                own = self._prefix(cache, shared, len(places)) if shared else None
                yield places, self._forward(ids, self.tensor(read - shared), own).float()

    @staticmethod
    def _prefix(cache: Any, length: int, n: int) -> Any:
        """The first ``length`` tokens of a cache, for ``n`` rows."""
        import copy

        own = copy.deepcopy(cache)
        if own.get_seq_length() > length:
            own.crop(length - own.get_seq_length())  # a negative number: so many tokens less, in every version
        own.batch_repeat_interleave(n)
        return own

    def _forward(self, batch: Any, read: Any, cache: Any) -> Any:
        arguments: dict[str, Any] = {"input_ids": batch, "use_cache": False}
        if cache is not None:
            arguments |= {self._cache: cache, "use_cache": True}
        if self._keeps:
            return self.model(**arguments, logits_to_keep=read).logits
        head = getattr(self.model, "lm_head", None)
        if head is None:
            return self.model(**arguments).logits[:, read]
        return head(self.model.base_model(**arguments)[0][:, read])


def _middle(rows: np.ndarray) -> np.ndarray:
    """The median of each column: the token that most rows have there, where most have the same."""
    return np.asarray(np.sort(rows, axis=0)[len(rows) // 2])


def _batches(first: np.ndarray, length: int, token_budget: int) -> Iterator[slice]:
    """Rows, by falling length of the beginning they share, in batches; a batch shares its shortest beginning."""
    begin = 0
    for end in range(1, len(first) + 1):
        if end == len(first):
            yield slice(begin, end)
            return
        full = (end - begin) * (length - first[end]) >= token_budget
        apart = end - begin >= _MIN_BATCH and first[begin] - first[end] >= length * _APART
        if full or apart:
            yield slice(begin, end)
            begin = end


def _context(config: Any, tokenizer: Any) -> int:
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions", "n_ctx")]
    known = [int(limit) for limit in limits if limit]
    stated = int(getattr(tokenizer, "model_max_length", 0) or 0)
    # transformers writes 1e30 where nothing is stated.
    return min([*known, *([stated] if 0 < stated < 10**9 else [])], default=1024)


def open_huggingface(
    source: str | Path, *, gguf_file: str | None = None, chat: bool = False, device: str | None = None
) -> HuggingFaceLM:
    """Open a causal model.

    Parameters
    ----------
    source
        A folder with config, tokenizer and safetensors, a GGUF file, or a name of the Hugging Face hub.
    gguf_file
        Name of the GGUF file inside the folder or repository.
    chat
        Put prompts into the model's chat template.
    device
        Where it computes, as torch names it; ``None``: on the processor.

    Raises
    ------
    ModelError
        If it cannot be read or moved there. Code that comes with a model is never run.
    """
    transformers = import_transformers()
    path = Path(source)
    where = str(source)
    if path.is_file() and path.suffix == ".gguf":
        where, gguf_file = str(path.parent), path.name
    extra = {}
    if gguf_file:
        # By its whole path: a file of that name in the current folder would be read for the weights otherwise.
        extra["gguf_file"] = str(Path(where, gguf_file).absolute()) if Path(where).is_dir() else gguf_file
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, trust_remote_code=False, **extra)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            where, trust_remote_code=False, use_safetensors=None if gguf_file else True, **extra
        )
        if not gguf_file:  # what a GGUF file holds is in single precision already, and says so when asked again
            model = model.float()
        if device is not None:
            model = model.to(device)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{source} cannot be opened as a causal language model: {reason}") from error
    lm = HuggingFaceLM(model, tokenizer, name=path.name, chat=chat)
    lm.hash = fingerprint(where, model, tokenizer, gguf_file)  # all weights are read again: not of a refused model
    return lm
