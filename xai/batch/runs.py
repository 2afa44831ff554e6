"""Runs that go on by themselves: started, watched, stopped and started again by whoever knows their folder.

Each run is a process of its own with a folder of its own. Whether it is alive is told by a lock on that folder, which
the kernel frees when the process ends, however it ends; a server that was started anew finds its runs again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from ..core.errors import InputError
from ..sandbox.spawn import child_environment
from .drive import END, ORDER, OUT, PROGRESS
from .opened import BatchResult
from .store import commit, commit_json, read_json

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["running", "finished", "failed", "cancelled", "interrupted"]

_LOCK, _PID, _LOG, _ROWS = ".driver", "pid", "log.txt", "rows.parquet"
_GRACE = 5.0


@dataclass(frozen=True)
class Run:
    """One run and its folder.

    Attributes
    ----------
    folder
        Everything about it.
    title
        What it is about, for people.
    owner
        Who may see it; ``""`` for everybody.
    started
        When it was ordered, in UTC, to the second.
    methods, n_rows
        What is done, and with how many rows.
    """

    folder: Path
    title: str
    owner: str
    started: str
    methods: tuple[str, ...]
    n_rows: int
    order: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the folder: what the run is known by."""
        return self.folder.name

    @property
    def status(self) -> Status:
        """``"interrupted"`` is a run whose process ended without a word: it can be resumed like a cancelled one."""
        if _is_locked(self.folder):
            return "running"
        status: Status = self._end().get("status", "interrupted")
        return status

    @property
    def message(self) -> str:
        """Why it failed."""
        return str(self._end().get("message", ""))

    @property
    def progress(self) -> tuple[float, str]:
        """Fraction done, and how far it is in words."""
        try:
            found = read_json(self.folder / PROGRESS)
        except InputError:  # it has not got that far
            return 0.0, "starting"
        return float(found["fraction"]), str(found["text"])

    def result(self) -> BatchResult:
        """What came out of a finished run.

        Raises
        ------
        InputError
            If it is not finished.
        """
        return BatchResult.read(self.folder / OUT)

    def resume(self) -> None:
        """Go on where it was; nothing happens to a run that is running or finished."""
        if self.status not in ("running", "finished"):
            (self.folder / END).unlink(missing_ok=True)
            _start(self.folder)

    def cancel(self) -> None:
        """Stop it and wait until it has stopped; finished parts are kept. Nothing happens to one that has ended."""
        if self.status != "running":
            return
        self._signal(signal.SIGTERM)
        if not self._wait(_GRACE):
            self._signal(signal.SIGKILL)
            self._wait(_GRACE)
        if not self._end():  # it may have come to its end in between
            commit_json(self.folder / END, {"status": "cancelled", "message": ""})

    def delete(self) -> None:
        """Stop it and remove everything."""
        self.cancel()
        shutil.rmtree(self.folder)

    def pack(self) -> Path:
        """Manifest, summary and Parquet files of a finished run as one ZIP file, made once."""
        self.result()
        packed = self.folder / f"{self.name}.zip"
        if not packed.exists():
            draft = shutil.make_archive(str(self.folder / f".{uuid4().hex}"), "zip", self.folder / OUT)
            Path(draft).replace(packed)
        return packed

    def _end(self) -> dict[str, Any]:
        try:
            return read_json(self.folder / END)
        except InputError:  # it has not ended, or nobody was there to say so
            return {}

    def _signal(self, number: int) -> None:
        pid = self._pid()
        if pid is not None:
            with suppress(ProcessLookupError):  # it came to its end in this moment
                os.kill(pid, number)

    def _pid(self) -> int | None:
        """Number of the process, ``None`` once it has ended.

        While the lock is held the process is alive, so that its number is still its own; whoever starts a run holds the
        lock a moment before there is a number.
        """
        end = time.monotonic() + _GRACE
        while _is_locked(self.folder):
            try:
                return int((self.folder / _PID).read_text(encoding="ascii"))
            except FileNotFoundError as error:
                if time.monotonic() > end:
                    raise InputError(f"run {self.name} is just being started: stop it in a moment.") from error
            time.sleep(0.05)
        return None

    def _wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while _is_locked(self.folder):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def order(
    home: Path,
    model: Path,
    rows: pd.DataFrame,
    methods: Sequence[str],
    *,
    title: str,
    options: Mapping[str, Any] | None = None,
    background: pd.DataFrame | None = None,
    against: Sequence[str] = (),
    owner: str = "",
) -> Run:
    """Start a run of the rows of a table.

    Parameters
    ----------
    home
        Folder of all runs.
    model
        A model file.
    rows
        ``(n, d)`` table; it is written into the run's folder, without its labels.
    methods
        As in :func:`xai.batch.run`.
    title
        What it is about, for people.
    options
        Other arguments of :func:`xai.batch.run` by name, JSON types only.
    background
        Rows that stand for "feature unknown".
    against
        The methods that are given them.
    owner
        Who may see it; ``""`` for everybody.
    """
    started = datetime.now(UTC)
    folder = home / f"{started:%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    folder.mkdir(parents=True)
    rows.to_parquet(folder / _ROWS, index=False)
    given: dict[str, Any] = dict(options or {})
    if background is not None:
        path = folder / "background.parquet"
        background.to_parquet(path, index=False)
        of = {name: dict(values) for name, values in given.get("options", {}).items()}
        for name in against:
            of.setdefault(name, {})["background"] = str(path)
        given["options"] = of
    commit_json(
        folder / ORDER,
        {
            "title": title,
            "owner": owner,
            "started": f"{started:%Y-%m-%d %H:%M:%S}",
            "n_rows": len(rows),
            "model": str(model),
            "data": str(folder / _ROWS),
            "methods": list(methods),
            "options": given,
        },
    )
    _start(folder)
    return read(folder)


def read(folder: Path) -> Run:
    """The run of a folder.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    found = read_json(folder / ORDER)
    try:
        facts = {name: found[name] for name in ("title", "owner", "started", "n_rows")}
        return Run(folder, methods=tuple(found["methods"]), order=found, **facts)
    except KeyError as error:
        raise InputError(f"{folder / ORDER} is no order of a run: it lacks {error}.") from error


def history(home: Path, owner: str = "") -> list[Run]:
    """Runs that everybody may see and those of ``owner``, the newest first."""
    found = [read(path.parent) for path in home.glob(f"*/{ORDER}")]
    mine = [run for run in found if run.owner in ("", owner)]
    return sorted(mine, key=lambda run: run.name, reverse=True)


def size(run: Run) -> int:
    """Bytes of the results."""
    return sum(path.stat().st_size for path in (run.folder / OUT).rglob("*.parquet"))


def _start(folder: Path) -> None:
    """Start the process with the lock already held, so that there is no moment in which it seems dead."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(20):  # a look at the lock holds it for a moment
            if _take(lock):
                break
            time.sleep(0.01)
        else:
            raise InputError(f"run {folder.name} is already going on.")
        # The number of an earlier process may be another program's by now, and nobody is to stop that.
        (folder / _PID).unlink(missing_ok=True)
        with (folder / _LOG).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "xai.batch.drive", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=child_environment(folder),
                pass_fds=(lock,),
                start_new_session=True,
            )
        commit(folder / _PID, str(process.pid).encode())  # at once, so that nobody reads half of it
    finally:
        os.close(lock)
    threading.Thread(target=process.wait, name="xai-run", daemon=True).start()  # no zombie is left


def _is_locked(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _take(lock, fcntl.LOCK_SH)  # two who look at the same time do not see each other
    finally:
        os.close(lock)


def _take(lock: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
