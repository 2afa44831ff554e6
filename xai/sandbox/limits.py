"""How much one child process may use."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Limits:
    """Limits of one child; ``None`` is no limit.

    Attributes
    ----------
    memory
        Bytes of private memory the process may ask for (``RLIMIT_DATA``). Not the address space (``RLIMIT_AS``): a
        library takes far more of those than it uses. Measured: torch imported holds 0.21 GiB, ``RLIMIT_DATA`` counts
        0.17 GiB of it, and ``RLIMIT_AS`` 0.57 GiB; a thread adds 0.04 MiB, 8 MiB and 38 MiB. On a machine of many
        processors a limit of addresses would end work that needs little.
    cpu
        Seconds of processor time of all threads together, anew for every call (``RLIMIT_CPU``).
    wall
        Seconds a call may take, waiting included, unless the caller says otherwise.
    file_size
        Bytes of one file it writes.
    open_files
        Files open at the same time.
    """

    memory: int | None = None
    cpu: float | None = None
    wall: float | None = None
    file_size: int | None = None
    open_files: int | None = None

    def apply(self) -> None:
        """Bind this process and what it starts, except ``cpu`` and ``wall``, which are the parent's to enforce.

        There are never core dumps: they hold other people's rows.
        """
        import resource

        bounds = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, self.file_size)]
        bounds.append((resource.RLIMIT_NOFILE, self.open_files))
        if sys.platform == "linux":  # elsewhere it does not count what is mapped
            bounds.append((resource.RLIMIT_DATA, self.memory))
        for which, bound in bounds:
            if bound is not None:
                _, hard = resource.getrlimit(which)
                least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
                resource.setrlimit(which, (least, least))


def limit_processor_time(pid: int, seconds: float | None) -> None:
    """Let another process of ours use so many more seconds; ``None`` lifts the limit. Linux only.

    The time a process may use is counted from its start. So the limit is moved before each call, from outside: the
    process itself cannot move it.
    """
    if sys.platform != "linux":
        return
    import resource

    soft = resource.RLIM_INFINITY
    if seconds is not None:
        # Whole seconds are all the kernel knows here; the fraction is rounded in favour of the work.
        soft = int(processor_time(pid) + seconds) + 1
    _, hard = resource.prlimit(pid, resource.RLIMIT_CPU)
    resource.prlimit(pid, resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def processor_time(pid: int) -> float:
    """Seconds a process has used so far, its ended threads included.

    Raises
    ------
    ProcessLookupError
        If there is no such process.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError as error:
        raise ProcessLookupError(pid) from error
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container this process is in if that has less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            text = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue  # another version of control groups, or none
        if text.isdigit():  # else it is "max"
            total = min(total, int(text))
    return total


def for_uploads() -> Limits:
    """For files of strangers: a quarter of the machine's memory and ten minutes of processor time a call."""
    return Limits(memory=max(GIB, machine_memory() // 4), cpu=600.0, wall=900.0, file_size=2 * GIB, open_files=512)


def for_own_files() -> Limits:
    """For a model its owner opens: three quarters of the machine's memory, and all the time it takes."""
    return Limits(memory=max(GIB, machine_memory() * 3 // 4), file_size=64 * GIB, open_files=4096)


def size_text(size: float) -> str:
    """Bytes for people: "6 GiB", "512 MiB"."""
    return f"{size / GIB:.3g} GiB" if size >= GIB else f"{size / (1 << 20):.3g} MiB"
