"""Browser sessions: each has a folder and a memory of its own, and both are gone when it ends.

Streamlit keeps a session for two minutes after its browser left, for one that comes back after a broken connection, and
has no public call for its end. So a thread of the server asks every second which sessions still have a browser; it
calls nothing of ``st``. Whatever is left when a server is killed is removed by the next one that starts.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ..core.claimed import account_folder, claimed_folder
from ..core.errors import InputError
from .limits import Limits, limits

_LOG = logging.getLogger(__name__)

#: Environment variable that names the folder below which uploads are kept.
UPLOADS = "HEMICYCLE_UPLOADS"
#: Who asks when no browser does: scripts and tests.
NOBODY = "no session"


class Session:
    """What one browser session brought along.

    Attributes
    ----------
    id
        Streamlit's name of it.
    kept
        Its objects by name; they live as long as it does.
    lock
        Held while ``kept`` changes.
    """

    def __init__(self, session_id: str, home: Path) -> None:
        self.id = session_id
        self.kept: dict[str, Any] = {}
        self.lock = threading.RLock()
        self._home = home
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """Its folder, which only this account may enter; made when it is first asked for."""
        with self.lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="session-", dir=self._home))
            return self._folder

    @property
    def has_folder(self) -> bool:
        """Whether its folder was made."""
        return self._folder is not None

    @property
    def size(self) -> int:
        """Bytes of its files.

        Takes no lock: whoever asks how much all sessions keep holds one session's own, and two of them would wait for
        each other forever. What is removed meanwhile does not count.
        """
        total, folder = 0, self._folder
        for place, _, names in os.walk(folder) if folder is not None else ():
            for name in names:
                with suppress(FileNotFoundError):
                    total += Path(place, name).lstat().st_size
        return total

    def clear(self) -> None:
        """Forget everything and remove the folder."""
        with self.lock:
            self.kept.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


class Sessions:
    """All sessions of one server.

    Parameters
    ----------
    home
        Folder of the server: see :func:`server_folder`.
    connected
        Whether a session has a browser.
    left, ended
        Called with a session whose browser is gone for ``limits.job_seconds``, and with one that ends.
    limits
        How long to wait.
    """

    def __init__(
        self,
        home: Path,
        connected: Callable[[str], bool],
        left: Callable[[Session], None],
        ended: Callable[[Session], None],
        limits: Limits,
    ) -> None:
        self.home = home
        self._connected, self._left, self._ended, self._limits = connected, left, ended, limits
        self._sessions: dict[str, Session] = {}
        self._seen: dict[str, float] = {}
        self._away: set[str] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def get(self, session_id: str) -> Session:
        """The session of a name; it begins when it is first asked for.

        Raises
        ------
        InputError
            If the server is stopping.
        """
        with self._lock:
            if self._closed.is_set():
                raise InputError("the server is stopping.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="xai-sessions", daemon=True)
                self._thread.start()
            self._seen[session_id] = time.monotonic()
            if session_id not in self._sessions:
                self._sessions[session_id] = Session(session_id, self.home)
            return self._sessions[session_id]

    def all(self) -> list[Session]:
        """Every session that has not ended."""
        with self._lock:
            return list(self._sessions.values())

    @property
    def size(self) -> int:
        """Bytes of the files of all sessions."""
        return sum(session.size for session in self.all())

    def sweep(self) -> None:
        """Stop the work of sessions that lost their browser, and end those that have not come back."""
        now = time.monotonic()
        for session in self.all():
            try:
                self._look_after(session, now)
            except Exception:  # noqa: BLE001 - whatever one session's things raise: the others must end, too
                _LOG.exception("a session was not looked after")

    def _look_after(self, session: Session, now: float) -> None:
        name = session.id
        if self._connected(name):
            self._seen[name] = now
            self._away.discard(name)
            return
        away = now - self._seen[name]
        if away >= self._limits.keep_seconds:
            self.end(name)
        elif away >= self._limits.job_seconds and name not in self._away:
            self._away.add(name)
            self._left(session)

    def end(self, session_id: str) -> None:
        """End a session: its work stops, its objects are forgotten, its folder is removed."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
            self._seen.pop(session_id, None)
            self._away.discard(session_id)
        if session is not None:
            try:
                self._ended(session)
            finally:
                session.clear()

    def close(self) -> None:
        """End all sessions and remove the server's folder."""
        self._closed.set()
        for name in list(self._sessions):
            try:
                self.end(name)
            except Exception:  # noqa: BLE001 - as above
                _LOG.exception("a session did not end in order")
        shutil.rmtree(self.home, ignore_errors=True)

    def _watch(self) -> None:
        while not self._closed.wait(1.0):
            self.sweep()


def server_folder(base: Path | None = None) -> Path:
    """A new folder for the uploads of this server, which only this account may enter.

    What killed servers left beside it is removed.

    Parameters
    ----------
    base
        Where it is made; by default what :data:`UPLOADS` names, else a folder of this account for temporary files.

    Raises
    ------
    InputError
        If ``base`` belongs to another account.
    """
    if base is None:
        base = Path(os.environ.get(UPLOADS) or account_folder("hemicycle"))
    try:
        return claimed_folder(base, "server-")
    except InputError as error:
        raise InputError(f"{error} Name another for uploads in {UPLOADS}.") from None


@cache
def sessions() -> Sessions:
    """The sessions of this server; made on first use."""
    from . import batches, jobs

    def stop(session: Session) -> None:
        jobs.stop(session.id)

    def end(session: Session) -> None:
        jobs.release(session.id)
        batches.end(session)

    made = Sessions(server_folder(), _connected, stop, end, limits())
    atexit.register(made.close)
    return made


def _connected(session_id: str) -> bool:
    from streamlit import runtime

    # Without a server, in scripts and tests, there is no browser that could leave.
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session_id))


def current_id() -> str:
    """Name of the session this page is drawn for."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return NOBODY if context is None else context.session_id


def current() -> Session:
    """The session this page is drawn for."""
    return sessions().get(current_id())


def token() -> str:
    """A name nobody guesses, for what belongs to a session."""
    return secrets.token_hex(4)
