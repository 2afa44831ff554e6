"""Runs over folders of pictures: what is read, and what CRAFT and correspondence say of each picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..core.errors import InputError
from ..core.provenance import hash_bytes, hash_file
from .methods import SEATS, explaining
from .parts import DataFile, Part
from .written import Rows, all_failed, joined, one_by_one, seats_of, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..chmcorr import CorrespondenceClassifier
    from ..craft import Craft
    from .work import Order

A_PART = 64
"""Pictures of one part."""
FILE, FOLDER = "file", "folder"
"""Columns that every picture has: its path below the data's folder, and the folder it lies in, often its class."""
_AT_ONCE = 8
"""Pictures that are unpacked at a time: their number, not that of a part, is what memory holds."""
_SUFFIXES = {".png", ".jpg", ".jpeg"}


def find_pictures(data: Path) -> tuple[Path, tuple[DataFile, ...]]:
    """The folder, and an entry for each folder in it that holds PNG or JPEG files; "." is the folder itself.

    Raises
    ------
    InputError
        If there is no such folder, or no picture below it.
    """
    if not data.is_dir():
        raise InputError(f"there is no folder {data}: pictures are taken from a folder of PNG and JPEG files.")
    folders = sorted({data, *(path for path in data.rglob("*") if path.is_dir())})
    found = tuple(_look_at(data, folder, names) for folder in folders if (names := _names(folder)))
    if not found:
        raise InputError(f"the folder {data} holds no PNG or JPEG file.")
    return data, found


def _look_at(data: Path, folder: Path, names: Sequence[str]) -> DataFile:
    path = folder.relative_to(data).as_posix()
    try:
        return DataFile(path, len(names), _hash(folder, names))
    except OSError as error:
        return DataFile(path, 0, "", f"{error.filename} cannot be read: {error.strerror}")


def _names(folder: Path) -> list[str]:
    """Pictures of a folder, without what lies deeper; a folder that is called like a picture is none."""
    named = (p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES and not p.name.startswith("."))
    return sorted(p.name for p in named if not p.is_dir())


def _hash(folder: Path, names: Sequence[str]) -> str:
    return hash_bytes("".join(f"{name}\0{hash_file(folder / name)}\0" for name in names).encode())


class Tool(Protocol):
    """What explains pictures, a few at a time."""

    @property
    def at_once(self) -> int:
        """Most pictures of a call."""
        ...

    def __call__(self, pictures: Sequence[np.ndarray]) -> Rows:
        """Of pictures that all can be used; anything else is an error for all of them."""
        ...

    def facts(self) -> dict[str, Any]:
        """Model hash, output names, and what else a manifest says."""
        ...


@dataclass(frozen=True, eq=False)
class ConceptTool:
    """Contributions of the concepts of a bank."""

    craft: Craft
    class_name: str | None
    estimator: Any
    at_once: int = _AT_ONCE

    def __call__(self, pictures: Sequence[np.ndarray]) -> Rows:
        """Signed contributions for all classes; total indices for one, if one was chosen."""
        found = self.craft.importance(list(pictures), 0 if self.class_name is None else self.class_name, self.estimator)
        a = found.attribution
        if len(a.rows) < len(pictures):
            raise InputError("the model has no finite activations for this picture.")
        more: dict[str, list[Any]] = {"label": [a.output_names[i] for i in a.outputs.argmax(axis=1)]}
        if self.class_name is not None:
            columns = zip(found.names, found.per_image.T.tolist(), strict=True)
            more |= {f"total_index/{name}": column for name, column in columns}
        return Rows(replace(a, data=None), np.arange(len(pictures)), {}, more)

    def facts(self) -> dict[str, Any]:
        """See :class:`Tool`."""
        model = self.craft.model
        return {"hash": model.hash, "framework": model.network.framework, "output_names": list(model.class_names)}


@dataclass(frozen=True, eq=False)
class CorrespondenceTool:
    """What each patch adds to the score of the class a picture is given."""

    classifier: CorrespondenceClassifier
    at_once: int = 1

    def __call__(self, pictures: Sequence[np.ndarray]) -> Rows:
        """One picture: its class, the shares of all classes, the exemplars, and its patches."""
        (picture,) = pictures
        found = self.classifier.explain(picture)
        a = replace(found.attribution.for_output(found.label), output_names=("answer",), rows=(0,))
        shares = zip(self.classifier.gallery.class_names, found.shares.tolist(), strict=True)
        more: dict[str, list[Any]] = {
            "label": [found.label],
            "exemplars": [[exemplar.name for exemplar in found.exemplars]],
            **{f"shares/{name}": [share] for name, share in shares},
        }
        return Rows(a, np.arange(1), {}, more)

    def facts(self) -> dict[str, Any]:
        """See :class:`Tool`."""
        gallery = self.classifier.gallery
        return {"hash": gallery.backbone.hash, "framework": gallery.backbone.name, "output_names": ["answer"]}


@dataclass(frozen=True, eq=False)
class Tools:
    """Method to what explains pictures by it."""

    by_method: Mapping[str, Tool]

    def facts(self) -> dict[str, Any]:
        """Those of the first method, and the hashes of all."""
        facts = {name: tool.facts() for name, tool in self.by_method.items()}
        first = next(iter(facts.values()))
        return first | {"hashes": {name: fact["hash"] for name, fact in facts.items()}}


def open_tools(model: Any, methods: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> Tools:
    """Open what the methods need.

    Parameters
    ----------
    model
        For CRAFT: an image model, a torch module, an ONNX file, or ``"demo"``.

    Raises
    ------
    InputError, ModelError
        If something is missing, cannot be read, or does not fit together.
    """
    found: dict[str, Tool] = {}
    for name in explaining(methods):
        given = options.get(name, {})
        found[name] = _concepts(model, given) if name == "craft" else _correspondence(given)
    return Tools(found)


def _concepts(model: Any, given: Mapping[str, Any]) -> ConceptTool:
    from ..craft import load
    from ..models.vision import demo_cnn

    if model is None:
        raise InputError("concepts are those of a model: give the image model (an ONNX file, 'demo', or an object).")
    bank = load(given["bank"], demo_cnn() if model == "demo" else model)
    wanted = given.get("class")
    if wanted is not None:
        wanted = bank.model.class_names[bank.class_position(wanted)]
    return ConceptTool(bank, wanted, given.get("estimator", "auto"))


def _correspondence(given: Mapping[str, Any]) -> CorrespondenceTool:
    from ..chmcorr import CorrespondenceClassifier, Gallery, Options

    try:
        options = Options(**given.get("options", {}))
    except TypeError as error:
        raise InputError(f"options of 'chmcorr': {error}.") from error
    gallery = Gallery.open(given["gallery"], given.get("backbone"))
    return CorrespondenceTool(CorrespondenceClassifier(gallery, options))


def work_on_pictures(tools: Tools, order: Order, part: Part) -> dict[str, pa.Table]:
    """Tables of one part by method; a picture that cannot be read or explained is marked."""
    folder = Path(order.folder) / part.source
    files = [folder / name for name in _names(folder)[part.start : part.start + part.rows]]
    if len(files) < part.rows:
        raise InputError(f"{part.source} has fewer pictures than when the run began.")
    paths = [file.relative_to(order.folder).as_posix() for file in files]
    lead = {
        "row": np.arange(part.start, part.start + part.rows),
        "source": paths,
        f"data/{FILE}": paths,
        f"data/{FOLDER}": [part.source] * part.rows,
    }
    answers: dict[str, list[tuple[np.ndarray, Rows]]] = {name: [] for name in tools.by_method}
    errors: dict[str, dict[int, str]] = {name: {} for name in tools.by_method}
    for good, pictures, unreadable in _unpacked(files):
        for name, tool in tools.by_method.items():
            found, failed = _ask(tool, pictures)
            answers[name] += [(good[some], rows) for some, rows in found]
            errors[name] |= unreadable | {int(good[i]): text for i, text in failed.items()}
    tables: dict[str, pa.Table] = {}
    explained = {name: _together(answers[name], errors[name]) for name in tools.by_method}
    for name in order.methods:
        if name == SEATS:
            options = order.options[name]
            tables[name] = seats_of(lead, explained[options["source"]], options)
        else:
            tables[name] = table_of(lead, explained[name])
    return tables


def _ask(tool: Tool, pictures: Sequence[np.ndarray]) -> tuple[list[tuple[np.ndarray, Rows]], dict[int, str]]:
    """Answers for pictures with their positions, and position of each that cannot be explained to the reason."""
    answers: list[tuple[np.ndarray, Rows]] = []
    errors: dict[int, str] = {}
    for start in range(0, len(pictures), tool.at_once):
        positions = np.arange(start, min(start + tool.at_once, len(pictures)))
        found, failed = one_by_one(positions, lambda some: tool([pictures[i] for i in some]))
        answers += found
        errors |= failed
    return answers, errors


def _unpacked(files: Sequence[Path]) -> Iterator[tuple[np.ndarray, list[np.ndarray], dict[int, str]]]:
    """Positions and pixels of some pictures at a time, and what is wrong with the others among them."""
    from ..models.vision import read_image

    for start in range(0, len(files), _AT_ONCE):
        good, pictures, errors = [], [], {}
        for position, file in enumerate(files[start : start + _AT_ONCE], start):
            try:
                pictures.append(read_image(file))
                good.append(position)
            except InputError as error:
                errors[position] = str(error)
        yield np.array(good, dtype=int), pictures, errors


def _together(pieces: Sequence[tuple[np.ndarray, Rows]], errors: Mapping[int, str]) -> Rows:
    if not pieces:
        raise all_failed(errors, len(errors))
    of_pieces = [rows for _, rows in pieces]
    more = {name: [value for rows in of_pieces for value in rows.more[name]] for name in of_pieces[0].more}
    return Rows(
        joined([rows.attribution for rows in of_pieces]),
        np.concatenate([positions for positions, _ in pieces]),
        errors,
        more,
        _totals(more),
    )


def _totals(more: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """How many pictures have each label; sum and number of the total indices of each concept."""
    totals: dict[str, Any] = {"labels": dict(sorted(Counter(more["label"]).items()))}
    indices: dict[str, list[float]] = {}
    for name, column in more.items():
        prefix, _, concept = name.partition("/")
        if prefix == "total_index":
            known = [value for value in column if value == value]  # noqa: PLR0124 - pictures that no concept touches: NaN
            indices[concept] = [float(sum(known)), len(known)]
    return totals | ({"total_index": indices} if indices else {})
