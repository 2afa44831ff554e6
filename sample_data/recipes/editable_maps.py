"""Stored evidence of the page "Editable map": python sample_data/recipes/editable_maps.py [--only NAME] [--out DIR].

Needs the extra `chmcorr`. Pictures are encoded and matched here once; the page only scores what is stored.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xai.chmcorr import CorrespondenceClassifier, Explanation, Gallery, Options
from xai.chmcorr.stories import store
from xai.datasets import smears
from xai.models.vision import read_image

HERE = Path(__file__).resolve().parents[1]
IMAGES = HERE / "images"
SLICES, SHEET = 21, (3, 7)
Evidence = tuple[list[Explanation], dict[str, Any]]


def chest_films() -> Evidence:
    """Every film against the other fifteen."""
    files = sorted((IMAGES / "chest_films").glob("*.jpg"))
    labels = [file.name.split("_", maxsplit=1)[0] for file in files]
    names = [file.stem.split("_", maxsplit=1)[1] for file in files]
    images = [read_image(file) for file in files]
    gallery = Gallery.build(images, labels, "efficientnet_lite0", names=names)
    classifier = CorrespondenceClassifier(gallery, Options(n_candidates=15, k=5))
    head = {
        "query_names": [f"{label} {name}" for label, name in zip(labels, names, strict=True)],
        "truths": labels,
        "about": [
            "16 films of children, 8 normal, 8 with bacterial pneumonia (Kermany, Zhang and Goldbaum 2018, CC BY 4.0).",
            "Each is compared with the other 15. 'A-P' is printed on 4 films with pneumonia and on no normal one.",
            "Ignore the upper left corner of one of those four, and see whether the answer needed it.",
            "Sixteen films are far too few to judge a film by: this shows a method, not a diagnosis.",
        ],
        "synthetic": False,
        "mm": None,
    }
    return [classifier.explain(image) for image in images], head


def stained_smears() -> Evidence:
    """Smears with a stain that goes with one class of the gallery, and with none of the queries."""
    stain = smears.Artefact(target="monocyte")
    seen = smears.generate(160, 112, 1, stain)
    names = [f"smear {i + 1}" for i in range(160)]
    gallery = Gallery.build(seen.images, [smears.CLASSES[i] for i in seen.labels], "demo", names=names)
    classifier = CorrespondenceClassifier(
        gallery, Options(n_candidates=160, k=20, rule="published", ties="first", n_exemplars=5)
    )
    asked = smears.generate(80, 112, 2, smears.Artefact(target="monocyte", share=0.5, share_elsewhere=0.5))
    found = [(classifier.explain(image), i) for i, image in enumerate(asked.images)]
    right = [(e, i) for e, i in found if e.label == smears.CLASSES[asked.labels[i]]][:4]
    wrong = [(e, i) for e, i in found if e.label != smears.CLASSES[asked.labels[i]]][:8]
    print(f"{sum(e.label == smears.CLASSES[asked.labels[i]] for e, i in found)} of 80 smears are answered rightly")
    shown = wrong + right
    truths = [smears.CLASSES[asked.labels[i]] for _, i in shown]
    head = {
        "query_names": [
            f"{truth} {i + 1}{', stained' if asked.artefact[i].any() else ''}"
            for truth, (_, i) in zip(truths, shown, strict=True)
        ],
        "truths": truths,
        "about": [
            "Synthetic smears: a green stain lies on 75 % of the gallery's monocytes and on 5 % of the other cells.",
            "The published rule decides (CHM-Corr: a mask for each candidate, its five best patches).",
            "The first eight smears here are ones it gets wrong, the last four ones it gets right.",
            "Keep only the white cell in the middle; then keep only a corner, and see what the stain alone says.",
        ],
        "synthetic": True,
        "mm": None,
    }
    return [e for e, _ in shown], head


def slices(name: str) -> np.ndarray:
    """``(21, 192, 176, 3)`` slices of a sheet, the lowest first."""
    sheet = np.asarray(Image.open(IMAGES / "brains" / f"{name}_21slices.png"))
    h, w = sheet.shape[0] // SHEET[0], sheet.shape[1] // SHEET[1]
    tiles = sheet.reshape(SHEET[0], h, SHEET[1], w).transpose(0, 2, 1, 3).reshape(SLICES, h, w)
    return np.repeat(tiles[..., None], 3, axis=-1)


def brains() -> Evidence:
    """Every other slice of one brain against all slices of the average one."""
    levels = [f"level {i // 3 + 1}" for i in range(SLICES)]
    names = [f"average brain, slice {i + 1}" for i in range(SLICES)]
    gallery = Gallery.build(slices("mni152"), levels, "efficientnet_lite0", names=names)
    classifier = CorrespondenceClassifier(gallery, Options(n_candidates=SLICES, k=3))
    chosen = range(1, SLICES, 2)
    images = slices("colin27")
    head = {
        "query_names": [f"one person's brain, slice {i + 1}" for i in chosen],
        "truths": [levels[i] for i in chosen],
        "about": [
            "One person's brain (Colin27) against the average of 152 people (ICBM 152), both on one grid of 1 mm.",
            "The same place has the same coordinates in both, so every match can be checked.",
            "The classes are seven levels of three slices each, from the base (1) to the crown (7).",
        ],
        "synthetic": False,
        "mm": 1.0,
    }
    return [classifier.explain(images[i]) for i in chosen], head


RECIPES = {"chest_films": chest_films, "stained_smears": stained_smears, "brains": brains}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=RECIPES)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    for name in [options.only] if options.only else RECIPES:
        content = store(*RECIPES[name]())
        (options.out / f"editable_map-{name}.npz").write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
