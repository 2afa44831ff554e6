from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.core.errors import WorkerError
from xai.sandbox.protocol import MAGIC, MAX_HEADER, StreamEndedError, read_frame, write_frame

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def frame_bytes(header, blobs=()):
    stream = io.BytesIO()
    write_frame(stream, header, blobs)
    return stream.getvalue()


class OneByte(io.RawIOBase):
    """A pipe that hands out one byte at a time."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def readinto(self, buffer):
        return self.content.readinto(buffer[:1])


@given(st.dictionaries(st.text().filter(lambda key: key != "blobs"), json_values), st.lists(st.binary(max_size=50)))
@settings(max_examples=60, deadline=None)
def test_frames_survive_any_cut_of_the_stream(header, blobs):
    content = frame_bytes(header, blobs) + frame_bytes({"second": True})
    stream = OneByte(content)
    back, back_blobs = read_frame(stream)
    del back["blobs"]
    assert back == header
    assert back_blobs == blobs
    assert read_frame(stream)[0]["second"] is True
    assert read_frame(stream) is None


def test_a_frame_cut_anywhere_is_an_error():
    content = frame_bytes({"kind": "result"}, [b"12345"])
    for length in range(1, len(content)):
        with pytest.raises(StreamEndedError, match="ended after"):
            read_frame(io.BytesIO(content[:length]))


@pytest.mark.parametrize(
    "content",
    [
        b"Hello from a library\n",
        MAGIC + struct.pack(">I", MAX_HEADER + 1),
        MAGIC + struct.pack(">I", 4) + b"{no}",
        MAGIC + struct.pack(">I", 2) + b"[]",
        MAGIC + struct.pack(">I", 2) + b"{}",
        MAGIC + struct.pack(">I", 14) + b'{"blobs":[-1]}',
        MAGIC + struct.pack(">I", 16) + b'{"blobs":["12"]}'.replace(b'"12"', b'"xy"'),
        MAGIC + struct.pack(">I", 26) + b'{"blobs":[99999999999999]} ',
        MAGIC + struct.pack(">I", 200_000) + b"[" * 200_000,
    ],
)
def test_garbage_is_an_error_and_not_a_crash(content):
    with pytest.raises(WorkerError):
        read_frame(io.BytesIO(content))


def test_a_header_beyond_the_limit_is_not_sent(monkeypatch):
    monkeypatch.setattr("xai.sandbox.protocol.MAX_HEADER", 100)
    stream = io.BytesIO()
    with pytest.raises(WorkerError, match="too large"):
        write_frame(stream, {"text": "x" * 200})
    assert stream.getvalue() == b""


def test_the_layout_is_the_documented_one():
    content = frame_bytes({"a": 1}, [b"xy"])
    length = struct.unpack(">I", content[4:8])[0]
    assert content[:4] == MAGIC
    assert json.loads(content[8 : 8 + length]) == {"a": 1, "blobs": [2]}
    assert content[8 + length :] == b"xy"
