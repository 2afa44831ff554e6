"""How long a new worker takes: forked from the fork server, against a new Python.

Each is asked for one answer; the clock runs from the order to the answer. Both have the same work to do before they are
ready: importing what opens a model of each library. Writes benchmarks/results/worker_start.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from xai.sandbox import Worker, child, spawn
from xai.sandbox.limits import processor_time

RESULTS = Path(__file__).parent / "results" / "worker_start.json"
CASES = {
    "numpy, pandas, pyarrow": ["numpy", "pandas", "pyarrow"],
    "+ catboost": ["pandas", "pyarrow", "catboost"],
    "+ xgboost": ["pandas", "pyarrow", "xgboost"],
    "+ torch": ["pandas", "pyarrow", "torch"],
}
GOAL = 0.3


def ready(modules):
    """Wall and processor seconds from nothing to an answer of a worker that has the modules."""
    start = time.perf_counter()
    with Worker(preload=modules) as worker:
        worker.call("warm", modules=[])
        wall = time.perf_counter() - start
        return wall, processor_time(worker.pid)


def cold(modules):
    """The same with a new Python."""
    forking = child.spawn

    def anew(folder, profile, *_):
        return spawn.spawn_anew(
            {"folder": str(folder), "environment": spawn.child_environment(folder), "profile": profile.to_json()}
        )

    child.spawn = anew
    try:
        return ready(modules)
    finally:
        child.spawn = forking


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three starts instead of eleven")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    n = 3 if arguments.quick else 11
    rows = []
    print(f"{'modules':<26} {'new Python':>12} {'forked':>10} {'slowest':>9} {'faster':>8}   processor seconds")
    for name, modules in CASES.items():
        begun = time.perf_counter()
        ready(modules)  # starts the fork server
        first = time.perf_counter() - begun
        anew = [cold(modules) for _ in range(max(3, n // 3))]
        forked = [ready(modules) for _ in range(n)]
        row = {
            "modules": modules,
            "first_of_all_s": first,
            "new_python_s": statistics.median(wall for wall, _ in anew),
            "new_python_processor_s": statistics.median(cpu for _, cpu in anew),
            "forked_s": statistics.median(wall for wall, _ in forked),
            "forked_slowest_s": max(wall for wall, _ in forked),
            "forked_processor_s": statistics.median(cpu for _, cpu in forked),
            "starts": n,
        }
        rows.append(row)
        print(
            f"{name:<26} {row['new_python_s']:>10.3f} s {row['forked_s']:>8.3f} s {row['forked_slowest_s']:>7.3f} s "
            f"{row['new_python_s'] / row['forked_s']:>7.1f}x   {row['new_python_processor_s']:.2f} against "
            f"{row['forked_processor_s']:.2f}"
        )
    met = all(row["forked_s"] < GOAL for row in rows)
    print(f"\nGoal, a new worker in under {GOAL} s: {'met' if met else 'NOT met'}. Load {os.getloadavg()[0]:.1f}.")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"python": sys.version.split()[0], "load": os.getloadavg()[0], "goal_s": GOAL, "met": met}
    with tempfile.NamedTemporaryFile("w", dir=arguments.out.parent, delete=False) as draft:
        json.dump({**facts, "cases": dict(zip(CASES, rows, strict=True))}, draft, indent=1)
    Path(draft.name).replace(arguments.out)


if __name__ == "__main__":
    main()
