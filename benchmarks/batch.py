"""Batch runs against a plain loop, in time and memory.

Run:  python benchmarks/batch.py [--quick] [--only pairs|native|memory|dask]
1,000,000 rows of 30 columns in 20 Parquet files, XGBoost with 100 trees of depth 6, every process with one thread. The
loop reads a file, calls the engine that the run would choose, and writes the values as Parquet, in one process without
any of what makes a run safe. Every figure is a program of its own from start to end: imports, hashing the data,
checking, summing, syncing to disk included. Pairs are run one after the other, three times, and the best one counts.

Seconds on the clock only mean something on a machine that does nothing else: what others used of it meanwhile is
printed beside each figure, and `cpu` (processor seconds of all processes of the run) hardly depends on them. Memory is
the proportional share (PSS) of all processes together, sampled once a second; adding that up takes a good part of a
processor's time, so the pairs go without. Linux only. Prints tables and writes benchmarks/results/batch.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "batch.json"
COLUMNS = [f"f{j}" for j in range(30)]
GOALS = {1: 0.95, 2: 1.6}
BUSY = 0.05  # of the machine; above it the clock says little


def make_data(folder, rows, files):
    """Normal numbers, float32."""
    folder.mkdir(parents=True)
    per_file = rows // files
    for i in range(files):
        values = np.random.default_rng(i).normal(size=(per_file, len(COLUMNS))).astype(np.float32)
        pq.write_table(pa.table(dict(zip(COLUMNS, values.T, strict=True))), folder / f"part-{i:03d}.parquet")
    return folder


def make_model(path):
    import pandas as pd
    import xgboost

    rng = np.random.default_rng(100)
    X = pd.DataFrame(rng.normal(size=(20_000, len(COLUMNS))).astype(np.float32), columns=COLUMNS)
    y = (X.f0 * X.f1 + X.f2 + rng.normal(size=len(X)) > 0).astype(int)
    booster = xgboost.XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.1, n_jobs=1).fit(X, y)
    booster.get_booster().save_model(path)
    return path


def loop(data, model, out, engine):
    """What somebody would write by hand."""
    import pandas as pd

    import xai
    from xai.shapley.trees.engine import TreeConfig

    opened = xai.load_model(model, isolated=False)
    out.mkdir(parents=True)
    for path in sorted(data.glob("*.parquet")):
        a = xai.explain(opened, pd.read_parquet(path), config=TreeConfig(engine=engine, threads=1))
        columns = {name: a.values[:, j, 0] for j, name in enumerate(a.units.names)}
        table = pa.table(columns | {"base_value": a.base_values[:, 0], "output": a.outputs[:, 0]})
        pq.write_table(table, out / path.name, compression="lz4", use_dictionary=False)


def run(data, model, out, engine, workers):
    """The same by a run."""
    from xai import batch

    batch.run(model, data, out, ["shap"], engine=engine, workers=workers)


@dataclass(frozen=True)
class Measured:
    """One program: seconds, rows a second, processor seconds, peak MB if sampled, the share others used."""

    what: str
    rows: int
    wall: float
    rows_per_second: float
    cpu: float
    peak_mb: float | None
    others: float


def measure(what, rows, *command, memory=False):
    """Run a part of this file as a program and watch it and all it starts."""
    used, peak = {}, 0.0
    before, start = _machine(), time.perf_counter()
    process = subprocess.Popen([sys.executable, str(Path(__file__).resolve()), "--part", *map(str, command)])
    family = psutil.Process(process.pid)
    while process.poll() is None:
        held = 0.0
        for one in _family(family):
            try:
                times = one.cpu_times()
                used[one.pid, one.create_time()] = times.user + times.system
                held += one.memory_full_info().pss / 1e6 if memory else 0.0
            except psutil.Error:  # it has just ended
                continue
        peak = max(peak, held)
        time.sleep(1.0 if memory else 0.1)
    wall = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{what} failed")
    busy, whole = (after - earlier for after, earlier in zip(_machine(), before, strict=True))
    cpu = sum(used.values())
    found = Measured(what, rows, wall, rows / wall, cpu, peak if memory else None, max(0.0, busy - cpu) / whole)
    said = f"{peak:.0f}" if memory else ""
    print(
        f"{what:34} {rows:11,} {wall:8.1f} {found.rows_per_second:9,.0f} {cpu:8.1f} {said:>8} {found.others:7.0%}",
        flush=True,
    )
    return found


def _family(process):
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _machine():
    """Seconds that all processors were busy, and all there were."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice, sum(times) - times.guest


class Bench:
    """Data and model, and programs on them."""

    def __init__(self, folder, model):
        self.folder, self.model = folder, model
        self.results = []

    def __call__(self, what, data, rows, *command, memory=False):
        """Measure one part on a fresh folder."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        self.results.append(measure(what, rows, command[0], data, self.model, out, *command[1:], memory=memory))
        shutil.rmtree(out, ignore_errors=True)
        return self.results[-1]


def pairs(bench, data, rows, rounds):
    """Loop and runs side by side."""
    found = {1: [], 2: []}
    for _ in range(rounds):
        alone = bench("loop", data, rows, "loop", "tables")
        for workers in (1, 2):
            ours = bench(f"run, {workers} worker{'s' * (workers > 1)}", data, rows, "run", "local", workers)
            found[workers].append(
                {
                    "ratio": alone.wall / ours.wall,
                    "cpu_ratio": alone.cpu / ours.cpu,
                    "others": max(alone.others, ours.others),
                }
            )
    answer = {}
    print("\nthroughput against the loop, best of the pairs (processor seconds: loop over run, same pair)")
    for workers, entries in found.items():
        best = max(entries, key=lambda entry: entry["ratio"])
        disturbed = "" if best["others"] < BUSY else f"  (others used {best['others']:.0%} of the machine: no verdict)"
        said = f"{best['ratio']:.2f} (goal {GOALS[workers]}), cpu {best['cpu_ratio']:.2f}"
        print(f"  {workers} worker(s): {said}{disturbed}")
        answer[str(workers)] = {"best": best, "all": entries, "goal": GOALS[workers]}
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one pair")
    parser.add_argument("--only", nargs="+", choices=("pairs", "native", "memory", "dask"), help="leave out the others")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        name, data, model, out, *rest = args.part
        work = {"loop": loop, "run": lambda d, m, o, engine, n: run(d, m, o, engine, int(n))}[name]
        work(Path(data), Path(model), Path(out), *rest)
        return
    parts = args.only or ("pairs", "native", "dask", "memory")
    rows = 100_000 if args.quick else 1_000_000
    results = {"python": platform.python_version(), "processors": os.cpu_count(), "quick": args.quick, "rows": rows}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, make_model(folder / "model.ubj"))
        data = make_data(folder / "rows", rows, 20)
        bench_few = make_data(folder / "few", 20_000, 4)
        measure("(first call of the machine code)", 20_000, "loop", bench_few, bench.model, folder / "warm", "tables")
        print(f"\n{'':34} {'rows':>11} {'seconds':>8} {'rows/s':>9} {'cpu':>8} {'peak MB':>8} {'others':>7}")
        if "pairs" in parts:
            results["pairs"] = pairs(bench, data, rows, 1 if args.quick else 3)
        if "native" in parts:
            n = 20_000 if args.quick else 100_000
            own = bench("loop, XGBoost's own contributions", make_data(folder / "own", n, 4), n, "loop", "native")
            ours = bench("run, 1 worker", data, rows, "run", "local", 1)
            results["native"] = {"rows": n, "times": ours.rows_per_second / own.rows_per_second}
            print(f"\n  a run does {results['native']['times']:.1f} times the rows a second of that loop\n")
        if "dask" in parts:
            local = bench("run, 2 workers", data, rows, "run", "local", 2, memory=True)
            cluster = bench("run, Dask, 2 workers", data, rows, "run", "dask", 2, memory=True)
            results["dask"] = {"ratio": local.wall / cluster.wall, "memory": cluster.peak_mb / local.peak_mb}
            throughput, memory = results["dask"].values()
            print(f"\n  Dask: {throughput:.2f} of the throughput, {memory:.1f} times the memory\n")
        if "memory" in parts:
            peaks = {}
            for times in (1, 5, 10):
                shutil.rmtree(folder / "rows", ignore_errors=True)
                make_data(folder / "rows", rows * times, 20 * times)
                n, where = rows * times, folder / "rows"
                peaks[n] = bench("run, 2 workers", where, n, "run", "local", 2, memory=True).peak_mb
            results["memory"] = {str(n): peak for n, peak in peaks.items()}
            print(f"\n  ten times the rows, {max(peaks.values()) / min(peaks.values()):.2f} x the memory")
    results["measured"] = [asdict(one) for one in bench.results]
    RESULTS.parent.mkdir(exist_ok=True)
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() and args.only else {}
    RESULTS.write_text(json.dumps(earlier | results, indent=1) + "\n")


if __name__ == "__main__":
    main()
