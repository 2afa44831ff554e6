"""Compare models on the bundled data, look for simple ones that do as well, and write both results.

    python sample_data/recipes/model_comparisons.py [--only NAME] [--out DIR]

Takes about three minutes on one core. The same library versions give the same numbers: every seed is fixed. Each file
says which versions, seed, options and data it was made with.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xai.datasets import load_dataset
from xai.workflows import compare_models, rashomon
from xai.workflows.stored import RECIPES

RESULTS_DIR = Path(__file__).resolve().parents[1] / "results"


def main() -> None:
    """Write the results of all data sets, or of the one named."""
    parser = argparse.ArgumentParser(description="Compare models on the bundled data.")
    parser.add_argument("--only", choices=RECIPES, metavar="NAME", help=f"one of: {', '.join(RECIPES)}")
    parser.add_argument("--out", type=Path, default=RESULTS_DIR, metavar="DIR", help="folder to write into")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in [arguments.only] if arguments.only else RECIPES:
        data = load_dataset(name)
        for kind, workflow in (("models", compare_models), ("rashomon", rashomon)):
            start = time.process_time()
            found = workflow(data, **RECIPES[name])
            found.to_json(arguments.out / f"{name}-{kind}.json")
            print(f"{name}, {kind}, {time.process_time() - start:.0f} s: {found.in_words()}", flush=True)


if __name__ == "__main__":
    main()
