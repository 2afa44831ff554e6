"""Which protections bind the child processes of this machine, found out by trying to break them."""

from __future__ import annotations

import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .client import Worker
from .limits import size_text
from .profile import Profile, strict

# What an attempt is called where a person reads it, and whose business it is to stop it.
_ATTEMPTS = {
    "connect": ("open a network connection", "seccomp"),
    "unix_socket": ("talk to services of this machine through sockets", "seccomp"),
    "run_program": ("run another program", "seccomp"),
    "start_process": ("start another process", "seccomp"),
    "signal_parent": ("stop other processes", "seccomp"),
    "memory_of_parent": ("read the memory of other processes", "seccomp"),
    "change_mode_outside": ("change permissions of files", "seccomp"),
    "change_time_outside": ("change dates of files", "seccomp"),
    "raise_limit": ("lift its own limits", "seccomp"),
    "write_outside": ("write outside its folder", "Landlock"),
    "remove_outside": ("remove files outside its folder", "Landlock"),
    "read_outside": ("read files it was not given", "Landlock"),
    "list_outside": ("list folders it was not given", "Landlock"),
    "environment_of_parent": ("read the environment of other processes", "Landlock"),
}  # fmt: skip


@dataclass(frozen=True)
class Protections:
    """What a worker that opens uploads can and cannot do here.

    Attributes
    ----------
    platform
        Operating system and machine.
    seccomp
        Whether system calls are filtered.
    landlock
        Version of Landlock in force; 0 for none.
    fork_server
        Whether workers come from a process that has the libraries loaded.
    limits
        Name to bound as the worker sees it, ``None`` for none; ``"cpu"`` in seconds a call.
    attempts
        What was tried, to the reason why it failed; ``None`` where it went through.
    """

    platform: str
    seccomp: bool
    landlock: int
    fork_server: bool
    limits: dict[str, int | None]
    attempts: dict[str, str | None]

    @property
    def open(self) -> tuple[str, ...]:
        """What went through and should not have."""
        return tuple(name for name, reason in self.attempts.items() if reason is None)

    @property
    def complete(self) -> bool:
        """Whether nothing went through."""
        return not self.open

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same for people, what is missing first."""
        found = []
        for layer, there in (("seccomp", self.seccomp), ("Landlock", bool(self.landlock))):
            missing = [words for name, (words, by) in _ATTEMPTS.items() if by == layer and name in self.open]
            if missing:
                why = "in force, and yet" if there else f"not in force on {self.platform}:"
                found.append(f"{layer} is {why} a worker can {', '.join(missing)}.")
        held = [words for name, (words, _) in _ATTEMPTS.items() if self.attempts.get(name) is not None]
        if held:
            found.append(f"A worker that opens an upload cannot {', '.join(held)}.")
        memory, files = self.limits.get("memory"), self.limits.get("file_size")
        bounds = [] if memory is None else [f"{size_text(memory)} of memory"]
        bounds += [] if self.limits.get("cpu") is None else [f"{self.limits['cpu']} s of processor time a call"]
        bounds += [] if files is None else [f"{size_text(files)} a file"]
        found.append(f"It is limited to {', '.join(bounds)}." if bounds else "It has no limits.")
        return tuple(found)


def protections(profile: Profile | None = None) -> Protections:
    """Start a worker and let it try to get out.

    Parameters
    ----------
    profile
        What it may do; ``None`` for that of workers that open uploads.

    Raises
    ------
    WorkerError
        If no worker can be started.
    """
    import platform

    from .spawn import HAS_FORK_SERVER

    given = strict() if profile is None else profile
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tempfile.TemporaryDirectory(prefix="xai-probe-") as outside,
        Worker(given) as worker,
    ):
        secret = Path(outside, "secret")
        secret.write_text("nobody may read this", encoding="ascii")
        found = worker.call("probe", port=server.getsockname()[1], outside=outside)
    return Protections(
        platform=f"{platform.system()} {platform.release()} ({platform.machine()})",
        seccomp=found["in_force"]["seccomp"],
        landlock=found["in_force"]["landlock"],
        fork_server=HAS_FORK_SERVER and sys.platform == "linux",
        # What the worker sees counts from its start.
        limits=found["limits"] | {"cpu": None if given.limits.cpu is None else round(given.limits.cpu)},
        attempts=found["attempts"],
    )
