"""How this package compiles: to disk, without Python's lock, so that plain threads share the work."""

from __future__ import annotations

from typing import Any, TypeVar

import numba

Function = TypeVar("Function")


def compiled(function: Function) -> Function:
    """Compile at first use and keep the machine code on disk, if there is a place for it."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        result: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        # Neither the package's folder nor the user's can be written: compile anew in each process.
        result = numba.njit(**options)(function)
    return result  # type: ignore[no-any-return]  # numba has no types for what it makes
