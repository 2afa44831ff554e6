"""Exact SHAP values of tree ensembles: tables against the libraries' own routines and other packages, side by side.

Run:  python benchmarks/treeshap.py [--quick] [--others] [--grid-only | --table-only]
All engines run in one process on the same models and rows. One thread is measured in processor seconds (what else the
machine does hardly counts), two threads in wall seconds. Our figures hold everything: reading the trees, building the
tables, rows; only the just-in-time compilation is apart, and its first run is printed. Prints tables and writes
benchmarks/results/treeshap.json.

--others  also runs woodelf-explainer and fasttreeshap in an environment of their own (benchmarks/.env-trees, made with
          uv), because they need other versions of shap; what cannot be installed or fails is reported with its error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "treeshap.json"
SEED_ROWS = 20_000


def table(rows, columns=30, seed=0):
    values = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    return pd.DataFrame(values, columns=[f"f{j}" for j in range(columns)])


def target(X):
    noise = np.random.default_rng(1).normal(size=len(X))
    return (X.f0 * X.f1 + X.f2 + noise > 0).astype(int)


def fit(framework, trees, depth):
    import catboost
    import lightgbm
    import xgboost
    from sklearn.ensemble import RandomForestClassifier

    X = table(SEED_ROWS)
    y = target(X)
    if framework == "xgboost":
        return xgboost.XGBClassifier(n_estimators=trees, max_depth=depth, learning_rate=0.1, n_jobs=1).fit(X, y)
    if framework == "lightgbm":
        kind = partial(lightgbm.LGBMClassifier, max_depth=depth, num_leaves=2**depth, n_jobs=1, verbose=-1)
        return kind(n_estimators=trees).fit(X, y)
    if framework == "catboost":
        options = {"thread_count": 1, "verbose": 0, "allow_writing_files": False}
        if depth > 10:  # else training takes minutes
            options["border_count"] = 32
        return catboost.CatBoostClassifier(iterations=trees, depth=depth, **options).fit(X, y)
    return RandomForestClassifier(trees, max_depth=depth, random_state=0, n_jobs=1).fit(X[:6000], y[:6000])


def cpu(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def wall(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def by_tables(model, X, threads=1):
    """Everything from the wrapped model to values: read, build, rows."""
    from xai.shapley.trees import READERS, tables

    source = READERS[model.framework].read(model)
    values, _ = tables.prepare(source.forest, threads=threads).keep()(source.numbers(X))
    return values.reshape(len(X), X.shape[1], -1)


def own(model, X):
    from xai.shapley.engines import ENGINES

    return ENGINES[model.framework](model, X).explain(X)[0]


def c_extension(model, X):
    """Seconds of shap's C extension, its reading of the trees apart."""
    import shap

    explainer = shap.TreeExplainer(model.native)
    explainer.model.model_type = "internal"  # else it hands the rows back to the library
    return cpu(lambda: explainer.shap_values(X, check_additivity=False))[0]


def large_table(args):
    """100 and 500 trees of depth 6: the goals."""
    import xai

    rows = (2_000, 10_000) if args.quick else (10_000, 100_000)
    native_rows = 500 if args.quick else 4_000
    print(f"\nDepth 6, 30 columns. Own routine timed on {native_rows:,} rows (CatBoost: all rows), one thread.")
    print("framework trees   rows | own us/row  tables us/row  ratio (goal) | rows only | C ext. us/row | difference")
    goals = {"xgboost": (25, 40), "lightgbm": (25, 40), "catboost": (0, 3)}
    results = []
    for framework in ("xgboost", "lightgbm", "catboost"):
        for trees in (100, 500):
            model = xai.wrap_model(fit(framework, trees, 6))
            sample = model.check(table(native_rows, seed=5))
            seconds, reference = cpu(lambda model=model, sample=sample: own(model, sample))
            native_row = seconds / len(sample)
            other = None
            if framework != "catboost":
                few = sample[:200]
                other = c_extension(model, few) / len(few)
            for n, goal in zip(rows, goals[framework], strict=True):
                X = model.check(table(n, seed=5))
                if framework == "catboost":  # its set-up is large: only all rows are fair
                    native_row = cpu(lambda model=model, X=X: own(model, X))[0] / n
                seconds, values = cpu(lambda model=model, X=X: by_tables(model, X))
                bare = rows_only(model, X)
                gap = np.abs(values[: len(sample)] - reference).max() / np.abs(reference.sum(axis=1)).max()
                entry = {
                    "framework": framework, "trees": trees, "rows": n, "native_us": native_row * 1e6,
                    "tables_us": seconds / n * 1e6, "rows_only_us": bare / n * 1e6, "ratio": native_row * n / seconds,
                    "goal": goal, "c_extension_us": None if other is None else other * 1e6, "difference": float(gap),
                }  # fmt: skip
                results.append(entry)
                print(
                    f"{framework:9} {trees:5} {n:6,} | {native_row * 1e6:10.1f} {entry['tables_us']:14.2f} "
                    f"{entry['ratio']:6.1f} ({goal:2}) | {entry['rows_only_us']:9.2f} | "
                    f"{'refuses' if other is None else format(other * 1e6, '.0f'):>13} | {gap:.1e}",
                    flush=True,
                )
    return results


def rows_only(model, X):
    from xai.shapley.trees import READERS, tables

    source = READERS[model.framework].read(model)
    run = tables.prepare(source.forest, threads=1).keep()
    return cpu(lambda: run(source.numbers(X)))[0]


def threads_table(args):
    """One thread and two, wall seconds."""
    import xai

    n = 10_000 if args.quick else 100_000
    print(f"\nThreads: XGBoost, 500 trees of depth 6, {n:,} rows, wall seconds (loaded machines show less).")
    model = xai.wrap_model(fit("xgboost", 500, 6))
    X = model.check(table(n, seed=5))
    seconds = {threads: min(wall(partial(by_tables, model, X, threads))[0] for _ in range(2)) for threads in (1, 2)}
    print(f"1 thread {seconds[1]:.2f} s, 2 threads {seconds[2]:.2f} s, ratio {seconds[1] / seconds[2]:.2f}")
    return {str(threads): value for threads, value in seconds.items()}


def background_table(args):
    """Interventional values: the cost of a row does not depend on the background."""
    import shap

    import xai
    from xai.shapley.trees import READERS, tables

    n = 2_000 if args.quick else 20_000
    print(f"\nInterventional: XGBoost, 100 trees of depth 6, {n:,} rows, one thread, microseconds a row.")
    model = xai.wrap_model(fit("xgboost", 100, 6))
    X = model.check(table(n, seed=5))
    source = READERS["xgboost"].read(model)
    numbers, results = source.numbers(X), []
    for size in (1, 100, 1_000, 10_000):
        background = model.check(table(size, seed=9))
        build, run = cpu(
            lambda background=background: tables.prepare(
                source.forest, background=source.numbers(background), threads=1
            ).keep()
        )
        seconds, _ = cpu(lambda run=run: run(numbers))
        line = {"background": size, "build_s": build, "row_us": seconds / n * 1e6}
        if size == 100:
            explainer = shap.TreeExplainer(model.native, background, feature_perturbation="interventional")
            few = X[:200]
            line["shap_us"] = (
                cpu(lambda e=explainer, few=few: e.shap_values(few, check_additivity=False))[0] / 200 * 1e6
            )
        results.append(line)
        beside = f"; shap {line['shap_us']:.0f}" if "shap_us" in line else ""
        print(f"background {size:6,}: tables {build:.2f} s, then {line['row_us']:.1f}{beside}", flush=True)
    return results


def paired(chosen, native, enough=2.0, most=25):
    """Least processor seconds of both, run by turns until ``enough`` seconds are spent; and what they answered."""
    times, spent, answers = ([], []), 0.0, [None, None]
    while not times[0] or (spent < enough and len(times[0]) < most):
        turn = ((0, chosen), (1, native))
        for which, work in turn if len(times[0]) % 2 else reversed(turn):
            seconds, answers[which] = cpu(work)
            times[which].append(seconds)
            spent += seconds
    return min(times[0]), min(times[1]), answers[0].provenance.engine


def grid(args):
    """What a user of ``explain`` waits for: the engine chosen, against the library's own."""
    import xai
    from xai.shapley import TreeConfig

    rows = (1, 100, 1_000) if args.quick else (1, 100, 1_000, 10_000)
    depths = (3, 6) if args.quick else (3, 6, 8, 10, 12)
    print(
        "\nxai.explain, 100 trees (forests: 30), processor seconds with the engine chosen and with the library's own,"
        "\nthe least of several runs by turns; ~: from fewer rows, because it would take over half a minute."
    )
    print("framework depth   rows | chosen s      own s    ratio | engine")
    results, cap = [], 30.0
    for framework in args.frameworks:
        for depth in depths:
            model = xai.wrap_model(fit(framework, 30 if framework == "sklearn" else 100, depth))
            pace, ratio = 0.0, 0.0
            for n in rows:
                if ratio < 1.1 and pace * n > 10 * cap:
                    print(f"{framework:9} {depth:5} {n:6,} | not run: the library's own, about {pace * n:.0f} s")
                    continue
                X = table(n, seed=7)
                auto = partial(xai.explain, model, X)
                native = partial(xai.explain, model, X, config=TreeConfig(engine="native"))
                auto()  # nobody's first call is measured
                if measured := pace * n < cap:
                    chosen, seconds, engine = paired(auto, native)
                else:
                    chosen, answer = cpu(auto)
                    seconds, engine = pace * n, answer.provenance.engine
                pace, ratio = seconds / n, seconds / chosen
                results.append(
                    {"framework": framework, "depth": depth, "rows": n, "chosen_s": chosen, "native_s": seconds,
                     "native_measured": measured, "ratio": ratio, "engine": engine}
                )  # fmt: skip
                mark = " " if measured else "~"
                print(
                    f"{framework:9} {depth:5} {n:6,} | {chosen:8.4f} {mark}{seconds:9.4f} {ratio:8.2f} | {engine}",
                    flush=True,
                )
    low = min(results, key=lambda entry: entry["ratio"])
    print(f"lowest ratio {low['ratio']:.2f} (goal 0.9): {low['framework']}, depth {low['depth']}, {low['rows']} rows")
    return results


def first_run():
    """Seconds of the first run of a fresh process: compiled anew, then from disk."""
    script = (
        "import time; start = time.perf_counter(); cpu = time.process_time();"
        "from xai.shapley.trees import tables; from xai.shapley.trees.forest import Column, join; import numpy as np;"
        "tree = dict(left=[1, -1, -1], right=[2, -1, -1], column=[0, 0, 0], threshold=[0.0, 0, 0],"
        "missing_left=[0, 0, 0], cover=[2.0, 1, 1], values=[0.0, 1, 2]);"
        "forest = join([tree], [0], [Column(0)], np.zeros(1), 1);"
        "tables.prepare(forest, threads=1).keep()(np.zeros((3, 1)));"
        "print(time.perf_counter() - start, time.process_time() - cpu)"
    )
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(HERE.parent)}
        seconds = []
        for _ in range(2):
            run = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
            seconds.append([float(part) for part in run.stdout.split()])
    (cold, cold_cpu), (warm, warm_cpu) = seconds
    print(f"first run: compiled {cold:.1f} s (processor {cold_cpu:.1f}), from disk {warm:.1f} s ({warm_cpu:.1f})")
    return {"cold_s": cold, "cold_cpu_s": cold_cpu, "from_disk_s": warm, "from_disk_cpu_s": warm_cpu}


OTHERS = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
name, model, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
values = np.random.default_rng(5).normal(size=(rows, 30)).astype(np.float32)
X = pd.DataFrame(values, columns=[f"f{j}" for j in range(30)])
if model.endswith(".ubj"):
    import xgboost
    fitted = xgboost.Booster(model_file=model)
else:
    import lightgbm
    fitted = lightgbm.Booster(model_file=model)
if name == "woodelf":
    from woodelf import WoodelfExplainer
    work = lambda: WoodelfExplainer(fitted).shap_values(X)
else:
    from fasttreeshap_fixed import TreeExplainer
    work = lambda: TreeExplainer(fitted, algorithm="v2", n_jobs=1).shap_values(X, check_additivity=False)
start = time.process_time()
answer = np.asarray(work())
print(json.dumps({"seconds": time.process_time() - start, "nan": bool(np.isnan(answer).any())}), file=sys.__stderr__)
"""

PACKAGES = {
    "woodelf": ["woodelf-explainer", "xgboost>=3.1,<4", "lightgbm>=4.5,<5", "scikit-learn<2"],
    # The wheel names none of what it imports.
    "fasttreeshap": [
        "fasttreeshap-fixed",
        "xgboost>=3.1,<4",
        "lightgbm>=4.5,<5",
        "scikit-learn<2",
        "slicer",
        "numba",
        "tqdm",
        "cloudpickle",
        "packaging",
        "psutil",
    ],
}


def others(args, ours):
    """Other packages on the same models, each in an environment of its own."""
    import xai

    rows = dict.fromkeys(PACKAGES, 10_000 if args.quick else 100_000)
    print(f"\nOther packages, depth 6, {rows['woodelf']:,} rows, one thread.")
    results = []
    for name, packages in PACKAGES.items():
        python = HERE / ".env-trees" / name / "bin" / "python"
        error = _environment(python, packages)
        for framework, suffix in (("xgboost", "ubj"), ("lightgbm", "txt")):
            for trees in (100, 500):
                entry = {"package": name, "framework": framework, "trees": trees, "rows": rows[name]}
                if error:
                    entry["error"] = error
                else:
                    with tempfile.TemporaryDirectory() as folder:
                        path = str(Path(folder) / f"m.{suffix}")
                        model = xai.wrap_model(fit(framework, trees, 6))
                        model.booster.save_model(path)
                        entry |= _other(python, name, path, rows[name])
                line = [o for o in ours if o["framework"] == framework and o["trees"] == trees][-1]
                if "seconds" in entry:
                    entry["us"] = entry["seconds"] / rows[name] * 1e6
                    entry["ratio"] = entry["us"] / line["tables_us"]
                    text = f"{entry['us']:8.1f} us/row, ours {line['tables_us']:.2f}: {entry['ratio']:.1f} times"
                    text += "; answers NaN" if entry["nan"] else ""
                else:
                    text = f"failed: {entry['error']}"
                print(f"{name:13} {framework:9} {trees:4} {rows[name]:7,} rows | {text}", flush=True)
                results.append(entry)
    return results


def _environment(python, packages):
    if python.exists():
        return ""
    for command in (
        ["uv", "venv", "--python", sys.executable, str(python.parent.parent)],
        ["uv", "pip", "install", "--quiet", "--python", str(python), *packages],
    ):
        try:
            run = subprocess.run(
                [sys.executable, "-m", *command], capture_output=True, text=True, timeout=600, check=False
            )
        except subprocess.TimeoutExpired:
            return "installing took over 600 s"
        if run.returncode:
            return run.stderr.strip().splitlines()[-1][:200]
    return ""


def _other(python, name, path, rows):
    env = os.environ | {"PYTHONPATH": ""}
    try:
        command = [str(python), "-c", OTHERS, name, path, str(rows)]
        run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return {"error": "took over 600 s"}
    last = (run.stderr.strip().splitlines() or ["no answer"])[-1]
    return json.loads(last) if run.returncode == 0 else {"error": last[:200]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows and depths")
    parser.add_argument("--others", action="store_true", help="also woodelf-explainer and fasttreeshap")
    parser.add_argument("--frameworks", nargs="+", default=["xgboost", "lightgbm", "catboost", "sklearn"])
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--grid-only", action="store_true")
    part.add_argument("--table-only", action="store_true")
    part.add_argument("--threads-only", action="store_true", help="one thread against two: needs a quiet machine")
    args = parser.parse_args()
    results = {"python": platform.python_version(), "machine": platform.machine(), "quick": args.quick}
    results["first_run"] = first_run()
    warm = fit("xgboost", 2, 2)
    import xai

    by_tables(xai.wrap_model(warm), table(10))  # load the machine code
    if not args.grid_only:
        results["threads"] = threads_table(args)
    if not (args.grid_only or args.threads_only):
        results["depth_6"] = large_table(args)
        results["background"] = background_table(args)
        if args.others:
            results["others"] = others(args, results["depth_6"])
    if not (args.table_only or args.threads_only):
        results["grid"] = grid(args)
    RESULTS.parent.mkdir(exist_ok=True)
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if "grid" in results:  # other frameworks keep what an earlier run measured
        kept = [line for line in earlier.get("grid", []) if line["framework"] not in args.frameworks]
        results["grid"] = kept + results["grid"]
    RESULTS.write_text(json.dumps(earlier | results, indent=1) + "\n")


if __name__ == "__main__":
    main()
