"""Files a session brought along: kept in its folder, looked at by workers only, and made into something to explain.

This process writes and hashes the bytes; what they mean is asked of a worker.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, XaiError, listing
from ..core.provenance import hash_bytes
from ..models.trust import is_trusted
from ..sandbox.codec import ModelFile
from . import sessions, source
from .columns import check_mapping
from .jobs import StillRunningError, bound, compute
from .jobs import forget as forget_jobs
from .limits import limits

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LOG = logging.getLogger(__name__)
_FILES = "uploads"
#: Under which a session keeps the last source that was made but not used.
DRAFT = "draft"
_MB = 1_000_000
_NAME_BYTES = 120
#: Rows whose answers are shown before a model is used: enough to see whether it works.
PREVIEW = 200


@dataclass(frozen=True)
class Upload:
    """One file.

    Attributes
    ----------
    key
        What it is known by in its session.
    name, size, hash
        As the person calls it, bytes, and SHA-256.
    path
        Where it lies.
    """

    key: str
    name: str
    size: int
    hash: str
    path: Path

    def look(self) -> dict[str, Any]:
        """What it is: see :func:`xai.sandbox.uploaded.look_at_upload`."""
        found: dict[str, Any] = compute(
            "look_at_upload",
            f"Looking at {self.name}",
            bound(self.hash),
            {"path": str(self.path), "max_model_bytes": limits().max_model_mb * _MB},
        )
        return found


def files() -> dict[str, Upload]:
    """Files of this session by key, in the order they came."""
    session = sessions.current()
    with session.lock:
        return dict(session.kept.get(_FILES, {}))


def add(name: str, content: bytes | memoryview) -> Upload:
    """Keep a file for this session; one of the same name and content is kept once.

    Raises
    ------
    InputError
        If it is empty, too large, or one too many.
    """
    most = limits()
    name, size = _safe(name), len(content)
    if not size:
        raise InputError(f"{name} is empty.")
    if size > most.largest_mb * _MB:
        raise InputError(f"{name} has {size / _MB:,.0f} MB; files of up to {most.largest_mb:,} MB are taken.")
    digest = hash_bytes(bytes(content))
    session = sessions.current()
    with session.lock:
        kept: dict[str, Upload] = session.kept.setdefault(_FILES, {})
        for upload in kept.values():
            if (upload.name, upload.hash) == (name, digest):
                return upload
        if len(kept) >= most.max_files:
            raise InputError(f"{name} is one too many: a session may have {most.max_files} files. Remove one first.")
        if sessions.sessions().size + size > most.max_uploads_mb * _MB:
            raise InputError(f"{name} does not fit: the uploads of all sessions together fill this server's limit.")
        key = sessions.token()
        folder = session.folder / key
        folder.mkdir(mode=0o700)
        path = folder / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
        kept[key] = Upload(key, name, size, digest, path)
    if is_trusted():  # whatever runs later must have come in some file
        _LOG.warning("uploaded while pickles are trusted: %s, %s bytes, SHA-256 %s", name, f"{size:,}", digest)
    return kept[key]


def remove(key: str) -> None:
    """Delete a file, and everything this session chose it for."""
    session = sessions.current()
    with session.lock:
        upload: Upload | None = session.kept.get(_FILES, {}).pop(key, None)
        if upload is not None:
            source.drop(upload.path)
            session.kept.get(_IMAGE_MODELS, {}).pop(key, None)
            session.kept.pop(DRAFT, None)
            forget_jobs(upload.hash)
            upload.path.unlink(missing_ok=True)
            upload.path.parent.rmdir()


def _safe(name: str) -> str:
    """The last part of a name without signs that no screen shows, short enough for every file system."""
    name = re.sub(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", re.split(r"[/\\]", name)[-1]).strip()
    while len(name.encode(errors="replace")) > _NAME_BYTES:
        name = name[1:]
    name = name.encode(errors="replace").decode()
    return name if name.strip(". ") else "file"


@dataclass(frozen=True)
class Fit:
    """How a model and a table fit together, as a person set it.

    Attributes
    ----------
    model, data
        The files.
    columns
        The model's columns and the table's that stand for them; by position if the model knows no names.
    target
        The table's column of true answers, ``None`` if there is none.
    answers
        What the table calls each class of the model, where that is not the class itself.
    space, shown
        What the model answers in (``None``: its first), and the output that is shown first.
    """

    model: Upload
    data: Upload
    columns: Mapping[str, str | None]
    target: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    space: str | None = None
    shown: str = ""

    @property
    def key(self) -> str:
        """Name in the chooser and in links of this session."""
        parts = (self.model.key, self.data.key, dict(self.columns), self.target, dict(self.answers), self.space)
        return source.UPLOADED + hash_bytes(repr(parts).encode())[:10]

    def as_source(self, facts: Mapping[str, Any], table: pd.DataFrame) -> source.Source:
        """Model and table as every page takes them.

        Parameters
        ----------
        facts, table
            What :meth:`Upload.look` said of both files.

        Raises
        ------
        InputError
            If columns are missing or taken twice, or an answer is no class of the model.
        """
        check_mapping(self.columns, self.target)
        X = table[[name for name in self.columns.values() if name is not None]]
        if facts["feature_names"] is not None:
            X = X.set_axis(list(self.columns), axis=1)
        y = None if self.target is None else self._answers(table[self.target], facts)
        owner = sessions.current_id()
        return source.Source(
            key=self.key,
            title=f"{self.model.name} on {self.data.name}",
            model=self.model.path,
            X=X,
            y=y,
            rows_are=f"rows of {self.data.name}",
            owner=owner,
            content=f"{self.model.hash}:{self.data.hash}:{self.key}",
            space=self.space,
            shown=self.shown,
            names={label: name for label, name in self.answers.items() if label != name},
        )

    def _answers(self, y: pd.Series, facts: Mapping[str, Any]) -> pd.Series:
        if not self.answers:
            return y
        by_name = {name: label for label, name in self.answers.items()}
        if len(by_name) < len(self.answers):
            raise InputError("two classes of the model have the same name: choose another for each.")
        told = y.map(as_label)
        unknown = sorted(set(told.dropna()) - set(by_name))
        if unknown:
            raise InputError(f"'{self.target}' holds {listing(unknown)}, which no class of the model is called.")
        classes = {str(label): label for label in facts["classes"]}
        return told.map({name: classes[label] for name, label in by_name.items()})

    def preview(self, made: source.Source) -> tuple[pd.DataFrame, np.ndarray]:
        """The first rows and the model's answers to them, ``(n, k)``, asked of a worker."""
        rows = made.X.head(PREVIEW)
        file = ModelFile(str(made.model), self.space)
        outputs: np.ndarray = compute(
            "predict", f"Asking {self.model.name}", f"{made.identity}:preview", {"model": file}, X=rows
        )
        return rows, outputs


def as_label(value: Any) -> Any:
    """An answer as it is shown and chosen: whole numbers without a point; what is missing stays missing."""
    import pandas as pd

    if pd.isna(value):
        return value
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


_IMAGE_MODELS = "image models"


@dataclass(frozen=True)
class ImageModel:
    """An uploaded image model with what a person said of it, once they saw it answer.

    Attributes
    ----------
    key, title
        What it is known by in this session, and the file's name.
    path
        The file. A worker opens it with ``xai.models.open_image_model(path, Preprocess(**preprocess), class_names)``; a
        task that is given the path must name that parameter in ``files``.
    preprocess, class_names
        Fields of :class:`xai.models.vision.Preprocess` and names of the classes; ``None`` for what the file says.
    identity
        For :func:`xai.dashboard.jobs.compute`: bound to this session.
    """

    key: str
    title: str
    path: Path
    preprocess: Mapping[str, Any] | None
    class_names: tuple[str, ...] | None
    identity: str


def keep_image_model(upload: Upload, preprocess: Mapping[str, Any] | None, class_names: tuple[str, ...] | None) -> None:
    """Offer an image model to the pages that are about pictures."""
    session = sessions.current()
    content = hash_bytes(repr((upload.hash, preprocess, class_names)).encode())
    kept = ImageModel(upload.key, upload.name, upload.path, preprocess, class_names, bound(content))
    with session.lock:
        session.kept.setdefault(_IMAGE_MODELS, {})[upload.key] = kept


def image_models() -> tuple[ImageModel, ...]:
    """Image models of this session that a person accepted on the page *Your model*: for the page *Concepts*."""
    present = files()
    return tuple(model for key, model in sessions.current().kept.get(_IMAGE_MODELS, {}).items() if key in present)


@dataclass(frozen=True)
class File:
    """An uploaded file another page can work on.

    Attributes
    ----------
    key, title
        What it is known by in this session, and its name.
    path
        Where it lies. A task that is given the path must name that parameter in ``files``. Pictures are read by
        :func:`xai.sandbox.uploaded.read_pictures`, language models by ``xai.models.open_language_model``.
    identity
        For :func:`xai.dashboard.jobs.compute`: bound to this session.
    facts
        What :meth:`Upload.look` said; of pictures the ``names`` and ``labels`` among them.
    """

    key: str
    title: str
    path: Path
    identity: str
    facts: Mapping[str, Any]


def images() -> tuple[File, ...]:
    """Pictures of this session, one file or archive each: for the page *Concepts*."""
    return _files_of("pictures")


def language_models() -> tuple[File, ...]:
    """Language models of this session: for the page *Tokens*."""
    return _files_of("language model")


def _files_of(what: str) -> tuple[File, ...]:
    """Files of a kind; those that are still being looked at, or could not be opened, are left out."""
    found = []
    for upload in files().values():
        try:
            facts = upload.look()
        except (StillRunningError, XaiError):  # the page Your model shows either
            continue
        if facts["what"] == what:
            found.append(File(upload.key, upload.name, upload.path, bound(upload.hash), facts))
    return tuple(found)


@dataclass(frozen=True)
class Seen:
    """An image model and the picture it is tried on, as a person set both.

    Attributes
    ----------
    model, pictures
        The files.
    picture
        Name of the picture.
    preprocess, class_names
        See :class:`ImageModel`.
    """

    model: Upload
    pictures: Upload
    picture: str
    preprocess: Mapping[str, Any] | None
    class_names: tuple[str, ...] | None

    def preview(self) -> dict[str, Any]:
        """The top classes: see :func:`xai.sandbox.uploaded.preview_image_model`."""
        found: dict[str, Any] = compute(
            "preview_image_model",
            f"Asking {self.model.name}",
            bound(f"{self.model.hash}:{self.pictures.hash}"),
            {
                "model": str(self.model.path),
                "pictures": str(self.pictures.path),
                "picture": self.picture,
                "preprocess": None if self.preprocess is None else dict(self.preprocess),
                "class_names": None if self.class_names is None else list(self.class_names),
            },
        )
        return found


def forget(dropped: Iterable[Any]) -> None:
    """Let Streamlit give up its own copies of files, which it would keep in memory as long as the session."""
    from streamlit import runtime

    if runtime.exists():
        manager, me = runtime.get_instance().uploaded_file_mgr, sessions.current_id()
        for file in dropped:
            manager.remove_file(me, file.file_id)
