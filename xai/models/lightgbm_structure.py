"""What LightGBM's text must hold before the library reads it: it ends the whole process on what it cannot follow."""

from __future__ import annotations

import json
import re

import numpy as np

from ..core.errors import ModelError
from .structure import MAX_FEATURES, MAX_OUTPUTS

_PER_SPLIT = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_SPLIT_STATS = ("split_gain", "internal_value", "internal_weight", "internal_count")
_LEAF_STATS = ("leaf_weight", "leaf_count")
_NEXT = (b"Tree=", b"end of trees")
_CATEGORICAL = 1  # bit of a decision's type


def check_lightgbm(text: str, name: str) -> None:
    """The head, all trees and the trailer are there, and what points somewhere points to something.

    Raises
    ------
    ModelError
        Naming the file and what is missing or wrong.
    """
    head, _, _ = text.partition("\nTree=")
    sizes = re.search(r"^tree_sizes=([\d ]*)$", head, re.MULTILINE)
    listed = sizes.group(1).split() if sizes else []
    if sizes is None or len(listed) != len(re.findall(r"^Tree=\d+$", text, re.MULTILINE)):
        raise ModelError(f"{name} is damaged or cut short: it does not hold the trees that its head announces.")
    _check_end(text, name)
    last_feature = _check_head(head, len(listed), name)
    _check_trees(text, listed, last_feature, name)


def _check_end(text: str, name: str) -> None:
    _, marker, rest = text.partition("\nend of trees")
    last = rest.rstrip("\r\n").rpartition("\n")[2]
    closed = last == "end of parameters"
    if last.startswith("pandas_categorical:"):
        try:
            json.loads(last.partition(":")[2])
            closed = "\nend of parameters" in rest or "\nparameters:" not in rest
        except (ValueError, RecursionError):
            closed = False
    if not marker or not closed:
        raise ModelError(f"{name} is cut short: a LightGBM model ends with its parameters.")


def _check_head(head: str, n_trees: int, name: str) -> int:
    """Numbers of columns, classes and trees agree; the last column's number is returned."""
    fields = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    try:
        last = int(fields["max_feature_idx"])
        n_classes, per_round = int(fields["num_class"]), int(fields["num_tree_per_iteration"])
    except (KeyError, ValueError) as error:
        raise ModelError(f"{name} is damaged: its head does not say its columns or classes ({error}).") from error
    if not 0 <= last < MAX_FEATURES or not 1 <= n_classes <= MAX_OUTPUTS or not 1 <= per_round <= MAX_OUTPUTS:
        raise ModelError(f"{name} is damaged: it says that it has {last + 1:,} columns and {n_classes:,} classes.")
    if n_trees % per_round:
        raise ModelError(f"{name} is damaged: its {n_trees} trees do not make rounds of {per_round}.")
    for what in ("feature_names", "feature_infos"):
        if len(fields.get(what, "").split()) != last + 1:
            raise ModelError(f"{name} is damaged: its head has other {what} than its {last + 1} columns.")
    return last


def _check_trees(text: str, sizes: list[str], last_feature: int, name: str) -> None:
    content = text.encode()
    start = content.find(b"\nTree=0\n") + 1
    for number, size in enumerate(sizes):
        end = start + int(size)
        where = f"{name} is damaged: tree {number}"
        # LightGBM jumps by these sizes, and ends the process where it lands in the middle of a tree.
        if not content.startswith(f"Tree={number}\n".encode(), start) or not content.startswith(_NEXT, end):
            raise ModelError(f"{where} is not as long as the head of the file says.")
        block = content[start:end].decode(errors="replace")
        start = end
        try:
            _check_tree(
                dict(line.split("=", 1) for line in block.splitlines() if "=" in line), number, last_feature, where
            )
        except (KeyError, ValueError, OverflowError) as error:
            raise ModelError(f"{where} cannot be read ({error}).") from error


def _check_tree(fields: dict[str, str], number: int, last_feature: int, where: str) -> None:
    n_leaves = int(fields["num_leaves"])
    per_split = {key: _numbers(fields.get(key, "")) for key in _PER_SPLIT}
    whole = fields["Tree"] == str(number) and len(_numbers(fields["leaf_value"])) == n_leaves >= 1
    whole = whole and all(len(array) == n_leaves - 1 for array in per_split.values())
    whole = whole and all(
        len(_numbers(fields[key])) in {0, n}
        for keys, n in ((_SPLIT_STATS, n_leaves - 1), (_LEAF_STATS, n_leaves))
        for key in keys
        if key in fields
    )
    if not whole:
        raise ModelError(f"{where} has lists of different lengths.")
    if any(not np.isfinite(_numbers(fields[key])).all() for key in ("leaf_value", "shrinkage") if key in fields):
        raise ModelError(f"{where} has a leaf that is no number.")
    if n_leaves > 1:
        _check_links(per_split, n_leaves, last_feature, where)
        _check_categories(fields, per_split, where)
    if int(fields.get("is_linear", "0")):
        _check_lines(fields, n_leaves, last_feature, where)


def _check_links(arrays: dict[str, np.ndarray], n_leaves: int, last_feature: int, where: str) -> None:
    children = np.concatenate([arrays["left_child"], arrays["right_child"]])
    # Inner nodes count from 0, leaf i is written -i - 1; each but the root is the child of exactly one node.
    expected = np.r_[-np.arange(n_leaves, 0, -1), np.arange(1, n_leaves - 1)]
    if not np.array_equal(np.sort(children), expected):
        raise ModelError(f"{where} points to nodes that do not exist or belong to another branch.")
    features = arrays["split_feature"]
    if (features < 0).any() or (features > last_feature).any() or (features % 1).any():
        raise ModelError(f"{where} splits on a column that does not exist (the model has {last_feature + 1}).")


def _check_categories(fields: dict[str, str], arrays: dict[str, np.ndarray], where: str) -> None:
    """Splits on categories say by their threshold which piece of the list of bits is theirs."""
    kinds = arrays["decision_type"]
    if (kinds < 0).any() or (kinds > 15).any() or (kinds % 1).any():
        raise ModelError(f"{where} has a kind of split that does not exist.")
    n_sets = int(fields["num_cat"])
    bounds, bits = _numbers(fields.get("cat_boundaries", "")), _numbers(fields.get("cat_threshold", ""))
    sound = n_sets == 0 or (
        len(bounds) == n_sets + 1 and bounds[0] == 0 and (np.diff(bounds) >= 0).all() and bounds[-1] == len(bits)
    )
    if n_sets < 0 or not sound:
        raise ModelError(f"{where} has categories beyond the end of their list.")
    places = arrays["threshold"][(kinds.astype(int) & _CATEGORICAL) == 1]
    if (places < 0).any() or (places >= n_sets).any() or (places % 1).any():
        raise ModelError(f"{where} asks for a set of categories that it does not hold.")


def _check_lines(fields: dict[str, str], n_leaves: int, last_feature: int, where: str) -> None:
    """Leaves that hold a line each: as many slopes as columns."""
    counts = _numbers(fields.get("num_features", ""))
    columns, slopes = _numbers(fields.get("leaf_features", "")), _numbers(fields.get("leaf_coeff", ""))
    if len(counts) != n_leaves or len(_numbers(fields["leaf_const"])) != n_leaves or (counts < 0).any():
        raise ModelError(f"{where} has lists of different lengths.")
    if not counts.sum() == len(columns) == len(slopes) or (columns < 0).any() or (columns > last_feature).any():
        raise ModelError(f"{where} has slopes for columns that do not exist.")


def _numbers(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=float)
