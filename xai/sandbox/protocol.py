"""Frames over a pipe: a JSON header and binary blobs, each with its length in front. Never pickle.

A frame is ``magic (4 bytes) | header length (4 bytes, big endian) | header | blobs``. The header is a JSON object
whose entry ``"blobs"`` lists the lengths of the blobs that follow it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from ..core.errors import WorkerError

MAGIC = b"XAI1"
MAX_HEADER = 64 << 20  # bytes; names, options and texts, never data
MAX_BLOBS = 16 << 30  # bytes in one frame
_PREFIX = struct.Struct(">4sI")

Header = dict[str, Any]
Blob = bytes | bytearray | memoryview


class StreamEndedError(WorkerError):
    """The stream ended inside a frame: whoever wrote it is gone."""


class Readable(Protocol):
    """The one call that is needed of a stream that is read."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """As of :class:`io.RawIOBase`."""


class Writable(Protocol):
    """The two calls that are needed of a stream that is written."""

    def write(self, data: Blob, /) -> Any:
        """As of :class:`io.RawIOBase`."""

    def flush(self) -> None:
        """As of :class:`io.RawIOBase`."""


def write_frame(stream: Writable, header: Header, blobs: Sequence[Blob] = ()) -> None:
    """Write one frame.

    Raises
    ------
    WorkerError
        If the header is larger than :data:`MAX_HEADER`.
    OSError
        If the other side is gone.
    """
    views = [memoryview(blob).cast("B") for blob in blobs]
    text = json.dumps({**header, "blobs": [len(view) for view in views]}, allow_nan=False).encode()
    if len(text) > MAX_HEADER:
        raise WorkerError(
            f"a message of {len(text):,} bytes is too large for the child process: the limit is {MAX_HEADER:,}. "
            "Send fewer rows of text columns at a time."
        )
    stream.write(_PREFIX.pack(MAGIC, len(text)))
    stream.write(text)
    for view in views:
        stream.write(view)
    stream.flush()


def read_frame(stream: Readable) -> tuple[Header, list[bytearray]] | None:
    """Read one frame; ``None`` if the stream ended before it began.

    Raises
    ------
    StreamEndedError
        If the stream ends inside a frame.
    WorkerError
        If what it holds is no frame.
    """
    prefix = _read(stream, _PREFIX.size, may_end=True)
    if prefix is None:
        return None
    magic, length = _PREFIX.unpack(prefix)
    if magic != MAGIC or length > MAX_HEADER:
        raise WorkerError("the child process and this one lost step: what came over the pipe is no message.")
    try:
        header = json.loads(bytes(_read(stream, length) or b""))
        lengths = [int(size) for size in header["blobs"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WorkerError(f"a message over the pipe cannot be read ({type(error).__name__}).") from error
    if min(lengths, default=0) < 0 or sum(lengths) > MAX_BLOBS:
        raise WorkerError(f"a message over the pipe claims {sum(lengths):,} bytes: the limit is {MAX_BLOBS:,}.")
    return header, [_read(stream, size) or bytearray() for size in lengths]


def _read(stream: Readable, size: int, *, may_end: bool = False) -> bytearray | None:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        count = stream.readinto(view[done:])
        if not count:
            if may_end and not done:
                return None
            raise StreamEndedError(f"a message over the pipe ended after {done} of {size} bytes.")
        done += count
    return buffer
