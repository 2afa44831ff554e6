"""Which estimator finds the words that decide a diagnosis, and at how many forwards.

    python benchmarks/token_truth.py [--n 300] [--budgets 16 32 64 128 256]

Vignettes of seeds the demo model was not trained on; their evidence phrases are known. The target is the first token of
the diagnosis. Compared are

* ``ours``: the default of ``xai.reagent``;
* ``published``: Algorithm 1 with three chains, the stopping test at every update, replacement uniform, which does best
  for it here (``published_masked``: the paper's own, the masked model's most probable token);
* ``masked_difference``: random balanced masks, difference of means;
* ``occlusion``, frozen: every token replaced alone by one uniform draw, T forwards;
* ``gradient_x_input``, ``integrated_gradients`` (16 steps), ``random``.

Figures: pointing (the largest value outside the words that ask for the diagnosis lies in evidence), evidence mass
(share of the positive values outside those words), and Spearman's rank agreement with leave-one-out of four draws.
Intervals are of paired bootstrap samples of the vignettes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xai import reagent
from xai.datasets.vignettes import Vignette, generate
from xai.models.text import LanguageModel
from xai.reagent.gradients import gradient_x_input, integrated_gradients
from xai.reagent.problem import make_problem

RESULTS = Path(__file__).parent / "results" / "token_truth.json"
SEED, OCCLUSION_SEED, REFERENCE_SEED = 2_000_000, 10_000, 20_000
CHAINS = 3


def truth(vignette: Vignette, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which tokens belong to evidence, and which to the words that ask for the diagnosis."""
    last = [start + len(vignette.prompt[start:end].rstrip()) - 1 for start, end in spans]
    evidence = np.array([any(a <= place < b for a, b in vignette.evidence) for place in last])
    return evidence, np.array([place >= vignette.carrier[0] for place in last])


def figures(values: np.ndarray, evidence: np.ndarray, carrier: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Pointing, evidence mass and rank agreement of one attribution."""
    inside = values[~carrier]
    positive = np.maximum(inside, 0)
    return {
        "pointing": float(evidence[~carrier][np.argmax(inside)]),
        "mass": float(positive[evidence[~carrier]].sum() / positive.sum()) if positive.sum() > 0 else 0.0,
        "ranks": float(np.nan_to_num(spearmanr(inside, reference[~carrier]).statistic)),
    }


def attributions(
    lm: LanguageModel, vignette: Vignette, budgets: list[int], seed: int, *, masked: bool
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Values by method and budget, the spans of the tokens, and the reference."""
    problem = make_problem(lm, vignette.prompt, None, None, 1, reagent.ReagentConfig())
    n_tokens = problem.n_units

    def run(config: object) -> np.ndarray:
        return reagent.attribute(lm, vignette.prompt, config=config).values[0]

    found = {
        "occlusion T": run(reagent.LeaveOneOutConfig(budget=n_tokens + 1, seed=seed + OCCLUSION_SEED)),
        "ours T/2": run(reagent.ReagentConfig(budget=n_tokens // 2, seed=seed)),
        "gradient_x_input": gradient_x_input(problem)[0],
        "integrated_gradients": integrated_gradients(problem)[0],
        "random": np.random.default_rng(seed).random(n_tokens),
    }
    for budget in budgets:
        found[f"ours {budget}"] = run(reagent.ReagentConfig(budget=budget, seed=seed))
        found[f"masked_difference {budget}"] = run(reagent.MaskedDifferenceConfig(budget=budget, seed=seed))
        steps = (budget - 1) // (2 * CHAINS)
        for name, replacement in (("published", "uniform"), ("published_masked", "masked_best"))[: 1 + masked]:
            options = {"chains": CHAINS, "steps": steps, "replacement": replacement, "seed": seed}
            found[f"{name} {budget}"] = run(reagent.PublishedConfig(**options))
    reference = run(reagent.LeaveOneOutConfig(budget=4 * n_tokens + 1, seed=seed + REFERENCE_SEED))
    return found, problem.unit_spans, reference


def interval(differences: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval."""
    means = differences[rng.integers(len(differences), size=(2000, len(differences)))].mean(axis=1)
    return float(differences.mean()), *(float(x) for x in np.quantile(means, [0.025, 0.975]))


def report(records: dict[str, list[dict[str, float]]], budgets: list[int], n: int, seconds: float) -> dict[str, object]:
    """A table on the screen, and what is written."""
    rng = np.random.default_rng(0)
    table = {
        method: {name: interval(np.array([row[name] for row in rows]), rng) for name in rows[0]}
        for method, rows in records.items()
    }
    print(f"\n{n} vignettes, {seconds:.0f} s of processor time")
    for method, row in table.items():
        print(f"{method:24s}" + "  ".join(f"{k} {m:.3f} [{a:.3f}, {b:.3f}]" for k, (m, a, b) in row.items()))
    pairs = [(f"ours {b}", f"published {b}") for b in budgets] + [("ours T/2", "occlusion T")]
    compared = {}
    for one, other in pairs:
        difference = [a["pointing"] - b["pointing"] for a, b in zip(records[one], records[other], strict=True)]
        compared[f"{one} - {other}"] = interval(np.array(difference), rng)
        print(f"pointing, {one} - {other}: {compared[f'{one} - {other}']}")
    versions = {name: metadata.version(name) for name in ("numpy", "torch", "transformers")}
    return {"n": n, "seconds": seconds, "figures": table, "pointing_differences": compared, "versions": versions}


def main() -> None:
    """Run and report; the file is written after every 20 vignettes, so that a stopped run leaves its part."""
    parser = argparse.ArgumentParser(description="Which estimator finds the words that decide a diagnosis?")
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--budgets", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    parser.add_argument("--masked", action="store_true", help="the published method with the paper's replacement too")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    lm = reagent.load_lm("demo")
    records: dict[str, list[dict[str, float]]] = defaultdict(list)
    started = time.process_time()
    for i, vignette in enumerate(generate(options.n, SEED)):
        found, spans, reference = attributions(lm, vignette, options.budgets, i, masked=options.masked)
        evidence, carrier = truth(vignette, spans)
        for method, values in found.items():
            records[method].append(figures(values, evidence, carrier, reference))
        if (i + 1) % 20 == 0 or i + 1 == options.n:
            written = report(records, options.budgets, i + 1, time.process_time() - started)
            options.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
