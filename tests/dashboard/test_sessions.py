"""Sessions: folders of their own, waited for, ended, and swept after a server that was killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xai.core.errors import InputError
from xai.dashboard.limits import Limits, read
from xai.dashboard.sessions import Sessions, server_folder


class World:
    """Sessions whose browsers a test opens and closes, and whose clock it sets."""

    def __init__(self, base, monkeypatch):
        self.browsers, self.left, self.ended, self.now = set(), [], [], 0.0
        monkeypatch.setattr("xai.dashboard.sessions.time.monotonic", lambda: self.now)
        self.home = server_folder(base)
        self.sessions = Sessions(
            self.home,
            self.browsers.__contains__,
            lambda session: self.left.append(session.id),
            lambda session: self.ended.append(session.id),
            Limits(keep_seconds=120, job_seconds=15),
        )
        self.sessions._thread = object()  # nobody but the test sweeps

    def after(self, seconds):
        self.now += seconds
        self.sessions.sweep()

    def visitor(self, name):
        self.browsers.add(name)
        session = self.sessions.get(name)
        (session.folder / "upload.csv").write_text("a\n1\n")
        session.kept["table"] = object()
        return session


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path / "base", monkeypatch)


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_this_accounts_alone(world):
    session = world.visitor("a")
    assert {_mode(path) for path in (world.home.parent, world.home, session.folder)} == {0o700}


def test_sessions_share_nothing(world):
    a, b = world.visitor("a"), world.visitor("b")
    assert a.folder != b.folder
    assert a.kept is not b.kept
    assert world.sessions.get("a") is a


def test_a_session_with_a_browser_is_kept_for_ever(world):
    session = world.visitor("a")
    for _ in range(100):
        world.after(60)
    assert session.folder.exists()
    assert world.left == world.ended == []


def test_a_broken_connection_that_is_mended_costs_nothing(world):
    session = world.visitor("a")
    world.browsers.clear()
    world.after(10)
    world.browsers.add("a")
    world.after(1)
    world.browsers.clear()
    world.after(14)
    assert world.left == world.ended == []
    assert (session.folder / "upload.csv").exists()


def test_work_stops_first_and_files_go_later(world):
    a, b = world.visitor("a"), world.visitor("b")
    folder = a.folder
    world.browsers.remove("a")
    world.after(15)
    world.after(15)
    assert world.left == ["a"]
    assert folder.exists()
    world.after(90)
    assert world.ended == ["a"]
    assert not folder.exists()
    assert a.kept == {}
    assert (b.folder / "upload.csv").exists()
    assert world.sessions.get("a") is not a


def test_leaving_twice_stops_the_work_twice(world):
    world.visitor("a")
    for _ in range(2):
        world.browsers.clear()
        world.after(20)
        world.browsers.add("a")
        world.after(1)
    assert world.left == ["a", "a"]


def test_the_stopping_server_removes_everything(world):
    world.visitor("a")
    world.sessions.close()
    assert world.ended == ["a"]
    assert list(world.home.parent.glob("server-*")) == []
    with pytest.raises(InputError, match="stopping"):
        world.sessions.get("b")


def test_a_session_that_ends_with_an_error_takes_nobody_with_it(world, caplog):
    def ended(session):
        if session.id == "a":
            raise ProcessLookupError(3, "No such process")
        world.ended.append(session.id)

    world.sessions._ended = ended
    folders = [world.visitor(name).folder for name in "ab"]
    world.browsers.clear()
    world.after(121)
    assert world.ended == ["b"]
    assert not any(folder.exists() for folder in folders)
    assert "No such process" in caplog.text
    world.visitor("a")
    world.sessions.close()
    assert not world.home.exists()


def test_the_size_counts_all_sessions(world):
    for name in "ab":
        (world.visitor(name).folder / "more").write_bytes(b"x" * 1000)
    assert 2000 <= world.sessions.size < 12_000


def test_sessions_that_ask_for_the_size_together_do_not_wait_for_each_other(world):
    both_hold, sizes = threading.Barrier(2), {}

    def ask(name):
        session = world.sessions.get(name)
        with session.lock:
            (session.folder / "file").write_bytes(bytes(1000))
            both_hold.wait(20)
            sizes[name] = world.sessions.size

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sizes == {"a": 2000, "b": 2000}


def test_the_thread_ends_sessions_by_itself(tmp_path):
    ended = []
    limits = Limits(keep_seconds=1, job_seconds=1)
    sessions = Sessions(server_folder(tmp_path), lambda _: False, lambda _: None, ended.append, limits)
    folder = sessions.get("a").folder
    deadline = time.monotonic() + 20
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [session.id for session in ended] == ["a"]
    sessions.close()


def test_what_a_killed_server_left_is_swept_and_what_a_living_one_has_is_not(tmp_path):
    program = (
        "import os, pathlib, signal, sys\n"
        "from xai.dashboard.sessions import server_folder\n"
        "folder = server_folder(pathlib.Path(sys.argv[1]))\n"
        "(folder / 'upload').write_text('secret')\n"
        "print(folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == 'die' else sys.stdin.read()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), fate],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for fate in ("live", "die")
    ]
    living, dead = (process.stdout.readline().strip() for process in processes)
    processes[1].wait(20)
    server_folder(tmp_path)
    assert not Path(dead).exists()
    assert (Path(living) / "upload").exists()
    processes[0].communicate("", timeout=20)


def test_a_folder_of_another_account_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("xai.dashboard.sessions.os.getuid", lambda: -1)
    with pytest.raises(InputError, match=r"HEMICYCLE_UPLOADS"):
        server_folder(tmp_path)


def test_a_link_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match=r"HEMICYCLE_UPLOADS"):
        server_folder(tmp_path / "link")


def test_limits_come_from_the_environment(monkeypatch):
    assert read() == Limits()
    monkeypatch.setenv("HEMICYCLE_MAX_MODEL_MB", "7")
    assert read() == Limits(max_model_mb=7)


@pytest.mark.parametrize("text", ["0", "-1", "much", "1.5", ""])
def test_a_limit_that_is_none_is_named(monkeypatch, text):
    monkeypatch.setenv("HEMICYCLE_MAX_FILES", text)
    with pytest.raises(InputError, match="HEMICYCLE_MAX_FILES"):
        read()
