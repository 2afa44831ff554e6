"""Programs that tests start and kill."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment():
    """One thread, and this checkout."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def children(pid):
    """Ids of the living children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


@contextmanager
def start_cluster(folder, *, nannies):
    """A Dask scheduler and two workers as programs of their own: address, and the programs of the workers."""
    from distributed import Client

    def start(*command):
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=environment(), stderr=subprocess.DEVNULL
        )

    contact = folder / "scheduler.json"
    quiet = ("--no-dashboard",)
    options = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(contact), *quiet)
    scheduler = start("distributed.cli.dask_scheduler", *options)
    options = ("--scheduler-file", str(contact), "--nthreads", "1", "--nanny" if nannies else "--no-nanny", *quiet)
    workers = [start("distributed.cli.dask_worker", *options, "--name", str(i)) for i in range(2)]
    try:
        with Client(scheduler_file=str(contact), timeout=120) as client:
            client.wait_for_workers(2, timeout=120)
            address = client.scheduler.address
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            for child in children(process.pid):
                os.kill(child, 9)
            process.kill()
            process.wait(20)
