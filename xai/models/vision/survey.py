"""Which layers of a torch module can be cut: read off the graph of one forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import ModelError
from .hooks import tensor_of
from .layers import Layer
from .layout import layout_of, to_maps
from .torch_network import as_logits

_SEED = 0
_N_IMAGES = 2


def survey(
    module: Any, size: tuple[int, int], channels: int, to_tensor: Callable[[np.ndarray], Any]
) -> tuple[Layer, ...]:
    """Layers whose output is a map that every path from picture to logits passes through, and that moves the logits.

    One forward pass of noise records where in autograd's graph each layer's output lies; a layer is a bottleneck if
    the picture cannot be reached from the logits without its node. One backward pass tells whether its patches
    reach the logits at all: behind the last block of a transformer that reads only its CLS token they do not.

    Parameters
    ----------
    module
        In evaluation mode.
    size, channels
        ``(height, width)`` and channels of the inputs.
    to_tensor
        Brings an array to the module's type and device.

    Raises
    ------
    ModelError
        If no gradient flows from the logits to the picture.
    """
    import torch

    noise = np.random.default_rng(_SEED).normal(size=(_N_IMAGES, channels, *size)).astype(np.float32)
    with torch.enable_grad():
        picture = to_tensor(noise).requires_grad_(requires_grad=True)
        found, logits = _recorded_pass(module, picture)
        if logits.grad_fn is None:
            raise ModelError("the model passes no gradient to the picture: name the layer to cut yourself.")
        weights = torch.from_numpy(np.random.default_rng(_SEED).normal(size=tuple(logits.shape))).to(logits)
        edges = [edge for edge, _ in found.values()]
        grads = torch.autograd.grad((logits * weights).sum(), edges, allow_unused=True) if edges else ()
    source = torch.autograd.graph.get_gradient_edge(picture).node
    good = []
    for (name, (edge, shape)), grad in zip(found.items(), grads, strict=True):
        layout = layout_of(shape, size)
        if layout is None or grad is None or _reaches(logits.grad_fn, source, avoiding=edge.node):
            continue
        maps, prefix = to_maps(grad, layout, size)
        _, height, width, depth = maps.shape
        if height * width > 1 and bool((maps != 0).any()):
            good.append(Layer(name, layout, (height, width), depth, 0 if prefix is None else prefix.shape[1]))
    return tuple(good)


def _recorded_pass(module: Any, picture: Any) -> tuple[dict[str, tuple[Any, tuple[int, ...]]], Any]:
    """Layer name to (its place in the graph, its shape), in the order the layers answer; and the logits.

    Left out are layers that answer more than once. Of layers that give the very same tensor the outermost stands for
    all, and not one that only hands it on (identity, dropout at rest).
    """
    import torch

    calls: dict[str, int] = {}
    found: dict[str, tuple[Any, tuple[int, ...]]] = {}

    def hook_for(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            tensor = tensor_of(output)
            if tensor is not None and tensor.requires_grad and tensor.ndim in {3, 4}:
                found[name] = (torch.autograd.graph.get_gradient_edge(tensor), tuple(tensor.shape))

        return hook

    handles = [layer.register_forward_hook(hook_for(name)) for name, layer in module.named_modules() if name]
    try:
        logits = as_logits(module(picture))
    finally:
        for handle in handles:
            handle.remove()
    names: dict[Any, str] = {}
    for name, (edge, _) in found.items():
        place = (edge.node, edge.output_nr)
        if place not in names or names[place].startswith(f"{name}."):
            names[place] = name
    return {name: found[name] for name in names.values() if calls[name] == 1}, logits


def _reaches(start: Any, goal: Any, avoiding: Any) -> bool:
    """Whether a path leads from one node of autograd's graph to another without a third."""
    seen = {avoiding}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node is goal:
            return True
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting.extend(following for following, _ in node.next_functions)
    return False
