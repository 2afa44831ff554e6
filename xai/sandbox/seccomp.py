"""A filter of system calls, as seccomp's small machine runs it: what a model has no business with fails with EPERM.

Source: seccomp(2), Linux; numbers of calls from the kernel's tables for x86-64 and for arm64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_CALLS: dict[str, tuple[int | None, int | None]] = {
    # name: number on x86-64, on arm64 (None where there is no such call)
    # the network, and other processes through it
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242),
    # other programs and other processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130), "setpgid": (109, 154),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semctl": (66, 191),
    "semop": (65, 193), "semtimedop": (220, 192), "msgget": (68, 186), "msgctl": (71, 187), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # properties of files, which Landlock does not guard
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "file_setattr": (469, 469), "truncate": (76, 45), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "quotactl": (179, 60), "quotactl_fd": (443, 443), "acct": (163, 89),
    # the file system's shape and name spaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "open_tree_attr": (467, 467), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # the kernel itself, and calls whose bugs have let people out
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "syslog": (103, 116),
    "swapon": (167, 224), "swapoff": (168, 225), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None), "vhangup": (153, 58),
    # its own limits are not its own to move
    "setrlimit": (160, 164),
}  # fmt: skip

# Calls that are looked at: allowed only with this process's own number first.
_TO_ITSELF = {"kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)}
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_PRLIMIT = (302, 261)
_IOCTL = (16, 29)
_SECCOMP = (317, 277)

_NETWORK = frozenset({"socket", "connect", "bind", "listen", "accept", "accept4"})
_PROGRAMS = frozenset({"execve", "execveat", "fork", "vfork", "setpgid"})

_CLONE_THREAD = 0x0001_0000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # typing into a terminal, and the console's own commands

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of linux/filter.h
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_NR, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ARCHES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
_X32 = 0x4000_0000  # calls of the x32 interface, which are other numbers for the same things

_SET_MODE_FILTER, _SYNC_THREADS = 1, 1

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True)
class Filter:
    """What is let through beside computing: sockets, and programs and processes of its own."""

    sockets: bool = False
    programs: bool = False


def is_known_machine() -> bool:
    """Whether the numbers of system calls of this machine are known here."""
    return platform.machine() in _ARCHES and ctypes.sizeof(ctypes.c_void_p) == 8


def program(what: Filter, pid: int, machine: str) -> list[Instruction]:
    """The filter as instructions, for the process with this number."""
    column, arch = _ARCHES[machine]
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),  # calls of another machine's numbers, made to get round these
        (_LOAD, 0, 0, _NR),
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), _deny()]
    let_through = (_NETWORK if what.sockets else frozenset()) | (_PROGRAMS if what.programs else frozenset())
    for name, numbers in _CALLS.items():
        number = numbers[column]
        if number is not None and name not in let_through:
            code += [(_EQUAL, 0, 1, number), _deny()]
    if not what.programs:
        # Threads may be started, processes not. clone3 hides its flags in memory: the C library then takes clone.
        code += [(_EQUAL, 0, 1, _CLONE3[column]), _deny(errno.ENOSYS)]
        code += _when(_CLONE[column], [(_LOAD, 0, 0, _ARGUMENTS), (_ANY_BIT, 1, 0, _CLONE_THREAD), _deny(), _allow()])
        for numbers in _TO_ITSELF.values():
            code += _when(numbers[column], [(_LOAD, 0, 0, _ARGUMENTS), (_EQUAL, 1, 0, pid), _deny(), _allow()])
    # prlimit may ask (the third argument is no address) and not set.
    address = _ARGUMENTS + 2 * 8
    code += _when(
        _PRLIMIT[column],
        [(_LOAD, 0, 0, address), (_EQUAL, 0, 2, 0), (_LOAD, 0, 0, address + 4), (_EQUAL, 1, 0, 0), _deny(), _allow()],
    )
    code += _when(
        _IOCTL[column],
        [(_LOAD, 0, 0, _ARGUMENTS + 8), (_EQUAL, 1, 0, _TIOCSTI), (_EQUAL, 0, 1, _TIOCLINUX), _deny(), _allow()],
    )
    return [*code, _allow()]


def apply(what: Filter) -> None:
    """Bind this process, all its threads and all it starts, for good. Needs ``no_new_privs``.

    Raises
    ------
    OSError
        If the kernel refuses: ``ENOSYS`` or ``EINVAL`` where it has no filters.
    """
    machine = platform.machine()
    code = b"".join(struct.pack("HBBI", *step) for step in program(what, os.getpid(), machine))
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    given = Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(_SECCOMP[_ARCHES[machine][0]])
    result = libc.syscall(number, _SET_MODE_FILTER, _SYNC_THREADS, ctypes.byref(given))
    if result != 0:  # a positive number is a thread that could not be bound
        code_of = ctypes.get_errno() if result < 0 else errno.ESRCH
        raise OSError(code_of, f"seccomp: {os.strerror(code_of)}")


def _deny(number: int = errno.EPERM) -> Instruction:
    return _RETURN, 0, 0, _ERRNO | number


def _allow() -> Instruction:
    return _RETURN, 0, 0, _ALLOW


def _when(number: int, then: list[Instruction]) -> list[Instruction]:
    """A block that is entered for one call and always returns, so that the call's number stays loaded for the next."""
    return [(_EQUAL, 0, len(then), number), *then]
