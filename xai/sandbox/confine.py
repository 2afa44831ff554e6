"""Shut this process in, by its profile, with what the kernel has; nothing of it can be undone."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass

from .profile import Profile, always_read

# What a kernel answers that has no such thing, or a container that forbids the call itself.
_LACKING = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM})


@dataclass(frozen=True)
class Confinement:
    """What was put into force in this process.

    Attributes
    ----------
    seccomp, privileges
        Whether system calls are filtered, and whether powers of root were given up for good.
    landlock
        Version of Landlock in force, 0 for none.
    limits
        Whether the profile's limits are in force.
    """

    seccomp: bool = False
    landlock: int = 0
    privileges: bool = False
    limits: bool = False


_in_force = Confinement()


def in_force() -> Confinement:
    """What binds this process."""
    return _in_force


def confine(profile: Profile, folder: str, reads: tuple[str, ...] = ()) -> None:
    """Bind this process. It must have one thread: Landlock binds the thread that calls it and what that starts.

    Parameters
    ----------
    profile
        What stays allowed.
    folder
        The process's own folder, which it may write.
    reads
        Files and folders that may be read for the call that this process was started for.

    Raises
    ------
    OSError
        If the kernel has a protection and refuses to put it into force.
    """
    global _in_force  # noqa: PLW0603 - a process is confined once
    profile.limits.apply()
    if sys.platform != "linux" or not profile.confined:
        _in_force = Confinement(limits=True)
        return
    from . import capabilities, landlock, seccomp

    capabilities.no_new_privileges()
    bound = 0
    if profile.writes is not None:
        readable = None
        if profile.reads is not None:
            own = f"/proc/{os.getpid()}"
            readable = (*always_read(tuple(sys.path)), own, *profile.reads, *reads)
        writable = (folder, "/dev/null", *profile.writes)
        bound = landlock.apply(readable, writable, sockets=profile.sockets, programs=profile.programs)
    capabilities.drop()
    filtered = seccomp.is_known_machine()
    if filtered:
        try:
            seccomp.apply(seccomp.Filter(sockets=profile.sockets, programs=profile.programs))
        except OSError as error:
            if error.errno not in _LACKING:
                raise
            filtered = False
    _in_force = Confinement(filtered, bound, privileges=True, limits=True)
