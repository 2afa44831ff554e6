"""Masked language models: what could stand at a place of a text, given all around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, ModelError
from .fingerprint import fingerprint
from .huggingface import import_transformers
from .protocol import LanguageModel


class MaskedLM:
    """A masked Hugging Face model with its tokenizer.

    Parameters
    ----------
    model, tokenizer
        Objects of transformers, the model on any device.
    name
        For people.
    hash
        SHA-256 of what decides its answers, empty where nobody knows it.
    token_budget
        Most tokens in one batch.

    Raises
    ------
    InputError
        If the tokenizer has no mask token.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str = "masked model",
        hash: str = "",  # noqa: A002 - as language models have it
        token_budget: int = 8192,
    ) -> None:
        if tokenizer.mask_token_id is None:
            raise InputError(
                f"{name} has no mask token, so it cannot fill gaps: choose a masked model such as RoBERTa, or another "
                "replacement (uniform, left_context, part_of_speech)."
            )
        self.model, self.tokenizer = model.eval(), tokenizer
        self.name, self.hash, self.token_budget = name, hash, token_budget

    def fill(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Log-probabilities ``(len(places), vocabulary)``: each place is hidden alone; ``ids`` are this model's own."""
        import torch

        rows = np.repeat(np.asarray(ids)[None], len(places), axis=0)
        rows[np.arange(len(places)), places] = self.tokenizer.mask_token_id
        size = max(1, self.token_budget // rows.shape[1])
        found, where = [], self.model.device
        with torch.inference_mode():
            for begin in range(0, len(rows), size):
                logits = self.model(input_ids=torch.as_tensor(rows[begin : begin + size]).to(where)).logits
                at = torch.as_tensor(np.asarray(places)[begin : begin + size]).to(where)
                chosen = logits[torch.arange(len(at), device=where), at].float()
                found.append(torch.log_softmax(chosen, -1).double().cpu().numpy())
        return np.concatenate(found)

    def vocabulary_map(self, lm: LanguageModel) -> np.ndarray:
        """Ids ``(own vocabulary,)`` of the same token string in ``lm``, -1 where it has none."""
        own = self.tokenizer.get_vocab()
        other = getattr(lm, "tokenizer", None)
        if other is None:
            raise InputError(f"{lm.name} gives no list of its tokens: choose uniform or part_of_speech replacement.")
        known = other.get_vocab()
        found = np.full(max(own.values()) + 1, -1, dtype=np.int64)
        for token, index in own.items():
            match = known.get(token, -1)
            found[index] = match if match < lm.vocabulary and match not in lm.special else -1
        if (found >= 0).mean() < 0.25:
            raise InputError(f"{self.name} and {lm.name} write their tokens differently: choose another masked model.")
        return found


def open_masked(source: str | Path) -> MaskedLM:
    """Open a masked model from a folder or by its name on the Hugging Face hub.

    Raises
    ------
    ModelError
        If it cannot be read.
    """
    transformers = import_transformers()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(source), trust_remote_code=False)
        model = transformers.AutoModelForMaskedLM.from_pretrained(
            str(source), trust_remote_code=False, use_safetensors=True
        ).float()
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{source} cannot be opened as a masked language model: {reason}") from error
    masked = MaskedLM(model, tokenizer, name=Path(source).name)
    masked.hash = fingerprint(str(source), model, tokenizer)
    return masked
