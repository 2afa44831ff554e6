"""What an ONNX file may hold before a library runs it: its own weights, standard operators, trees that lead on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import MissingExtraError, ModelError, listing
from .base import library_text
from .structure import check_children

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
"""Domains of the operators that are run: those of the standard."""
MAX_NODES = 200_000
_DEPTH = 16
_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")


def read_onnx(path: Path) -> Any:
    """The ``onnx.ModelProto`` in a file, checked; nothing outside the file is read.

    Raises
    ------
    ModelError
        If the file is damaged, keeps its weights elsewhere, or uses operators that are not of the standard.
    MissingExtraError
        If onnx or onnxruntime is not installed.
    """
    try:
        onnx = import_module("onnx")
        import_module("onnxruntime")
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx", "formats") from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception as error:
        # The protobuf library's own error has no public name.
        raise ModelError(f"{path.name} is damaged or cut short: it cannot be read as ONNX.") from error
    if not proto.graph.node or not proto.graph.output:
        raise ModelError(f"{path.name} holds an ONNX graph that computes nothing.")
    check_proto(proto, path.name)
    return proto


def check_proto(proto: Any, name: str) -> None:
    """Weights inside, standard operators, a bounded number of nodes, sound trees.

    Raises
    ------
    ModelError
        Naming the file and what is wrong with it.
    """
    n_nodes = 0
    for graph in _graphs(proto, name):
        _check_weights(graph, name)
        for node in graph.node:
            n_nodes += 1
            if n_nodes > MAX_NODES:
                raise ModelError(f"{name} has more than {MAX_NODES:,} operators.")
            if node.domain not in DOMAINS:
                raise ModelError(
                    f"{name} uses the operator '{node.op_type}' of '{node.domain}', which is not of the ONNX standard: "
                    "only 'ai.onnx' and 'ai.onnx.ml' are run. Export the model without it."
                )
            if node.op_type in _TREES:
                try:
                    _check_trees(node, _width(proto.graph, node.input[0]), name)
                except (KeyError, IndexError, ValueError) as error:
                    raise ModelError(f"{name} is damaged: its trees are incomplete ({error!r}).") from error
    strange = [opset.domain for opset in proto.opset_import if opset.domain not in DOMAINS]
    used = [domain for domain in strange if domain and not domain.startswith(("com.microsoft", "ai.onnx"))]
    if used:
        raise ModelError(f"{name} asks for operators of {listing(used)}: only those of the ONNX standard are run.")


def _graphs(proto: Any, name: str) -> Iterator[Any]:
    """The graph, its functions, and every graph inside a branch or a loop."""
    waiting = [(proto.graph, 0), *((function, 0) for function in proto.functions)]
    while waiting:
        graph, depth = waiting.pop()
        if depth > _DEPTH:
            raise ModelError(f"{name} nests graphs more than {_DEPTH} deep.")
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append((attribute.g, depth + 1))
                waiting.extend((inner, depth + 1) for inner in attribute.graphs)


def _check_weights(graph: Any, name: str) -> None:
    tensors = list(getattr(graph, "initializer", ()))
    for sparse in getattr(graph, "sparse_initializer", ()):
        tensors += [sparse.values, sparse.indices]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]
            for sparse in (*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []),):
                tensors += [sparse.values, sparse.indices]
    for tensor in tensors:
        if tensor.data_location == 1 or len(tensor.external_data):
            raise ModelError(
                f"{name} keeps its weights in another file, which is never read: save it as one file "
                "(onnx.save_model(..., save_as_external_data=False))."
            )
        if any(size < 0 for size in tensor.dims):
            raise ModelError(f"{name} is damaged: the weights '{tensor.name[:60]}' have a negative size.")


def _width(graph: Any, name: str) -> int | None:
    """Number of columns of an input of the graph, where it is stated."""
    for value in graph.input:
        if value.name == name:
            sizes = [size.dim_value for size in value.type.tensor_type.shape.dim]
            return sizes[1] if len(sizes) == 2 and sizes[1] > 0 else None
    return None


def _check_trees(node: Any, n_features: int | None, name: str) -> None:
    lists = {one.name: np.array(one.ints or one.floats) for one in node.attribute}
    lists |= {one.name: np.array([bytes(text) for text in one.strings]) for one in node.attribute if one.strings}
    trees, ids = lists["nodes_treeids"].astype(int), lists["nodes_nodeids"].astype(int)
    names = ("nodes_truenodeids", "nodes_falsenodeids", "nodes_featureids", "nodes_modes")
    if any(len(lists[part]) != len(ids) for part in names) or len(trees) != len(ids):
        raise ModelError(f"{name} is damaged: its trees have lists of different lengths.")
    for optional in ("nodes_values", "nodes_missing_value_tracks_true", "nodes_hitrates"):
        if optional in lists and len(lists[optional]) not in {0, len(ids)}:
            raise ModelError(f"{name} is damaged: its trees have lists of different lengths.")
    place = {pair: position for position, pair in enumerate(zip(trees.tolist(), ids.tolist(), strict=True))}
    if len(place) < len(ids):
        raise ModelError(f"{name} is damaged: two nodes of one tree have the same number.")
    leaf = lists["nodes_modes"] == b"LEAF"
    columns = lists["nodes_featureids"].astype(int)
    last = n_features if n_features is not None else int(columns.max(initial=0)) + 1
    for tree in np.unique(trees):
        rows = np.flatnonzero(trees == tree)
        base = {int(ids[row]): position for position, row in enumerate(rows)}
        sides = []
        for part in ("nodes_truenodeids", "nodes_falsenodeids"):
            wanted = lists[part].astype(int)[rows]
            sides.append(
                np.array([-1 if leaf[r] else base.get(int(w), len(rows)) for r, w in zip(rows, wanted, strict=True)])
            )
        where = f"{name} is damaged: tree {tree}"
        check_children(sides[0], sides[1], np.where(leaf[rows], 0, columns[rows]), last, where)
    prefix = "class" if node.op_type == "TreeEnsembleClassifier" else "target"
    answers = list(zip(lists[f"{prefix}_treeids"].tolist(), lists[f"{prefix}_nodeids"].tolist(), strict=True))
    if any(pair not in place for pair in answers) or len(lists[f"{prefix}_ids"]) != len(answers):
        raise ModelError(f"{name} is damaged: its leaves answer for nodes that do not exist.")


def open_session(proto: Any, name: str) -> Any:
    """The checked model, ready to run on one thread.

    Raises
    ------
    ModelError
        If onnxruntime refuses it.
    """
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime has a dozen kinds of error without public names.
        raise ModelError(f"{name} could not be opened by onnxruntime: {library_text(error)}") from error
