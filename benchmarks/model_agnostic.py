"""Error against model rows: hemicycle, shap's KernelExplainer and PermutationExplainer, and shapiq, on the same games.

Run:  python benchmarks/model_agnostic.py [--rows 2] [--repeats 3] [--background 20]
      shapiq runs in an environment of its own, which is made once with uv: benchmarks/.env-shapiq
Prints a table and writes benchmarks/results/model_agnostic.json.

Games: 10, 14 and 30 columns of the breast cancer table, a multi-layer perceptron's and a support vector machine's
margin, scaled inside the model. Error: mean |estimate - truth| / mean |truth| over features, rows and repeats. Truth:
all coalitions up to 14 features; for 30, a long run of permutation sampling whose own standard error is printed.
Cost is counted by the model itself, in rows it was given, whoever asked.
"""

from __future__ import annotations

import argparse
import json
import pickle
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "model_agnostic.json"
SHAPIQ = HERE / ".env-shapiq"
UV = (sys.executable, "-m", "uv")
EVALUATIONS = (100, 250, 500, 1000, 2000)  # of the game: each costs one row for each background row


class Counted:
    """A margin that counts the rows it is asked for; small enough to travel to another environment."""

    def __init__(self, kind, parts):
        self.kind, self.parts, self.rows = kind, parts, 0

    def __call__(self, table):
        """Margins of the rows."""
        x = np.asarray(table, dtype=float)
        self.rows += len(x)
        if self.kind == "MLP":
            for weight, bias in self.parts[:-1]:
                x = np.maximum(x @ weight + bias, 0.0)
            weight, bias = self.parts[-1]
            return (x @ weight + bias)[:, 0]
        vectors, weights, offset, gamma = self.parts
        square = (x**2).sum(1)[:, None] + (vectors**2).sum(1) - 2 * x @ vectors.T
        return np.exp(-gamma * square) @ weights + offset


def models(d):
    """The two fitted margins on d scaled columns, and the table."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:, :d]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = MLPClassifier((32, 16), max_iter=400, random_state=0).fit(X, y)
    svc = SVC(gamma="scale").fit(X, y)
    gamma = 1.0 / (d * X.var())
    margins = {
        "MLP": Counted("MLP", list(zip(mlp.coefs_, mlp.intercepts_, strict=True))),
        "SVC": Counted("SVC", (svc.support_vectors_, svc.dual_coef_[0], svc.intercept_[0], gamma)),
    }
    if not np.allclose(margins["SVC"](X), svc.decision_function(X)):
        raise SystemExit("the copied support vector machine answers otherwise")
    return margins, X


def ours(estimator):
    def run(margin, row, background, evaluations, seed):
        import pandas as pd

        import xai
        from xai.shapley import SamplingConfig

        config = SamplingConfig(budget=evaluations * len(background), estimator=estimator, seed=seed)
        columns = [f"x{j}" for j in range(len(row))]
        table = pd.DataFrame(np.vstack([row, background]), columns=columns)
        a = xai.explain(lambda t: margin(t.to_numpy()), table[:1], "sampling", background=table[1:], config=config)
        return a.values[0, :, 0]

    return run


def shap_kernel(**options):
    def run(margin, row, background, evaluations, seed):
        import shap

        np.random.seed(seed)  # noqa: NPY002  # what KernelExplainer draws from
        explainer = shap.KernelExplainer(margin, background)
        return explainer.shap_values(row[None], nsamples=evaluations, silent=True, **options)[0]

    return run


def shap_permutation(margin, row, background, evaluations, seed):
    import shap

    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.PermutationExplainer(margin, masker, seed=seed)
    least = 2 * len(row) + 1
    if evaluations < least:
        return None
    return explainer(row[None], max_evals=evaluations, silent=True).values[0]


def in_shapiq(approximator):
    """A function that runs in shapiq's own environment, see the end of this file."""

    def run(margin, row, background, evaluations, seed):
        import shapiq

        def worth(coalitions):
            mask = np.atleast_2d(np.asarray(coalitions, dtype=bool))
            mixed = np.where(mask[:, None, :], row, background)
            return margin(mixed.reshape(-1, len(row))).reshape(len(mask), -1).mean(1)

        found = getattr(shapiq, approximator)(n=len(row), random_state=seed).approximate(evaluations, worth)
        return found.get_n_order_values(1)

    return run


SHAPIQ_TOOLS = {
    "shapiq KernelSHAP": in_shapiq("KernelSHAP"),
    "shapiq Permutation": in_shapiq("PermutationSamplingSV"),
}

TOOLS = {
    "hemicycle auto": ours("auto"),
    "hemicycle kernel": ours("kernel"),
    "hemicycle permutation": ours("permutation"),
    "shap Kernel, l1_reg=False": shap_kernel(l1_reg=False),
    "shap Kernel, default": shap_kernel(),
    "shap Permutation": shap_permutation,
}


def measure(run, case, evaluations, repeats):
    """Mean relative error, mean rows of the model, and processor milliseconds a row explained."""
    margin, rows, background, truth = case
    errors, spent, seconds = [], 0, 0.0
    for seed in range(repeats):
        for row, true in zip(rows, truth, strict=True):
            margin.rows = 0
            start = time.process_time()
            try:
                values = run(margin, row, background, evaluations, seed)
            except ValueError as error:  # a budget below what the estimator needs is refused
                if "budget" not in str(error):
                    raise
                return None
            seconds += time.process_time() - start
            if values is None:
                return None
            spent += margin.rows
            errors.append(np.abs(np.ravel(values) - true).mean() / np.abs(true).mean())
    n = len(errors)
    return {"error": float(np.mean(errors)), "model_rows": spent / n, "milliseconds": 1000 * seconds / n}


def truth_of(margin, rows, background, long_run):
    """Values and the largest relative standard error."""
    import pandas as pd

    import xai
    from xai.shapley import SamplingConfig

    columns = [f"x{j}" for j in range(rows.shape[1])]
    X, table = pd.DataFrame(rows, columns=columns), pd.DataFrame(background, columns=columns)
    config = (
        SamplingConfig() if rows.shape[1] <= 14 else SamplingConfig(budget=long_run, estimator="permutation", seed=99)
    )
    a = xai.explain(lambda t: margin(t.to_numpy()), X, "sampling", background=table, config=config)
    errors = 0.0 if a.standard_errors is None else a.standard_errors.mean() / np.abs(a.values).mean()
    return a.values[:, :, 0], float(errors)


def shapiq_environment():
    """Its interpreter, or a line saying why there is none."""
    python = SHAPIQ / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([*UV, "venv", "-q", "--python", "3.11", str(SHAPIQ)], check=True)
        found = subprocess.run([str(python), "-c", "import shapiq"], capture_output=True, check=False)
        if found.returncode:
            subprocess.run([*UV, "pip", "install", "-q", "--python", str(python), "shapiq"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return None, f"shapiq could not be installed: {error}"
    return str(python), ""


def from_shapiq(python, cases, repeats):
    """Results of shapiq by game, from a child in its environment."""
    with tempfile.TemporaryDirectory() as folder:
        task, answer = Path(folder) / "task", Path(folder) / "answer.json"
        parts = {name: (case[0].kind, case[0].parts, *case[1:]) for name, case in cases.items()}
        task.write_bytes(pickle.dumps((parts, repeats)))
        done = subprocess.run([python, __file__, "--child", str(task), str(answer)], check=False)
        if done.returncode:
            return None
        return json.loads(answer.read_text())


def child(task, answer):
    parts, repeats = pickle.loads(Path(task).read_bytes())
    found = {}
    for name, (kind, weights, *rest) in parts.items():
        case = (Counted(kind, weights), *rest)
        found[name] = {
            tool: {str(e): measure(run, case, e, repeats) for e in EVALUATIONS} for tool, run in SHAPIQ_TOOLS.items()
        }
    Path(answer).write_text(json.dumps(found))


def rows_for(results, target):
    """Model rows at which the error falls to the target, between measured points on logarithmic axes."""
    points = sorted((one["model_rows"], max(one["error"], 1e-9)) for one in results.values() if one)
    for (n0, e0), (n1, e1) in pairwise(points):
        if e0 > target >= e1:
            share = np.log(e0 / target) / np.log(e0 / e1)
            return float(np.exp(np.log(n0) + share * np.log(n1 / n0)))
    return points[0][0] if points and points[0][1] <= target else None


def rows_ratio(own, other):
    """At each of the other's points: its model rows over ours at its error; ours taken between measured points."""
    ratios = []
    for one in other.values():
        # Where everything was played there is nothing to compare; nor is there above our first measured point.
        first = next(iter(own.values()))
        fair = one and first and 1e-6 < one["error"] < first["error"]
        mine = rows_for(own, one["error"]) if fair else None
        if mine is not None:
            ratios.append(one["model_rows"] / mine)
    return ratios


def errors_ratio(own, other):
    """At each number of evaluations: the other's error over ours."""
    both = [(own[e]["error"], one["error"]) for e, one in other.items() if one and own[e]]
    return [theirs / ours for ours, theirs in both if ours > 1e-6]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--background", type=int, default=20)
    parser.add_argument("--features", type=int, nargs="+", default=[10, 14, 30])
    parser.add_argument("--long-run", type=int, default=3_000_000, help="model rows of the truth for 30 features")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    rng = np.random.default_rng(0)
    cases, doubt = {}, {}
    for d in options.features:
        margins, X = models(d)
        order = rng.permutation(len(X))
        background = X[order[: options.background]]
        rows = X[order[options.background : options.background + options.rows]]
        for kind, margin in margins.items():
            name = f"{d} {kind}"
            truth, doubt[name] = truth_of(margin, rows, background, options.long_run)
            cases[name] = (margin, rows, background, truth)
    python, problem = shapiq_environment()
    foreign = from_shapiq(python, cases, options.repeats) if python else None
    if foreign is None:
        print(problem or "shapiq failed in its environment; its lines are left out")

    result = {
        "machine": {"python": platform.python_version(), "processor": platform.machine(), "argv": sys.argv[1:]},
        "background": options.background,
        "truth_standard_error": doubt,
        "games": {},
    }
    for name, case in cases.items():
        lines = {
            tool: {str(e): measure(run, case, e, options.repeats) for e in EVALUATIONS} for tool, run in TOOLS.items()
        }
        if foreign:
            lines |= foreign[name]
        result["games"][name] = lines
        print(
            f"\n{name}, {options.background} background rows; truth's standard error {doubt[name]:.2%} of mean |value|"
        )
        print(f"  {'error (thousand model rows; ms)':<32}" + "".join(f"{e:>22}" for e in EVALUATIONS))
        for tool, points in lines.items():
            cells = [
                f"{one['error']:7.2%} ({one['model_rows'] / 1000:.1f}k; {one['milliseconds']:.0f})" if one else "-"
                for one in points.values()
            ]
            print(f"  {tool:<32}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
        result.setdefault("rows_ratio", {})[name] = summary = {}
        for tool, points in lines.items():
            ratios = rows_ratio(lines["hemicycle auto"], points)
            if tool != "hemicycle auto" and ratios:
                summary[tool] = [min(ratios), float(np.median(ratios)), max(ratios)]
                more = errors_ratio(lines["hemicycle auto"], points)
                print(
                    f"  {tool} over hemicycle auto: model rows for the same error, least {min(ratios):.1f}, median "
                    f"{np.median(ratios):.1f}, most {max(ratios):.1f}; error at the same budget, median "
                    f"{np.median(more):.1f}"
                )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\n{options.out}")


if __name__ == "__main__":
    main()
