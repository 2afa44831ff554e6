"""Many visitors at once: contexts of one Chromium that upload, explain and cancel at random.

    python benchmarks/many_sessions.py [--contexts 20] [--minutes 5] [--quick]

Each context is a browser session of its own with a model and a table of its own, told apart by their names. What is
counted: explanations that were drawn, cancelled jobs, names of another session on a page (must be 0), error messages
and tracebacks (must be 0), and, once all have left, folders and worker processes that stayed (must be 0).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).with_name("results") / "many_sessions.json"
N_COLUMNS = 12
#: Seconds one step may take on a busy machine before the visitor is said to be stuck.
PATIENCE = 300
_KEPT = "mine-"
_FOREIGN_NAME = re.compile(r"visitor(\d+)_")


@dataclass
class Found:
    """What happened.

    Attributes
    ----------
    uploaded, explained, cancelled
        Pairs of files taken, parliaments and figures drawn, jobs cancelled.
    seconds
        Of each step, by its name.
    crosstalk, errors, stuck
        Names of others that were seen, error messages, and steps that never ended; each says where.
    """

    uploaded: int = 0
    explained: int = 0
    cancelled: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    crosstalk: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)


class Visitor:
    """One context with files of its own; it takes one step at a time and never waits for others."""

    def __init__(self, number: int, page: Page, url: str, files: tuple[Path, Path], found: Found) -> None:
        self.number, self.page, self.url, self.files, self.found = number, page, url, files, found
        self.used = False
        self.waits: tuple[str, Callable[[], bool], float] | None = None

    def step(self, choice: random.Random) -> None:
        """Begin something if nothing is under way; otherwise look whether it has ended."""
        if self.waits is not None:
            name, done, since = self.waits
            if done():
                self.found.seconds.setdefault(name, []).append(round(time.monotonic() - since, 2))
                self.waits = None
                self._look(name)
            elif time.monotonic() - since > PATIENCE:
                self.found.stuck.append(f"visitor {self.number}: {name}")
                self.waits = None
            return
        if not self.used:
            self._upload()
        else:
            choice.choice([self._parliament, self._shap, self._overview, self._cancel, self._again])()

    def _begin(self, name: str, done: Callable[[], bool]) -> None:
        self.waits = (name, done, time.monotonic())

    def _quiet(self) -> bool:
        return bool(
            self.page.evaluate(
                """() => {
                  const app = document.querySelector('[data-testid=stApp]');
                  return !!app && app.dataset.testScriptState === 'notRunning'
                    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')
                    && !!document.querySelector('[data-testid=stMain] h1');
                }"""
            )
        )

    def _settled(self) -> bool:
        return self._quiet() and not self.page.locator("[data-testid=stProgress]").count()

    def _upload(self) -> None:
        self.page.goto(f"{self.url}/your_model", wait_until="domcontentloaded", timeout=PATIENCE * 1000)

        def taken() -> bool:
            button = self.page.get_by_role("button", name="Use this model")
            if self._settled() and button.count():
                button.click()
                self._begin("use", used)
            return False

        def used() -> bool:
            if self._settled() and self.page.get_by_text("Every page is about it now").count():
                self.used = True
                self.found.uploaded += 1
                return True
            return False

        def ready() -> bool:
            if self._settled():
                field = self.page.locator("[data-testid=stFileUploaderDropzoneInput]").first
                field.set_input_files([str(path) for path in self.files])
                self._begin("look at files", taken)
            return False

        self._begin("open", ready)

    def _go(self, title: str, name: str, drawn: str) -> None:
        self.page.locator("[data-testid=stSidebarNavLink]").filter(has_text=title).first.click()

        def done() -> bool:
            heading = self.page.locator("[data-testid=stMain] h1").first
            there = self._settled() and title.lower()[:5] in (heading.text_content() or "").lower()
            if there and self.page.locator(drawn).count():
                self.found.explained += 1
                return True
            return False

        self._begin(name, done)

    def _parliament(self) -> None:
        self._go("Parliament", "parliament", ".st-key-figure-parliament .main-svg")

    def _shap(self) -> None:
        self._go("SHAP comparison", "shap comparison", ".st-key-figure-beeswarm .main-svg")

    def _overview(self) -> None:
        self._go("Overview", "overview", ".st-key-figure-leans-on .main-svg")

    def _again(self) -> None:
        button = self.page.get_by_role("button", name="Try again")
        if button.count():
            button.first.click()
            self._begin("try again", self._settled)

    def _cancel(self) -> None:
        """Go where work begins, and cancel it if there is any."""
        self.page.locator("[data-testid=stSidebarNavLink]").filter(has_text="SHAP comparison").first.click()
        since = time.monotonic()

        def done() -> bool:
            button = self.page.locator("[class*=st-key-cancel] button")
            if button.count():
                button.first.click(timeout=5000, no_wait_after=True)
                self.found.cancelled += 1
                return True
            return time.monotonic() - since > 3 and self._settled()

        self._begin("cancel", done)

    def _look(self, where: str) -> None:
        """Whether anything on the page is another visitor's, or an error."""
        text = self.page.locator("body").inner_text()
        others = {int(number) for number in _FOREIGN_NAME.findall(text + self.page.url)} - {self.number}
        if others:
            self.found.crosstalk.append(f"visitor {self.number} sees {sorted(others)} after {where}")
        alerts = self.page.locator("[data-testid=stAlertContentError], [data-testid=stException]").all_text_contents()
        self.found.errors += [f"visitor {self.number} after {where}: {alert[:200]}" for alert in alerts]


def make_files(folder: Path, number: int) -> tuple[Path, Path]:
    """A model and a table whose file and column names say whose they are."""
    import xgboost

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(number)
    names = [f"visitor{number}_c{i}" for i in range(N_COLUMNS)]
    X = pd.DataFrame(rng.normal(size=(600, N_COLUMNS)), columns=names)
    y = (X.iloc[:, 0] * X.iloc[:, 1] + X.iloc[:, 2] + rng.normal(size=len(X)) > 0).astype(int)
    model, data = folder / f"visitor{number}_model.ubj", folder / f"visitor{number}_rows.csv"
    xgboost.XGBClassifier(n_estimators=300, max_depth=6, n_jobs=1, random_state=number).fit(X, y).save_model(model)
    X.round(4).assign(died=y).to_csv(data, index=False)
    return model, data


def run(browser: Browser, url: str, *, contexts: int, seconds: float, folder: Path, seed: int) -> Found:
    """Let visitors upload, and explain and cancel at random for some time; all leave at its end."""
    from playwright.sync_api import Error

    found, choice = Found(), random.Random(seed)
    opened = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(contexts)]
    try:
        visitors = []
        for number, context in enumerate(opened):
            page = context.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            visitors.append(Visitor(number, page, url, make_files(folder, number), found))
        # All come in first, and the time counts from then: a slow machine has fewer steps, not fewer visitors.
        end = time.monotonic() + seconds
        latest = time.monotonic() + PATIENCE + 60 * contexts
        while time.monotonic() < end:
            coming = time.monotonic() < latest and not all(visitor.used for visitor in visitors)
            if coming:
                end = time.monotonic() + seconds
            for visitor in choice.sample(visitors, len(visitors)):
                if coming and visitor.used:
                    continue
                try:
                    visitor.step(choice)
                except Error as error:
                    # What was clicked was drawn anew in between: a person would click again.
                    if "detached" not in str(error) and "Timeout" not in str(error):
                        found.errors.append(f"visitor {visitor.number}: {str(error)[:200]}")
            time.sleep(0.05)
    finally:
        for context in opened:
            context.close()
    return found


def _serve(uploads: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "xai", "dashboard", "--no-browser", "--port", str(port)],
        cwd=ROOT,
        stdout=(uploads.parent / "log.txt").open("wb"),
        stderr=subprocess.STDOUT,
        env=os.environ
        | {
            "HEMICYCLE_UPLOADS": str(uploads),
            "HEMICYCLE_KEEP_SECONDS": "10",
            "HEMICYCLE_JOB_SECONDS": "5",
            "OMP_NUM_THREADS": "1",
        },
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return process, url
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit("the dashboard did not start")


def _left(uploads: Path) -> int:
    return sum(path.is_file() and path.name != ".lock" for path in uploads.rglob("*"))


def _memory(process: Any) -> int:
    return int(process.memory_info().rss)


def main() -> None:
    """Run it, print a table, write JSON."""
    import psutil
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--contexts", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--quick", action="store_true", help="5 contexts for one minute")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    contexts, minutes = (5, 1.0) if arguments.quick else (arguments.contexts, arguments.minutes)
    with tempfile.TemporaryDirectory() as place:
        uploads = Path(place) / "uploads"
        server, url = _serve(uploads)
        try:
            process = psutil.Process(server.pid)
            memory = _memory(process)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=arguments.chromium)
                found = run(browser, url, contexts=contexts, seconds=60 * minutes, folder=Path(place) / "files", seed=0)
                browser.close()
            busy = [child for child in process.children(recursive=True) if not child.children()]
            deadline = time.monotonic() + 60
            while _left(uploads) and time.monotonic() < deadline:
                time.sleep(0.5)
            time.sleep(3)
            at_rest = [child for child in process.children(recursive=True) if not child.children()]
            cpu = sum(sum(child.cpu_times()[:2]) for child in at_rest)
            time.sleep(5)
            still = sum(sum(child.cpu_times()[:2]) for child in at_rest if child.is_running()) - cpu
            result = {
                "contexts": contexts,
                "minutes": minutes,
                **{name: value for name, value in asdict(found).items() if name != "seconds"},
                "seconds": {
                    name: {"n": len(s), "median": float(np.median(s)), "p95": float(np.quantile(s, 0.95))}
                    for name, s in sorted(found.seconds.items())
                },
                "server_alive": server.poll() is None,
                "files_left": _left(uploads),
                "workers_at_the_end": len(busy),
                "workers_at_rest": len(at_rest),
                "worker_cpu_seconds_at_rest": round(still, 2),
                "server_memory_mb": [round(memory / 1e6), round(_memory(process) / 1e6)],
            }
        finally:
            server.terminate()
            server.wait(60)
        log = (Path(place) / "log.txt").read_text(errors="replace")
        result["tracebacks"] = log.count("Traceback")
        if result["tracebacks"]:
            print(log[-10_000:])
        result["folders_left"] = len(list(uploads.glob("server-*")))
    print(f"{'step':<20}{'n':>6}{'median s':>10}{'95 % s':>10}")
    for name, times in result["seconds"].items():
        print(f"{name:<20}{times['n']:>6}{times['median']:>10.1f}{times['p95']:>10.1f}")
    for name, value in result.items():
        if name != "seconds":
            print(f"{name}: {value}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
