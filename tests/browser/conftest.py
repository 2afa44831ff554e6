"""A running dashboard and a Chromium to look at it with."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"
PAGES = {
    "overview": "/",
    "parliament": "/parliament",
    "shap_comparison": "/shap_comparison",
    "model_comparison": "/model_comparison",
    "editable_map": "/editable_map",
}
# Streamlit looks for its server below the page's address first when a page is opened by its address; and it fetches the
# file behind every download button, which a quick next step may have replaced.
_KNOWN_404 = re.compile(
    r"^http://127\.0\.0\.1:\d+/([a-z_]+/_stcore/(health|host-config)|media/[0-9a-f]+\.(csv|json|html|parquet))$"
)
# A browser that leaves in the middle of an answer: Streamlit closes a connection that is closed already.
_LEFT = 'WebSocketDisconnected: Cannot call "send" once a close message has been sent.'
_REPLACED_DOWNLOAD = "Client Error: Download Button"


class Server:
    """A dashboard on a free port, with what it writes."""

    def __init__(self, log, *arguments):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        command = [sys.executable, "-m", "xai", "dashboard", "--no-browser", "--port", str(port)]
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [*command, *map(str, arguments)],
                cwd=ROOT,
                stdout=stream,
                stderr=stream,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        deadline = time.monotonic() + 90
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"the dashboard did not start: {self.log[-2000:]}")
            time.sleep(0.1)

    def _healthy(self):
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                return True
        except OSError:
            return False

    @property
    def log(self):
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def failures(self):
        """Tracebacks in the log, but for those of browsers that left."""
        first, *others = self.log.split("Exception in ASGI application")
        parts = [first, *(part.rpartition(_LEFT)[2] for part in others)]
        return [part for part in parts if "Traceback" in part]

    def stop(self):
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="session")
def start_server(tmp_path_factory):
    """A function that starts a dashboard with arguments of its own; all end with the tests, none with a traceback."""
    started = []

    def start(*arguments):
        log = tmp_path_factory.mktemp("server") / "log.txt"
        started.append(Server(log, *arguments))
        return started[-1]

    yield start
    for server in started:
        server.stop()
    assert [failure for server in started for failure in server.failures] == []


@pytest.fixture(scope="session")
def server(start_server):
    """A dashboard on the demo data, shared by the tests."""
    return start_server()


@pytest.fixture(scope="session")
def profile(browser):
    """One browser profile: its pages are visits of their own, but Streamlit's scripts are fetched once."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(60_000)
    yield context
    context.close()


class Visit:
    """One browser tab, with everything that went wrong in it."""

    def __init__(self, context, server):
        self.page = context.new_page()
        self.server = server
        self.errors = []
        self.foreign = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message):
        known = _KNOWN_404.match(message.location.get("url", "")) or _REPLACED_DOWNLOAD in message.text
        if message.type == "error" and not known:
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, request):
        url = self.server.url
        if not request.url.startswith((url, url.replace("http", "ws", 1), "data:", f"blob:{url}")):
            self.foreign.append(request.url)

    def open(self, path="/"):
        """Open an address of the server and wait until everything is drawn."""
        self.page.goto(path if path.startswith("http") else self.server.url + path)
        return self.settle()

    def settle(self):
        """Wait until nothing runs, no progress is shown, and every figure is drawn."""
        self.page.wait_for_function(
            """() => {
              const app = document.querySelector('[data-testid=stApp]');
              if (!app || app.dataset.testScriptState !== 'notRunning') return false;
              const busy = '[data-testid=stProgress], [data-testid=stSkeleton], [data-stale=true]';
              if (document.querySelector(busy)) return false;
              if (!document.querySelector('[data-testid=stMain] h1, [data-testid=stAlert]')) return false;
              const charts = [...document.querySelectorAll('[data-testid=stPlotlyChart]')];
              return charts.every(chart => !chart.offsetParent || chart.querySelector('.main-svg'));
            }""",
            timeout=120_000,
            polling=100,
        )
        return self

    def go_to(self, title):
        """Another page, by the navigation."""
        self.page.locator("[data-testid=stSidebarNavLink]").filter(has_text=title).click()
        self.page.locator("h1").filter(has_text=title).wait_for()
        return self.settle()

    def seats(self, figure="parliament"):
        """Seats by party as the legend of a chamber names them."""
        texts = self.page.locator(f".st-key-figure-{figure} .legendtext").all_text_contents()
        return {name: int(seats.split()[0].replace(",", "")) for name, seats in (t.rsplit(" — ", 1) for t in texts)}

    def expect_seats(self, seats, figure="parliament"):
        """Wait until the legend of a chamber names exactly these seats (parties without a seat may be left out)."""
        wanted = {name: n for name, n in seats.items() if n}
        deadline = time.monotonic() + 60
        while (shown := {name: n for name, n in self.seats(figure).items() if n}) != wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"{shown} is shown, not {wanted}")
            self.page.wait_for_timeout(100)

    def expect_house(self, size=100):
        """Wait until the chamber has that many seats, whoever holds them."""
        deadline = time.monotonic() + 120
        while (shown := sum(self.seats().values())) != size:
            assert time.monotonic() < deadline, f"{shown} seats are shown, not {size}"
            self.page.wait_for_timeout(100)

    def number(self, label, value):
        field = self.page.get_by_label(label, exact=True)
        field.fill(str(value))
        field.press("Enter")

    def choose(self, label, option):
        """An option of a select box."""
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.locator("xpath=..").get_by_role("button").click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def unfold(self, title):
        summary = self.page.locator("[data-testid=stExpander] summary").filter(has_text=title)
        if summary.locator("xpath=..").get_attribute("open") is None:
            summary.click()

    def toggle(self, label):
        self.page.locator("[data-testid=stCheckbox]").filter(has_text=label).locator("label").click()

    def alerts(self):
        return self.page.locator("[data-testid=stAlert]").all_text_contents()

    def expect_no_error(self):
        """Neither a traceback nor an error message is on the page."""
        assert self.page.locator("[data-testid=stException]").count() == 0
        assert self.page.locator("[data-testid=stAlertContentError]").all_text_contents() == []


@pytest.fixture
def visit(profile, server):
    """A function that opens a fresh tab; an error in its console or a request to another host fails the test."""
    visits = []

    def start(*, context=profile, server=server):
        visits.append(Visit(context, server))
        return visits[-1]

    yield start
    for one in visits:
        one.page.close()
    assert [error for one in visits for error in one.errors] == []
    assert [url for one in visits for url in one.foreign] == []
