from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from xai.sandbox.client import Worker
from xai.sandbox.limits import GIB, for_uploads
from xai.sandbox.profile import Profile
from xai.sandbox.tasks import TASKS

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def extra_tasks():
    """Misbehaving tasks, known here and importable by children; the name to warm them by."""
    known = dict(TASKS)
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(HERE))
    patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    import extra_tasks

    yield extra_tasks.__name__
    patch.undo()
    sys.modules.pop("extra_tasks")
    TASKS.clear()
    TASKS.update(known)


@pytest.fixture
def worker(extra_tasks):
    limits = replace(for_uploads(), memory=3 * GIB)  # the same on every machine
    with Worker(Profile(limits)) as worker:
        worker.call("warm", modules=[extra_tasks])
        yield worker


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """The folder in which workers make theirs."""
    monkeypatch.setattr("xai.sandbox.child._home", lambda pid: tmp_path)
    return tmp_path


def ended(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process is gone, waiting for it a little; a zombie nobody has reaped counts as gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(name="ended")
def _ended():
    return ended
