"""skops files that carry code, or trees that lead nowhere."""

from __future__ import annotations

import copy
import io
import json
import struct
from collections.abc import Iterator

import numpy as np
from corpus_common import Broken, unzipped, zipped
from corpus_zips import zips


def skops(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
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
    yield from zips(good, marker, rng)


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
