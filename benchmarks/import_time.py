"""What `import xai` costs over a bare Python, and that it loads nothing heavy.

Run:  .venv/bin/python benchmarks/import_time.py [--runs 15]
Prints both times and writes benchmarks/results/import_time.json. The goal is half a second.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "import_time.json"
GOAL = 0.5
HEAVY = ("pandas", "torch", "shap", "catboost", "streamlit")


def seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="medians of this many (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()

    code = f"import sys, xai; print(*[name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    if loaded:
        raise SystemExit(f"import xai loads {', '.join(loaded)}")
    # In turns, so that what else the machine does meets both alike.
    pairs = [(seconds("pass"), seconds("import xai")) for _ in range(options.runs)]
    bare, full = (statistics.median(column) for column in zip(*pairs, strict=True))
    over = statistics.median(with_xai - without for without, with_xai in pairs)
    load = os.getloadavg()[0]
    print(f"bare Python  {bare:.3f} s\nimport xai   {full:.3f} s")
    print(f"difference   {over:.3f} s (median of {options.runs} pairs; goal below {GOAL} s; load {load:.1f})")
    result = {
        "machine": {"python": platform.python_version(), "processor": platform.machine()},
        "runs": options.runs,
        "bare_seconds": bare,
        "import_seconds": full,
        "difference_seconds": over,
        "goal_seconds": GOAL,
        "load": load,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(options.out)
    if over >= GOAL:
        raise SystemExit("the goal is missed")


if __name__ == "__main__":
    main()
