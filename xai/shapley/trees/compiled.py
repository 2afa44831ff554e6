"""How this package compiles: to disk, without Python's lock, so that plain threads share the work.

Machine code is kept beside the source or, where that folder cannot be written, in the user's. A worker of
:mod:`xai.sandbox` may read the first and write neither, on purpose: numba unpickles what it kept, so a folder that a
worker may write would be a way out of it. So code that is there is used even where nothing can be added to it, and what
cannot be kept is compiled for this process alone.
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function")

# Some versions have types for what it holds, and others not.
_caching: Any = import_module("numba.core.caching")


def compiled(function: Function) -> Function:
    """Compile at first use and keep the machine code on disk, if there is a place for it."""
    result: Any = numba.njit(nogil=True, error_model="numpy")(function)
    # Without a place, numba says RuntimeError: compile anew in each process.
    with contextlib.suppress(RuntimeError):
        result._cache = _Kept(function)  # noqa: SLF001 - what enable_caching() does, with a cache of ours
    return result  # type: ignore[no-any-return]  # numba has no types for what it makes


def _also_read_only(locator: Any) -> Any:
    """A locator of numba's that takes a folder that cannot be written, too, if the function's code is in it."""

    def ensure_cache_path(self: Any) -> None:
        try:
            super(made, self).ensure_cache_path()
        except OSError:
            name = f"{Path(self._py_file).stem}.*-{self.get_disambiguator()}.*.nbi"
            if not any(Path(self.get_cache_path()).glob(name)):
                raise

    made: Any = type(locator.__name__, (locator,), {"ensure_cache_path": ensure_cache_path})
    return made


class _Places(_caching.CompileResultCacheImpl):
    _locator_classes = tuple(map(_also_read_only, _caching.CompileResultCacheImpl._locator_classes))  # noqa: SLF001


class _Kept(_caching.FunctionCache):
    _impl_class = _Places

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled; where nothing can be written it serves this process, which has it already."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)
