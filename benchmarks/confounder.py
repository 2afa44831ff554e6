"""Can editing mend answers that a stain spoiled? Accuracy by decision rule on synthetic smears, with controls.

The gallery has a coloured smudge on 75 % of the monocytes and 5 % of the rest; on the test pictures it sits on half of
every class alike. Each row is one way to decide. The masks are made from the generator's true part masks: what a person
who knows where to look could do at best, beside masks that should not help. N = 50 is the published shortlist: the
embedding has settled most by then. With N = 240, the whole gallery, the patches decide.

    .venv/bin/python benchmarks/confounder.py [--backbone demo|efficientnet_lite0] [--seeds 3]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from xai.chmcorr import CorrespondenceClassifier, Explanation, Gallery, Options
from xai.chmcorr.backbones import open_backbone
from xai.chmcorr.grids import resample
from xai.chmcorr.scores import RULES
from xai.datasets import smears

GRID = (7, 7)
PER_CLASS, TESTS = 60, 20
STAINED = "monocyte"
CELL_SHARE, STAIN_SHARE = 0.25, 0.10
RANDOM_CELLS = 7
SHORTLISTS = (50, 240)
REFERENCE = "published: CHM-Corr"


def shares(mask):
    """Share of each cell that a pixel mask covers."""
    return resample(mask[None, ..., None].astype(np.float32), GRID)[0, ..., 0]


def masks(parts, stain, rng):
    """Maps of 0 and 1 by name; ``None`` where there is nothing to keep."""
    cell = shares(parts >= 2) >= CELL_SHARE
    spoiled = shares(stain) >= STAIN_SHARE
    random = np.zeros(49, dtype=bool)
    random[rng.choice(49, RANDOM_CELLS, replace=False)] = True
    return {
        "all cells": np.ones(GRID, dtype=bool),
        "edit: ignore the stain": ~spoiled,
        "edit: keep the white cell": cell,
        "edit: the white cell without stain": cell & ~spoiled,
        f"control: {RANDOM_CELLS} random cells": random.reshape(GRID),
        "control: as many random cells as the white cell has": rng.permutation(cell.ravel()).reshape(GRID),
        "control: only the stain": spoiled if spoiled.any() else None,
        "control: only the background": ~cell & ~spoiled,
    }


def run(backbone, seed):
    """Answers by shortlist and rule, ``{N: {rule: [(right, stained, of the stained class)]}}``."""
    n = len(smears.CLASSES)
    either = smears.Artefact(target=STAINED, share=0.5, share_elsewhere=0.5)
    train = smears.generate(PER_CLASS * n, 112, 10 * seed + 1, smears.Artefact(target=STAINED))
    test = smears.generate(TESTS * n, 112, 10 * seed + 2, either)
    gallery = Gallery.build(train.images, [smears.CLASSES[i] for i in train.labels], backbone, GRID)
    return {n_candidates: answers(gallery, test, n_candidates, seed) for n_candidates in SHORTLISTS}


def answers(gallery, test, n_candidates, seed):
    """Answers by rule for one shortlist."""
    starts = {
        REFERENCE: Options(n_candidates, 20, rule="published", ties="first"),
        "published: EMD-Corr": Options(n_candidates, 20, rule="emd", ties="first"),
        "default: one map, by saliency": Options(n_candidates, 20),
    }
    classifier = CorrespondenceClassifier(gallery, Options(n_candidates, 20))
    rng = np.random.default_rng(seed)
    found = defaultdict(list)
    for image, label, parts, stain in zip(test.images, test.labels, test.parts, test.artefact, strict=True):
        truth, stained = smears.CLASSES[label], bool(stain.any())
        matched, vectors = classifier.look(image)  # the rules differ in what they do with one set of matches
        nearest = np.bincount(matched.labels[:20], minlength=len(smears.CLASSES))  # candidates come nearest first
        given = {"kNN": gallery.class_names[int(nearest.argmax())]}
        for name, options in starts.items():
            e = Explanation(matched, options, RULES[options.rule](matched, vectors, options))
            given[name] = e.label
        for name, mask in masks(parts, stain, rng).items():
            if mask is not None:
                given[name] = e.edit(mask.astype(float)).label
        for name, answer in given.items():
            found[name].append((answer == truth, stained, truth == STAINED))
    return found


def table(found):
    """One dictionary a rule: accuracy; fixed and broken against the published rule; accuracy on stained pictures."""
    base = np.array([right for right, _, _ in found[REFERENCE]])
    rows = []
    for name, answers in found.items():
        right, stained, of_class = np.array(answers).T
        other = stained & ~of_class
        row = {"rule": name, "n": len(right), "accuracy": right.mean(), "stained, another class": right[other].mean()}
        if len(right) == len(base):
            row |= {"fixed": int((right & ~base).sum()), "broken": int((~right & base).sum())}
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", nargs="*", default=["demo", "efficientnet_lite0"])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    place = Path(__file__).parent / "results" / "confounder.json"
    results = json.loads(place.read_text()) if place.exists() else {}
    for name in options.backbone:
        backbone = open_backbone(name, GRID)
        found = {n: defaultdict(list) for n in SHORTLISTS}
        for seed in range(options.seeds):
            for n, by_rule in run(backbone, seed).items():
                for rule, given in by_rule.items():
                    found[n][rule] += given
        for n, by_rule in found.items():
            rows = table(by_rule)
            results[f"{name}, N = {n}"] = {"seeds": options.seeds, "rules": rows}
            show(f"{name}, N = {n}, {options.seeds} seeds", rows)
            place.parent.mkdir(exist_ok=True)
            place.write_text(json.dumps(results, indent=1) + "\n")


def show(title, rows):
    print(f"\n{title}\n{'rule':55} {'n':>4} {'right':>7} {'fixed':>6} {'broken':>7}  stained, another class")
    for row in rows:
        print(
            f"{row['rule']:55} {row['n']:4} {row['accuracy']:7.1%} {row.get('fixed', '-'):>6} "
            f"{row.get('broken', '-'):>7}  {row['stained, another class']:7.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
