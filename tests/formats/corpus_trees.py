"""Damaged models of trees: indices that lead nowhere, lengths of any size, odd names."""

from __future__ import annotations

import copy
import json
import re
import struct
from collections.abc import Iterator
from itertools import islice

import numpy as np
from corpus_common import NUMBERS, UNICODE, Broken


def xgboost_json(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
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


def xgboost_ubj(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
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


def lightgbm_txt(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
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


def catboost_cbm(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    for size in (0, 1, 2**31 - 1, 2**32 - 1, len(good) * 2):
        yield Broken(f"a head that says {size}", b"CBM1" + struct.pack("<I", size) + good[8:], ".cbm")
    for _ in range(80):
        at = int(rng.integers(8, len(good) // 4)) * 4
        value = int(rng.choice([2**31 - 1, 2**32 - 1, 10**6, 0]))
        yield Broken(f"{value} at {at}", good[:at] + struct.pack("<I", value) + good[at + 4 :], ".cbm")


def catboost_json(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
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
