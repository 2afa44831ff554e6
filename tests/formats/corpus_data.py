"""Damaged tables and pictures."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from corpus_common import UNICODE, Broken, zipped


def csv(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    yield Broken("one line of 10 MB", b"a," * (5 << 20), ".csv")
    yield Broken("one cell of 10 MB", b"a,b\n1," + b"x" * (10 << 20) + b"\n", ".csv")
    yield Broken("a quote that never ends", b'a,b\n1,"2\n' + b"3,4\n" * 100_000, ".csv")
    yield Broken("30,000 columns", b",".join(b"c%d" % i for i in range(30_000)) + b"\n", ".csv")
    yield Broken("UTF-16", good.decode().encode("utf-16"), ".csv")
    yield Broken("zero bytes", good.replace(b",", b"\0"), ".csv")
    yield Broken("a formula", good.replace(b"\n", b"\n=cmd|' /C calc'!A0,", 1), ".csv")
    yield Broken("repeated names", b"a,a,a\n1,2,3\n", ".csv")
    yield Broken("names that are empty", b",,\n1,2,3\n", ".csv")
    for name in UNICODE:
        yield Broken(f"a column called {name[:12]!r}", good.replace(b"age", name.encode()), ".csv")
    yield Broken("JSON", json.dumps([{"a": 1}] * 10).encode(), ".csv")
    yield Broken("Excel", zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), ".xlsx")
    yield Broken("numbers of 400 digits", b"a\n" + b"9" * 400 + b"\n1e999\n", ".csv")


def parquet(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (length,) = struct.unpack("<I", good[-8:-4])
    for size in (0, 2**31 - 1, 2**32 - 1, length - 1, length + 7):
        yield Broken(f"a directory of {size} bytes", good[:-8] + struct.pack("<I", size) + good[-4:], ".parquet")
    for _ in range(20):
        at = len(good) - 8 - int(rng.integers(1, length))
        yield Broken(f"a directory changed at {at}", good[:at] + rng.bytes(2) + good[at + 2 :], ".parquet")

    def written(table: pa.Table) -> bytes:
        out = io.BytesIO()
        pq.write_table(table, out)
        return out.getvalue()

    yield Broken("20 million equal rows", written(pa.table({"a": pa.array(np.zeros(20_000_001, np.int8))})), ".parquet")
    yield Broken("columns of lists", written(pa.table({"a": [[1, 2], [3]]})), ".parquet")
    yield Broken("a column twice", written(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])), ".parquet")
    yield Broken("no columns", written(pa.table({})), ".parquet")
    yield Broken("no rows", written(pa.table({"a": pa.array([], pa.int64())})), ".parquet")
    for name in UNICODE:
        yield Broken(f"a column called {name[:12]!r}", written(pa.table({name: [1.0]})), ".parquet")


def pictures(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    from PIL import Image

    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    yield Broken("400 million pixels", out.getvalue(), ".png")
    for kind in ("GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"):
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, kind)
        yield Broken(kind, out.getvalue(), ".png")
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    yield Broken("one pixel", out.getvalue(), ".png")
    text = zlib.compress(bytes(64 << 20))
    chunk = b"zTXt" + b"a\0\0" + text
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    if good.startswith(b"\x89PNG"):
        yield Broken("64 MB of text within", good[:33] + bomb + good[33:], ".png")
        for width, height in ((2**31 - 1, 1), (1, 2**31 - 1), (0, 0), (2**16, 2**16)):
            head = b"IHDR" + struct.pack(">II", width, height) + good[24:29]
            made = good[:12] + head + struct.pack(">I", zlib.crc32(head)) + good[33:]
            yield Broken(f"{width} x {height}, it says", made, ".png")
    for match in list(re.finditer(b"\xff[\xc0\xc4\xda\xdb]", good))[:8] if good.startswith(b"\xff\xd8") else ():
        at = match.end()
        yield Broken(f"a segment at {at} of no length", good[:at] + b"\0\0" + good[at + 2 :], ".jpg")
        yield Broken(f"a segment at {at} of full length", good[:at] + b"\xff\xff" + good[at + 2 :], ".jpg")


def dicom(good: bytes, marker: str, rng: np.random.Generator) -> Iterator[Broken]:
    import pydicom
    from pydicom.uid import UID

    def changed(**tags: object) -> bytes:
        data = pydicom.dcmread(io.BytesIO(good))
        for tag, value in tags.items():
            if value is None:
                delattr(data, tag)
            else:
                setattr(data, tag, value)
        out = io.BytesIO()
        pydicom.dcmwrite(out, data)
        return out.getvalue()

    for tags in (
        {"Rows": 65535, "Columns": 65535}, {"Rows": 0}, {"NumberOfFrames": 2_000_000_000}, {"BitsAllocated": 32},
        {"BitsAllocated": 8}, {"BitsStored": 40}, {"SamplesPerPixel": 3}, {"PixelData": b""},
        {"PhotometricInterpretation": "EVIL"}, {"PhotometricInterpretation": "PALETTE COLOR"}, {"PixelData": None},
        {"Rows": None}, {"WindowCenter": 0, "WindowWidth": 0}, {"RescaleSlope": 0, "RescaleIntercept": 0},
        {"RescaleSlope": 1e15, "RescaleIntercept": 1e15}, {"WindowCenter": [1, 2], "WindowWidth": [3]},
        {"PixelRepresentation": 7}, {"PatientName": UNICODE[0]},
    ):  # fmt: skip
        yield Broken(f"{tags}"[:60], changed(**tags), ".dcm")
    for syntax in (
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.1.99",
        "1.2.3",
    ):
        data = pydicom.dcmread(io.BytesIO(good))
        old = data.file_meta.TransferSyntaxUID
        raw = good.replace(str(old).encode().ljust(20, b"\0"), UID(syntax).encode().ljust(20, b"\0")[:20], 1)
        yield Broken(f"packed as {syntax}, it says", raw, ".dcm")
    yield Broken("a preamble alone", good[:132], ".dcm")
