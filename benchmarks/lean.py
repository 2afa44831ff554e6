"""The demo model's answer after a text, by its own layers, without what nobody reads.

Of the last layer only the last place is computed, and what rows share with the unchanged text is computed once. That
changes no figure, only how long a benchmark of many thousand rows takes; ``check`` holds it against the model itself.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from xai.models.text import HuggingFaceLM

_BATCH = 16


class Lean:
    """Log-probabilities and ranks of a next token, for rows that are changed copies of one text.

    Parameters
    ----------
    lm
        The demo's causal model (RoBERTa with layer norms before the blocks).
    ids
        ``(T,)`` the unchanged text.
    """

    def __init__(self, lm: HuggingFaceLM, ids: np.ndarray) -> None:
        self.lm, self.ids = lm, np.asarray(ids)
        self.body, self.head = lm.model.base_model, lm.model.lm_head
        self.heads = lm.model.config.num_attention_heads
        with torch.inference_mode():
            _, self.known = self._run(torch.as_tensor(self.ids)[None], None, 0)

    def next_token(self, rows: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
        """``(n,)`` log-probabilities of ``target`` after rows ``(n, T)``, and its ranks."""
        changed = rows != self.ids
        last = len(self.ids) - 1
        first = np.minimum(np.where(changed.any(axis=1), changed.argmax(axis=1), last), last)
        order = np.argsort(-first, kind="stable")
        found, ranks = np.empty(len(rows)), np.empty(len(rows), dtype=int)
        with torch.inference_mode():
            for begin in range(0, len(rows), _BATCH):
                own = order[begin : begin + _BATCH]
                shared = int(first[own].min())
                logits, _ = self._run(torch.as_tensor(rows[own, shared:]), self.known, shared)
                chosen = logits[:, target]
                found[own] = (chosen - logits.logsumexp(-1)).double().numpy()
                ranks[own] = (logits > chosen[:, None]).sum(-1).numpy()
        return found, ranks

    def check(self, target: int) -> None:
        """Stop if the answer to the unchanged text is not the model's own."""
        own = self.lm.score(self.ids[None], np.array([target]), np.array([len(self.ids)])).log_probs[0, 0]
        lean = self.next_token(self.ids[None], target)[0][0]
        if abs(own - lean) > 1e-4:
            raise SystemExit(f"the lean model answers {lean}, the model itself {own}")

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _run(self, ids: torch.Tensor, known: list | None, shared: int) -> tuple[torch.Tensor, list]:
        """Logits ``(n, vocabulary)`` at the last place, and each layer's keys and values."""
        n, length = ids.shape
        table, layers = self.body.embeddings, self.body.encoder.layer
        # Positions are counted from the padding id + 1.
        places = torch.arange(shared, shared + length) + table.padding_idx + 1
        x = table.word_embeddings(ids) + table.position_embeddings(places) + table.token_type_embeddings.weight[0]
        x = table.LayerNorm(x)
        mask = torch.ones(length, shared + length, dtype=torch.bool).tril(shared)
        kept = []
        for number, layer in enumerate(layers):
            attention, end = layer.attention, number == len(layers) - 1
            h = attention.LayerNorm(x)
            key, value = self._split(attention.self.key(h)), self._split(attention.self.value(h))
            if known is not None and shared:
                key, value = (
                    torch.cat([old[:, :, :shared].expand(n, -1, -1, -1), new], dim=2)
                    for old, new in zip(known[number], (key, value), strict=True)
                )
            kept.append((key, value))
            if end:
                x, h, mask = x[:, -1:], h[:, -1:], mask[-1:]
            query = self._split(attention.self.query(h))
            seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            x = x + attention.output.dense(seen.transpose(1, 2).flatten(2))
            inner = functional.gelu(layer.intermediate.dense(layer.intermediate.LayerNorm(x)))
            x = x + layer.output.dense(inner)
        return self.head(self.body.LayerNorm(x)[:, -1]).float(), kept
