"""Every benchmark side by side with its peers, and one readable page of what came out.

    .venv/bin/python benchmarks/suite.py [--quick] [--only NAME ...] [--render]

Each benchmark is a program of its own and installs its peers into an environment of its own (benchmarks/.env-*), so
that none of them meets ours. What a program prints is kept in benchmarks/results/NAME.txt, its figures in NAME.json,
how it ended in suite.json. ``--render`` runs nothing and writes docs/benchmarks.md from what is there. ``--quick``
passes each program's own quick options: its figures say that it works, not how fast anything is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benchmarks"
RESULTS = HERE / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
STATE = RESULTS / "suite.json"
LIMIT_SECONDS = 3 * 3600
_MOST_FIGURES = 40
_MOST_LINES = 120


@dataclass(frozen=True)
class Benchmark:
    """One program.

    Attributes
    ----------
    name
        Its file without the suffix.
    question
        What it measures, in words.
    arguments, quick
        What it is called with, and with ``--quick``; ``None`` leaves it out of quick runs.
    peers
        Environment below benchmarks/ and the packages in it that it is compared with.
    """

    name: str
    question: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = ()
    peers: tuple[tuple[str, tuple[str, ...]], ...] = ()


SUITE = (
    Benchmark("import_time", "What does `import xai` cost over a bare Python?", quick=("--runs", "3")),
    Benchmark("apportionment", "How many elections a second?", quick=("--rows", "1000", "--large", "10000")),
    Benchmark(
        "treeshap",
        "Exact SHAP values of trees: tables beside the libraries' own routines and other packages",
        ("--others",),
        ("--quick",),
        ((".env-trees", ("woodelf-explainer", "fasttreeshap-fixed")),),
    ),
    Benchmark(
        "model_agnostic",
        "Sampled Shapley values: error against model calls",
        quick=("--rows", "1", "--repeats", "1", "--features", "10"),
        peers=((".env-shapiq", ("shapiq",)),),
    ),
    Benchmark(
        "dashboard_start",
        "Start of the dashboard to the first chart",
        quick=("--runs", "1", "--rows", "demo"),
        peers=(
            (".env-peers/explainerdashboard", ("explainerdashboard",)),
            (".env-peers/shapash", ("shapash",)),
        ),
    ),
    Benchmark("worker_start", "How long does a worker take to start?", quick=("--quick",)),
    Benchmark("upload_fuzz", "Damaged files of every format: do all end in a message?", quick=("--quick",)),
    Benchmark("many_sessions", "Many visitors at once: do they see only their own?", quick=("--quick",)),
    Benchmark(
        "craft",
        "CRAFT: processor time, reconstruction, error of the indices",
        quick=("--quick",),
        peers=((".env-craft", ("Craft-xai",)),),
    ),
    Benchmark(
        "concept_truth",
        "Are concepts the parts a picture is known to be made of?",
        quick=("--quick",),
        peers=((".env-craft", ("Craft-xai",)),),
    ),
    Benchmark(
        "reagent",
        "ReAGent: time and rows of the model until the evidence is found",
        quick=("--quick",),
        peers=((".env-inseq", ("inseq",)),),
    ),
    Benchmark("token_truth", "Do the words found hold the evidence that is known?", quick=("--quick",)),
    Benchmark("long_prompts", "Long prompts: is the sentence found that decides?", quick=("--quick",)),
    Benchmark("correspondence", "Do patches find each other, and how fast?", quick=("--quick",)),
    Benchmark(
        "confounder", "Can editing mend answers that a stain spoiled?", quick=("--backbone", "demo", "--seeds", "1")
    ),
    Benchmark(
        "edit_latency", "A stroke on the map to the new answer on screen", quick=("--rounds", "1", "--strokes", "10")
    ),
    Benchmark("batch", "Batch runs against a plain loop, in time and memory", quick=("--quick",)),
)


def machine() -> dict[str, Any]:
    """What it ran on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("hemicycle", "numpy", "xgboost", "lightgbm", "catboost", "scikit-learn", "torch", "streamlit")
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "system": system(),
        "python": platform.python_version(),
        "versions": found,
    }


def system() -> str:
    """System, kernel and C library; what a host adds to its kernel's number says nothing of speed."""
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    return ", ".join(" ".join(part).strip() for part in ((platform.system(), kernel), platform.libc_ver()) if part[0])


def peer_versions(benchmark: Benchmark) -> dict[str, str]:
    """Package to its version in the peer's environment, or to why there is none."""
    found = {}
    for folder, packages in benchmark.peers:
        python = HERE / folder / "bin" / "python"
        for package in packages:
            if not python.exists():
                found[package] = "not installed"
                continue
            code = f"from importlib.metadata import version; print(version({package!r}))"
            done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
            lines = done.stderr.strip().splitlines()
            found[package] = done.stdout.strip() or f"not installed: {lines[-1] if lines else 'no reason given'}"
    return found


def run(benchmark: Benchmark, *, quick: bool) -> dict[str, Any]:
    """Run one program; what it printed is kept, and how it ended is returned."""
    arguments = (benchmark.quick or ()) if quick else benchmark.arguments
    command = [sys.executable, str(HERE / f"{benchmark.name}.py"), *arguments]
    start = time.monotonic()
    load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        code, printed, said = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, printed, said = -1, "", f"stopped after {LIMIT_SECONDS} s"
    if code == 0:
        (RESULTS / f"{benchmark.name}.txt").write_text(printed, encoding="utf-8")
    return {
        "command": " ".join([".venv/bin/python", f"benchmarks/{benchmark.name}.py", *arguments]),
        "exit_code": code,
        "error": "" if code == 0 else " ".join(said.split())[-600:],
        "seconds": round(time.monotonic() - start, 1),
        "load_a_core_before": round(load, 2),
        "quick": quick,
        "peers": peer_versions(benchmark),
    }


def figures(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of the single numbers of a JSON file; lists of numbers are left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from figures(item, f"{name} · {key}" if name else str(key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, dict):
                yield from figures(item, f"{name} · {i + 1}")
    elif isinstance(value, bool | str):
        yield name, str(value)
    elif isinstance(value, int | float):
        yield name, f"{value:.4g}"


def section(benchmark: Benchmark, state: dict[str, Any]) -> str:
    """One benchmark as Markdown."""
    how = state.get(benchmark.name, {})
    default = " ".join([".venv/bin/python", f"benchmarks/{benchmark.name}.py", *benchmark.arguments])
    parts = [f"## {benchmark.name}", "", benchmark.question, "", "```sh", how.get("command", default), "```", ""]
    text, record = (RESULTS / f"{benchmark.name}{suffix}" for suffix in (".txt", ".json"))
    if how.get("exit_code"):
        parts += [f"Ended with exit code {how['exit_code']}: {how['error']}", ""]
    if how.get("quick"):
        parts += ["A quick run: it shows that the program works, not how fast anything is.", ""]
    if text.exists():
        lines = text.read_text(encoding="utf-8").rstrip().splitlines()
        cut = [*lines[:_MOST_LINES], "…"] if len(lines) > _MOST_LINES else lines
        parts += ["```text", *cut, "```", ""]
    elif record.exists():
        found = list(figures(json.loads(record.read_text(encoding="utf-8"))))
        parts += ["| figure | value |", "|---|---|"]
        parts += [f"| {name.replace('|', '/')} | {value.replace('|', '/')} |" for name, value in found[:_MOST_FIGURES]]
        parts += [
            "",
            *([f"and {len(found) - _MOST_FIGURES} more in the JSON file.", ""] if len(found) > _MOST_FIGURES else []),
        ]
    elif not how:
        parts += ["Not run yet.", ""]
    peers = how.get("peers") or peer_versions(benchmark)
    if peers:
        parts += ["Peers: " + "; ".join(f"{name} {version}" for name, version in peers.items()) + ".", ""]
    if "load_a_core_before" in how:
        parts += [f"Took {how['seconds']} s; load a core before it began: {how['load_a_core_before']}.", ""]
    return "\n".join(parts)


def render(state: dict[str, Any]) -> str:
    """The whole page."""
    facts = state.get("machine") or machine()
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    head = f"""# Benchmarks

`make benchmark` installs the peers into environments of their own, runs every program below, and writes this page and
the figures as JSON (`benchmarks/results`). Ratios within one run are what to look at: seconds depend on the machine and
on who else uses it.

Machine: {facts["processor"]}, {facts["cores"]} cores, {facts["memory_gib"]} GiB, Python {facts["python"]},
{facts["system"]}; {versions}.

"""
    return head + "\n".join(section(benchmark, state) for benchmark in SUITE)


def main() -> int:
    """Run what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small runs of each")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in SUITE], default=[one.name for one in SUITE])
    parser.add_argument("--render", action="store_true", help="run nothing")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    state: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8")) if STATE.exists() else {}
    if not options.render:
        state["machine"] = machine()
        for benchmark in SUITE:
            if benchmark.name not in options.only or (options.quick and benchmark.quick is None):
                continue
            print(f"{benchmark.name} ...", flush=True)
            state[benchmark.name] = run(benchmark, quick=options.quick)
            how = state[benchmark.name]
            print(f"  {'done' if how['exit_code'] == 0 else how['error']} ({how['seconds']} s)", flush=True)
            STATE.write_text(json.dumps(state, indent=1), encoding="utf-8")
    PAGE.write_text(render(state), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}.")
    return int(any(how.get("exit_code") for name, how in state.items() if name in options.only))


if __name__ == "__main__":
    sys.exit(main())
