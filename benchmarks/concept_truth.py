"""Whether concepts are the parts a picture is known to be made of, beside Craft-xai 0.0.3.

Run:  .venv/bin/python benchmarks/concept_truth.py [--n 240] [--ranks 5 10 20] [--seeds 3] [--quick] [--peer-env DIR]

Synthetic smears with part masks and the demo network, cut at its last map (7 x 7). For each class concepts are learned
from the pictures the network takes for it, and judged on other pictures of the class:

* IoU: each concept's map (coefficients, bilinear to 112 pixels, alike for both sides) is cut at a quantile of its own
  over all pictures; the best concept and quantile for a part are chosen on the pictures of the fit, the intersection
  over union is measured on the others. Granules are there in eosinophils only, the nucleus in every class.
* insertion and deletion: the network's class score, averaged over the way, as concepts enter the empty map or leave the
  rebuilt one. "signed" is our order, by each picture's signed contributions; "sobol" is the order by indices that the
  peer releases, there by its own, here by our exact ones. Scores are given as shares of the way from no concept to
  the network's own answer, so that a bank that carries little cannot win by it.

The peer runs in an environment of its own, see benchmarks/craft.py. Prints a table and writes
benchmarks/results/concept_truth.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "concept_truth.json"
ENVIRONMENT = ROOT / "benchmarks" / ".env-craft"
PATCH = 44
FIT_SEED, TEST_SEED = 31, 32
PARTS = {"nucleus": 3, "cytoplasm": 2, "granules": 4}
QUANTILES = np.linspace(0.5, 0.99, 25)

sys.path.insert(0, str(ROOT))


def smears(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, part masks, and the classes the demo network takes the pictures for."""
    from xai.datasets.smears import generate
    from xai.models.vision import demo_cnn

    made = generate(n, seed=seed)
    return made.images, made.parts, demo_cnn().predict(made.images).argmax(axis=1)


def peer(folder: Path) -> None:
    """The peer's banks, coefficients and indices of every class, number of concepts and run."""
    sys.modules["tensorflow"] = types.ModuleType("tensorflow")
    sys.path.remove(str(Path(__file__).resolve().parent))  # benchmarks/craft.py would stand for the package
    import torch
    from craft.craft_torch import Craft

    from xai.models.vision import demo_cnn

    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    model = demo_cnn()
    chain = list(model.network.native)
    features, decide = torch.nn.Sequential(*chain[:-3]), torch.nn.Sequential(*chain[-3:])
    for c in range(len(model.class_names)):
        given = np.load(folder / f"class-{c}.npz")
        fit, test = (torch.from_numpy(model.preprocess.normalise(given[name])) for name in ("fit", "test"))
        for r in task["ranks"]:
            for seed in range(task["seeds"]):
                np.random.seed(seed)  # noqa: NPY002  # the peer has no seed of its own
                craft = Craft(features, decide, number_of_concepts=r, patch_size=PATCH, device="cpu")
                craft.fit(fit)
                found = {"W": craft.W, "fit": craft.transform(fit), "test": craft.transform(test)}
                np.savez(folder / f"peer-{c}-{r}-{seed}.npz", sobol=craft.estimate_importance(test, c), **found)


def mine(fit: np.ndarray, test: np.ndarray, c: int, r: int, seed: int) -> dict[str, np.ndarray]:
    """The same of ours."""
    from xai.craft import Craft
    from xai.models.vision import demo_cnn

    craft = Craft(demo_cnn(), r, patch_size=PATCH, seed=seed).fit(fit)
    coefficients = {"fit": craft.transform(fit), "test": craft.transform(test)}
    return {"W": craft.W, "sobol": craft.importance(test, c).sobol, **coefficients}


def best_iou(found: dict[str, np.ndarray], parts: dict[str, np.ndarray], part: int) -> float:
    """IoU of the best concept with a part, chosen on the fit's pictures and measured on the others."""
    from xai.models.vision import enlarge

    size = parts["fit"].shape[1:]
    best, chosen = -1.0, (0, 0.0)
    for i in range(found["W"].shape[0]):
        heat = enlarge(found["fit"][..., i : i + 1], size)[..., 0]
        for level in np.quantile(heat[::4], QUANTILES):
            score = iou(heat > level, parts["fit"] == part)
            if score > best:
                best, chosen = score, (i, float(level))
    i, level = chosen
    return iou(enlarge(found["test"][..., i : i + 1], size)[..., 0] > level, parts["test"] == part)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of all pixels of all pictures."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def areas(found: dict[str, np.ndarray], order: str, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Insertion and deletion, as shares of the way from no concept to the network's own answer."""
    contributions = found["test"].mean(axis=(1, 2)) * (found["W"] @ weight)
    ranks = contributions if order == "signed" else np.broadcast_to(found["sobol"], contributions.shape)
    sorted_ = np.take_along_axis(contributions, np.argsort(-ranks, axis=1), axis=1)
    start = np.zeros((len(sorted_), 1))
    entered = np.hstack([start, sorted_.cumsum(axis=1)])
    left = entered[:, -1:] - entered
    mean = lambda y: float((np.trapezoid(y, dx=1 / (y.shape[1] - 1), axis=1)).sum() / truth.sum())  # noqa: E731
    return mean(entered), mean(left)


def measure(folder: Path, ranks: list[int], seeds: int) -> list[dict[str, Any]]:
    """One record a side, class, number of concepts and run."""
    from xai.models.vision import demo_cnn

    model = demo_cnn()
    weight = model.network.native.head.weight.detach().numpy().astype(float)
    bias = model.network.native.head.bias.detach().numpy().astype(float)
    records = []
    for c, name in enumerate(model.class_names):
        given = np.load(folder / f"class-{c}.npz")
        parts = {"fit": given["fit_parts"], "test": given["test_parts"]}
        truth = model.predict(given["test"])[:, c] - bias[c]
        for r in ranks:
            for seed in range(seeds):
                with np.load(folder / f"peer-{c}-{r}-{seed}.npz") as file:
                    theirs = dict(file)
                sides = {"ours": mine(given["fit"], given["test"], c, r, seed), "Craft-xai": theirs}
                for side, found in sides.items():
                    record: dict[str, Any] = {"side": side, "class": name, "r": r, "seed": seed}
                    for part, value in PARTS.items():
                        if part != "granules" or name == "eosinophil":
                            record[part] = best_iou(found, parts, value)
                    for order in ("signed", "sobol"):
                        record[f"insertion {order}"], record[f"deletion {order}"] = areas(
                            found, order, truth, weight[c]
                        )
                    records.append(record)
        print(f"{name}: {len(given['fit'])} pictures to learn from, {len(given['test'])} others", flush=True)
    return records


def summary(records: list[dict[str, Any]], ranks: list[int]) -> dict[str, Any]:
    """Means over classes and runs; a table on the screen."""
    columns = [*PARTS, *(f"{way} {order}" for way in ("insertion", "deletion") for order in ("signed", "sobol"))]
    found: dict[str, Any] = {}
    print(f"\n{'':16s}" + "".join(f"{name:>18s}" for name in columns))
    for r in ranks:
        for side in ("ours", "Craft-xai"):
            rows = [record for record in records if record["r"] == r and record["side"] == side]
            means = {name: float(np.mean([row[name] for row in rows if name in row])) for name in columns}
            found[f"{side} r={r}"] = means
            print(f"{side + f' r={r}':16s}" + "".join(f"{means[name]:18.3f}" for name in columns))
    return found


def main() -> None:
    """Run both and report."""
    parser = argparse.ArgumentParser(description="Concepts against known parts, beside Craft-xai.")
    parser.add_argument("--n", type=int, default=240, help="smears to learn from, and as many others")
    parser.add_argument("--ranks", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="120 smears, one run")
    parser.add_argument("--peer-env", type=Path, default=ENVIRONMENT, metavar="DIR", help="environment of the peer")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(options.peer)
        return
    n, seeds = (120, 1) if options.quick else (options.n, options.seeds)
    fit, test = smears(n, FIT_SEED), smears(n, TEST_SEED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "task.json").write_text(json.dumps({"ranks": options.ranks, "seeds": seeds}), encoding="utf-8")
        for c in range(4):
            mine_, theirs = fit[2] == c, test[2] == c
            np.savez(
                folder / f"class-{c}.npz", fit=fit[0][mine_], fit_parts=fit[1][mine_], test=test[0][theirs],
                test_parts=test[1][theirs],
            )  # fmt: skip
        python = options.peer_env / "bin" / "python"
        if not python.exists():
            parser.error(f"{options.peer_env} is missing: run benchmarks/craft.py first, which makes it.")
        run = [str(python), str(Path(__file__).resolve()), "--peer", name]
        subprocess.run(run, check=True, env=os.environ | {"PYTHONPATH": ""})
        records = measure(folder, options.ranks, seeds)
    found = {"n": n, "seeds": seeds, "means": summary(records, options.ranks), "records": records}
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
