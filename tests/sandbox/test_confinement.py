"""What a worker cannot do. Where the kernel lacks a protection, the package has to say so."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from xai.core.errors import ModelError, WorkerError, XaiError
from xai.sandbox import JobPool, Limits, Profile, Worker, capabilities, landlock, protections, seccomp
from xai.sandbox.limits import GIB, for_own_files, for_uploads, machine_memory, processor_time, size_text
from xai.sandbox.profile import own_files, reader, strict, trusted

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these protections")

LANDLOCKS = {"write_outside", "remove_outside", "read_outside", "list_outside", "environment_of_parent"}


def kernel_has_filters():
    """Asks the kernel with an address that is none: EFAULT is its answer if it knows filters."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 317, "aarch64": 277}.get(platform.machine())
    return number is not None and libc.syscall(number, 1, 0, None) == -1 and ctypes.get_errno() == errno.EFAULT


@pytest.fixture(scope="module")
def found():
    return protections()


@pytest.fixture
def begin(extra_tasks):
    """A function that starts a worker which knows the misbehaving tasks; closed at the end."""
    workers = []

    def start(profile):
        workers.append(Worker(profile, [extra_tasks]))
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


@linux
def test_a_worker_cannot_get_out(found):
    assert found.seccomp == kernel_has_filters()
    assert bool(found.landlock) == (landlock.abi() > 0)
    expected = set()
    if not found.seccomp:
        expected |= set(found.attempts) - LANDLOCKS
    if not found.landlock:
        expected |= LANDLOCKS
    # With one layer alone some attempts fail for the other's reasons.
    assert set(found.open) <= expected
    if found.seccomp and found.landlock:
        assert found.complete
        for name in ("connect", "write_outside"):
            assert found.attempts[name].startswith("PermissionError")
        assert found.attempts["connect"].endswith(os.strerror(errno.EPERM))
        assert found.attempts["write_outside"].endswith(os.strerror(errno.EACCES))


@linux
def test_without_a_profile_everything_goes_through_so_the_attempts_are_real():
    free = protections(trusted())
    assert set(free.attempts) - set(free.open) <= {"memory_of_parent"}  # some systems forbid that to everybody
    assert not free.seccomp
    assert not free.landlock
    assert "It has no limits." in free.sentences or "GiB" in free.sentences[-1]


@linux
def test_what_is_missing_is_said(found):
    lacking = replace(found, seccomp=False, landlock=0, attempts=dict.fromkeys(found.attempts))
    assert lacking.sentences[0].startswith("seccomp is not in force on Linux")
    assert "open a network connection" in lacking.sentences[0]
    assert lacking.sentences[1].startswith("Landlock is not in force")
    assert "write outside its folder" in lacking.sentences[1]
    assert not lacking.complete
    assert found.limits["core_dump"] == 0
    assert (found.limits["memory"], found.limits["cpu"]) == (for_uploads().memory, 600)
    assert "600 s of processor time a call" in found.sentences[-1]


@linux
def test_batches_read_everything_and_write_nothing(begin, tmp_path):
    file = tmp_path / "rows.txt"
    file.write_text("rows")
    worker = begin(reader())
    assert worker.call("read", model=str(file)) == "rows"
    with pytest.raises(ModelError, match="Permission denied"):
        worker.call("write", path=str(tmp_path / "out"))
    worker.call("write", path="own")
    (tmp_path / "allowed").mkdir()
    worker = begin(replace(reader(), writes=(str(tmp_path / "allowed"),)))
    worker.call("write", path=str(tmp_path / "allowed" / "out"))
    assert (tmp_path / "allowed" / "out").read_text() == "written"


@linux
def test_a_call_reads_the_file_it_names_and_no_other(begin, tmp_path):
    mine, other = tmp_path / "mine" / "a", tmp_path / "other" / "b"
    for file in (mine, other):
        file.parent.mkdir()
        file.write_text(file.name)
    worker = begin(strict())
    assert worker.call("read", model=str(mine)) == "a"
    first = worker.pid
    assert worker.call("read", model=str(mine)) == "a"
    assert worker.pid == first  # what it may read already it reads again
    assert worker.call("read", model=str(other)) == "b"
    assert worker.pid != first  # another file, another child
    link = tmp_path / "link"
    link.symlink_to(mine)
    assert worker.call("read", model=str(link)) == "a"
    # A file that takes another's place is another file.
    mine.rename(tmp_path / "old")
    mine.write_text("new")
    assert worker.call("read", model=str(mine)) == "new"
    folder = begin(replace(strict(), reads=(str(other.parent),)))
    pids = set()
    for _ in range(2):
        assert folder.call("read", model=str(other)) == "b"
        pids.add(folder.pid)
    assert len(pids) == 1
    # What a call does not name as a file stays shut, whatever is done to find it.
    for name in (mine, f"/proc/self/root{mine}", Path.home(), "/etc/shadow", "/proc/1/environ"):
        with pytest.raises(ModelError, match="Permission denied"):
            folder.call("peek", path=str(name))


@linux
def test_threads_and_linear_algebra_work_inside(begin):
    worker = begin(strict())
    n, error = worker.call("threads")
    assert n == 4
    assert error < 1e-9


@linux
@pytest.mark.skipif(not os.access("/proc/sys/vm/drop_caches", os.W_OK), reason="only root makes the kernel forget")
def test_what_may_be_read_of_the_machine_stays_readable_when_memory_is_short(begin):
    worker = begin(strict())
    for _ in range(2):
        assert "NoNewPrivs:\t1" in worker.call("peek", path="/proc/self/status")
        assert "MemTotal" in worker.call("peek", path="/proc/meminfo")
        Path("/proc/sys/vm/drop_caches").write_text("2")
        time.sleep(0.5)


@linux
def test_siblings_draw_other_numbers(begin):
    assert len({number for _ in range(3) for number in begin(strict()).call("draws")}) == 6


@linux
def test_memory_has_a_limit_and_the_worker_lives_on(begin):
    worker = begin(Profile(Limits(memory=GIB)))
    assert worker.call("allocate", mib=300) == 300 << 20
    pid = worker.pid
    with pytest.raises(WorkerError, match=r"memory ran out \(memory limit of 1 GiB\)"):
        worker.call("allocate", mib=1500)
    assert worker.pid == pid
    with pytest.raises(WorkerError, match=r"abort_for_memory went over the memory limit of 1 GiB"):
        worker.call("abort_for_memory")


@linux
def test_processor_time_has_a_limit_for_each_call(begin):
    worker = begin(Profile(Limits(cpu=1.0)))
    for _ in range(3):  # together more than one call may use
        worker.call("burn", seconds=0.7)
    before = processor_time(worker.pid)
    with pytest.raises(WorkerError, match=r"running burn used up the CPU-time limit of 1 s"):
        worker.call("burn", seconds=60)
    assert before > 2
    worker.call("burn", seconds=0.1)


@linux
def test_files_have_limits(begin, tmp_path):
    worker = begin(Profile(Limits(file_size=1000, open_files=64), writes=(str(tmp_path),)))
    assert worker.call("open_files", number=20) == 20
    with pytest.raises(ModelError, match="Too many open files"):
        worker.call("open_files", number=100)
    worker = begin(Profile(Limits(file_size=1000), writes=(str(tmp_path),)))
    with pytest.raises(ModelError, match="File too large"):
        worker.call("write", path=str(tmp_path / "large"), size=2000)
    worker.call("write", path=str(tmp_path / "small"), size=900)
    assert (tmp_path / "small").stat().st_size == 900


@linux
def test_the_time_limit_of_a_profile_is_that_of_every_call(begin):
    worker = begin(Profile(Limits(wall=0.5)))
    with pytest.raises(WorkerError, match=r"took longer than 0.5 s"):
        worker.call("sleep", seconds=30)
    assert worker.call("sleep", seconds=0.7, timeout=20) == 0.7  # unless the caller says otherwise


def test_defaults_are_shares_of_the_machine():
    assert for_uploads().memory == max(GIB, machine_memory() // 4)
    assert for_own_files().memory == max(GIB, machine_memory() * 3 // 4)
    assert for_own_files().cpu is None
    assert own_files().writes == ()
    assert size_text(6 * GIB) == "6 GiB"
    assert size_text(1.5 * GIB) == "1.5 GiB"
    assert size_text(300 << 20) == "300 MiB"


@linux
def test_root_is_no_longer_root_inside(begin, extra_tasks):
    worker = begin(strict())
    worker.call("echo", value=1)
    status = Path(f"/proc/{worker.pid}/status").read_text()
    held = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert held["NoNewPrivs"].strip() == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(held[name], 16) & ~(1 << 2) == 0, name  # reading files is all that is left
    assert capabilities.effective() >= 0


@linux
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_answers_as_it_should(machine):
    """The program is run here by hand, call by call, against what each call should get."""
    code = seccomp.program(seccomp.Filter(), 77, machine)
    arch = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    numbers = {
        "x86_64": {"read": 0, "socket": 41, "socketpair": 53, "kill": 62, "clone": 56, "clone3": 435, "prlimit": 302,
                   "ioctl": 16, "execve": 59, "mmap": 9, "openat": 257},
        "aarch64": {"read": 63, "socket": 198, "socketpair": 199, "kill": 129, "clone": 220, "clone3": 435,
                    "prlimit": 261, "ioctl": 29, "execve": 221, "mmap": 222, "openat": 56},
    }[machine]  # fmt: skip

    def ask(name, *arguments, arch=arch):
        data = [numbers[name], arch, 0, 0]
        for value in (*arguments, *[0] * (6 - len(arguments))):
            data += [value & 0xFFFFFFFF, value >> 32]
        at, loaded = 0, 0
        while True:
            op, yes, no, k = code[at]
            at += 1
            if op == 0x06:
                return k
            if op == 0x20:
                loaded = data[k // 4]
                continue
            holds = {0x15: loaded == k, 0x35: loaded >= k, 0x45: bool(loaded & k)}[op]
            at += yes if holds else no

    allow, deny = 0x7FFF0000, 0x00050000 | errno.EPERM
    for name in ("read", "mmap", "openat", "socketpair"):
        assert ask(name) == allow, name
    for name in ("socket", "execve"):
        assert ask(name) == deny, name
    assert ask("read", arch=0x40000003) == 0x80000000
    assert ask("kill", 77, 9) == allow
    assert ask("kill", 78, 9) == deny
    assert ask("kill", 0xFFFFFFFF, 9) == deny
    assert ask("clone3") == 0x00050000 | errno.ENOSYS
    assert ask("clone", 0x3D0F00) == allow  # a thread
    assert ask("clone", 0x1200011) == deny  # a process
    assert ask("prlimit", 0, 7, 0) == allow
    assert ask("prlimit", 0, 7, 0x7FFF12340000) == deny
    assert ask("prlimit", 0, 7, 0x7FFF00000000) == deny
    assert ask("ioctl", 1, 0x5401) == allow
    assert ask("ioctl", 1, 0x5412) == deny
    open_to_all = seccomp.program(seccomp.Filter(sockets=True, programs=True), 77, machine)
    assert len(open_to_all) < len(code)


@linux
def test_a_killed_worker_is_told_with_its_file_and_library(extra_tasks, tmp_path):
    file = tmp_path / "model.json"
    file.write_bytes(b'{"learner": {"objective": {"name": "reg:squarederror"}}, "version": [3, 2, 0]}')
    with JobPool(size=1, warm=(extra_tasks,)) as pool:
        job = pool.submit("abort_for_memory", "Aborting", model=str(file))
        with pytest.raises(WorkerError, match=r"abort_for_memory model\.json went over the memory limit"):
            job.result()
        job = pool.submit("sleep", "Sleeping", seconds=60)
        while job.progress == 0:
            time.sleep(0.01)
        os.kill(pool._workers[0].pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"killed \(signal 9\) while running sleep"):
            job.result(20)
        assert pool.submit("echo", "Echo", value=3).result() == 3


@linux
def test_a_child_that_saw_one_persons_file_works_for_nobody_else(extra_tasks, tmp_path):
    file = tmp_path / "upload"
    file.write_text("mine")

    def ask(owner, **payload):
        task = "read" if payload else "whoami"
        result = pool.submit(task, "Asking", owner=owner, **payload).result()
        return result if payload else result["pid"]

    with JobPool(size=1, warm=(extra_tasks,)) as pool:
        shared = ask("a")
        assert ask("b") == shared  # no file was opened: nothing to keep apart
        assert ask("a", model=str(file)) == "mine"
        seen = ask("a")
        assert seen != shared
        assert ask("a") == seen
        assert ask("b") != seen
        assert ask(None, model=str(file)) == "mine"


@linux
def test_only_a_call_to_the_operators_server_has_the_network(begin, monkeypatch):
    """A language-model server that is none: what arrives there, from which process, and with which key."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.headers.get("Authorization"))
            self.send_error(400)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("HEMICYCLE_LM_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("HEMICYCLE_LM_KEY", "hunter2")
        worker = begin(strict())
        assert "HEMICYCLE_LM_KEY" not in worker.call("whoami")["environment"]
        first = worker.pid
        with pytest.raises(XaiError):
            worker.call("lm_generate", prompt="a b", model="server")
        assert asked
        assert set(asked) <= {"Bearer hunter2"}
        online = worker.pid
        assert online != first
        assert "HEMICYCLE_LM_KEY" not in worker.call("whoami")["environment"]
        assert worker.pid != online
        server.shutdown()


@linux
def test_several_threads_start_workers_at_once(begin):
    results = []
    workers = [begin(strict()) for _ in range(6)]
    threads = [threading.Thread(target=lambda w=w: results.append(w.call("whoami")["pid"])) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 6
