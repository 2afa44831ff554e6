"""How long until a dashboard shows its first chart: ours, explainerdashboard and shapash, same model file and table.

Run:  .venv/bin/python benchmarks/dashboard_start.py [--runs 3] [--rows demo small sample large] [--only hemicycle ...]
Installs each peer into an environment of its own in benchmarks/.env-peers (once). Needs Linux, and Chromium in
CHROMIUM or on the PATH. Prints a table and writes benchmarks/results/dashboard_start.json.

Every figure starts with the server's process; files are in the system's cache, compiled modules exist. "answers" is
HTTP 200 on the page's address; "drawn" is the first chart in a browser that is already open and goes there as soon as
the server answers; "later visit" is a new browser context on the same server. For us there is also "idle visit": the
first visit of all to a server that was left alone until it had nothing more to do. Names of other hosts do not resolve
in the browser, so nobody waits for a style sheet or a font from elsewhere.

Our first view explains at most 1,000 rows (drawn at random, and says so); the peers explain all they are given. The
table "sample" is 1,000 of the 20,000 rows for everybody: there the work is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "dashboard_start.json"
ENVIRONMENTS = ROOT / "benchmarks" / ".env-peers"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

#: The hemicycle's legend names parties with their seats; a peer's chart has drawn its first bar or line.
PARLIAMENT = (
    "() => [...document.querySelectorAll('.js-plotly-plot .legendtext')].some(t => / — \\d+/.test(t.textContent))"
)
CHART = "() => document.querySelector('.js-plotly-plot g.trace path') !== null"

LOAD = """
import sys
import pandas as pd
import xgboost

model_file, data_file, target, port = sys.argv[1:]
model = xgboost.XGBClassifier()
model.load_model(model_file)
X = pd.read_csv(data_file)
y = X.pop(target)
"""
SCRIPTS = {
    "explainerdashboard": """
from explainerdashboard import ClassifierExplainer, ExplainerDashboard

ExplainerDashboard(ClassifierExplainer(model, X, y)).run(port=int(port), host="127.0.0.1")
""",
    "shapash": """
from shapash import SmartExplainer

explainer = SmartExplainer(model=model)
explainer.compile(x=X, y_target=y)
explainer.run_app(port=int(port), host="127.0.0.1").join()
""",
}
#: explainerdashboard 0.5.8 imports pkg_resources for tables of more than 1,000 rows; setuptools has dropped it since.
PINS = ("setuptools<81",)
TOOLS = ("hemicycle", *SCRIPTS)
TABLES = ("demo", "small", "sample", "large")


@dataclass(frozen=True)
class Table:
    """A table and a model trained on it; both ``None`` for the default of our dashboard."""

    title: str
    model: Path | None = None
    data: Path | None = None
    target: str | None = None


@dataclass(frozen=True)
class Tool:
    """One dashboard: how it is started, where its first chart is, and how to see that it is drawn."""

    name: str
    version: str
    command: Callable[[Table, int], list[str]]
    path: str
    drawn: str


@dataclass(frozen=True)
class Measured:
    """Seconds, and the peak of the resident memory of all its processes together."""

    answers: float
    drawn: float
    later: float
    idle: float | None
    cpu: float
    peak_mib: float
    foreign_requests: int
    load: float


# --- what is started ------------------------------------------------------------------------------------------------


def our_command(table, port):
    own = [] if table.model is None else ["--model", table.model, "--data", table.data, "--target", table.target]
    return [sys.executable, "-m", "xai", "dashboard", "--no-browser", "--port", str(port), *map(str, own)]


def ours():
    import xai

    return Tool("hemicycle", xai.__version__, our_command, "/parliament", PARLIAMENT)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def peer(name, script, folder):
    """Install a peer if it is not there yet; raises CalledProcessError with the installer's own words."""
    python = ENVIRONMENTS / name / "bin" / "python"
    ask = (python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))")
    try:
        version = run(*ask)
    except (OSError, subprocess.CalledProcessError):
        install(name, python, folder)
        version = run(*ask)
    source = folder / f"start_{name}.py"
    source.write_text(LOAD + script, encoding="utf-8")

    def command(table, port):
        return [str(part) for part in (python, source, table.model, table.data, table.target, port)]

    return Tool(name, version, command, "/", CHART)


def install(name, python, folder):
    print(f"installing {name} ...", file=sys.stderr)
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else "uv"
    overrides = folder / "overrides.txt"
    overrides.write_text("nvidia-nccl-cu12 ; sys_platform == 'never'\n", encoding="utf-8")  # 470 MB, for GPUs only
    run(uv, "venv", "-q", "--clear", "--python", sys.executable, ENVIRONMENTS / name)
    run(uv, "pip", "install", "-q", "--python", python, "--override", overrides, name, "xgboost", *PINS)
    # uv leaves modules uncompiled; ours are compiled by now, so theirs must be as well.
    run(python, "-c", f"import pandas, xgboost, shap, {name}")


def make_tables(folder, names):
    """The tables and their models: XGBoost, 100 trees of depth 6."""
    import pandas as pd
    import xgboost
    from sklearn.datasets import make_classification

    import xai

    def table(name, title, frame, target):
        model, data = folder / f"{name}.ubj", folder / f"{name}.csv"
        frame.to_csv(data, index=False)
        classifier = xgboost.XGBClassifier(n_estimators=100, max_depth=6, random_state=0)
        classifier.fit(frame.drop(columns=target), frame[target]).save_model(model)
        return Table(title, model, data, target)

    tables = {}
    if "demo" in names:
        tables["demo"] = Table("the default demo")
    if "small" in names:
        cancer = xai.load_dataset("breast_cancer")
        tables["small"] = table("small", "breast cancer, 569 x 30", cancer.to_frame(), cancer.y.name)
    if "sample" in names or "large" in names:
        X, y = make_classification(20_000, 30, n_informative=10, random_state=0)
        frame = pd.DataFrame(X, columns=[f"x{j:02d}" for j in range(30)]).assign(target=y)
        large = table("large", "synthetic, 20,000 x 30", frame, "target")
        sample = folder / "sample.csv"
        frame.sample(1000, random_state=0).to_csv(sample, index=False)
        tables["sample"] = Table("synthetic, 1,000 of the 20,000 rows", large.model, sample, "target")
        tables["large"] = large
    return {name: tables[name] for name in names}


# --- processes ------------------------------------------------------------------------------------------------------


def family(root):
    """``(pid, processor seconds, resident bytes)`` of a process and everything it started."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        # After the name: state, parent, ...; own and waited-for processor ticks are fields 11 to 14, pages 21.
        found[int(folder.name)] = int(fields[1]), sum(map(int, fields[11:15])) / TICK, int(fields[21]) * PAGE
    members, unseen = {root}, {root}
    while unseen:
        unseen = {pid for pid, (parent, *_) in found.items() if parent in unseen} - members
        members |= unseen
    return [(pid, *found[pid][1:]) for pid in members if pid in found]


class Server:
    """A started dashboard, watched for memory and processor time; leaving the block ends all its processes."""

    def __init__(self, command, folder, deadline):
        self.log = folder / "server.log"
        self.started = time.monotonic()
        self.deadline = self.started + deadline
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.peak = self.cpu = 0.0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self):
        while not self._over.wait(0.2):
            members = family(self.process.pid)
            self.cpu = max(self.cpu, sum(seconds for _, seconds, _ in members))
            self.peak = max(self.peak, sum(size for *_, size in members) / 2**20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._watcher.join()
        members = [pid for pid, *_ in family(self.process.pid)]
        self._signal(members, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self._signal(members, signal.SIGKILL)
            self.process.wait(10)

    @staticmethod
    def _signal(members, number):
        for pid in members:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    @property
    def left(self):
        """Seconds left."""
        return max(0.0, self.deadline - time.monotonic())

    def elapsed(self):
        """Seconds since its start."""
        return time.monotonic() - self.started

    def wait_until_it_answers(self, url):
        """Seconds from its start to HTTP 200."""
        while self.left:
            if self.process.poll() is not None:
                lines = self.log.read_text(errors="replace").strip().splitlines() or ["no output"]
                raise RuntimeError(f"ended with {self.process.returncode}: {lines[-1]}")
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return self.elapsed()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("did not answer in time")

    def wait_until_idle(self):
        """Until it uses less than a twentieth of a processor for a second."""
        while self.left:
            before = self.cpu
            time.sleep(1.2)
            if self.cpu - before < 0.05:
                return
        raise RuntimeError("never came to rest")


@contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        raise SystemExit("no Chromium: install one, or name it in CHROMIUM.")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


# --- measuring ------------------------------------------------------------------------------------------------------


def visit(browser, url, drawn, seconds):
    """Seconds from opening the page in a new context to the drawn chart, and requests to other hosts."""
    from playwright.sync_api import Error

    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    foreign = []
    page.on("request", lambda r: foreign.append(r.url) if r.url.startswith("http") and "127.0.0.1" not in r.url else 0)
    start = time.monotonic()
    try:
        page.goto(url, timeout=1000 * seconds, wait_until="commit")
        page.wait_for_function(drawn, timeout=1000 * seconds)
        return time.monotonic() - start, len(foreign)
    except Error as error:
        shown = " ".join(page.locator("body").inner_text().split())[:120]
        raise RuntimeError(f"no chart ({error.message.splitlines()[0]}); the page says: {shown}") from error
    finally:
        context.close()


def measure(tool, table, browser, folder, limit):
    load = os.getloadavg()[0]
    port = free_port()
    url = f"http://127.0.0.1:{port}{tool.path}"
    command = tool.command(table, port)
    with Server(command, folder, limit) as server:
        answers = server.wait_until_it_answers(url)
        _, foreign = visit(browser, url, tool.drawn, server.left)
        drawn, cpu = server.elapsed(), server.cpu
        later = statistics.median(visit(browser, url, tool.drawn, server.left)[0] for _ in range(3))
        peak = server.peak
    idle = None
    if tool.name == "hemicycle":  # the only one that goes on working after it answers
        with Server(command, folder, limit) as server:
            server.wait_until_it_answers(url)
            server.wait_until_idle()
            idle, _ = visit(browser, url, tool.drawn, server.left)
    return Measured(answers, drawn, later, idle, cpu, peak, foreign, load)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rounds(count, tools, tables, *, browser, folder, limit):
    """Table to tool to its runs, or to the reason why there are none; a tool that failed is not tried again."""
    results = {key: {} for key in tables}
    # Round after round, so that what else the machine does meets every tool.
    for _ in range(count):
        for key, table in tables.items():
            for tool in tools:
                if (table.model is None and tool.name != "hemicycle") or isinstance(results[key].get(tool.name), str):
                    continue
                try:
                    one = measure(tool, table, browser, folder, limit)
                except RuntimeError as error:
                    results[key][tool.name] = one = str(error)
                else:
                    results[key].setdefault(tool.name, []).append(one)
                print(f"{key} {tool.name}: {one}", file=sys.stderr)
    return results


# --- report ---------------------------------------------------------------------------------------------------------

COLUMNS = {
    "answers": "answers",
    "drawn": "drawn",
    "later": "later visit",
    "idle": "idle visit",
    "cpu": "CPU s",
    "peak_mib": "peak MiB",
    "foreign_requests": "foreign",
    "load": "load",
}


def medians(runs):
    values = {name: [getattr(run, name) for run in runs] for name in COLUMNS}
    return {name: None if None in column else statistics.median(column) for name, column in values.items()}


def in_words(number):
    if number is None:
        return "-"
    return f"{number:.0f}" if number >= 100 or number == int(number) else f"{number:.2f}"


def print_table(title, versions, results):
    print(f"\n{title}\n  {'':<26}" + "".join(f"{label:>12}" for label in COLUMNS.values()) + "  drawn, CPU: times ours")
    base = results.get("hemicycle")
    base = None if base is None or isinstance(base, str) else medians(base)
    for name, runs in results.items():
        print(f"  {name + ' ' + versions.get(name, ''):<26}", end="")
        if isinstance(runs, str):
            print(f"   {runs}")
            continue
        row = medians(runs)
        print("".join(f"{in_words(row[column]):>12}" for column in COLUMNS), end="")
        print("" if base is None else f"{row['drawn'] / base['drawn']:>12.1f}{row['cpu'] / base['cpu']:>12.1f}")


def write(path, tables, versions, results):
    """Put what was measured into the file; what this run left out stays as it was."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"tables": {}, "versions": {}}
    record["machine"] = {"python": platform.python_version(), "cores": os.cpu_count(), "processor": platform.machine()}
    record["model"] = "XGBoost, 100 trees, depth 6"
    record["versions"] |= versions
    for key, table in tables.items():
        tools = record["tables"].setdefault(key, {"title": table.title, "tools": {}})["tools"]
        for name, runs in results[key].items():
            tools[name] = {"error": runs} if isinstance(runs, str) else {"runs": [vars(run) for run in runs]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="the tables show medians (default: %(default)s)")
    parser.add_argument(
        "--rows", nargs="+", choices=TABLES, default=TABLES, metavar="TABLE", help=f"of {', '.join(TABLES)}"
    )
    parser.add_argument(
        "--only", nargs="+", choices=TOOLS, default=TOOLS, metavar="TOOL", help=f"of {', '.join(TOOLS)}"
    )
    parser.add_argument("--limit", type=float, default=600, help="seconds a run may take (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that whoever ends us ends the servers too

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tables = make_tables(folder, options.rows)
        tools, refused = [], {}
        for name in options.only:
            try:
                tools.append(ours() if name == "hemicycle" else peer(name, SCRIPTS[name], folder))
            except subprocess.CalledProcessError as error:
                refused[name] = f"cannot be installed: {error.stderr.strip().splitlines()[-1]}"
        with chromium() as browser:
            results = rounds(options.runs, tools, tables, browser=browser, folder=folder, limit=options.limit)
    versions = {tool.name: tool.version for tool in tools}
    for key, table in tables.items():
        results[key] |= {} if table.model is None else refused
        print_table(table.title, versions, results[key])
    print("\nSeconds, medians; 'foreign' counts requests to other hosts; 'load' is the machine's load average before.")
    write(options.out, tables, versions, results)
    print(options.out)


if __name__ == "__main__":
    main()
