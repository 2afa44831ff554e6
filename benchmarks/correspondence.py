"""How well patches find each other, and how long that takes.

Three questions. Warps: nine photographs, each turned, scaled and shifted at random five times; where a cell of the
picture lies in the warped one is known. Brains: slices of one person's brain and of an average one on one grid of 1 mm;
the same place has the same coordinates. Time: milliseconds a picture for N = 50 and 300 candidates, an edit, and the
exact nearest of 100,000 pictures.

    .venv/bin/python benchmarks/correspondence.py [--only warps brains time] [--quick]

Needs the extra `chmcorr`. The photographs are those of scikit-image 0.26 and scikit-learn; the former's package is
unpacked into benchmarks/.env-pictures (once, 14 MB) and not installed. Warps show geometry, not whether a beak finds
another bird's beak. Prints tables and writes benchmarks/results/correspondence.json.
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
from pathlib import Path

import numpy as np

from xai.chmcorr import CorrespondenceClassifier, Gallery, Options
from xai.chmcorr.backbones import encode, open_backbone
from xai.chmcorr.efficientnet import EfficientNetLite0
from xai.chmcorr.grids import cell_at, centres
from xai.chmcorr.matched import locate, query_maps
from xai.chmcorr.matching import MATCHERS
from xai.chmcorr.neighbours import nearest
from xai.datasets import smears

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "correspondence.json"
PICTURES = ROOT / "benchmarks" / ".env-pictures"
SKIMAGE = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png", "ihc.png", "retina.jpg")
SIDE, WARPS = 224, 5
GRID = (7, 7)
BRAIN, MOVED = np.array([192.0, 176.0]), 20
#: PCK at 0.1 of the side that was measured before on these nine pictures: 7 x 7 x 1280 maps, and "hyper" maps.
REFERENCE = {
    "identity": {"head": 27.0, "hyper": 27.0},
    "argmax": {"head": 55.5, "hyper": 89.9},
    "mutual": {"head": 59.9, "hyper": 92.1},
    "sinkhorn": {"head": 63.4, "hyper": 91.8},
    "chm": {"head": 71.6, "hyper": 97.6},
}


def pictures():
    """The nine photographs, ``{name: (224, 224, 3)}``, the square in the middle of each."""
    import sklearn.datasets
    from PIL import Image

    folder = PICTURES / "skimage" / "data"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PICTURES)]
        subprocess.run([*pip, "scikit-image==0.26.*"], check=True)
    more = Path(sklearn.datasets.__file__).parent / "images"
    files = [folder / name for name in SKIMAGE] + [more / "china.jpg", more / "flower.jpg"]
    found = {}
    for file in files:
        image = Image.open(file).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
        found[file.stem] = np.asarray(square)
    return found


def warp(picture, rng):
    """A picture turned by up to 20 degrees, scaled by .8 to 1.25, shifted by up to 15 % and in other light.

    With it comes the function that says where points ``(n, 2)`` (down, across, 0 to 1) of the picture lie in it.
    """
    from PIL import Image

    angle = np.deg2rad(rng.uniform(-20, 20))
    scale = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    shift = rng.uniform(-0.15, 0.15, 2)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def there(points):
        return (points - 0.5) @ turn.T + 0.5 + shift

    # Pillow wants the way back, in pixels and (across, down); mirrored edges instead of black ones.
    margin = SIDE // 2
    wide = Image.fromarray(np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="reflect"))
    back = np.linalg.inv(turn)
    offset = SIDE * (0.5 - back @ (0.5 + shift)) + margin
    coefficients = (back[1, 1], back[1, 0], offset[1], back[0, 1], back[0, 0], offset[0])
    warped = wide.transform((SIDE, SIDE), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    light = rng.uniform(0.8, 1.2) * rng.uniform(0.9, 1.1, 3)
    return np.clip(np.asarray(warped) * light, 0, 255).astype(np.uint8), there


def warps(quick):
    """Rows of matcher, maps, PCK at .1 and .15, exact cells and milliseconds a pair."""
    rng = np.random.default_rng(0)
    found = pictures()
    pairs = [(name, *warp(found[name], rng)) for name in found for _ in range(2 if quick else WARPS)]
    rows = []
    for maps in ("head", "mid", "hyper"):
        backbone = EfficientNetLite0(maps)
        names = [f"{name} {i}" for i, (name, _, _) in enumerate(pairs)]
        gallery = Gallery.build([image for _, image, _ in pairs], [n for n, _, _ in pairs], backbone, GRID, names=names)
        queries = {n: query_maps(encode(backbone, image[None])[1].maps, gallery) for n, image in found.items()}
        for matcher in ("identity", *MATCHERS):
            off, exact, spent = [], [], 0.0
            for position, (name, _, there) in enumerate(pairs):
                truth = there(centres(GRID))
                inside = ((truth >= 0) & (truth < 1)).all(axis=1)
                start = time.process_time()
                if matcher == "identity":
                    places = centres(GRID)[None]
                else:
                    places, _ = locate(queries[name], gallery, np.array([position]), matcher)
                spent += time.process_time() - start
                off.append(np.linalg.norm(places[0] - truth, axis=1)[inside])
                exact.append((cell_at(places[0], GRID) == cell_at(truth, GRID))[inside])
            off, exact = np.concatenate(off), np.concatenate(exact)
            rows.append(
                {
                    "matcher": matcher,
                    "maps": label(maps, gallery),
                    "pck_0.10": 100 * float((off <= 0.10).mean()),
                    "pck_0.15": 100 * float((off <= 0.15).mean()),
                    "exact_cell": 100 * float(exact.mean()),
                    "ms_a_pair": 1000 * spent / len(pairs),
                    "reference_pck_0.10": REFERENCE[matcher].get(maps),
                }
            )
    print(f"\nWarps: {len(found)} pictures, {len(pairs)} pairs, {off.size} points; EfficientNet-Lite0")
    show(rows)
    return rows


def brains():
    """Rows of matcher, maps, and how far matches are from the truth, in mm: as the brains lie, and with one moved."""
    from PIL import Image

    sheets = {}
    for name in ("mni152", "colin27"):
        sheet = np.asarray(Image.open(ROOT / "sample_data" / "images" / "brains" / f"{name}_21slices.png"))
        tiles = sheet.reshape(3, 192, 7, 176).transpose(0, 2, 1, 3).reshape(21, 192, 176)
        sheets[name] = np.repeat(tiles[..., None], 3, axis=-1)
    # Both lie on one grid, so answering every cell with itself would be right: one is moved, and that is of no use.
    rng = np.random.default_rng(0)
    moved = [(0, 0)] * 21 + [tuple(rng.integers(-MOVED, MOVED + 1, 2)) for _ in range(2 * 21)]
    targets = np.stack([shifted(sheets["mni152"][i % 21], move) for i, move in enumerate(moved)])
    rows = []
    for maps in ("head", "mid", "hyper"):
        backbone = EfficientNetLite0(maps)
        levels = [f"level {i % 21 // 3}" for i in range(len(targets))]
        gallery = Gallery.build(targets, levels, backbone, GRID)
        queries = [query_maps(encode(backbone, image[None])[1].maps, gallery) for image in sheets["colin27"]]
        for matcher in ("identity", *MATCHERS):
            off = []
            for position, move in enumerate(moved):
                truth = centres(GRID) + np.array(move) / BRAIN
                places = centres(GRID)[None]
                if matcher != "identity":
                    places, _ = locate(queries[position % 21], gallery, np.array([position]), matcher)
                both = covered(sheets["colin27"][position % 21]) & covered(sheets["mni152"][position % 21])
                both &= ((truth >= 0) & (truth < 1)).all(axis=1)
                off.append(np.linalg.norm((places[0] - truth) * BRAIN, axis=1)[both])
            for what, part in (("as they lie", off[:21]), (f"one moved by up to {MOVED} mm", off[21:])):
                here = np.concatenate(part)
                low, median, high = np.percentile(here, [25, 50, 90])
                row = {"brains": what, "matcher": matcher, "maps": label(maps, gallery), "cells": len(here)}
                figures = {"median_mm": median, "quarter_below_mm": low, "tenth_above_mm": high}
                rows.append(row | {name: float(value) for name, value in figures.items()})
    rows.sort(key=lambda row: row["brains"])
    print("\nBrains: 21 slices, cells that are mostly tissue in both (a cell is 27 x 25 mm)")
    show(rows)
    return rows


def shifted(image, move):
    """A slice moved by whole mm (down, across), black where nothing comes from."""
    result = np.zeros_like(image)
    (down, across), (h, w) = move, image.shape[:2]
    result[max(down, 0) : h + min(down, 0), max(across, 0) : w + min(across, 0)] = image[
        max(-down, 0) : h + min(-down, 0), max(-across, 0) : w + min(-across, 0)
    ]
    return result


def label(maps, gallery):
    """Depth and shape of the maps that are matched."""
    return f"{maps} {'x'.join(map(str, gallery.maps.shape[1:]))}"


def covered(image):
    """``(49,)`` cells that are at least half tissue."""
    from xai.chmcorr.grids import resample

    return resample((image[None, ..., :1] > 20).astype(np.float32), GRID)[0, ..., 0].ravel() >= 0.5


def timing(quick):
    """Milliseconds for a picture, an edit, and the nearest of many: best, median of several."""
    rows = []
    train = smears.generate(40 if quick else 320, 112, 1)
    labels = [smears.CLASSES[i] for i in train.labels]
    query = smears.generate(1, 112, 2).images[0]
    for name in ("demo", "efficientnet_lite0"):
        backbone = open_backbone(name, GRID)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "gallery"
            start = time.process_time()
            Gallery.build(train.images, labels, backbone, GRID, path=place)
            rows.append({"what": f"{name}: build, a picture", **ms([time.process_time() - start], len(labels))})
            gallery = Gallery.open(place)
            rows.append({"what": f"{name}: encode a picture", **several(lambda b=backbone: encode(b, query[None]), 5)})
            for n in (20,) if quick else (50, 300):
                classifier = CorrespondenceClassifier(gallery, Options(n, 20))
                e = classifier.explain(query)
                rows.append({"what": f"{name}: a query, N = {n}", **several(lambda c=classifier: c.explain(query), 5)})
                rng = np.random.default_rng(0)
                masks = iter(rng.integers(0, 2, (400, *GRID)).astype(float))

                def edit(e=e, masks=masks):
                    edited = e.edit(next(masks))
                    return edited.label, edited.exemplars

                rows.append({"what": f"{name}: an edit with its exemplars, N = {n}", **several(edit, 100)})
    rng = np.random.default_rng(0)
    many = 10_000 if quick else 100_000
    embeddings = rng.standard_normal((many, 1280), dtype=np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    one, nobody = embeddings[7].copy(), np.array([], dtype=int)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "e.npy", embeddings)
        mapped = np.load(Path(folder) / "e.npy", mmap_mode="r")
        for where, rows_of in (("in memory", embeddings), ("mapped from disk", mapped)):
            found = several(lambda e=rows_of: nearest(e, one, 300, nobody), 5)
            rows.append({"what": f"exact 300 nearest of {many:,} x 1280, {where}", **found})
    print("\nTime: processor ms (and wall ms), one thread unless said")
    show(rows)
    return rows


def several(function, times):
    function()
    spent, wall = [], []
    for _ in range(times):
        start, begun = time.process_time(), time.perf_counter()
        function()
        spent.append(time.process_time() - start)
        wall.append(time.perf_counter() - begun)
    return ms(spent) | {"wall_best_ms": 1000 * min(wall)}


def ms(seconds, n=1):
    return {"median_ms": 1000 * float(np.median(seconds)) / n, "best_ms": 1000 * min(seconds) / n}


def show(rows):
    """Print rows as a table."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    texts = [heads, *([word(row.get(head)) for head in heads] for row in rows)]
    widths = [max(len(text[i]) for text in texts) for i in range(len(heads))]
    numbers = [isinstance(rows[0].get(head), (int, float)) for head in heads]
    for text in texts:
        columns = zip(text, widths, numbers, strict=True)
        print("  ".join(t.rjust(w) if number else t.ljust(w) for t, w, number in columns), flush=True)


def word(value):
    return (
        "" if value is None else value if isinstance(value, str) else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=("warps", "brains", "time"), default=["warps", "brains", "time"])
    parser.add_argument("--quick", action="store_true", help="fewer warps and pictures; nothing is written")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    parts = {"warps": lambda: warps(options.quick), "brains": brains, "time": lambda: timing(options.quick)}
    for part in options.only:
        results[part] = parts[part]()
        results["machine"] = {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        }
        if not options.quick:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
