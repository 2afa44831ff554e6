"""Broken files of every format, the same ones every time: damage of all kinds, bombs, traps, and code in disguise.

``broken(kind, good, n, marker)`` makes ``n`` files out of a good one. Where a file carries code, running it would write
the file ``marker``; nothing here runs it.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

MODELS = (
    "xgboost-json",
    "xgboost-ubj",
    "lightgbm-txt",
    "catboost-cbm",
    "catboost-json",
    "skops",
    "onnx",
    "safetensors",
    "torch-weights",
    "huggingface-zip",
)
DATA = ("csv", "parquet", "png", "jpeg", "dicom", "picture-zip")
UNICODE = (
    "Größe",
    "年齢",
    "\u202egnp.exe",
    "a\u0301\u0302",
    "\U0001f9e0" * 40,
    "x" * 20_000,
    "a\x00b",
    "../a",
    "$(touch x)",
    "",
)
NUMBERS = (
    "99999999",
    "-1",
    "-7",
    "2147483648",
    "9223372036854775808",
    "1e308",
    "NaN",
    "-0",
    "0",
    "1" * 400,
    "4294967295",
)


@dataclass(frozen=True)
class Broken:
    """One broken file: what was done, its content, and the suffix it comes under."""

    what: str
    content: bytes
    suffix: str = ".bin"


class Trap:
    """Unpickling this writes the marker."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self):
        return exec, (f"open({self.marker!r}, 'w').close()",)


def broken(kind: str, good: bytes, n: int, marker: str, seed: int = 0) -> list[Broken]:
    """``n`` broken files of a kind: the special ones of the format first, then damage until there are enough."""
    rng = np.random.default_rng([seed, *kind.encode()])
    special = list(islice(_alternate(SPECIAL[kind](good, marker, rng), _disguised(kind, marker)), max(n * 3 // 5, 1)))
    damage = _damage(good, rng, text=kind in {"xgboost-json", "lightgbm-txt", "catboost-json", "csv"})
    files = special + list(islice(damage, n - len(special)))
    return files[:n]


def small(kind: str, good: bytes, n: int, marker: str) -> list[Broken]:
    """``n`` files spread over what :func:`broken` makes of them in full."""
    files = broken(kind, good, 60, marker)
    return [files[round(i)] for i in np.linspace(0, len(files) - 1, n)]


def _alternate(*sources: Iterator[Broken]) -> Iterator[Broken]:
    waiting = [iter(source) for source in sources]
    while waiting:
        for source in list(waiting):
            one = next(source, None)
            if one is None:
                waiting.remove(source)
            else:
                yield one


# What any file may suffer.


def _damage(good: bytes, rng: np.random.Generator, *, text: bool) -> Iterator[Broken]:
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


# Files that can run code, under another name.


def _disguised(kind: str, marker: str) -> Iterator[Broken]:
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


def torch_zip(entries: dict[str, bytes], prefix: str = "archive/") -> bytes:
    """Entries in a folder, as torch packs them."""
    return zipped({prefix + name: content for name, content in entries.items()})


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """Entries of a zip file in memory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# Zip files.


def _zips(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    entries = unzipped(good)
    first, *_ = entries
    for name in ("../../evil.txt", "/etc/evil", "C:\\evil", "..\\evil", "a/../../evil", "a\x00b.npy"):
        yield Broken(f"an entry called {name!r}", zipped({**entries, name: b"evil"}))
    bomb = {**entries, "zeros.bin": bytes(64 << 20)}
    yield Broken("a zip bomb beside", zipped(bomb, zipfile.ZIP_DEFLATED))
    yield Broken("a zip bomb instead", zipped({**entries, first: bytes(64 << 20)}, zipfile.ZIP_DEFLATED))
    yield Broken("a lie about the unpacked size", _size_lie(zipped(bomb, zipfile.ZIP_DEFLATED)))
    yield Broken("an archive inside", zipped({**entries, "inner.zip": zipped(entries)}))
    yield Broken("30,000 entries", zipped({**entries, **{f"e{i}": b"" for i in range(30_000)}}))
    yield Broken("an entry twice", _twice(entries, first))
    yield Broken("a link to a secret", _link(entries, first))
    yield Broken("overlapping entries", _overlapping(good))
    yield Broken("another way of packing", _method(good, 97))
    yield Broken("encrypted, it says", _flag(good, 1))
    for name in UNICODE[:6]:
        if name:
            yield Broken(f"an entry called {name[:20]!r}", zipped({**entries, name: b"x"}))
    yield Broken("no entries", zipped({}))
    yield Broken("a comment of 60 KB", _comment(entries, b"x" * 60_000))
    yield Broken("another end within the comment", _comment(entries, b"PK\x05\x06" + b"\0" * 18))
    yield Broken("a list of entries beyond the end", good[:-6] + struct.pack("<I", 2**31 - 1) + good[-2:])
    yield Broken("a checksum that is wrong", _checksum(good, rng))


def _size_lie(content: bytes) -> bytes:
    """Every unpacked size in the list at the end becomes small."""
    changed = bytearray(content)
    for match in re.finditer(b"PK\x01\x02", content):
        changed[match.start() + 24 : match.start() + 28] = struct.pack("<I", 100)
    return bytes(changed)


def _twice(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, content in entries.items():
            archive.writestr(key, content)
        info = zipfile.ZipInfo(name)
        archive.fp.flush()
        archive.NameToInfo.pop(name)
        archive.writestr(info, b"the other one")
    return out.getvalue()


def _link(entries: dict[str, bytes], name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, content in entries.items():
            info = zipfile.ZipInfo(key)
            if key == name:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, b"/etc/passwd" if key == name else content)
    return out.getvalue()


def _overlapping(good: bytes) -> bytes:
    """All entries of the list at the end point to the first one's bytes."""
    changed = bytearray(good)
    for match in re.finditer(b"PK\x01\x02", good):
        changed[match.start() + 42 : match.start() + 46] = b"\0\0\0\0"
    return bytes(changed)


def _method(good: bytes, method: int) -> bytes:
    changed = bytearray(good)
    for magic, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        for match in re.finditer(magic, good):
            changed[match.start() + offset : match.start() + offset + 2] = struct.pack("<H", method)
    return bytes(changed)


def _flag(good: bytes, flag: int) -> bytes:
    changed = bytearray(good)
    for magic, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        for match in re.finditer(magic, good):
            changed[match.start() + offset] |= flag
    return bytes(changed)


def _comment(entries: dict[str, bytes], comment: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def _checksum(good: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(good)
    match = re.search(b"PK\x01\x02", good)
    assert match is not None
    changed[match.start() + 16 : match.start() + 20] = rng.bytes(4)
    return bytes(changed)


# Trees in text.


def _xgboost(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    model = json.loads(good)
    yield from _json_bombs(good)
    for what, content in _xgboost_changes(model, rng):
        yield Broken(what, json.dumps(content).encode(), ".json")


def _xgboost_changes(model: dict, rng: np.random.Generator) -> Iterator[tuple[str, dict]]:
    lists = (
        "left_children", "right_children", "split_indices", "parents", "split_type", "split_conditions", "default_left",
        "base_weights", "sum_hessian", "categories_nodes", "categories_segments", "categories_sizes", "categories",
    )  # fmt: skip
    for part in lists:
        for value in (99_999_999, -7, 2**31 - 1, 0, 2**40):
            content = copy.deepcopy(model)
            tree = content["learner"]["gradient_booster"]["model"]["trees"][0]
            if tree[part]:
                tree[part][int(rng.integers(len(tree[part])))] = value
            else:
                tree[part] = [value]
            yield f"{part} holds {value}", content
    for path, value in (
        ("learner.learner_model_param.num_feature", "1000000000000"),
        ("learner.learner_model_param.num_class", "2000000000"),
        ("learner.learner_model_param.num_target", "-5"),
        ("learner.learner_model_param.base_score", "[nan]"),
        ("learner.learner_model_param.base_score", "[" + "1," * 50_000 + "1]"),
        ("learner.objective.name", "none\x00of:these"),
        ("learner.gradient_booster.name", "dart"),
        ("learner.gradient_booster.name", "gblinear"),
        ("learner.gradient_booster.model.tree_info", [0] * 5),
        ("learner.gradient_booster.model.iteration_indptr", [0, 2**40]),
        ("learner.gradient_booster.model.gbtree_model_param.num_trees", "999999999"),
        ("learner.feature_names", [*UNICODE[:4]]),
        ("learner.feature_names", ["a", "a", "a", "a"]),
        ("learner.feature_types", ["c", "c", "c", "c"]),
        ("version", [99, 99, 99]),
        ("version", "x"),
    ):
        content = copy.deepcopy(model)
        place = content
        *most, last = path.split(".")
        for key in most:
            place = place[key]
        place[last] = value
        yield f"{path} is {str(value)[:20]}", content


def _json_bombs(good: bytes) -> Iterator[Broken]:
    yield Broken("nested 100,000 deep", b'{"learner":' + b"[" * 100_000, ".json")
    yield Broken("a text of 20 MB", b'{"learner": "' + b"x" * (20 << 20) + b'"}', ".json")
    yield Broken("3 million numbers", b'{"learner": [' + b"1," * 3_000_000 + b"1]}", ".json")
    yield Broken("a number of 1 MB", b'{"learner": ' + b"9" * (1 << 20) + b"}", ".json")
    yield Broken("keys twice", good[:-1] + b"," + good[1:], ".json")
    yield Broken("bytes that are no text", good.replace(b"learner", b"learner\xff\xfe", 1), ".json")


def _xgboost_ubj(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import xgboost

    yield Broken("nested without an end", b"{L" + struct.pack(">q", 7) + b"learner" + b"[" * 100_000)
    yield Broken(
        "a list of 2^60", good.replace(b"[$l#L" + struct.pack(">q", 7), b"[$l#L" + struct.pack(">q", 2**60), 1)
    )
    for match in list(re.finditer(rb"#L", good))[:12]:
        for length in (2**62, -1, 2**31, 10**9):
            yield Broken(
                f"a length of {length}", good[: match.end()] + struct.pack(">q", length) + good[match.end() + 8 :]
            )
    booster = xgboost.Booster()
    booster.load_model(bytearray(good))
    model = json.loads(booster.save_raw("json"))
    for what, content in islice(_xgboost_changes(model, rng), 60):
        try:
            yield Broken(what, ubjson(content))
        except (OverflowError, struct.error):
            continue


def ubjson(value: object) -> bytes:
    """Universal Binary JSON of plain values, without typed lists."""
    if isinstance(value, dict):
        return b"{" + b"".join(_ubj_text(key) + ubjson(entry) for key, entry in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b"".join(ubjson(entry) for entry in value) + b"]"
    if isinstance(value, str):
        return b"S" + _ubj_text(value)
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    return b"d" + struct.pack(">f", value)


def _ubj_text(text: str) -> bytes:
    return b"L" + struct.pack(">q", len(text.encode())) + text.encode()


def _lightgbm(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    text = good.decode()
    keys = (
        "left_child", "right_child", "split_feature", "threshold", "decision_type", "num_leaves", "num_cat",
        "cat_boundaries", "leaf_value", "leaf_count", "internal_count", "is_linear", "shrinkage", "max_feature_idx",
        "num_class", "num_tree_per_iteration", "tree_sizes", "label_index", "feature_infos", "feature_names",
        "objective", "version",
    )  # fmt: skip
    for key in keys:
        for value in NUMBERS[:8]:
            changed = re.sub(rf"(?m)^{key}=\S*", f"{key}={value}", text, count=1)
            if changed != text:
                yield Broken(f"{key} is {value[:20]}", changed.encode(), ".txt")
    for key in ("left_child", "cat_threshold", "leaf_value", "feature_infos"):
        yield Broken(f"{key} of 2 MB", re.sub(rf"(?m)^{key}=.*", f"{key}=" + "7 " * (1 << 20), text, count=1).encode())
    for name in UNICODE:
        yield Broken(f"a column called {name[:10]!r}", text.replace("age", name.replace("\x00", "")).encode())


def _catboost_cbm(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    for size in (0, 1, 2**31 - 1, 2**32 - 1, len(good) * 2):
        yield Broken(f"a head that says {size}", b"CBM1" + struct.pack("<I", size) + good[8:], ".cbm")
    for _ in range(80):
        at = int(rng.integers(8, len(good) // 4)) * 4
        value = int(rng.choice([2**31 - 1, 2**32 - 1, 10**6, 0]))
        yield Broken(f"{value} at {at}", good[:at] + struct.pack("<I", value) + good[at + 4 :], ".cbm")


def _catboost_json(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    model = json.loads(good)
    yield from (
        Broken(one.what, one.content.replace(b"learner", b"oblivious_trees"), ".json") for one in _json_bombs(good)
    )
    for value in (99_999_999, -7, 2**31 - 1, 1e308, "x", None, []):
        for key in ("split_index", "float_feature_index", "border"):
            content = copy.deepcopy(model)
            content["oblivious_trees"][0]["splits"][0][key] = value
            yield Broken(f"{key} is {value}", json.dumps(content).encode(), ".json")
        for key in ("leaf_values", "leaf_weights", "splits"):
            content = copy.deepcopy(model)
            content["oblivious_trees"][0][key][0] = value
            yield Broken(f"{key} holds {value}", json.dumps(content).encode(), ".json")
    for key in list(model):
        content = copy.deepcopy(model)
        del content[key]
        yield Broken(f"no {key}", json.dumps(content).encode(), ".json")
        yield Broken(f"{key} is a number", json.dumps({**model, key: 7}).encode(), ".json")
    content = copy.deepcopy(model)
    content["oblivious_trees"][0]["splits"] *= 20
    yield Broken("a tree of depth 60", json.dumps(content).encode(), ".json")


# skops.


def _skops(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    entries = unzipped(good)
    schema = json.loads(entries["schema.json"])
    code = f"open({marker!r}, 'w').close()"
    for what, node in skops_traps(code):
        yield Broken(what, _with_schema(entries, {**node, "protocol": schema["protocol"]}), ".skops")
        inner = copy.deepcopy(schema)
        inner["content"]["content"] = {**inner["content"].get("content", {}), "verbose": node}
        yield Broken(f"{what}, deep inside", _with_schema(entries, inner), ".skops")
    for value in (99_999_999, -7, 2**31 - 1, 2**62):
        yield from _skops_arrays(entries, value)
    deep: dict = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    for _ in range(150):
        deep = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [deep]}
    yield Broken("lists 150 deep", _with_schema(entries, {**deep, "protocol": 0}), ".skops")
    yield Broken("a schema of brackets", zipped({**entries, "schema.json": b"[" * 200_000}), ".skops")
    yield Broken(
        "a schema of 40 MB", zipped({**entries, "schema.json": b'{"a":"' + b"x" * (40 << 20) + b'"}'}), ".skops"
    )
    for protocol in (-1, 99, True, "x", None):
        yield Broken(f"protocol {protocol}", _with_schema(entries, {**schema, "protocol": protocol}), ".skops")
    itself = json.dumps(schema).replace('"__id__": ', '"__id__": 1')
    yield Broken("other numbers of objects", zipped({**entries, "schema.json": itself.encode()}), ".skops")
    cached = {"__class__": "x", "__module__": "y", "__loader__": "CachedNode", "__id__": 12345, "protocol": 0}
    yield Broken("an object that is not there", _with_schema(entries, cached), ".skops")
    yield from _zips(good, marker, rng)


def skops_traps(code: str) -> Iterator[tuple[str, dict]]:
    """Descriptions of objects that would run ``code``, in every way a loader might let through."""

    def text(value: str) -> dict:
        return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}

    def sequence(*items: dict) -> dict:
        return {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": list(items)}

    def mapping() -> dict:
        keys = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
        return {
            "__class__": "dict",
            "__module__": "builtins",
            "__loader__": "DictNode",
            "content": {},
            "key_types": keys,
        }

    run = {"__class__": "exec", "__module__": "builtins", "__loader__": "FunctionNode"}
    yield "a function that runs code", run
    yield "a type that runs code", {**run, "__loader__": "TypeNode"}
    yield "os.system", {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    yield (
        "a partial call",
        {
            "__class__": "partial",
            "__module__": "functools",
            "__loader__": "PartialNode",
            "content": {"func": run, "args": sequence(text(code)), "kwds": mapping(), "namespace": mapping()},
        },
    )
    yield (
        "a constructor",
        {
            "__class__": "exec",
            "__module__": "builtins",
            "__loader__": "ConstructorFromReduceNode",
            "content": sequence(text(code)),
        },
    )
    yield (
        "an operator",
        {
            "__class__": "methodcaller",
            "__module__": "operator",
            "__loader__": "OperatorFuncNode",
            "attrs": sequence(text(code)),
        },
    )
    yield (
        "operator.call",
        {
            "__class__": "call",
            "__module__": "operator",
            "__loader__": "OperatorFuncNode",
            "attrs": sequence(run, text(code)),
        },
    )
    yield (
        "a method",
        {
            "__class__": "str",
            "__module__": "builtins",
            "__loader__": "MethodNode",
            "content": {"func": "format", "obj": text(code)},
        },
    )
    yield (
        "a loss that is none",
        {
            "__class__": "Popen",
            "__module__": "subprocess",
            "__loader__": "LossNode",
            "__reduce__": {"args": sequence(text("true"))},
            "content": mapping(),
        },
    )
    yield "an object of os", {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"}
    yield "XGBoost inside", {"__class__": "XGBClassifier", "__module__": "xgboost.sklearn", "__loader__": "ObjectNode"}
    yield "a loader nobody knows", {"__class__": "x", "__module__": "y", "__loader__": "EvilNode"}


def _skops_arrays(entries: dict[str, bytes], value: int) -> Iterator[Broken]:
    """Numbers inside the arrays become something else, those of trees among them."""
    for name, content in entries.items():
        if not name.endswith(".npy"):
            continue
        array = np.load(io.BytesIO(content))
        changed = array.copy()
        if array.dtype.names:
            for part in ("left_child", "right_child", "feature", "left", "right", "feature_idx", "bitset_idx"):
                if part in array.dtype.names:
                    one = array.copy()
                    one[part].flat[0] = np.array(value).astype(one[part].dtype)
                    yield Broken(f"{part} is {value}", zipped({**entries, name: _npy(one)}), ".skops")
            continue
        if array.size and array.dtype.kind in "iu":
            changed.flat[0] = np.array(value).astype(array.dtype)
            yield Broken(f"an integer is {value}", zipped({**entries, name: _npy(changed)}), ".skops")
    name = next(name for name in entries if name.endswith(".npy"))
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % (2**40 + value % 97)
    head += b" " * (118 - len(head)) + b"\n"
    bomb = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
    yield Broken("an array of 8 TB", zipped({**entries, name: bomb}), ".skops")
    array = io.BytesIO()
    np.save(array, np.array([None], dtype=object), allow_pickle=True)
    yield Broken("an array that is a pickle", zipped({**entries, name: array.getvalue()}), ".skops")


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _with_schema(entries: dict[str, bytes], schema: dict) -> bytes:
    return zipped({**entries, "schema.json": json.dumps(schema).encode()})


# ONNX.


def _onnx(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import onnx
    from onnx import helper

    proto = onnx.load_model_from_string(good)
    for what, change in _onnx_changes(marker).items():
        one = onnx.ModelProto()
        one.CopyFrom(proto)
        change(one, helper)
        yield Broken(what, one.SerializeToString(), ".onnx")
    trees = [node for node in proto.graph.node if node.op_type.startswith("TreeEnsemble")]
    for attribute in trees[0].attribute if trees else ():
        if not attribute.ints:
            continue
        for value in (99_999_999, -7, 2**62, 0, int(attribute.ints[-1])):
            one = onnx.ModelProto()
            one.CopyFrom(proto)
            node = next(node for node in one.graph.node if node.op_type.startswith("TreeEnsemble"))
            place = next(other for other in node.attribute if other.name == attribute.name)
            place.ints[int(rng.integers(len(place.ints)))] = value
            yield Broken(f"{attribute.name} holds {value}", one.SerializeToString(), ".onnx")


def _onnx_changes(marker: str) -> dict[str, Callable]:  # noqa: C901 - one small function a change
    def external(path: str) -> Callable:
        def change(proto, helper):
            tensor = proto.graph.initializer.add()
            tensor.name, tensor.data_type, tensor.data_location = "w", 1, 1
            tensor.dims.append(4)
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", path

        return change

    def operator(domain: str) -> Callable:
        def change(proto, helper):
            proto.graph.node.append(helper.make_node("Evil", ["x"], ["y"], domain=domain))
            proto.opset_import.append(helper.make_opsetid(domain, 1))

        return change

    def memory(proto, helper):
        shape = helper.make_tensor("huge", 7, [1], [2**34])
        proto.graph.node.insert(0, helper.make_node("ConstantOfShape", ["huge"], ["zeros"]))
        proto.graph.initializer.append(shape)
        proto.graph.node.insert(1, helper.make_node("ReduceSum", ["zeros"], ["total"]))
        proto.graph.output.append(helper.make_tensor_value_info("total", 1, None))

    def forever(proto, helper):
        body = helper.make_graph(
            [helper.make_node("Identity", ["keep"], ["on"]), helper.make_node("Identity", ["v"], ["w"])],
            "body",
            [
                helper.make_tensor_value_info("i", 7, []),
                helper.make_tensor_value_info("keep", 9, []),
                helper.make_tensor_value_info("v", 1, [1]),
            ],
            [helper.make_tensor_value_info("on", 9, []), helper.make_tensor_value_info("w", 1, [1])],
        )
        proto.graph.initializer.extend(
            [
                helper.make_tensor("times", 7, [], [2**60]),
                helper.make_tensor("true", 9, [], [True]),
                helper.make_tensor("start", 1, [1], [0.0]),
            ]
        )
        out = proto.graph.output[-1].name
        proto.graph.node.insert(0, helper.make_node("Loop", ["times", "true", "start"], ["never"], body=body))
        proto.graph.node.append(helper.make_node("Sum", [out, "never"], [f"{out}_never"]))
        proto.graph.output[-1].name = f"{out}_never"

    def dims(value: int) -> Callable:
        def change(proto, helper):
            if proto.graph.initializer:
                proto.graph.initializer[0].dims[:] = [value, value]
            else:
                proto.graph.initializer.add().dims[:] = [value, value]

        return change

    def nested(proto, helper):
        graph = proto.graph
        for _ in range(60):
            graph = helper.make_graph([helper.make_node("If", ["c"], ["o"], then_branch=graph)], "g", [], [])
        proto.graph.CopyFrom(graph)

    def no_outputs(proto, helper):
        del proto.graph.output[:]

    def cycle(proto, helper):
        proto.graph.node[0].input[0] = proto.graph.node[-1].output[0]

    def names(text: str) -> Callable:
        def change(proto, helper):
            proto.graph.input[0].name = text

        return change

    def inputs(shape: list) -> Callable:
        def change(proto, helper):
            kind = proto.graph.input[0].type.tensor_type
            del kind.shape.dim[:]
            for size in shape:
                kind.shape.dim.add().dim_value = size

        return change

    changes: dict[str, Callable] = {
        f"weights in {path}": external(path)
        for path in ("../../../../etc/passwd", "/etc/passwd", "weights.bin", "C:\\secret", marker)
    }
    changes |= {
        f"an operator of {domain}": operator(domain) for domain in ("com.evil", "com.microsoft", "ai.onnx.evil")
    }
    changes |= {
        "64 GB of zeros": memory,
        "a loop without an end": forever,
        "graphs 60 deep": nested,
        "no outputs": no_outputs,
        "a circle": cycle,
    }
    changes |= {f"weights of size {value}": dims(value) for value in (2**31, 2**62, -5)}
    changes |= {f"an input called {text[:12]!r}": names(text) for text in UNICODE[:6]}
    changes |= {f"an input of shape {shape}": inputs(shape) for shape in ([], [0, 0], [1], [1, 2**31], [1, 2, 3, 4, 5])}
    return changes


# Weights.


def _safetensors(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    (length,) = struct.unpack("<Q", good[:8])
    head, rest = json.loads(good[8 : 8 + length]), good[8 + length :]
    for size in (0, 1, 2**63, 2**40, len(good), 100_000_000, length - 1, length + 1):
        yield Broken(f"a head of {size} bytes", struct.pack("<Q", size) + good[8:], ".safetensors")

    def packed(changed: object) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + rest

    first = next(key for key in head if key != "__metadata__")
    for field, values in {
        "shape": ([2**40, 2**40], [-1], [0], ["x"], [4.5], 7, [2**62, 4]),
        "dtype": ("F128", 7, None, "BOOL", "F64", "F8_E4M3"),
        "data_offsets": ([0, 2**62], [-8, 0], [8, 4], [0], "x", [0, 1], [1, 33]),
    }.items():
        for value in values:
            changed = copy.deepcopy(head)
            changed[first][field] = value
            yield Broken(f"{field} is {value}", packed(changed), ".safetensors")
    for what, card in {
        "an activation nobody knows": {"activation": "exec"},
        "2 classes for 3": {"classes": ["a", "b"]},
        "classes that are lists": {"classes": [[1], [2], [3]]},
        "means of text": {"mean": ["a"] * 4},
        "no spread": {"mean": [0] * 4, "std": [0, 0, 0, 0]},
        "names of all kinds": {"feature_names": list(UNICODE[:4])},
        "a million names": {"feature_names": ["a"] * 1_000_000},
        "text": "x",
    }.items():
        yield Broken(what, packed({**head, "__metadata__": {"hemicycle": json.dumps(card)}}), ".safetensors")
    yield Broken("metadata that are no texts", packed({**head, "__metadata__": {"a": 7}}), ".safetensors")
    yield Broken("60,000 tensors", packed({**head, **{f"t{i}": head[first] for i in range(60_000)}}), ".safetensors")
    yield Broken("a head of brackets", struct.pack("<Q", 100_000) + b"{" + b"[" * 99_999 + rest, ".safetensors")
    for name in UNICODE:
        renamed = {name if key == first else key: value for key, value in head.items()}
        yield Broken(f"a tensor called {name[:12]!r}", packed(renamed), ".safetensors")
    yield Broken("no tensors", packed({}), ".safetensors")
    nans = good[: 8 + length] + np.full(len(rest) // 4, np.nan, "<f4").tobytes()
    yield Broken("weights that are no numbers", nans, ".safetensors")


def _torch_weights(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import torch

    entries = unzipped(good)
    pickled = next(name for name in entries if name.endswith("data.pkl"))

    def with_pickle(content: bytes) -> bytes:
        return zipped({**entries, pickled: content})

    trap = Trap(marker)
    for protocol in (0, 2, 4):
        yield Broken(f"code of protocol {protocol} for tensors", with_pickle(pickle.dumps(trap, protocol)), ".pt")
        yield Broken(
            f"code of protocol {protocol} among tensors", with_pickle(pickle.dumps({"0.weight": trap}, protocol)), ".pt"
        )
    original = entries[pickled]
    for name in (
        "os\nsystem",
        "builtins\nexec",
        "torch\nload",
        "torch.jit\n_load",
        "numpy\nsave",
        "torch._utils\n_rebuild_x",
    ):
        swapped = original.replace(b"ctorch._utils\n_rebuild_tensor_v2\n", b"c" + name.encode() + b"\n")
        yield Broken(f"tensors made by {name!r}", with_pickle(swapped), ".pt")
    yield Broken("memo numbers beyond", with_pickle(original.replace(b"q\x00", b"r\xff\xff\xff\x7f")), ".pt")
    yield Broken("a text of 2 GB", with_pickle(original[:20] + b"X\xff\xff\xff\x7f" + original[20:]), ".pt")
    for name in [name for name in entries if "/data/" in name][:3]:
        yield Broken(f"no {name}", zipped({key: value for key, value in entries.items() if key != name}), ".pt")
        yield Broken(f"a short {name}", zipped({**entries, name: entries[name][:-5]}), ".pt")
    out = io.BytesIO()
    torch.save(torch.nn.Linear(4, 2), out)
    yield Broken("a module", out.getvalue(), ".pt")
    out = io.BytesIO()
    torch.save({"a": 1, "b": [torch.zeros(2)]}, out)
    yield Broken("no state_dict", out.getvalue(), ".pt")
    out = io.BytesIO()
    torch.save({"0.weight": torch.zeros(3, 4), "0.bias": torch.zeros(7)}, out)
    yield Broken("a bias that does not fit", out.getvalue(), ".pt")
    out = io.BytesIO()
    torch.save({"w": torch.zeros(1).expand(2**40)}, out)
    yield Broken("4 TB of one number", out.getvalue(), ".pt")
    yield from _zips(good, marker, rng)


def _hub(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    entries = unzipped(good)
    root = next(name for name in entries if name.endswith("config.json")).removesuffix("config.json")
    config = json.loads(entries[f"{root}config.json"])

    def changed(**files: object) -> bytes:
        made = dict(entries)
        for name, content in files.items():
            full = root + name.replace("__", ".")
            if content is None:
                made.pop(full, None)
            else:
                made[full] = content if isinstance(content, bytes) else json.dumps(content).encode()
        return zipped(made)

    script = f"open({marker!r}, 'w').close()\n".encode()
    mapped = {"AutoModelForImageClassification": "evil.Evil", "AutoConfig": "evil.Evil", "AutoTokenizer": "evil.Evil"}
    yield Broken("code beside", changed(config__json={**config, "auto_map": mapped}, evil__py=script), ".zip")
    yield Broken(
        "code beside, in the preprocessor",
        changed(preprocessor_config__json={"auto_map": mapped, "image_processor_type": "Evil"}, evil__py=script),
        ".zip",
    )
    pickled = pickle.dumps(Trap(marker), 2)
    yield Broken("weights as a pickle", changed(model__safetensors=None, pytorch_model__bin=pickled), ".zip")
    yield Broken("weights as a pickle beside", changed(pytorch_model__bin=pickled), ".zip")
    yield Broken("a pickle called safetensors", changed(model__safetensors=pickled), ".zip")
    for key, value in {
        "model_type": "evil", "architectures": ["Evil"], "hidden_sizes": [2**31], "embedding_size": 2**40,
        "num_labels": 2**40, "depths": [10**9, 10**9], "id2label": {str(i): "x" for i in range(200_000)},
        "hidden_act": "os.system", "dtype": "float99", "num_channels": -3, "layer_type": 7,
        "quantization_config": {"a": 1},
        "attn_implementation": "evil/kernel", "_name_or_path": "http://127.0.0.1:1/", "torchscript": True,
        "image_size": 2**30, "patch_size": 0,
    }.items():  # fmt: skip
        yield Broken(f"{key} is {str(value)[:20]}", changed(config__json={**config, key: value}), ".zip")
    for key, value in {
        "size": {"height": 10**9, "width": 10**9}, "image_mean": ["x"] * 3, "image_std": [0, 0, 0], "resample": "x",
        "rescale_factor": 0, "crop_size": [1, 2, 3], "do_center_crop": {"a": 1},
    }.items():  # fmt: skip
        said = json.loads(entries[f"{root}preprocessor_config.json"])
        yield Broken(f"{key} is {value}", changed(preprocessor_config__json={**said, key: value}), ".zip")
    yield Broken("a config of brackets", changed(config__json=b"[" * 100_000), ".zip")
    yield Broken("a config of 20 MB", changed(config__json=b'{"a": "' + b"x" * (20 << 20) + b'"}'), ".zip")
    for one in islice(_safetensors(entries[f"{root}model.safetensors"], marker, rng), 0, 40, 2):
        yield Broken(f"weights: {one.what}", changed(model__safetensors=one.content), ".zip")
    yield from _zips(good, marker, rng)


# Tables and pictures.


def _csv(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    yield Broken("one line of 10 MB", b"a," * (5 << 20), ".csv")
    yield Broken("one cell of 10 MB", b"a,b\n1," + b"x" * (10 << 20) + b"\n", ".csv")
    yield Broken("a quote that never ends", b'a,b\n1,"2\n' + b"3,4\n" * 100_000, ".csv")
    yield Broken("30,000 columns", b",".join(b"c%d" % i for i in range(30_000)) + b"\n", ".csv")
    yield Broken("UTF-16", good.decode().encode("utf-16"), ".csv")
    yield Broken("zero bytes", good.replace(b",", b"\0"), ".csv")
    yield Broken("a formula", good.replace(b"\n", b"\n=cmd|' /C calc'!A0,", 1), ".csv")
    yield Broken("repeated names", b"a,a,a\n1,2,3\n", ".csv")
    yield Broken("names that are empty", b",,\n1,2,3\n", ".csv")
    for name in UNICODE:
        yield Broken(f"a column called {name[:12]!r}", good.replace(b"age", name.encode()), ".csv")
    yield Broken("JSON", json.dumps([{"a": 1}] * 10).encode(), ".csv")
    yield Broken("Excel", zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), ".xlsx")
    yield Broken("numbers of 400 digits", b"a\n" + b"9" * 400 + b"\n1e999\n", ".csv")


def _parquet(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (length,) = struct.unpack("<I", good[-8:-4])
    for size in (0, 2**31 - 1, 2**32 - 1, length - 1, length + 7):
        yield Broken(f"a directory of {size} bytes", good[:-8] + struct.pack("<I", size) + good[-4:], ".parquet")
    for _ in range(20):
        at = len(good) - 8 - int(rng.integers(1, length))
        yield Broken(f"a directory changed at {at}", good[:at] + rng.bytes(2) + good[at + 2 :], ".parquet")

    def written(table: pa.Table) -> bytes:
        out = io.BytesIO()
        pq.write_table(table, out)
        return out.getvalue()

    yield Broken("20 million equal rows", written(pa.table({"a": pa.array(np.zeros(20_000_001, np.int8))})), ".parquet")
    yield Broken("columns of lists", written(pa.table({"a": [[1, 2], [3]]})), ".parquet")
    yield Broken("a column twice", written(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])), ".parquet")
    yield Broken("no columns", written(pa.table({})), ".parquet")
    yield Broken("no rows", written(pa.table({"a": pa.array([], pa.int64())})), ".parquet")
    for name in UNICODE:
        yield Broken(f"a column called {name[:12]!r}", written(pa.table({name: [1.0]})), ".parquet")


def _pictures(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    from PIL import Image

    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    yield Broken("400 million pixels", out.getvalue(), ".png")
    for kind in ("GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"):
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, kind)
        yield Broken(kind, out.getvalue(), ".png")
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    yield Broken("one pixel", out.getvalue(), ".png")
    text = zlib.compress(bytes(64 << 20))
    chunk = b"zTXt" + b"a\0\0" + text
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    if good.startswith(b"\x89PNG"):
        yield Broken("64 MB of text within", good[:33] + bomb + good[33:], ".png")
        for width, height in ((2**31 - 1, 1), (1, 2**31 - 1), (0, 0), (2**16, 2**16)):
            head = b"IHDR" + struct.pack(">II", width, height) + good[24:29]
            made = good[:12] + head + struct.pack(">I", zlib.crc32(head)) + good[33:]
            yield Broken(f"{width} x {height}, it says", made, ".png")
    for match in list(re.finditer(b"\xff[\xc0\xc4\xda\xdb]", good))[:8] if good.startswith(b"\xff\xd8") else ():
        at = match.end()
        yield Broken(f"a segment at {at} of no length", good[:at] + b"\0\0" + good[at + 2 :], ".jpg")
        yield Broken(f"a segment at {at} of full length", good[:at] + b"\xff\xff" + good[at + 2 :], ".jpg")


def _dicom(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import pydicom
    from pydicom.uid import UID

    def changed(**tags: object) -> bytes:
        data = pydicom.dcmread(io.BytesIO(good))
        for tag, value in tags.items():
            if value is None:
                delattr(data, tag)
            else:
                setattr(data, tag, value)
        out = io.BytesIO()
        pydicom.dcmwrite(out, data)
        return out.getvalue()

    for tags in (
        {"Rows": 65535, "Columns": 65535}, {"Rows": 0}, {"NumberOfFrames": 2_000_000_000}, {"BitsAllocated": 32},
        {"BitsAllocated": 8}, {"BitsStored": 40}, {"SamplesPerPixel": 3}, {"PixelData": b""},
        {"PhotometricInterpretation": "EVIL"}, {"PhotometricInterpretation": "PALETTE COLOR"}, {"PixelData": None},
        {"Rows": None}, {"WindowCenter": 0, "WindowWidth": 0}, {"RescaleSlope": 0, "RescaleIntercept": 0},
        {"RescaleSlope": 1e15, "RescaleIntercept": 1e15}, {"WindowCenter": [1, 2], "WindowWidth": [3]},
        {"PixelRepresentation": 7}, {"PatientName": UNICODE[0]},
    ):  # fmt: skip
        yield Broken(f"{tags}"[:60], changed(**tags), ".dcm")
    for syntax in (
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.1.99",
        "1.2.3",
    ):
        data = pydicom.dcmread(io.BytesIO(good))
        old = data.file_meta.TransferSyntaxUID
        raw = good.replace(str(old).encode().ljust(20, b"\0"), UID(syntax).encode().ljust(20, b"\0")[:20], 1)
        yield Broken(f"packed as {syntax}, it says", raw, ".dcm")
    yield Broken("a preamble alone", good[:132], ".dcm")


SPECIAL: dict[str, Callable[[bytes, str, np.random.Generator], Iterator[Broken]]] = {
    "xgboost-json": _xgboost,
    "xgboost-ubj": _xgboost_ubj,
    "lightgbm-txt": _lightgbm,
    "catboost-cbm": _catboost_cbm,
    "catboost-json": _catboost_json,
    "skops": _skops,
    "onnx": _onnx,
    "safetensors": _safetensors,
    "torch-weights": _torch_weights,
    "huggingface-zip": _hub,
    "csv": _csv,
    "parquet": _parquet,
    "png": _pictures,
    "jpeg": _pictures,
    "dicom": _dicom,
    "picture-zip": _zips,
}
