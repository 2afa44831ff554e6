"""What any file may suffer, and files that can run code under another name."""

from __future__ import annotations

import io
import pickle
import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from corpus_common import NUMBERS, UNICODE, Broken, Trap, torch_zip, zipped


def damage(good: bytes, rng: np.random.Generator, *, text: bool) -> Iterator[Broken]:
    kinds = [_truncated, _flipped, _overwritten, _flipped, _removed, _repeated, _inserted, _magic, _extended]
    kinds += [_number_in_text, _number_in_text, _unicode_in_text] if text else [_flipped, _length]
    while True:
        for kind in kinds:
            content = kind(good, rng)
            if content != good:
                yield Broken(kind.__name__.strip("_"), content)


def _place(good: bytes, rng: np.random.Generator) -> int:
    # Heads hold what decides: half of the damage goes there.
    return int(rng.integers(min(256, len(good)) if rng.random() < 0.5 else len(good)))


def _truncated(good: bytes, rng: np.random.Generator) -> bytes:
    return good[: int(len(good) * rng.choice([0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]) + rng.integers(0, 3))]


def _flipped(good: bytes, rng: np.random.Generator) -> bytes:
    content = bytearray(good)
    for _ in range(int(rng.choice([1, 2, 8, 64]))):
        content[_place(good, rng)] ^= 1 << int(rng.integers(8))
    return bytes(content)


def _overwritten(good: bytes, rng: np.random.Generator) -> bytes:
    block = [b"\xff\xff\xff\x7f", b"\xff" * 8, b"\0" * 16, b"\x80" * 4][int(rng.integers(4))]
    at = _place(good, rng)
    return good[:at] + block + good[at + len(block) :]


def _removed(good: bytes, rng: np.random.Generator) -> bytes:
    at = _place(good, rng)
    return good[:at] + good[at + int(rng.integers(1, 200)) :]


def _repeated(good: bytes, rng: np.random.Generator) -> bytes:
    at, n = _place(good, rng), int(rng.integers(1, 500))
    return good[: at + n] + good[at:]


def _inserted(good: bytes, rng: np.random.Generator) -> bytes:
    at = _place(good, rng)
    return good[:at] + rng.bytes(int(rng.integers(1, 64))) + good[at:]


def _magic(good: bytes, rng: np.random.Generator) -> bytes:
    heads = (
        b"PK\x03\x04",
        b"\x80\x04\x95",
        b"CBM1",
        b"tree\n",
        b"{",
        b"PAR1",
        b"\x89PNG\r\n\x1a\n",
        b"\x89HDF\r\n\x1a\n",
    )
    head = heads[int(rng.integers(len(heads)))]
    return head + good[len(head) :]


def _extended(good: bytes, rng: np.random.Generator) -> bytes:
    return good + rng.bytes(int(rng.integers(1, 5000)))


def _length(good: bytes, rng: np.random.Generator) -> bytes:
    """A number of four or eight bytes that may well be a length becomes enormous."""
    at = int(rng.integers(min(len(good), 4096)))
    put = struct.pack(str(rng.choice(["<I", ">I", "<Q"])), int(rng.choice([2**31 - 1, 2**32 - 1, 2**30])))
    return good[:at] + put + good[at + len(put) :]


def _number_in_text(good: bytes, rng: np.random.Generator) -> bytes:
    places = list(re.finditer(rb"(?<![\w.])-?\d+(?:\.\d+)?", good))
    if not places:
        return _flipped(good, rng)
    match = places[int(rng.integers(len(places)))]
    return good[: match.start()] + str(rng.choice(NUMBERS)).encode() + good[match.end() :]


def _unicode_in_text(good: bytes, rng: np.random.Generator) -> bytes:
    name = rng.choice(["age", "dose", "pulse", "weight"]).encode()
    return good.replace(name, UNICODE[int(rng.integers(len(UNICODE)))].encode())


def disguised(kind: str, marker: str) -> Iterator[Broken]:
    trap = Trap(marker)
    suffix = {"skops": ".skops", "onnx": ".onnx", "csv": ".csv", "png": ".png"}.get(kind, ".safetensors")
    for protocol in (0, 2, 4, 5):
        yield Broken(f"a pickle of protocol {protocol}", pickle.dumps(trap, protocol), suffix)
    yield Broken("a packed pickle, as joblib writes", zlib.compress(pickle.dumps(trap)), suffix)
    yield Broken("a whole torch module", torch_zip({"data.pkl": pickle.dumps(trap, 2), "version": b"3\n"}), ".pt")
    script = {
        "data.pkl": pickle.dumps(trap, 2),
        "constants.pkl": pickle.dumps(trap, 2),
        "code/__torch__.py": b"import os",
    }
    yield Broken("TorchScript", torch_zip(script), ".pt")
    exported = {"models/model.json": b"{}", "data/weights/weight_0": pickle.dumps(trap), "archive_version": b"0"}
    yield Broken("torch.export with code", torch_zip(exported), ".pt2")
    exported = {
        "serialized_exported_program.json": b"{}",
        "serialized_state_dict.json": pickle.dumps(trap),
        "version": b"1",
    }
    yield Broken("torch.export of the old kind with code", torch_zip(exported, prefix=""), ".pt2")
    array = io.BytesIO()
    np.save(array, np.array([trap], dtype=object), allow_pickle=True)
    yield Broken("a numpy file with a pickle", array.getvalue(), suffix)
    yield Broken("an npz with a pickle", zipped({"x.npy": array.getvalue()}), suffix)
    yield Broken("a Keras file", zipped({"config.json": b"{}", "model.weights.h5": b"\x89HDF"}), ".keras")
    yield Broken("a script", f"import os\nopen({marker!r}, 'w')\n".encode(), ".py")
