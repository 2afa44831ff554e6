"""Broken and hostile files of every format, given to child processes as the page gives them.

Each file is looked at and then used: a model predicts, pictures are shown. Counted is how each ended, and whether
anything ran, was written outside the child's folder, or stayed in this process, which stands for the server.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "formats"))

import attack
import corpus
import good

from xai.sandbox import Worker
from xai.sandbox.limits import GIB, for_uploads
from xai.sandbox.profile import Profile

RESULTS = Path(__file__).parent / "results" / "upload_fuzz.json"
CPU_SECONDS, WALL_SECONDS, MEMORY = 10.0, 120.0, 2 * GIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-model", type=int, default=200, help="files of each model format (default: %(default)s)")
    parser.add_argument("--per-data", type=int, default=50, help="files of each table or picture format")
    parser.add_argument("--quick", action="store_true", help="ten files a format")
    parser.add_argument("--only", nargs="*", default=[*corpus.MODELS, *corpus.DATA], help="these formats alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long, and say so")
    options = parser.parse_args()
    per_model, per_data = (10, 10) if options.quick else (options.per_model, options.per_data)
    with tempfile.TemporaryDirectory() as name:
        report = run(Path(name), options.only, per_model, per_data, options.minutes * 60)
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def run(folder: Path, kinds: list[str], per_model: int, per_data: int, seconds: float) -> dict:
    sources = good.sources(make(folder / "good"))
    uploads, marker, secret = make(folder / "uploads"), folder / "ran", folder / "secret.txt"
    secret.write_text("nobody may change this")
    limits = replace(for_uploads(), memory=MEMORY, cpu=CPU_SECONDS, wall=WALL_SECONDS)
    server = psutil.Process()
    started = time.perf_counter()
    rows, unclear, crashes = [], [], []
    growth = touched = 0
    with Worker(Profile(limits), attack.LIBRARIES) as worker:
        worker.call("warm", modules=["numpy"])
        for kind in kinds:
            wanted = per_model if kind in corpus.MODELS else per_data
            files = corpus.broken(kind, sources[kind].read_bytes(), wanted, str(marker))
            # Making the files takes memory as well: what counts is what reading them adds.
            before, ended, began = server.memory_info().rss, Counter(), time.perf_counter()
            for number, one in enumerate(files):
                if time.perf_counter() - started > seconds:
                    break
                path = uploads / f"{kind}-{number}{one.suffix}"
                path.write_bytes(one.content)
                state = snapshot(folder)
                result = attack.attack(worker, path, sources["png"])
                touched += snapshot(folder) != state
                path.unlink()
                ended[result.outcome] += 1
                growth = max(growth, server.memory_info().rss - before)
                if result.outcome == "unclear":
                    unclear.append({"kind": kind, "what": one.what, "message": result.message[:300]})
                if result.outcome == "crashed":
                    crashes.append({"kind": kind, "what": one.what, "message": result.message[:300]})
            rows.append(
                {
                    "format": kind,
                    "files": sum(ended.values()),
                    **{outcome: ended[outcome] for outcome in ("refused", "answered", "crashed", "stopped", "unclear")},
                    "seconds": round(time.perf_counter() - began, 1),
                }
            )
            print(rows[-1], flush=True)
    report = {
        "limits": {"cpu_seconds": CPU_SECONDS, "wall_seconds": WALL_SECONDS, "memory_gib": MEMORY / GIB},
        "files": sum(row["files"] for row in rows),
        "clear_messages": sum(row["refused"] for row in rows),
        "crashes_contained": sum(row["crashed"] for row in rows),
        "hangs_stopped": sum(row["stopped"] for row in rows),
        "unclear_messages": len(unclear),
        "server_deaths": 0,  # this process is the server: had it died, nothing would be written
        "code_executions": int(marker.exists()),
        "files_touched_outside": touched,
        "worst_server_growth_mb": round(growth / 1e6, 1),
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "formats": rows,
        "unclear": unclear,
        "crashes": crashes,
    }
    print("\n" + "  ".join(f"{name:>16}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value!s:>16}" for value in row.values()))
    print("\n".join(f"{name}: {value}" for name, value in report.items() if isinstance(value, int | float)))
    return report


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file, to see whether a child changed one."""
    found = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        found[str(path)] = (facts.st_size, facts.st_mtime_ns)
    return found


if __name__ == "__main__":
    main()
