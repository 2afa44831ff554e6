"""Zipped Hugging Face folders: what is in them is looked at, cleaned of everything that names code, and unpacked."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import ModelError
from .archives import ZipLimits, checked_zip, read_entry
from .weights import read_header

LIMITS = ZipLimits(entries=2_000, total=8 << 30)
_JSON_BYTES = 4 << 20
_TOKENIZER_BYTES = 64 << 20
# Entries that make a library load code, kernels or other weights.
_DROPPED = (
    "auto_map",
    "custom_pipelines",
    "attn_implementation",
    "experts_implementation",
    "use_kernels",
    "torchscript",
)
_OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".h5", ".msgpack", ".pkl", ".ckpt")


@dataclass(frozen=True)
class HubFolder:
    """What a zipped folder says of its model.

    Attributes
    ----------
    config
        ``config.json``, without what names code.
    preprocessor
        ``preprocessor_config.json``, ``None`` if there is none.
    tokenizer
        Whether there is a ``tokenizer.json``.
    tokenizer_config
        ``tokenizer_config.json`` and ``special_tokens_map.json`` in one.
    """

    config: Mapping[str, Any]
    preprocessor: Mapping[str, Any] | None
    tokenizer: bool
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """Name of transformers' class, e.g. ``"ResNetForImageClassification"``; empty if not said."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""

    @property
    def model_type(self) -> str:
        """Name of the family in transformers, e.g. ``"resnet"``."""
        return str(self.config.get("model_type", ""))


def look_into(path: Path) -> HubFolder:
    """What a zipped folder holds, without unpacking its weights.

    Raises
    ------
    ModelError
        If it has no safetensors, or a JSON file in it cannot be read.
    """
    with checked_zip(path, LIMITS, ModelError) as archive:
        names = archive.namelist()
        prefix = _prefix(names, path.name)
        inner = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        if "model.safetensors" not in inner:
            raise ModelError(_no_weights(inner, path.name))

        def read(name: str) -> dict[str, Any]:
            if name not in inner:
                return {}
            return _json(read_entry(archive, prefix + name, _JSON_BYTES, ModelError), f"'{name}' in {path.name}")

        return HubFolder(
            config=_clean(read("config.json")),
            preprocessor=read("preprocessor_config.json") if "preprocessor_config.json" in inner else None,
            tokenizer="tokenizer.json" in inner,
            tokenizer_config=_clean({**read("special_tokens_map.json"), **read("tokenizer_config.json")}),
        )


@contextmanager
def unpacked(path: Path, folder: HubFolder) -> Iterator[Path]:
    """A temporary folder with cleaned configuration, checked weights and the tokenizer; removed afterwards."""
    place = Path(tempfile.mkdtemp(prefix="hub-"))
    try:
        with checked_zip(path, LIMITS, ModelError) as archive:
            prefix = _prefix(archive.namelist(), path.name)
            (place / "config.json").write_text(json.dumps(folder.config), encoding="utf-8")
            if folder.preprocessor is not None:
                (place / "preprocessor_config.json").write_text(json.dumps(folder.preprocessor), encoding="utf-8")
            if folder.tokenizer:
                content = read_entry(archive, prefix + "tokenizer.json", _TOKENIZER_BYTES, ModelError)
                (place / "tokenizer.json").write_bytes(content)
            try:
                with (
                    archive.open(prefix + "model.safetensors") as packed,
                    (place / "model.safetensors").open("wb") as weights,
                ):
                    shutil.copyfileobj(packed, weights, 1 << 20)
            except Exception as error:
                # zipfile, zlib, lzma and bz2 each have errors of their own.
                raise ModelError(f"'model.safetensors' in {path.name} is damaged: {error}.") from error
        read_header(place / "model.safetensors")
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _prefix(names: list[str], file: str) -> str:
    """The folder inside the zip that holds ``config.json``."""
    configs = [name for name in names if name.rsplit("/", 1)[-1] == "config.json"]
    if not configs:
        raise ModelError(f"{file} holds no config.json: pack the whole folder that save_pretrained wrote.")
    return min(configs, key=lambda name: name.count("/")).removesuffix("config.json")


def _no_weights(inner: set[str], file: str) -> str:
    if any(name.endswith(".safetensors.index.json") for name in inner):
        return f"{file} has its weights in several files: save it with save_pretrained(..., max_shard_size='100GB')."
    other = sorted(name for name in inner if name.endswith(_OTHER_WEIGHTS))
    if other:
        return (
            f"{file} has its weights in '{other[0]}', a pickle, which can run code when it is opened and is never "
            "opened here: save the model again with save_pretrained(..., safe_serialization=True)."
        )
    return f"{file} holds no model.safetensors: pack the whole folder that save_pretrained wrote."


def _json(content: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{what} must be a JSON object.")
    return found


def _clean(value: Any, depth: int = 0) -> Any:
    """A configuration without entries that name code, at any depth."""
    if depth > 50:
        raise ModelError("its configuration is nested more than 50 deep.")
    if isinstance(value, dict):
        return {
            key: _clean(entry, depth + 1)
            for key, entry in value.items()
            if key not in _DROPPED and not key.startswith("_")
        }
    return [_clean(entry, depth + 1) for entry in value] if isinstance(value, list) else value
