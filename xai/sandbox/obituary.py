"""What a child process ended of, in words, and the errors that it reported."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from typing import Any

from ..core import errors
from ..core.errors import MissingExtraError, WorkerError, XaiError
from . import protocol
from .limits import Limits, size_text
from .tasks import describe_call, model_path

# What C and C++ libraries leave behind when memory is refused them.
_OUT_OF_MEMORY = re.compile(
    r"bad_alloc|out of memory|cannot allocate|not enough memory|std::length_error", re.IGNORECASE
)


def obituary(code: int, task: str, payload: Mapping[str, Any], limits: Limits, *, stopped: bool, words: str) -> str:
    """Why a child ended with a code while it was at a task."""
    call = describe_call(task, payload)
    if stopped:
        return f"{call} was stopped."
    path = model_path(payload)
    if code == -signal.SIGXCPU and limits.cpu is not None:
        return f"{call} used up the CPU-time limit of {limits.cpu:g} s. Use fewer rows, or raise the limit."
    if limits.memory is not None and code in (-signal.SIGABRT, -signal.SIGSEGV) and _OUT_OF_MEMORY.search(words):
        return (
            f"{call} went over the memory limit of {size_text(limits.memory)}. "
            "Use fewer rows or a smaller file, or raise the limit."
        )
    if code == -signal.SIGKILL:
        return (
            f"the child process was killed (signal 9) while {call}{_with_library(path)}: most likely memory ran out. "
            "Use fewer rows, or a machine with more memory."
        )
    if code < 0 and path is not None:
        return (
            f"{_library(path)} crashed (signal {-code}) while {call}: "
            "the file is damaged or not what it claims. Save the model again, or train it again."
        )
    ended = f"crashed (signal {-code})" if code < 0 else f"ended (exit code {code})"
    return f"the child process {ended} while {call}."


def _with_library(path: str | None) -> str:
    return "" if path is None else f" ({_library(path)})"


def _library(path: str) -> str:
    """Name of the library that reads a file, by its content."""
    from ..models import sniff

    try:
        return sniff(path).partition("-")[0]
    except XaiError:  # it is gone, or no model any more
        return "the model's library"


def restored(header: protocol.Header) -> XaiError:
    """The error a task raised, of the class it had."""
    cls = getattr(errors, str(header.get("class")), None)
    args = [str(arg) for arg in header.get("args", ())]
    if cls is MissingExtraError and len(args) == 2:
        error: XaiError = MissingExtraError(*args)
    elif isinstance(cls, type) and issubclass(cls, XaiError) and cls is not MissingExtraError:
        error = cls(*args)
    else:
        error = WorkerError(f"the child process failed in a way it could not describe: {' '.join(args)}")
    error.add_note(f"In the child process:\n{header.get('trace', '')}")
    return error
