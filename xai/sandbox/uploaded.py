"""A file somebody uploaded, looked at in a child process: model, table or pictures, decided by its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..core.errors import InputError, ModelError, listing

Progress = Callable[[float, str], None]

MAX_PICTURES = 2_000
"""Most pictures that are read of one archive."""
_PICTURE_BYTES = 100 << 20
_THUMB, _THUMBS = 96, 12
_HEAD = 4096
_PICTURE_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_PICTURE_NAMES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a file.

    Attributes
    ----------
    images
        ``(H, W, 3)`` uint8 each.
    names
        As they are called in the archive.
    labels
        The folder each lies in, which is its class; empty where there are no folders.
    problems
        Name to reason, of those that could not be read.
    """

    images: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    problems: dict[str, str]


def look_at_upload(path: str, max_model_bytes: int, progress: Progress) -> dict[str, Any]:
    """What a file is, and what there is to know about it.

    Parameters
    ----------
    path
        The file; its suffix does not matter.
    max_model_bytes
        Largest model file that is opened.

    Returns
    -------
    dict
        ``what`` is ``"model"`` (a model of tables: then the facts of ``describe``), ``"image model"``,
        ``"language model"`` (all three: the fields of :class:`xai.models.Recognised` and ``versions``), ``"table"``
        (``table``, ``format`` and ``notes``), or ``"pictures"`` (``names``, ``labels``, ``problems`` and small
        ``thumbs`` of the first).

    Raises
    ------
    InputError, ModelError
        If it is none of these, damaged, or too large; the message names the file.
    """
    file = Path(path)
    progress(0.1, "looking at its first bytes")
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    if _is_picture(head) or _is_archive_of_pictures(file, head):
        return _pictures(file)
    if head.startswith(b"PAR1"):
        return _table(file)
    try:
        return _model(file, max_model_bytes, progress)
    except ModelError:
        if not _is_text(head) or head.lstrip()[:1] == b"{" or head.startswith((b"tree\n", b"tree\r\n")):
            raise
    return _table(file)


def _model(file: Path, max_bytes: int, progress: Progress) -> dict[str, Any]:
    from ..core.provenance import versions
    from ..models import recognise, sniff
    from .tasks import describe

    kind = sniff(file)
    size = file.stat().st_size
    if size > max_bytes:
        raise ModelError(
            f"{file.name} has {size / 1e6:.0f} MB; model files of up to {max_bytes / 1e6:.0f} MB are opened here."
        )
    progress(0.3, f"opening a {kind} file")
    said = recognise(file)
    facts = asdict(said) | {"versions": versions(_PACKAGES.get(said.framework, (said.framework.lower(),)))}
    if said.modality == "table":
        return {"what": "model"} | facts | describe(str(file), progress) | {"framework": said.framework}
    return {"what": f"{'image' if said.modality == 'image' else 'language'} model"} | facts


_PACKAGES = {
    "scikit-learn": ("scikit-learn", "skops"),
    "ONNX": ("onnxruntime", "onnx"),
    "torch": ("torch", "safetensors"),
    "transformers": ("transformers", "torch", "safetensors"),
}


def _table(file: Path) -> dict[str, Any]:
    from ..models.tables import open_table

    opened = open_table(file)
    return {"what": "table", "format": opened.format, "table": opened.frame, "notes": opened.notes}


def _is_text(head: bytes) -> bool:
    """Whether the first bytes may be a table: text of any encoding, or UTF-16, which gets a message of its own."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or not any(byte < 9 for byte in head)


def _is_picture(head: bytes) -> bool:
    from ..models.vision.dicom import is_dicom

    return head.startswith(_PICTURE_MAGICS) or is_dicom(head)


def _is_archive_of_pictures(file: Path, head: bytes) -> bool:
    from ..models.archives import checked_zip

    if not head.startswith(b"PK\x03\x04"):
        return False
    with checked_zip(file) as archive:
        names = [name for name in archive.namelist() if not _is_hidden(name)]
    return bool(names) and all(name.lower().endswith(_PICTURE_NAMES) for name in names)


def _is_hidden(name: str) -> bool:
    """Folders, and what file managers add."""
    return name.endswith("/") or any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def read_pictures(path: str | Path, most: int = MAX_PICTURES) -> Pictures:
    """Pictures of an uploaded file: one PNG, JPEG or DICOM picture, or a zip of them, in folders by class or not.

    Belongs in a child process, as everything here.

    Raises
    ------
    InputError
        If none can be read; the message names the file and the first reason.
    """
    from ..models.archives import checked_zip, read_entry

    file = Path(path)
    with file.open("rb") as stream:
        alone = _is_picture(stream.read(_HEAD))
    images, names, labels = [], [], []
    problems: dict[str, str] = {}
    if alone:
        images, names, labels = [_picture(file.read_bytes(), file.name)], [file.name], [""]
    else:
        with checked_zip(file) as archive:
            entries = sorted(name for name in archive.namelist() if not _is_hidden(name))
            if len(entries) > most:
                raise InputError(f"{file.name} holds {len(entries):,} pictures; at most {most:,} are read.")
            for name in entries:
                try:
                    images.append(_picture(read_entry(archive, name, _PICTURE_BYTES), name))
                except InputError as error:
                    problems[name] = str(error)
                else:
                    names.append(name)
                    labels.append(PurePosixPath(name).parent.name)
    if not images:
        raise InputError(f"{file.name} holds no picture that can be read. {next(iter(problems.values()), '')}".strip())
    return Pictures(tuple(images), tuple(names), tuple(labels) if len(set(labels)) > 1 else (), problems)


def _picture(content: bytes, name: str) -> np.ndarray:
    from ..models.vision.dicom import is_dicom, read_dicom
    from ..models.vision.images import MAX_PIXELS, read_image

    if is_dicom(content[:_HEAD]):
        return read_dicom(content, MAX_PIXELS, name)[0]
    try:
        return read_image(content)
    except InputError as error:
        raise InputError(str(error).replace("the image", name, 1)) from error


def _pictures(file: Path) -> dict[str, Any]:
    found = read_pictures(file)
    thumbs = [_thumb(image) for image in found.images[:_THUMBS]]
    return {
        "what": "pictures",
        "names": found.names,
        "labels": found.labels,
        "problems": found.problems,
        "thumbs": thumbs,
    }


def _thumb(image: np.ndarray) -> np.ndarray:
    from ..models.vision.preprocess import resize

    scale = _THUMB / max(image.shape[:2])
    return resize(image, (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))))


def preview_image_model(
    model: str,
    pictures: str,
    progress: Progress,
    *,
    picture: str | None = None,
    preprocess: dict[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
    top: int = 5,
) -> dict[str, Any]:
    """What an image model answers to one picture.

    Parameters
    ----------
    model, pictures
        Files: the model, and pictures as :func:`read_pictures` takes them.
    picture
        Name of one of them; the first if ``None``.
    preprocess
        Fields of :class:`xai.models.vision.Preprocess`; ``None`` for what the file says.
    class_names
        ``None`` for those the file carries.
    top
        How many classes.

    Returns
    -------
    dict
        ``classes`` and their ``probabilities``, largest first, ``n_classes``, and ``view``, the picture as the network
        gets it, ``(H, W, 3)`` uint8.
    """
    from ..models import open_image_model
    from ..models.vision import Preprocess

    progress(0.1, "reading the picture")
    found = read_pictures(pictures)
    if picture is not None and picture not in found.names:
        raise InputError(f"{Path(pictures).name} holds no picture '{picture}': it holds {listing(found.names[:5])}.")
    image = found.images[0 if picture is None else found.names.index(picture)]
    progress(0.3, "opening the network")
    given = None if preprocess is None else Preprocess(**_tuples(preprocess))
    opened = open_image_model(model, given, class_names)
    logits = opened.predict([image])[0]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")[:top]
    return {
        "classes": [opened.class_names[i] for i in order],
        "probabilities": [float(shares[i]) for i in order],
        "n_classes": len(shares),
        "view": opened.view([image])[0],
    }


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
