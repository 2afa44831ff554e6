"""Causal language models from zipped Hugging Face folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.errors import ModelError, listing
from ...core.provenance import hash_file
from ..base import library_text
from ..hub_zip import HubFolder, look_into, unpacked
from .huggingface import HuggingFaceLM, import_transformers

_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def open_folder(path: Path) -> HuggingFaceLM:
    """A causal language model of transformers from a zipped folder with ``tokenizer.json``.

    The tokenizer is made of ``tokenizer.json`` alone; code that comes with a model is never run.

    Raises
    ------
    ModelError
        If it is of another kind, has no ``tokenizer.json``, or its weights do not fit its configuration.
    """
    folder = look_into(path)
    name = check_causal(folder, path.name)
    transformers = import_transformers()
    with unpacked(path, folder) as place:
        try:
            tokenizer = _tokenizer(transformers, place, folder)
            model, report = getattr(transformers, name).from_pretrained(
                place, use_safetensors=True, local_files_only=True, trust_remote_code=False, output_loading_info=True
            )
        except Exception as error:
            # A wrong configuration can make any part of transformers fail; the cause is chained.
            raise ModelError(f"{path.name} could not be opened by transformers: {library_text(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(f"{path.name} lacks weights of its network: {listing(missing, 4)}.")
    return HuggingFaceLM(model.float(), tokenizer, name=path.stem, hash=hash_file(path))


def check_causal(folder: HubFolder, name: str) -> str:
    """Name of transformers' class for a folder's causal model.

    Raises
    ------
    ModelError
        If the model is of another kind, its weights are quantised, or it has no fast tokenizer.
    """
    import_transformers()
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

    known = KNOWN.get(folder.model_type)
    if known is None or (folder.architecture and folder.architecture != known):
        what = folder.architecture or folder.model_type or "a model that its config.json does not name"
        raise ModelError(f"{name} holds {what}: of language models, transformers' causal ones are opened.")
    if folder.config.get("quantization_config"):
        raise ModelError(f"{name} holds quantised weights, which need a library of their own: save it in float32.")
    if not folder.tokenizer:
        raise ModelError(f"{name} holds no tokenizer.json: save the fast tokenizer beside the model.")
    return str(known)


def _tokenizer(transformers: Any, place: Path, folder: HubFolder) -> Any:
    settings: dict[str, Any] = {}
    for token in _TOKENS:
        stated = folder.tokenizer_config.get(token)
        stated = stated.get("content") if isinstance(stated, dict) else stated
        if isinstance(stated, str):
            settings[token] = stated
    longest = folder.tokenizer_config.get("model_max_length")
    if isinstance(longest, int) and longest > 0:
        settings["model_max_length"] = longest
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(place / "tokenizer.json"), **settings)
