"""One hash for all that decides a language model's answers: weights, configuration, tokenizer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ...core.provenance import hash_bytes, hash_file

_BESIDE = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "added_tokens.json",
    "chat_template.jinja",
    "config.json",
    "special_tokens_map.json",
    "tekken.json",
    "tiktoken.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
)
"""What transformers may read in any model's folder, beside the weights and what a tokenizer's class names itself."""
_ONE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def fingerprint(where: str, model: Any, tokenizer: Any, gguf_file: str | None = None) -> str:
    """SHA-256 over the files that a model was opened from and their names, wherever the folder lies.

    Where the files cannot be told, it is over what was read from them.

    Parameters
    ----------
    where
        Folder, or name of the Hugging Face hub.
    model, tokenizer
        What transformers made of it.
    gguf_file
        Name of the GGUF file in it that was read.
    """
    folder = _folder(where, gguf_file or "config.json")
    weights = [] if folder is None else _weights(folder, model.config, gguf_file)
    if folder is None or not weights:
        return _of_memory(model, tokenizer)
    beside = {*_BESIDE, *getattr(tokenizer, "vocab_files_names", {}).values()}
    names = sorted({*weights, *(name for name in beside if (folder / name).is_file())})
    return hash_bytes("".join(f"{name}\0{hash_file(folder / name)}\0" for name in names).encode())


def _folder(where: str, anchor: str) -> Path | None:
    """The folder itself, or the one in the local cache that a model of the hub was read from."""
    if Path(where).is_dir():
        return Path(where)
    from transformers.utils import cached_file

    try:
        found = cached_file(where, anchor, local_files_only=True)
    except (OSError, ValueError):
        return None
    # A GGUF file may lie in a folder below the repository's.
    return None if found is None else Path(found).parents[len(Path(anchor).parts) - 1]


def _weights(folder: Path, config: Any, gguf_file: str | None) -> list[str]:
    """Names of the weights' files, looked for in transformers' order; none if the weights come from elsewhere."""
    named = gguf_file or getattr(config, "transformers_weights", None)
    first = next((name for name in ([named] if named else [_ONE, _INDEX]) if (folder / name).is_file()), None)
    if first is None:
        return []
    if not first.endswith(".index.json"):
        return [first]
    return [first, *json.loads((folder / first).read_text(encoding="utf-8"))["weight_map"].values()]


def _of_memory(model: Any, tokenizer: Any) -> str:
    """SHA-256 of configuration, weights and tokenizer as they are in memory."""
    import torch

    # Neither where a model lies nor who read it changes its answers.
    config = {k: v for k, v in model.config.to_dict().items() if k not in {"_name_or_path", "transformers_version"}}
    fast = getattr(tokenizer, "backend_tokenizer", None)
    said = [config, tokenizer.get_vocab(), tokenizer.special_tokens_map, tokenizer.model_max_length]
    said += [tokenizer.chat_template, None if fast is None else fast.to_str()]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode())
    for name, tensor in model.state_dict().items():
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
