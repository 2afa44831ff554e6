"""Weights without code: safetensors, and torch's state_dict read with ``weights_only=True``; never anything else."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import MissingExtraError, ModelError, listing
from . import refusals
from .archives import ZipLimits, checked_zip, read_entry
from .base import library_text
from .pickles import imports

MAX_HEADER = 8 << 20
"""Longest head of a safetensors file, in bytes: the largest models' have a few hundred thousand."""
MAX_TENSORS = 50_000
CARD = "hemicycle"
"""Key of our own entry in a safetensors file's metadata, a JSON object: what the weights are for."""
_PICKLE_LIMIT = 32 << 20
_LIMITS = ZipLimits(entries=100_000, total=4 << 30)
_WIDTHS = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
# What the pickle inside a state_dict may name; torch makes these itself and calls nothing of the file's.
_GLOBALS = frozenset({
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.serialization._get_layout",
    "torch.Size",
    "torch.device",
    *(
        f"torch.{kind}Storage"
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
    ),
})  # fmt: skip
_NESTED = ("state_dict", "model_state_dict", "model", "weights")


@dataclass(frozen=True, eq=False)
class Weights:
    """Named tensors of a network.

    Attributes
    ----------
    tensors
        Name to torch tensor, on the CPU.
    card
        What the file says of itself: our own entry in the metadata, or the metadata's plain texts.
    """

    tensors: Mapping[str, Any]
    card: Mapping[str, Any]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def read_safetensors(path: Path) -> Weights:
    """Tensors and card of a safetensors file.

    Raises
    ------
    ModelError
        If its head is damaged, too long, or does not describe the file.
    MissingExtraError
        If torch or safetensors is not installed.
    """
    header = read_header(path)
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingExtraError(error.name or "safetensors", "vision") from error
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path.name} is damaged: safetensors could not read it: {library_text(error)}") from error
    return Weights(tensors, read_card(header.get("__metadata__", {}), path.name))


def read_header(path: Path) -> dict[str, Any]:
    """The head of a safetensors file: names, types, shapes and places of the tensors, checked against the file.

    Raises
    ------
    ModelError
        If it is no JSON object, too long, or its tensors do not fill the file.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size - 8:
            raise ModelError(f"{path.name} is cut short or damaged: its head of {length:,} bytes lies beyond its end.")
        if length > MAX_HEADER:
            raise ModelError(f"{path.name} has a head of {length:,} bytes; at most {MAX_HEADER:,} are read.")
        text = stream.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} is damaged: its head is no JSON ({error}).") from error
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        raise ModelError(f"{path.name} is damaged: its head names no tensors, or more than {MAX_TENSORS:,}.")
    try:
        _check_places(header, size - 8 - length, path.name)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is damaged: its head is incomplete ({error!r}).") from error
    return header


def _check_places(header: Mapping[str, Any], n_bytes: int, file: str) -> None:
    at = 0
    tensors = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
    for name, entry in sorted(tensors, key=lambda item: [int(place) for place in item[1]["data_offsets"]]):
        start, end = (int(place) for place in entry["data_offsets"])
        n = _WIDTHS[entry["dtype"]]
        for side in entry["shape"]:
            if not isinstance(side, int) or side < 0:
                raise ModelError(f"{file} is damaged: the tensor '{name[:60]}' has a size of {side!r}.")
            n *= side
        if start != at or end - start != n or end > n_bytes:
            raise ModelError(f"{file} is cut short or damaged: the tensor '{name[:60]}' is not where its head says.")
        at = end
    if at != n_bytes:
        raise ModelError(f"{file} is damaged: {n_bytes - at:,} bytes follow its last tensor.")


def read_card(metadata: Any, name: str) -> dict[str, Any]:
    """What a file's metadata says of the network.

    Raises
    ------
    ModelError
        If our own entry is no JSON object.
    """
    if not isinstance(metadata, Mapping):
        return {}
    if CARD not in metadata:
        return {str(key): value for key, value in metadata.items() if isinstance(value, str)}
    try:
        card = json.loads(metadata[CARD])
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{name}: the entry '{CARD}' of its metadata is no JSON ({error}).") from error
    if not isinstance(card, dict):
        raise ModelError(f"{name}: the entry '{CARD}' of its metadata must be a JSON object.")
    return card


def read_state_dict(path: Path) -> Weights:
    """Tensors of a file that ``torch.save(model.state_dict(), ...)`` wrote.

    What the pickle inside names is read first, without running it; then torch reads the file with
    ``weights_only=True``. There is no second way.

    Raises
    ------
    ModelError
        If it names anything but tensors, is damaged, or holds no state_dict.
    MissingExtraError
        If torch is not installed.
    """
    with checked_zip(path, _LIMITS, ModelError) as archive:
        (pickled, *others) = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == "data.pkl"]
        if others:
            raise ModelError(f"{path.name} is damaged: it holds several lists of tensors.")
        named = imports(read_entry(archive, pickled, _PICKLE_LIMIT, ModelError), path.name)
    strange = sorted(named - _GLOBALS)
    if strange:
        raise ModelError(f"{path.name} is {refusals.MODULE} (it names {listing(strange, 4)}).")
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "vision") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file makes torch's reader fail in any way; there is no other reader to fall back to.
        raise ModelError(f"{path.name} is damaged: torch could not read its weights: {library_text(error)}") from error
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content or not all(isinstance(key, str) for key in content):
        raise ModelError(f"{path.name} holds {type(content).__name__}, not the state_dict of a network.")
    bad = [key for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if bad:
        raise ModelError(f"{path.name} holds no plain state_dict: {listing(bad, 4)} are no tensors.")
    # "module." is what DataParallel puts before every name.
    prefix = "module." if all(key.startswith("module.") for key in content) else ""
    return Weights({key[len(prefix) :]: value.detach() for key, value in content.items()}, {})
