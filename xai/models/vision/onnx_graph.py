"""Reading and cutting ONNX graphs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

# What these say of a tensor is its size, not its content.
_SIZE_ONLY = {"Shape", "Size"}


def bottlenecks(graph: Any, start: str, end: str) -> tuple[str, ...]:
    """Tensors that every path from ``start`` to ``end`` passes through, in the order they are computed."""
    makers = {name: node for node in graph.node for name in node.output if name}
    needed, _ = _backwards(makers, [end], stop=set())
    found = []
    for node in graph.node:
        for name in node.output:
            if name not in needed or name == end:
                continue
            without, _ = _backwards(makers, [end], stop={name}, sizes=False)
            own, _ = _backwards(makers, [name], stop=set(), sizes=False)
            if start not in without and start in own:
                found.append(name)
    return tuple(found)


def part(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """The part of a model that leads from some tensors to others; inputs that are not needed are left out."""
    onnx = import_module("onnx")
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output if name}
    needed, nodes = _backwards(makers, outputs, stop=set(inputs))
    known = {value.name: value for value in (*graph.input, *graph.output, *graph.value_info)}
    cut = onnx.helper.make_graph(
        [node for node in graph.node if id(node) in nodes],
        graph.name or "part",
        [known.get(name) or _untyped(onnx, name, graph) for name in inputs if name in needed],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        initializer=[tensor for tensor in graph.initializer if tensor.name in needed],
    )
    made = onnx.helper.make_model(cut, opset_imports=model.opset_import, functions=list(model.functions))
    made.ir_version = model.ir_version
    return made


def _backwards(
    makers: dict[str, Any], ends: Sequence[str], stop: set[str], *, sizes: bool = True
) -> tuple[set[str], set[int]]:
    """Names of the tensors that ``ends`` are computed from, and the identities of the nodes that do it."""
    seen: set[str] = set()
    nodes: set[int] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        node = None if name in stop else makers.get(name)
        if node is not None:
            nodes.add(id(node))
            if sizes or node.op_type not in _SIZE_ONLY:
                waiting.extend(_reads(node))
    return seen - (stop if not sizes else set()), nodes


def _reads(node: Any) -> list[str]:
    """Tensors a node reads, those inside its branches and loops too."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for step in inner.node:
                names.extend(_reads(step))
    return names


def _untyped(onnx: Any, name: str, graph: Any) -> Any:
    """A floating-point input of any shape, of the type the graph's own input has."""
    weights = {tensor.name for tensor in graph.initializer}
    kind = next(value.type.tensor_type.elem_type for value in graph.input if value.name not in weights)
    return onnx.helper.make_tensor_value_info(name, kind, None)
