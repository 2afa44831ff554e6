"""Plain networks for tables, rebuilt from their weights alone: layers of numbers, with one activation between them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..core.errors import InputError, ModelError, unknown_names
from .base import Output, Task, class_spaces, value_names
from .torch_module import TorchModel
from .weights import CARD, Weights

ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu", "leaky_relu")
_NORM = ("weight", "bias", "running_mean", "running_var")
_MAX_LAYERS = 200


@dataclass(frozen=True)
class Card:
    """What the weights of a plain network do not say.

    Attributes
    ----------
    activation
        Between the layers, one of :data:`ACTIVATIONS`.
    classes
        Class labels; empty for a regression. One logit is that of the second of two classes.
    feature_names
        Columns in the network's order.
    mean, std
        Of each column: the network sees ``(x - mean) / std``. Empty: the columns as they are.
    """

    activation: str = "relu"
    classes: tuple[Any, ...] = ()
    feature_names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any], name: str) -> Card:
        """A card from a file's metadata.

        Raises
        ------
        ModelError
            If an entry has another type than it should.
        """
        try:
            card = cls(
                activation=str(content.get("activation", "relu")),
                classes=tuple(_label(label) for label in content.get("classes", ())),
                feature_names=tuple(str(column) for column in content.get("feature_names", ())),
                mean=tuple(float(value) for value in content.get("mean", ())),
                std=tuple(float(value) for value in content.get("std", ())),
            )
        except (TypeError, ValueError) as error:
            raise ModelError(f"{name}: its metadata cannot be used ({error}).") from error
        if card.activation not in ACTIVATIONS:
            raise ModelError(f"{name}: {unknown_names('activation', [card.activation], ACTIVATIONS)}")
        return card


@dataclass(frozen=True, eq=False, kw_only=True)
class MlpModel(TorchModel):
    """A plain network; a classifier answers logits, or the probabilities they stand for."""

    def forward(self, rows: Any) -> Any:
        """Outputs ``(n, k)`` in the space the model answers in."""
        import torch

        logits = self.native(rows)
        if self.output == "value":
            return logits
        if self.output == "margin":
            return logits[:, 1:] - logits[:, :1] if self.task == "binary" and logits.shape[1] == 2 else logits
        if logits.shape[1] == 1:
            second = torch.sigmoid(logits)
            return torch.cat([1.0 - second, second], dim=1)
        return torch.softmax(logits, dim=1)


@dataclass(frozen=True)
class Layer:
    """A layer found in the weights: ``"linear"`` or ``"norm"``, its name, its numbers of columns in and out."""

    kind: str
    name: str
    n_in: int
    n_out: int


def layers_of(shapes: Mapping[str, tuple[int, ...]]) -> list[Layer] | None:
    """The layers of a plain network in their order; ``None`` if the weights are those of something else.

    Order is that of the numbers in the names (``0.weight``, ``2.weight``, or ``fc1``, ``fc2``), and each layer must
    take what the one before gives.
    """
    names = {key.rpartition(".")[0] for key in shapes}
    found: list[Layer] = []
    for name in sorted(names, key=_natural):
        parts = {key.rpartition(".")[2]: shape for key, shape in shapes.items() if key.rpartition(".")[0] == name}
        weight = parts.get("weight")
        if weight is not None and len(weight) == 2 and parts.get("bias", (weight[0],)) == (weight[0],):
            found.append(Layer("linear", name, weight[1], weight[0]))
        elif {"running_mean", "running_var"} <= set(parts) and all(
            parts[part] == parts["running_mean"] for part in _NORM if part in parts
        ):
            (n,) = parts["running_mean"] if len(parts["running_mean"]) == 1 else (0,)
            found.append(Layer("norm", name, n, n))
        else:
            return None
        if set(parts) - {*_NORM, "num_batches_tracked"}:
            return None
    fits = all(before.n_out == after.n_in > 0 for before, after in pairwise(found))
    linear = sum(layer.kind == "linear" for layer in found)
    return found if fits and 0 < linear <= len(found) <= _MAX_LAYERS and found[-1].kind == "linear" else None


def open_mlp(weights: Weights, name: str, output: str | None = None, hash: str = "") -> MlpModel:  # noqa: A002
    """A plain network as a model.

    Raises
    ------
    ModelError
        If the weights are those of another network, or the card does not fit them.
    """
    layers = layers_of(weights.shapes)
    if layers is None:
        raise ModelError(f"{name} holds the weights of another network than a plain one.")
    card = Card.of(weights.card, name)
    n_in, n_out = layers[0].n_in, layers[-1].n_out
    for what, values, expected in (
        ("column names", card.feature_names, n_in),
        ("means", card.mean, n_in),
        ("standard deviations", card.std, n_in),
        ("classes", card.classes, 2 if n_out == 1 else n_out),
    ):
        if values and len(values) != expected:
            raise ModelError(f"{name}: its metadata has {len(values)} {what}, but the network has {expected}.")
    task, spaces, classes = _meaning(card, n_out, output)
    if output is not None and output not in spaces:
        raise ModelError(f"{name} has no output '{output}': it has {', '.join(spaces)}.")
    return MlpModel(
        framework="torch",
        native=_build(layers, weights, card, name).eval(),
        task=task,
        spaces=spaces,
        output=next(space for space in spaces if output in {None, space}),
        feature_names=card.feature_names or None,
        n_features=n_in,
        classes=classes or None,
        known_hash=hash,
    )


def save_mlp(
    module: Any,
    path: str | Path,
    *,
    activation: str = "relu",
    classes: Sequence[Any] = (),
    feature_names: Sequence[str] = (),
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
) -> None:
    """Write a plain torch network as a safetensors file that says what it is for.

    Parameters
    ----------
    module
        A module of linear layers, batch norms and one kind of activation, or its ``state_dict()``.
    path
        Where to write.
    activation, classes, feature_names, mean, std
        As in :class:`Card`.

    Raises
    ------
    InputError
        If the weights are not those of a plain network, or there is no such activation.
    """
    from safetensors.torch import save_file

    state = module if isinstance(module, Mapping) else module.state_dict()
    if layers_of({key: tuple(tensor.shape) for key, tensor in state.items()}) is None:
        raise InputError("this is no plain network of linear layers: export it as ONNX (torch.onnx.export).")
    if activation not in ACTIVATIONS:
        raise InputError(unknown_names("activation", [activation], ACTIVATIONS))
    card = {
        "architecture": "mlp",
        "activation": activation,
        "classes": list(classes),
        "feature_names": list(feature_names),
        "mean": [float(value) for value in mean],
        "std": [float(value) for value in std],
    }
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, path, {CARD: json.dumps(card)})


def _meaning(card: Card, n_out: int, output: str | None) -> tuple[Task, dict[Output, tuple[str, ...]], tuple[Any, ...]]:
    classes = card.classes
    if not classes and (output in {"margin", "probability"} or (n_out > 1 and output is None)):
        classes = tuple(range(max(n_out, 2)))
    if not classes:
        return "regression", {"value": value_names(n_out)}, ()
    spaces = class_spaces(classes, ("margin", "probability"))
    return "binary" if len(classes) == 2 else "multiclass", spaces, classes


def _build(layers: list[Layer], weights: Weights, card: Card, name: str) -> Any:
    import torch
    from torch import nn

    activations = {
        "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU, "elu": nn.ELU,
        "leaky_relu": nn.LeakyReLU,
    }  # fmt: skip
    whole = nn.Sequential()
    if card.mean or card.std:
        n = layers[0].n_in
        # A norm without an epsilon of its own is (x - mean) / std.
        start = nn.BatchNorm1d(n, eps=0.0, affine=False)
        start.running_mean = torch.tensor(card.mean or (0.0,) * n)
        start.running_var = torch.tensor(card.std or (1.0,) * n).square()
        whole.append(start)
    pending = False  # an activation that stands behind the linear layer before
    for position, layer in enumerate(layers):
        parts = {
            key.rpartition(".")[2]: tensor
            for key, tensor in weights.tensors.items()
            if key.rpartition(".")[0] == layer.name
        }
        if layer.kind == "linear":
            if pending:
                whole.append(activations[card.activation]())
            made = nn.Linear(layer.n_in, layer.n_out, bias="bias" in parts)
            pending = position < len(layers) - 1
        else:
            # A norm right behind its layer (by the numbers in the names) comes before the activation.
            if pending and not _adjacent(layers[position - 1].name, layer.name):
                whole.append(activations[card.activation]())
                pending = False
            made = nn.BatchNorm1d(layer.n_in, affine="weight" in parts)
        try:
            made.load_state_dict({key: tensor.float() for key, tensor in parts.items()}, strict=False)
        except RuntimeError as error:
            raise ModelError(f"{name} is damaged: its layer '{layer.name}' does not fit ({error}).") from error
        whole.append(made)
    return whole


def _adjacent(before: str, after: str) -> bool:
    numbers = [re.findall(r"\d+", name) for name in (before, after)]
    if not numbers[0] or not numbers[1]:
        return True
    return int(numbers[1][-1]) - int(numbers[0][-1]) <= 1


def _natural(name: str) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def _label(label: Any) -> Any:
    if not isinstance(label, str | int | float | bool):
        raise TypeError(f"the class {label!r} is neither text nor a number")
    return label
