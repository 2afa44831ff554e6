"""Reading and replacing what a layer of a torch module gives; the hooks are gone when the block ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...core.errors import ModelError


class _Stopped(Exception):  # noqa: N818  # no error: it ends a forward pass whose rest nobody needs
    """Raised by a hook once the last layer asked for has answered."""


@contextmanager
def watch(module: Any, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the named layers give during forward passes in this block, with gradients where they are on.

    Later layers get a copy, so an activation that works in place does not change what is seen here. If a layer answers
    several times, the last answer stays.

    Raises
    ------
    ModelError
        If a layer answers with something that holds no tensor.
    """
    seen: dict[str, Any] = {}

    def hook_for(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            tensor = tensor_of(output)
            if tensor is None:
                raise ModelError(f"layer '{name}' answers with {type(output).__name__}, which holds no tensor.")
            seen[name] = tensor
            return with_tensor(output, tensor.clone())

        return hook

    parts = {name: module.get_submodule(name) for name in layers}
    handles = [part.register_forward_hook(hook_for(name)) for name, part in parts.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def replaced(module: Any, layer: str, value: Any) -> Iterator[None]:
    """The layer answers with ``value`` during forward passes in this block, whatever it gets."""

    def hook(_module: Any, _inputs: Any, output: Any) -> Any:
        return with_tensor(output, value)

    handle = module.get_submodule(layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def up_to(module: Any, layer: str, inputs: Any) -> Any:
    """What ``layer`` gives for the inputs; the layers behind it do not run."""
    kept = []

    def hook(_module: Any, _inputs: Any, output: Any) -> None:
        tensor = tensor_of(output)
        if tensor is None:
            raise ModelError(f"layer '{layer}' answers with {type(output).__name__}, which holds no tensor.")
        kept.append(tensor)
        raise _Stopped

    handle = module.get_submodule(layer).register_forward_hook(hook)
    try:
        module(inputs)
    except _Stopped:
        return kept[0]
    finally:
        handle.remove()
    raise ModelError(f"layer '{layer}' takes no part in the model's forward pass.")


def tensor_of(output: Any) -> Any:
    """The tensor a layer answers with: its output, or the first entry of a tuple or list; ``None`` if there is none."""
    import torch

    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None


def with_tensor(output: Any, tensor: Any) -> Any:
    """The layer's output with its tensor exchanged, in the same container."""
    if isinstance(output, tuple):
        return (tensor, *output[1:])
    if isinstance(output, list):
        return [tensor, *output[1:]]
    return tensor
