"""Where a result comes from: versions, hashes, seed and options. There is no clock in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Provenance:
    """What is needed to repeat a result.

    Attributes
    ----------
    engine
        The routine that computed it, e.g. ``"xgboost pred_contribs"``.
    versions
        Package name to version, of the packages that took part.
    model_hash, data_hash
        SHA-256 in hexadecimal, empty where it cannot be known (a plain callable).
    seed
        Seed of the random part, ``None`` where nothing was drawn.
    options
        The options the result depends on, JSON types only.
    """

    engine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    model_hash: str = ""
    data_hash: str = ""
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary of JSON types."""
        return asdict(self)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of packages, of this one first; those that are not installed are left out."""
    found = {}
    for package in ("hemicycle", *packages):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def hash_bytes(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_array(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and content."""
    digest = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def hash_frame(frame: pd.DataFrame) -> str:
    """SHA-256 of a table's column names, types and values; the index does not count."""
    from pandas.util import hash_pandas_object

    digest = hashlib.sha256()
    for name, column in frame.items():
        digest.update(f"{name}\0{column.dtype}\0".encode())
        digest.update(hash_pandas_object(column, index=False).to_numpy().tobytes())
    return digest.hexdigest()
