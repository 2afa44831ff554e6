"""Which estimator finds the words that decide a diagnosis, and at how many forwards.

    python benchmarks/token_truth.py [--n 300] [--budgets 16 32 64 128 256] [--quick]

Vignettes of seeds the demo model was not trained on; their evidence phrases are known. The target is the first token of
the diagnosis the model gives. Compared are

* ``ours``: the default of ``xai.reagent``; ``ours fixed U/2``: the words that ask are never replaced, as on the page
  *Tokens*, with half as many forwards as there are other tokens;
* ``published``: Algorithm 1 with three chains, the stopping test at every update, replacement uniform, which does best
  for it here (``published_masked``: the paper's own, the masked model's most probable token);
* ``masked_difference``: random balanced masks, difference of means, for the first vignettes only;
* ``occlusion``, frozen: every token replaced alone by one uniform draw, T forwards;
* ``gradient_x_input``, ``integrated_gradients`` (Captum, 16 steps), ``attention``, ``random``.

Figures: pointing (the largest value outside the words that ask for the diagnosis lies in evidence), evidence mass
(share of the positive values outside those words), and, for the first vignettes, Spearman's rank agreement with
leave-one-out of eight draws. Intervals are of paired bootstrap samples of the vignettes.

A larger budget sees again what a smaller one saw, so each row is computed once. Vignettes that are done stay done: the
figures of each are kept beside the results, and a stopped run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lean import Lean

from xai import reagent
from xai.datasets.vignettes import Vignette, generate
from xai.models.text import LanguageModel, Scores
from xai.reagent.adaptive import adaptive
from xai.reagent.attention import attention
from xai.reagent.difference import leave_one_out, masked_difference
from xai.reagent.gradients import gradient_x_input, integrated_gradients
from xai.reagent.problem import Problem, make_problem
from xai.reagent.published import published

RESULTS = Path(__file__).parent / "results" / "token_truth.json"
SEED, OCCLUSION_SEED, REFERENCE_SEED = 2_000_000, 10_000, 20_000
CHAINS, REFERENCE_DRAWS = 3, 8

Figures = dict[str, dict[str, float]]


class Remembering:
    """A language model that computes no row twice while one vignette is looked at, nor what is not read."""

    def __init__(self, lm: LanguageModel, ids: np.ndarray, target: int) -> None:
        self.lm, self.known, self.lean = lm, {}, Lean(lm, ids)
        self.lean.check(target)

    def __getattr__(self, name: str) -> object:
        return getattr(self.lm, name)

    def score(self, rows: np.ndarray, targets: np.ndarray, positions: np.ndarray) -> Scores:
        """As the model's own."""
        keys = [row.tobytes() for row in np.asarray(rows)]
        fresh = [i for i, key in enumerate(keys) if key not in self.known]
        if fresh:
            if len(targets) != 1 or positions[0] != rows.shape[1]:
                raise SystemExit("this benchmark asks for the token after the prompt only")
            for i, *answer in zip(fresh, *self.lean.next_token(np.asarray(rows)[fresh], targets[0]), strict=True):
                self.known[keys[i]] = tuple(np.array([part]) for part in answer)
        log_probs, ranks = (np.stack([self.known[key][part] for key in keys]) for part in (0, 1))
        return Scores(log_probs, ranks, np.zeros(log_probs.shape, dtype=bool), len(keys))


def truth(vignette: Vignette, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which tokens belong to evidence, and which to the words that ask for the diagnosis."""
    last = [start + len(vignette.prompt[start:end].rstrip()) - 1 for start, end in spans]
    evidence = np.array([any(a <= place < b for a, b in vignette.evidence) for place in last])
    return evidence, np.array([place >= vignette.carrier[0] for place in last])


def figures(
    values: np.ndarray, evidence: np.ndarray, carrier: np.ndarray, reference: np.ndarray | None
) -> dict[str, float]:
    """Pointing, evidence mass and rank agreement of one attribution."""
    inside = values[~carrier]
    positive = np.maximum(inside, 0)
    found = {
        "pointing": float(evidence[~carrier][np.argmax(inside)]),
        "mass": float(positive[evidence[~carrier]].sum() / positive.sum()) if positive.sum() > 0 else 0.0,
    }
    if reference is not None:
        found["ranks"] = float(np.nan_to_num(spearmanr(inside, reference[~carrier]).statistic)) if np.ptp(inside) else 0
    return found


def attributions(
    lm: LanguageModel, problem: Problem, budgets: list[int], seed: int, *, means: bool, masked: bool
) -> dict:
    """Values ``(T,)`` by method and budget; ``means`` and ``masked``: with the methods that are not the question."""
    n_tokens, inside = problem.n_units, replace(problem, lm=lm)
    once = reagent.LeaveOneOutConfig(budget=n_tokens + 1, seed=seed + OCCLUSION_SEED)
    found = {
        "occlusion T": leave_one_out(problem, once).values[0],
        "gradient_x_input": gradient_x_input(inside)[0],
        "integrated_gradients": integrated_gradients(inside)[0],
        "attention": attention(inside)[0],
        "random": np.random.default_rng(seed).random(n_tokens),
        "ours T/2": adaptive(problem, reagent.ReagentConfig(budget=n_tokens // 2, seed=seed)).values[0],
    }
    for budget in budgets:
        found[f"ours {budget}"] = adaptive(problem, reagent.ReagentConfig(budget=budget, seed=seed)).values[0]
    for budget in budgets if means else ():
        config = reagent.MaskedDifferenceConfig(budget=budget, seed=seed)
        found[f"masked_difference {budget}"] = masked_difference(problem, config).values[0]
    for name, replacement in (("published", "uniform"), ("published_masked", "masked_best"))[: 1 + masked]:
        for budget in budgets:
            steps = (budget - 1) // (2 * CHAINS)
            config = reagent.PublishedConfig(chains=CHAINS, steps=steps, replacement=replacement, seed=seed)
            found[f"{name} {budget}"] = published(problem, config).values[0]
    return found


def measure(lm: LanguageModel, vignette: Vignette, seed: int, options: argparse.Namespace) -> Figures:
    """Figures of one vignette by method and budget."""
    problem = make_problem(lm, vignette.prompt, None, None, 1, reagent.ReagentConfig())
    problem = replace(problem, lm=Remembering(lm, problem.ids, int(problem.targets[0])))
    evidence, carrier = truth(vignette, problem.unit_spans)
    reference = None
    if seed < options.ranks:
        budget = REFERENCE_DRAWS * problem.n_units + 1
        reference = leave_one_out(problem, reagent.LeaveOneOutConfig(budget=budget, seed=seed + REFERENCE_SEED))
        reference = reference.values[0]
    means = options.quick or seed < options.ranks
    found = attributions(lm, problem, options.budgets, seed, means=means, masked=options.masked)
    found["ours fixed U/2"] = with_fixed(lm, problem, vignette, carrier, seed)
    return {method: figures(values, evidence, carrier, reference) for method, values in found.items()}


def with_fixed(lm: LanguageModel, problem: Problem, vignette: Vignette, carrier: np.ndarray, seed: int) -> np.ndarray:
    """Values ``(T,)`` of the default where the words that ask are never replaced; forwards: half the other tokens."""
    config = reagent.ReagentConfig(fixed=(vignette.prompt[vignette.carrier[0] :].strip(),), seed=seed)
    rest = replace(make_problem(lm, vignette.prompt, None, None, 1, config), lm=problem.lm)
    values = np.zeros(problem.n_units)
    values[~carrier] = adaptive(rest, replace(config, budget=rest.n_units // 2)).values[0]
    return values


def interval(differences: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval."""
    means = differences[rng.integers(len(differences), size=(2000, len(differences)))].mean(axis=1)
    return float(differences.mean()), *(float(x) for x in np.quantile(means, [0.025, 0.975]))


def report(records: list[Figures], budgets: list[int]) -> dict[str, object]:
    """A table on the screen, and what is written."""
    rng = np.random.default_rng(0)
    columns: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for method in records[0]:
        for name in records[0][method]:
            columns[method][name] = np.array([r[method][name] for r in records if name in r.get(method, {})])
    table = {method: {name: interval(x, rng) for name, x in row.items()} for method, row in columns.items()}
    print(f"\n{len(records)} vignettes")
    for method, row in table.items():
        print(f"{method:24s}" + "  ".join(f"{k} {m:.3f} [{a:.3f}, {b:.3f}]" for k, (m, a, b) in row.items()))
    pairs = [(f"ours {b}", f"published {b}") for b in budgets] + [
        ("ours T/2", "occlusion T"),
        ("ours fixed U/2", "occlusion T"),
    ]
    compared = {}
    print("\nDifference of pointing, paired:")
    for one, other in pairs:
        found = interval(columns[one]["pointing"] - columns[other]["pointing"], rng)
        compared[f"{one} - {other}"] = found
        print(f"{one:14s} - {other:16s} {found[0]:+.3f} [{found[1]:+.3f}, {found[2]:+.3f}]")
    versions = {name: metadata.version(name) for name in ("torch", "transformers", "numpy")}
    n_ranks = len(columns["random"].get("ranks", ()))
    return {
        "n": len(records),
        "n_ranks": n_ranks,
        "figures": table,
        "pointing_differences": compared,
        "versions": versions,
    }


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description="Which estimator finds the words that decide a diagnosis?")
    parser.add_argument("--n", type=int, default=300, help="vignettes (default: %(default)s)")
    parser.add_argument("--ranks", type=int, default=20, help="of them with rank agreement (default: %(default)s)")
    parser.add_argument("--budgets", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument("--masked", action="store_true", help="the published method with the paper's replacement too")
    parser.add_argument("--quick", action="store_true", help="20 vignettes, two budgets, nothing kept")
    parser.add_argument("--fresh", action="store_true", help="forget the vignettes that are done")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.quick:
        options.n, options.ranks, options.budgets = 20, 0, [16, 64]
    lm = reagent.load_lm("demo")
    kept = options.out.with_suffix(".jsonl")
    if options.fresh:
        kept.unlink(missing_ok=True)
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() and not options.quick else []
    started = time.process_time()
    for i, vignette in enumerate(generate(options.n, SEED)):
        if i < len(done):
            continue
        done.append(measure(lm, vignette, i, options))
        if options.quick:
            continue
        with kept.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        if (i + 1) % 20 == 0 or i + 1 == options.n:
            print(f"{time.process_time() - started:.0f} s of processor time", flush=True)
            options.out.write_text(json.dumps(report(done[: i + 1], options.budgets), indent=1) + "\n")
    report(done[: options.n], options.budgets)


if __name__ == "__main__":
    main()
