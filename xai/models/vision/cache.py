"""Arrays kept on disk under the hash of what they were computed from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from ...core.errors import InputError


class ActivationCache:
    """A folder of activations, by model, layer, pictures and crop grid.

    Parameters
    ----------
    folder
        Made if it is not there.
    max_bytes
        Once the folder holds more, what was used longest ago is removed.
    """

    def __init__(self, folder: str | Path, max_bytes: int = 8 * 2**30) -> None:
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> np.ndarray | None:
        """The array kept under a key, mapped from disk; ``None`` if there is none.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        path = self._path(key)
        try:
            found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"{path} is damaged ({error}): delete it.") from error
        path.touch()
        return found

    def put(self, key: str, blocks: Iterator[np.ndarray], shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Write blocks of rows as one array and keep it; it appears under its key only when it is whole."""
        from numpy.lib.format import open_memmap

        with NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            part = Path(file.name)
        try:
            out = open_memmap(part, mode="w+", dtype=dtype, shape=shape)
            fill(out, blocks)
            out.flush()
            del out
            part.replace(self._path(key))
        finally:
            part.unlink(missing_ok=True)
        self._shrink(keep=self._path(key))
        kept = self.get(key)
        assert kept is not None
        return kept

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npy"

    def _shrink(self, keep: Path) -> None:
        files = sorted(self.folder.glob("*.npy"), key=lambda path: path.stat().st_mtime)
        excess = sum(path.stat().st_size for path in files) - self.max_bytes
        for path in files:
            if excess <= 0:
                return
            if path != keep:
                excess -= path.stat().st_size
                path.unlink()


def fill(out: np.ndarray, blocks: Iterator[np.ndarray]) -> None:
    """Write blocks of rows into an array, one after the other."""
    start = 0
    for block in blocks:
        out[start : start + len(block)] = block
        start += len(block)
