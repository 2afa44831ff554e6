"""How long from a stroke on the editable map to the new answer on screen, in Chromium.

    .venv/bin/python benchmarks/edit_latency.py [--strokes 50] [--rounds 3]

A fresh server shows the smears (160 candidates); each stroke paints one patch. Milliseconds are counted from the
pointer's release to the frame that shows the new answer (shares, vote bars and what the step did), by the page's own
clock. Goal on an idle machine: median below 300 ms, 95th percentile below 500 ms. What explains the answer (exemplars,
cells, ranks, stability, history) is drawn once the hand rests; its time is in the column "all", the median of the
strokes, one in ten, that are followed by a pause. The table gives every round, the best round, and how busy the machine
was (load average over cores): on a busy one the figures are upper bounds. Processor time of the server for a stroke
stands beside them and does not depend on who else is at work. Needs Linux, and Chromium in CHROMIUM or on the PATH.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "edit_latency.json"
PAGE = "/editable_map?story=Blood+smears%3A+is+it+the+cell%2C+or+the+stain%3F"
# The caption below the vote bars names the step; it is drawn after them.
WATCH = """n => new Promise(done => {
  const here = () => [...document.querySelectorAll('[data-testid=stCaptionContainer]')]
    .some(c => c.innerText.startsWith(`Step ${n}:`));
  const look = () => here() ? requestAnimationFrame(() => done(performance.now() - window.released)) :
    requestAnimationFrame(look);
  look();
})"""

# The number to go back to is in the last card of all.
WATCH_ALL = """n => new Promise(done => {
  const look = () => document.querySelector('input[aria-label="Back to step"]')?.value === String(n) ?
    requestAnimationFrame(() => done(performance.now() - window.released)) : requestAnimationFrame(look);
  look();
})"""
#: Every so many strokes the hand rests.
PAUSE = 10


def main():
    """Start a server, paint, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.strokes < PAUSE:
        parser.error(f"--strokes is at least {PAUSE}.")
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        raise SystemExit("no Chromium: install one, or name it in CHROMIUM.")
    rounds = []
    with tempfile.TemporaryFile() as log, sync_playwright() as playwright:
        server, url = serve(log)
        try:
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            print(
                f"{'round':>5} {'median':>8} {'95 %':>8} {'best':>8} {'worst':>8} {'all':>8} {'server':>8}   load",
                flush=True,
            )
            for number in range(options.rounds):
                begun = processor(server)
                times, whole = strokes(browser, url, options.strokes)
                spent = 1000 * (processor(server) - begun) / options.strokes
                load = os.getloadavg()[0] / (os.cpu_count() or 1)
                low, high = statistics.median(times), float(np.percentile(times, 95))
                rest = statistics.median(whole)
                figures = {"median_ms": low, "p95_ms": high, "all_ms": rest, "server_processor_ms": spent}
                figures["load_a_core"] = load
                rounds.append(figures | {"times_ms": times})
                cells = "".join(f" {value:8.0f}" for value in (low, high, min(times), max(times), rest, spent))
                print(f"{number + 1:5}{cells}   {load:.1f} a core", flush=True)
            browser.close()
        finally:
            server.terminate()
            server.wait(20)
    best = min(rounds, key=lambda one: one["median_ms"])
    figures = f"median {best['median_ms']:.0f} ms, 95th percentile {best['p95_ms']:.0f} ms"
    print(f"best round: {figures}, load {best['load_a_core']:.1f} a core")
    machine = {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rounds": rounds}, indent=1) + "\n", encoding="utf-8")


def serve(log):
    """A dashboard on a free port."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "xai", "dashboard", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return server, url
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the dashboard did not start.") from None
            time.sleep(0.2)


def processor(process):
    """Seconds of processor time a process has used, the page's first view among them."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def strokes(browser, url, n):
    """Milliseconds of ``n`` strokes, one patch each, in a new tab; and of those before a pause, until all is drawn."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(url + PAGE)
    page.locator(".cells [role=gridcell]").nth(48).wait_for()
    page.get_by_role("button", name="Keep all", exact=True).click()
    page.get_by_text("Step 1:").wait_for()
    page.wait_for_timeout(2000)
    # The component's stage lives in a shadow root; events of the pointer leave it.
    page.evaluate("() => window.addEventListener('pointerup', () => { window.released = performance.now() }, true)")
    times, whole = [], []
    for stroke in range(n):
        box = page.locator(".cells").bounding_box()
        row, column = divmod(stroke % 48, 7)
        page.mouse.move(box["x"] + box["width"] * (column + 0.5) / 7, box["y"] + box["height"] * (row + 0.5) / 7)
        page.mouse.down()
        page.mouse.up()
        times.append(page.evaluate(WATCH, stroke + 2))
        if (stroke + 1) % PAUSE == 0:
            whole.append(page.evaluate(WATCH_ALL, stroke + 2))
    page.close()
    return times, whole


if __name__ == "__main__":
    main()
