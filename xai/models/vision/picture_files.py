"""Pictures from files of any accepted kind: PNG, JPEG, DICOM, and zip files of them with folders as labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...core.errors import InputError
from ..archives import ZipLimits, checked_zip, read_entry
from .dicom import is_dicom, read_dicom
from .images import MAX_PIXELS, read_image

LIMITS = ZipLimits(entries=5_000, total=2 << 30)
MAX_TOTAL_PIXELS = 500_000_000
"""Most pixels of all pictures together: 1.5 GB when unpacked."""
_MAX_FILE = 200 << 20
# What other programs leave in folders beside the pictures.
_IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_REFUSED = {
    b"GIF8": "a GIF: save it as PNG",
    b"BM": "a BMP: save it as PNG",
    b"II*\x00": "a TIFF: save it as PNG, or JPEG",
    b"MM\x00*": "a TIFF: save it as PNG, or JPEG",
    b"RIFF": "a WebP or another RIFF file: save it as PNG",
    b"%PDF": "a PDF: save the picture as PNG",
    b"<svg": "an SVG drawing: save it as PNG",
    b"<?xm": "an XML or SVG file: save it as PNG",
    b"\x93NUM": "a numpy file: save the pictures as PNG",
    b"\x80\x04": "a pickle, which can run code when it is opened: save the pictures as PNG",
    b"\x80\x05": "a pickle, which can run code when it is opened: save the pictures as PNG",
    b"\x5c\x01\x00\x00": "a NIfTI volume: save the slice that is meant as PNG or DICOM",
    b"\x1f\x8b": "a compressed file (NIfTI volumes often are): save the slice that is meant as PNG or DICOM",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture and what was done to it.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8.
    format
        ``"PNG"``, ``"JPEG"`` or ``"DICOM"``.
    notes
        Sentences for people; nothing of a patient is in them.
    """

    image: np.ndarray
    format: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures of a zip file.

    Attributes
    ----------
    pictures
        The usable ones.
    names
        Their names in the file.
    labels
        The folder each lies in, ``None`` where none lies in a folder.
    problems
        Name of each unusable entry to one sentence about it.
    notes
        Sentences for people.
    """

    pictures: tuple[Picture, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...] | None
    problems: dict[str, str]
    notes: tuple[str, ...] = ()


def read_picture(source: str | Path | bytes, name: str = "", max_pixels: int = MAX_PIXELS) -> Picture:
    """A PNG, JPEG or DICOM file, told apart by its content.

    Parameters
    ----------
    source
        The file, or its bytes.
    name
        For messages about bytes.
    max_pixels
        Largest picture that is unpacked.

    Raises
    ------
    InputError
        If it is of another kind, damaged, or too large.
    """
    label = name or (Path(source).name if not isinstance(source, bytes) else "the image")
    content = source if isinstance(source, bytes) else _bytes(Path(source))
    if not content:
        raise InputError(f"{label} is empty.")
    if is_dicom(content[:132]):
        image, notes = read_dicom(content, max_pixels, label)
        return Picture(image, "DICOM", tuple(notes))
    for magic, what in _REFUSED.items():
        if content.startswith(magic):
            raise InputError(f"{label} is {what}. Pictures are read as PNG, JPEG or DICOM.")
    try:
        image = read_image(content, max_pixels)
    except InputError as error:
        raise InputError(str(error).replace("the image", label, 1)) from error
    return Picture(image, "PNG" if content.startswith(b"\x89PNG") else "JPEG", _notes(content))


def read_picture_zip(path: str | Path) -> PictureSet:
    """Pictures of a zip file; where all lie in folders, the folder is the label.

    Raises
    ------
    InputError
        If the file cannot be accepted, see :func:`xai.models.archives.check_zip`, holds no picture, or too many pixels.
    """
    path = Path(path)
    pictures: list[Picture] = []
    names: list[str] = []
    problems: dict[str, str] = {}
    pixels = 0
    with checked_zip(path, LIMITS) as archive:
        for entry in archive.infolist():
            name = entry.filename
            if entry.is_dir() or name.startswith(_IGNORED) or PurePosixPath(name).name.startswith("."):
                continue
            if PurePosixPath(name).name in _IGNORED:
                continue
            try:
                picture = read_picture(read_entry(archive, name, _MAX_FILE), PurePosixPath(name).name)
            except InputError as error:
                problems[name] = str(error)
                continue
            pixels += picture.image.shape[0] * picture.image.shape[1]
            if pixels > MAX_TOTAL_PIXELS:
                raise InputError(f"the pictures of {path.name} have over {MAX_TOTAL_PIXELS:,} pixels: shrink them.")
            pictures.append(picture)
            names.append(name)
    if not pictures:
        why = f": {next(iter(problems.values()))}" if problems else "."
        raise InputError(f"{path.name} holds no picture that could be read{why}")
    return PictureSet(tuple(pictures), tuple(names), _labels(names), problems, _summary(pictures, problems))


def _labels(names: list[str]) -> tuple[str, ...] | None:
    """The innermost folder of each, without what all share; ``None`` if some lie in none or all in one."""
    folders = [PurePosixPath(name).parent.name for name in names]
    return tuple(folders) if all(folders) and len(set(folders)) > 1 else None


def _summary(pictures: list[Picture], problems: dict[str, str]) -> tuple[str, ...]:
    notes = list(dict.fromkeys(note for picture in pictures for note in picture.notes))[:10]
    if problems:
        notes.append(f"{len(problems)} of {len(problems) + len(pictures)} files could not be read and were left out.")
    return tuple(notes)


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"there is no file {path}." if not path.exists() else f"{path} is a folder, not a picture.")
    if path.stat().st_size > _MAX_FILE:
        raise InputError(f"{path.name} has {path.stat().st_size >> 20} MiB; pictures of up to 200 MiB are read.")
    return path.read_bytes()


def _notes(content: bytes) -> tuple[str, ...]:
    """What reading a PNG or JPEG changed."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        mode, turned = picture.mode, picture.getexif().get(0x0112, 1) != 1
    notes = []
    if mode.startswith(("I", "F")):
        notes.append("16-bit grey was brought to 8 bits over its full range.")
    elif mode in {"L", "1"}:
        notes.append("Grey was repeated into red, green and blue.")
    elif mode in {"RGBA", "LA", "PA"}:
        notes.append("Transparent parts became white.")
    elif mode not in {"RGB", "P"}:
        notes.append(f"{mode} colours became RGB.")
    if turned:
        notes.append("The picture was turned as its EXIF tag says.")
    return tuple(notes)
