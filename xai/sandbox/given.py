"""Which files a call names: the only ones of its user's that the child may read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .codec import ModelFile
from .profile import Profile, always_read
from .tasks import TASKS


@dataclass(frozen=True)
class GivenFile:
    """A file or folder as it is now: another one under the same name needs another permission.

    Attributes
    ----------
    path
        Absolute, without links.
    device, inode
        What it is.
    """

    path: str
    device: int
    inode: int


def given_files(task: str, payload: Mapping[str, Any], profile: Profile) -> frozenset[GivenFile]:
    """Files and folders that a call's payload names and the profile does not open anyway."""
    if profile.reads is None or profile.writes is None:
        return frozenset()
    named = [path for name in TASKS[task].files if name in payload for path in _paths(payload[name])]
    if not named:
        return frozenset()
    # Not what is on this process's search path: the child has another, without the folder of a script that runs here.
    open_anyway = [Path(path) for path in (*always_read(()), *profile.reads, *profile.writes)]
    found = set()
    for name in named:
        path = Path(os.path.realpath(name))
        try:
            facts = path.stat()
        except OSError:
            continue  # the task says that it is not there, or that its name is none
        if not any(path.is_relative_to(folder) for folder in open_anyway):
            found.add(GivenFile(str(path), facts.st_dev, facts.st_ino))
    return frozenset(found)


def _paths(value: Any) -> Iterator[str]:
    value = getattr(value, "model_file", value)
    if isinstance(value, ModelFile):
        yield value.path
    elif isinstance(value, str | Path):
        yield str(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _paths(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _paths(item)
