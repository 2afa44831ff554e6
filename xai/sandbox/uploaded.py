"""A file somebody uploaded, looked at in a child process: model, table or pictures, decided by its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import InputError, ModelError

Progress = Callable[[float, str], None]

_HEAD = 4096


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
        ``what`` is ``"model"`` (then the facts of ``describe``, and ``versions``) or ``"table"`` (then ``table`` and
        ``format``).

    Raises
    ------
    InputError, ModelError
        If it is none of these, damaged, or too large; the message names the file.
    """
    file = Path(path)
    progress(0.1, "looking at its first bytes")
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"PAR1"):
        return _table(file, "Parquet")
    try:
        return _model(file, max_model_bytes, progress)
    except ModelError:
        if not _is_text(head) or head.lstrip()[:1] == b"{" or head.startswith(b"tree"):
            raise
    return _table(file, "CSV")


def _model(file: Path, max_bytes: int, progress: Progress) -> dict[str, Any]:
    from ..core.provenance import versions
    from ..models import sniff
    from .tasks import describe

    kind = sniff(file)
    size = file.stat().st_size
    if size > max_bytes:
        raise ModelError(
            f"{file.name} has {size / 1e6:.0f} MB; model files of up to {max_bytes / 1e6:.0f} MB are opened here."
        )
    progress(0.3, f"opening a {kind} file")
    facts = describe(str(file), progress)
    package = {"sklearn": "scikit-learn", "onnx": "onnxruntime"}.get(facts["framework"], facts["framework"])
    return {"what": "model", "kind": kind, "versions": versions([package]), **facts}


def _table(file: Path, form: str) -> dict[str, Any]:
    from ..models.tables import read_table

    try:
        return {"what": "table", "format": form, "table": read_table(file)}
    except MemoryError as error:
        raise InputError(f"{file.name} is too large to be read as {form} here: memory ran out.") from error


def _is_text(head: bytes) -> bool:
    """Whether the first bytes are UTF-8, cut anywhere, or what a spreadsheet program writes as text."""
    if b"\0" in head:
        return head.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 4 or not any(byte < 9 for byte in head)
    return True
