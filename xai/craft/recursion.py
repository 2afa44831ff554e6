"""What concepts consist of: the tree of concepts at earlier and earlier layers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names
from .members import Crop
from .sobol import SobolConfig

if TYPE_CHECKING:
    from ..models.vision import ImageModel
    from .craft import Craft
    from .importance import Importance

MIN_PIECES = 5
"""Fewest pieces a concept is split from."""
_FORMAT = 1
_MEASURED, _FEWEST = 16, 8
_CELLS = 196  # positions of a map up to which as many pictures are measured
_QUICK = SobolConfig(n_points=64, n_scrambles=2)


@dataclass(frozen=True)
class Node:
    """One concept of the tree.

    Attributes
    ----------
    path
        Names of the concepts from the root to this one, itself last.
    layer
        The layer it was found at.
    position
        Its position among the concepts of that layer.
    sobol, signed
        Its importance for the class among its siblings: for the whole pictures at the root, for their parent's pieces
        below.
    coherence
        How alike its pieces are, at most 1.
    n_pieces
        How many pieces belong to it.
    worth_splitting
        Whether it is among the least coherent quarter of its siblings and has enough pieces.
    children
        What it consists of, where somebody asked.
    """

    path: tuple[str, ...]
    layer: str
    position: int
    sobol: float
    signed: float
    coherence: float
    n_pieces: int
    worth_splitting: bool
    children: tuple[Node, ...] = ()

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]


@dataclass(frozen=True)
class Tree:
    """Concepts of a class and what they consist of."""

    class_name: str
    nodes: tuple[Node, ...]

    def walk(self) -> list[Node]:
        """All nodes, each before its children."""
        found: list[Node] = []
        waiting = list(reversed(self.nodes))
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting.extend(reversed(node.children))
        return found

    def to_json(self) -> str:
        """Exact JSON text."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Tree:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If it is no tree of this version.
        """
        try:
            body = json.loads(text)
            if body["format"] != _FORMAT:
                raise InputError(f"this tree is of format {body['format']}, not {_FORMAT}.")
            return cls(body["class_name"], tuple(_node(part) for part in body["nodes"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this text holds no tree of concepts ({type(error).__name__}: {error}).") from error


def tree(craft: Craft, class_id: int | str, images: object | None = None) -> Tree:
    """The tree below fitted concepts, see :meth:`Craft.tree`."""
    position = craft.class_position(class_id)
    return Tree(craft.model.class_names[position], _nodes(craft, position, images, ()))


def _nodes(craft: Craft, class_id: int, images: object | None, path: tuple[str, ...]) -> tuple[Node, ...]:
    found = quick_importance(craft, class_id, images)[0]
    sizes = [len(craft.members.of(i)) for i in range(craft.n_concepts)]
    loose = least_coherent(craft.members.coherence, np.array(sizes))
    return tuple(
        Node(
            path=(*path, name),
            layer=craft.layer,
            position=i,
            sobol=float(found.sobol[i]),
            signed=float(found.signed[i]),
            coherence=float(craft.members.coherence[i]),
            n_pieces=sizes[i],
            worth_splitting=bool(loose[i]),
            # Pieces of a concept are explained as they are: they are the pictures their concepts were learned from.
            children=tuple(
                node
                for (parent, _), child in craft.children.items()
                if parent == i
                for node in _nodes(child, class_id, None, (*path, name))
            ),
        )
        for i, name in enumerate(craft.names)
    )


def quick_importance(
    craft: Craft, class_id: int | str, images: object | None = None
) -> tuple[Importance, object | None, tuple[str, ...]]:
    """Importance in bounded time: of some pictures of the fit where the head has to be asked for every mask.

    Returns
    -------
    found
        The importance.
    images
        The pictures it is of; ``None``: those of the fit.
    notes
        One line if they are not all.
    """
    good = craft.read(images).good
    n = int(np.clip(_MEASURED * _CELLS / (craft.cut.grid[0] * craft.cut.grid[1]), _FEWEST, _MEASURED))
    if images is not None or craft.cut.affine_head() is not None or len(good) <= n:
        return craft.importance(images, class_id, config=_QUICK), images, ()
    some = craft.view[np.sort(np.random.default_rng(craft.seed).permutation(good)[:n])]
    notes = (f"measured on {n} of {len(good)} pictures, drawn at random.",)
    return craft.importance(some, class_id, config=_QUICK), some, notes


def least_coherent(coherence: np.ndarray, n_pieces: np.ndarray) -> np.ndarray:
    """``(r,)`` booleans: the least coherent quarter, at least one, of those with enough pieces to be split."""
    able = np.isfinite(coherence) & (n_pieces >= MIN_PIECES)
    order = np.flatnonzero(able)[np.argsort(coherence[able], kind="stable")]
    chosen = np.zeros(len(coherence), dtype=bool)
    chosen[order[: max(1, len(coherence) // 4)]] = True
    return chosen


def pieces(view: np.ndarray, crops: tuple[Crop, ...]) -> np.ndarray:
    """Crops of pictures ``(n, H, W, 3)``, enlarged to the size of the pictures.

    Raises
    ------
    InputError
        If there are too few.
    """
    from ..models.vision import resize

    if len(crops) < MIN_PIECES:
        raise InputError(
            f"this concept has {len(crops)} pieces; splitting it needs at least {MIN_PIECES}: fit more pictures."
        )
    size = (view.shape[1], view.shape[2])
    return np.stack([resize(np.ascontiguousarray(crop.cut_out(view)), size) for crop in crops])


def earlier_layers(model: ImageModel, here: str, wanted: str | None) -> str:
    """The earlier layer that was asked for, or the nearest one with a finer map that is no part of another.

    Raises
    ------
    InputError
        If it is not earlier; the message lists those that are.
    """
    from ..models.vision import layers

    found = list(layers(model))
    names = [layer.name for layer in found]
    # A layer that somebody named may be none of those that are proposed: then all of them may be earlier.
    at = names.index(here) if here in names else len(found)
    before = found[:at]
    if not before:
        raise InputError(f"there is no layer before '{here}' that this model can be cut behind.")
    if wanted is None:
        cells = found[at].grid[0] * found[at].grid[1] if at < len(found) else 0
        whole = [layer for layer in before if not any(layer.name.startswith(f"{other}.") for other in names)]
        finer = [layer for layer in whole if layer.grid[0] * layer.grid[1] > cells]
        return (finer or whole or before)[-1].name
    if wanted not in [layer.name for layer in before]:
        raise InputError(unknown_names(f"layer before '{here}'", [wanted], [layer.name for layer in before]))
    return wanted


def _node(part: dict[str, Any]) -> Node:
    return Node(**part | {"path": tuple(part["path"]), "children": tuple(_node(child) for child in part["children"])})
