"""What a child process may do: limits, files, network, programs."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from .limits import Limits, for_own_files, for_uploads

PACKAGE = Path(__file__).resolve().parents[1]

# What libraries look up about the machine. Not the rest of /proc: it shows other processes.
_SYSTEM = (
    "/usr", "/lib", "/lib64",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone", "/etc/nsswitch.conf",
    "/etc/passwd", "/etc/group", "/etc/mime.types", "/etc/locale.alias",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/loadavg", "/proc/filesystems",
    "/proc/sys/vm", "/proc/sys/kernel/cap_last_cap", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/version",
    "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage",
    "/dev/zero", "/dev/random", "/dev/urandom",
)  # fmt: skip

# Names of machines and certificates, for a worker that may use the network.
_NETWORK = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/ssl", "/etc/pki", "/etc/ca-certificates",
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """What a child may do.

    Attributes
    ----------
    limits
        How much it may use.
    reads
        Folders and files it may read beside Python, the libraries, this package's data and the files its calls name.
        ``None``: everything the user may read.
    writes
        Folders it may write beside its own. ``None``: everything the user may write, and read.
    sockets
        Whether it may use the network.
    programs
        Whether it may start processes and signal others.
    passes
        Names of environment variables it is given beside those every child has.
    """

    limits: Limits = field(default_factory=for_uploads)
    reads: tuple[str, ...] | None = ()
    writes: tuple[str, ...] | None = ()
    sockets: bool = False
    programs: bool = False
    passes: tuple[str, ...] = ()

    @property
    def confined(self) -> bool:
        """Whether anything is forbidden at all."""
        return self.writes is not None or not self.sockets or not self.programs

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """What :meth:`to_json` was asked of."""
        paths = {name: None if given[name] is None else tuple(given[name]) for name in ("reads", "writes")}
        passes = tuple(given["passes"])
        return cls(
            Limits(**given["limits"]), **paths, sockets=given["sockets"], programs=given["programs"], passes=passes
        )


def strict() -> Profile:
    """For anything that touches a file of strangers."""
    return Profile(for_uploads())


def own_files() -> Profile:
    """For a model its owner opens: shut in as :func:`strict`, with limits that a large model keeps."""
    return Profile(for_own_files())


def reader() -> Profile:
    """For batches: reads what the user may read, uses what it needs; writes and network stay shut."""
    return Profile(Limits(), reads=None)


def online(profile: Profile) -> Profile:
    """The same for a call that asks the operator's language model: with the network and what names that server."""
    from ..models.text.server import KEY, NAME, URL

    reads = None if profile.reads is None else (*profile.reads, *_NETWORK)
    return replace(profile, sockets=True, reads=reads, passes=(*profile.passes, URL, KEY, NAME))


def trusted() -> Profile:
    """No protection but a process of its own."""
    return Profile(Limits(), reads=None, writes=None, sockets=True, programs=True)


@cache
def always_read(search_path: tuple[str, ...]) -> tuple[str, ...]:
    """Folders every child reads: the system's libraries, Python, installed packages, this package and its data."""
    paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")]
    paths += [sysconfig.get_path("platlib"), *site.getsitepackages(), site.getusersitepackages()]
    root = PACKAGE.parent
    # A checkout is on the search path as a whole; of it only what belongs to the package is read.
    paths += [path for path in search_path if path and Path(path).resolve() != root]
    paths += [str(PACKAGE), str(root / "sample_data")]
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    caches = [os.environ.get(name, "") for name in ("NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX")]
    return tuple(dict.fromkeys([*_SYSTEM, *(os.path.realpath(p) for p in [*paths, *libraries, *caches] if p)]))
