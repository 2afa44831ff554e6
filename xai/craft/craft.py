"""CRAFT: concepts of a class as an image model sees it, what they are worth, and where they are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ..core import Game, InputError, ModelError, Provenance
from ..core.errors import listing, unknown_names
from ..core.provenance import hash_array, versions
from . import choose
from .coding import Cache, Pictures, Progress, code, encode, read
from .factorize import PUBLISHED, FactorConfig, Factors, factorize
from .fidelity import Fidelity, fidelity
from .game import concept_game
from .head import Coded, Head
from .importance import Estimator, Importance, importance
from .maps import MapConfig, concept_maps
from .members import Crop, Members, coherence, position_boxes
from .names import names_from, names_record
from .names import read as read_names
from .nnls import nnls
from .recursion import earlier_layers, pieces
from .sobol import SobolConfig

if TYPE_CHECKING:
    from ..models.vision import ImageModel, Preprocess
    from .recursion import Tree

Mode = Literal["positions", "crops"]
_FEW = 20


class Craft:
    """Concepts of a class (Fel et al. 2023).

    Parameters
    ----------
    model
        A ``torch.nn.Module`` or anything else :class:`xai.models.vision.ImageModel` takes, or one of these.
    n_concepts
        Number of concepts, r; :meth:`sweep` helps to choose.
    layer
        Where the model is cut; ``None``: the last map before its pooling, see :attr:`layer`.
    mode
        ``"positions"``: concepts are learned from every position of whole pictures, one forward pass a picture.
        ``"crops"``: from the mean activations of overlapping crops, as in the paper.
    patch_size
        Side in pixels of crops, and of the squares that show positions.
    preprocess
        Of a model given as a module or file.
    seed
        The same seed, the same concepts.
    factor
        Options of the factorisation. By default :class:`FactorConfig`'s own for positions, the paper's for crops.
    cache
        Folder for activations: later calls with the same model, layer and pictures read them from there.

    Attributes
    ----------
    names
        Names of the concepts; :meth:`rename` changes them.
    factors
        The concepts themselves, ``factors.W`` ``(r, p)``, and how well they rebuild the activations.
    members
        The pieces of pictures they were learned from.
    notes
        What a reader must know, e.g. pictures that were left out.
    children
        (concept position, layer) to the concepts that :meth:`recurse` found in it.
    """

    def __init__(
        self,
        model: Any,
        n_concepts: int = 10,
        layer: str | None = None,
        *,
        mode: Mode = "positions",
        patch_size: int = 64,
        preprocess: Preprocess | None = None,
        seed: int = 0,
        factor: FactorConfig | None = None,
        cache: Cache = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise InputError(unknown_names("mode", [mode], get_args(Mode)))
        if n_concepts < 1 or patch_size < 2:
            raise InputError(f"n_concepts ({n_concepts}) must be at least 1, patch_size ({patch_size}) at least 2.")
        self.model = as_image_model(model, preprocess)
        self.cut = self.model.cut(layer)
        self.n_concepts, self.mode, self.patch_size, self.seed = n_concepts, mode, patch_size, seed
        self.cache = cache
        self.factor = factor or (FactorConfig() if mode == "positions" else PUBLISHED)
        self.names = tuple(f"concept {i + 1}" for i in range(n_concepts))
        self.notes: tuple[str, ...] = ()
        self.children: dict[tuple[int, str], Craft] = {}
        self._factors: Factors | None = None
        self._members: Members | None = None
        self._pictures: Pictures | None = None
        self._head: Head | None = None
        self._origin: tuple[Crop, ...] = ()

    def __repr__(self) -> str:
        state = f"error {self._factors.error:.3f}" if self._factors else "not fitted"
        return f"Craft({self.n_concepts} concepts at '{self.layer}', {self.mode}, {state})"

    @property
    def layer(self) -> str:
        """The layer the model is cut behind."""
        return self.cut.layer

    @property
    def factors(self) -> Factors:
        """See the class; an InputError before :meth:`fit`."""
        if self._factors is None:
            raise InputError("there are no concepts yet: call .fit(images) first.")
        return self._factors

    @property
    def members(self) -> Members:
        """See the class; an InputError before :meth:`fit`."""
        if self._members is None:
            raise InputError("there are no concepts yet: call .fit(images) first.")
        return self._members

    @property
    def W(self) -> np.ndarray:  # noqa: N802  # the field's own name
        """``(r, p)`` concepts."""
        return self.factors.W

    @property
    def head(self) -> Head:
        """The model behind the cut, as a function of these concepts; what it found out about them stays with it."""
        if self._head is None or self._head.W is not self.W:
            self._head = Head(self.cut, self.W)
        return self._head

    @property
    def origin(self) -> tuple[Crop, ...]:
        """Of concepts found by :meth:`recurse`: the pieces of the parent's pictures they were learned from."""
        return self._origin

    @property
    def view(self) -> np.ndarray:
        """``(n, H, W, 3)`` the pictures the concepts were learned from, as the model sees them."""
        return self.read(None).view

    def read(self, images: object | None) -> Pictures:
        """Pictures as the model sees them; ``None``: those the concepts were learned from."""
        if images is not None:
            return read(self.model, images)
        if self._pictures is None:
            raise InputError("pictures are not saved with concepts: call .attach(images) with those of the fit.")
        return self._pictures

    def fit(self, images: object, progress: Progress | None = None) -> Craft:
        """Learn the concepts.

        Parameters
        ----------
        images
            ``(n, H, W, 3)`` uint8, or a sequence of pictures of any usual kind. They should be of one class, best those
            that the model takes for it. A picture that cannot be used is left out and told in :attr:`notes`.
        progress
            Called with the share of the pictures encoded.

        Raises
        ------
        InputError
            If no picture can be used or there are more concepts than rows of activations.
        """
        from ..models.vision.crops import CropGrid

        crops = CropGrid(self.patch_size) if self.mode == "crops" else None
        found, pictures = encode(self.cut, read(self.model, images), crops=crops, cache=self.cache, progress=progress)
        n, h, w, p = found.maps.shape
        rows = found.maps.reshape(-1, p)
        self._factors = factorize(rows, self.n_concepts, self.factor, self.seed)
        U = nnls(rows, self._factors.W)
        boxes = found.boxes
        if crops is None:
            size = (pictures.view.shape[1], pictures.view.shape[2])
            boxes = np.tile(position_boxes((h, w), size, self.patch_size), (n, 1))
        sources = np.repeat(pictures.good[found.sources], h * w)
        self._members = Members(U, sources, boxes, coherence(rows, U))
        self._pictures, self.children = pictures, {}
        used = len(pictures.good)
        few = (f"learned from {used} pictures only: these may be concepts of the pictures, not of the class.",)
        self.notes = pictures.notes + (few if used < _FEW else ())
        return self

    def attach(self, images: object) -> Craft:
        """Bring back the pictures of the fit after loading, which are not saved; those of children follow.

        Raises
        ------
        InputError
            If their number is not that of the fit.
        """
        pictures = read(self.model, images)
        last = int(self.members.images.max())
        if last >= len(pictures.view):
            raise InputError(f"concepts were learned from at least {last + 1} pictures, but {len(pictures.view)} came.")
        self._pictures = pictures
        for child in self.children.values():
            child.attach(pieces(pictures.view, child.origin))
        return self

    def rename(self, names: Mapping[int | str, str]) -> Craft:
        """Give concepts names: position or present name to new name.

        Raises
        ------
        InputError
            If a concept does not exist or two would have one name.
        """
        new = list(self.names)
        for concept, name in names.items():
            new[self.position(concept)] = str(name)
        if len(set(new)) < len(new) or not all(new):
            raise InputError(f"every concept needs a name of its own, but the names would be {listing(new)}.")
        self.names = tuple(new)
        return self

    def names_to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The names as JSON text, with the concepts they belong to; written to ``path`` if given."""
        text = json.dumps(names_record(self.names, self.W, self.layer))
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def names_from_json(self, path: str | os.PathLike[str]) -> Craft:
        """Give concepts the names that :meth:`names_to_json` or the page wrote for the same ones, wherever they stand.

        Raises
        ------
        InputError
            If the file holds no names, or names of none of these concepts.
        """
        found: dict[int | str, str] = dict(names_from(read_names(path), self.W, self.layer).items())
        return self.rename(found)

    def position(self, concept: int | str) -> int:
        """Position of a concept given by position or name."""
        return _position("concept", concept, self.names)

    def class_position(self, class_id: int | str) -> int:
        """Position of a class given by position or name."""
        return _position("class", class_id, self.model.class_names)

    def code(self, images: object | None) -> tuple[Coded, Pictures]:
        """Pictures in concept space; rows of pictures that cannot be used are NaN."""
        return code(self.cut, self.W, self.read(images), self.cache)

    def transform(self, images: object | None = None) -> np.ndarray:
        """Coefficients ``(n, h, w, r)`` of pictures, all at least 0; NaN for pictures that cannot be used."""
        return self.code(images)[0].U

    def importance(
        self,
        images: object | None,
        class_id: int | str,
        estimator: Estimator = "auto",
        config: SobolConfig | None = None,
    ) -> Importance:
        """How much each concept matters for a class.

        Parameters
        ----------
        images
            Pictures to explain; ``None``: those of the fit.
        class_id
            Position or name of the class.
        estimator
            ``"auto"``: ``"closed_form"`` where the head is affine, else ``"sobol"``; ``"published"``: the numbers of
            the released implementations, biased by the order of the concepts.
        config
            Options of the sampled estimate.
        """
        coded, pictures = self.code(images)
        return self._importance(coded, pictures, self.class_position(class_id), estimator, config)

    def concept_maps(
        self, images: object | None, method: str = "coefficients", config: MapConfig | None = None
    ) -> np.ndarray:
        """Maps ``(n, r, H, W)`` of the concepts over pictures as the model sees them, see :mod:`xai.craft.maps`."""
        return concept_maps(self.cut, self.W, self.read(images).view, method, config)

    def best_crops(self, concept: int | str, n: int = 10, per_image: int = 2) -> tuple[Crop, ...]:
        """The pieces of the fitted pictures that hold most of a concept, at most some of one picture."""
        return self.members.best(self.position(concept), n, per_image)

    def fidelity(
        self, images: object | None, class_id: int | str, n_random: int = 20, found: Importance | None = None
    ) -> Fidelity:
        """Insertion and deletion curves in concept space, and how much of the decision the concepts carry.

        Parameters
        ----------
        images, class_id
            As in :meth:`importance`.
        n_random
            Random orders an image.
        found
            What :meth:`importance` answered for the same images and class, if it is there already.

        Raises
        ------
        InputError
            If no picture can be used.
        """
        coded, pictures = self.code(images)
        chosen = self.class_position(class_id)
        found = found or self._importance(coded, pictures, chosen, "auto", None)
        return fidelity(self.head, coded, found, chosen, n_random=n_random, seed=self.seed)

    def game(self, image: object, class_id: int | str | None = None) -> Game:
        """The game over the concepts of one picture, with continuous weights; ``None``: all classes."""
        coded, _ = self.code([image])
        chosen = None if class_id is None else self.class_position(class_id)
        return concept_game(self.head, coded, self.names, self.model.class_names, chosen)

    def sweep(
        self, images: object | None = None, ranks: Sequence[int] = (2, 4, 6, 8, 10, 15, 20, 25), n_seeds: int = 3
    ) -> choose.RankSweep:
        """How many concepts: error, agreement with the model and stability, see :mod:`xai.craft.choose`."""
        found, _ = encode(self.cut, self.read(images), cache=self.cache)
        return choose.sweep(
            self.cut, found.maps, found.prefix, ranks, config=self.factor, n_seeds=n_seeds, seed=self.seed
        )

    def recurse(self, concept: int | str, layer: str | None = None, n_concepts: int | None = None) -> Craft:
        """What a concept consists of: concepts of its pieces at an earlier layer.

        Its pieces are those at or above the 90th percentile of its coefficients; they are cut out, enlarged to the
        model's input and factorised anew. The result is kept in :attr:`children`.

        Parameters
        ----------
        concept
            Position or name.
        layer
            An earlier layer; ``None``: the nearest one with a finer map.
        n_concepts
            Number of sub-concepts; as many as there are concepts by default.

        Raises
        ------
        InputError
            If the layer is not earlier (the message lists those that are) or there are too few pieces.
        """
        i = self.position(concept)
        layer = earlier_layers(self.model, self.layer, layer)
        crops = self.members.of(i)
        view = self.view
        child = Craft(
            self.model, n_concepts or self.n_concepts, layer, mode=self.mode,
            # Of the paper's crops the whole is taken again; positions of the pieces keep their size on the screen.
            patch_size=min(view.shape[1:3]) if self.mode == "crops" else self.patch_size,
            seed=self.seed, factor=self.factor, cache=self.cache,
        )  # fmt: skip
        child.fit(pieces(view, crops))
        child._origin = crops  # its parent knows where it comes from
        self.children[i, layer] = child
        return child

    def tree(self, class_id: int | str, images: object | None = None) -> Tree:
        """Concepts and, below them, what :meth:`recurse` found in them, with the importance of each."""
        from .recursion import tree

        return tree(self, class_id, images)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write concepts, names and children to one ``.npz`` file, without pickle and without pictures."""
        from .store import save

        save(self, path)

    def restored(
        self,
        factors: Factors,
        members: Members,
        names: tuple[str, ...],
        notes: tuple[str, ...] = (),
        origin: tuple[Crop, ...] = (),
    ) -> Craft:
        """These concepts in place of fitted ones; for :func:`xai.craft.load`."""
        self._factors, self._members, self.names, self.notes, self._origin = factors, members, names, notes, origin
        return self

    def _importance(
        self, coded: Coded, pictures: Pictures, class_id: int, estimator: Estimator, config: SobolConfig | None
    ) -> Importance:
        return importance(
            self.head,
            coded,
            class_id=class_id,
            names=self.names,
            output_names=self.model.class_names,
            estimator=estimator,
            config=config,
            problems=pictures.problems,
            provenance=Provenance(
                engine="xai.craft",
                versions=versions(("numpy", "scikit-learn", "scipy", "torch")),
                model_hash=self.cut.hash,
                data_hash=hash_array(pictures.view),
                seed=self.seed,
                options={"layer": self.layer, "n_concepts": self.n_concepts, "mode": self.mode},
            ),
            seed=self.seed,
        )


def as_image_model(model: Any, preprocess: Preprocess | None) -> ImageModel:
    """An image model of a module, a file, or one already."""
    from ..models.vision import ImageModel

    if not isinstance(model, ImageModel):
        return ImageModel(model, preprocess)
    if preprocess is not None:
        raise ModelError("this model has its preprocessing already: leave preprocess out.")
    return model


def _position(what: str, wanted: int | str, names: tuple[str, ...]) -> int:
    if isinstance(wanted, str):
        if wanted not in names:
            raise InputError(unknown_names(what, [wanted], names))
        return names.index(wanted)
    if not 0 <= wanted < len(names):
        raise InputError(f"there is no {what} {wanted}: there are {len(names)}, counted from 0: {listing(names)}.")
    return int(wanted)
