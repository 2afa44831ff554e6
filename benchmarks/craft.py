"""CRAFT beside Craft-xai 0.0.3: processor time, reconstruction, error of the indices.

Run:  .venv/bin/python benchmarks/craft.py [--n 60] [--ranks 10 25] [--crops] [--quick] [--peer-env DIR]

One model (EfficientNet-Lite0, cut before its pooling), the same pictures (crops and mirror images of scikit-learn's two
photographs), the same number of concepts, the same patches. Processor seconds (user and system, all threads) of each
step, one method after the other in this run; the peer runs in an environment of its own, made once in
benchmarks/.env-craft, with an empty module in the place of TensorFlow, which it imports and never uses.

* fit: ours on positions of whole pictures (no crops), the peer on crops; with --crops ours on crops too. Loading the
  model is not counted. Both are told where to cut it; finding that out by itself, which the peer cannot, stands in a
  line of its own.
* spatial error: ``||A - U W|| / ||A||`` over every position of the whole pictures, the peer's coefficients its own.
* importance: the coefficients of the same number of pictures are given on both sides. Ours is the whole call, with
  intervals and contributions to all 1,000 classes, for concepts whose importance was never asked before: their product
  with the head's weights is counted, and is not in the line "importance_again", which is what any further question
  about the same concepts costs. The weights themselves are read off once a cut and stand in a line of their own. Each
  of ours is the mean of many calls in a row, far above the clock's resolution.
* index error: L1 distance of the vector of indices from the closed form, each side on its own concepts; the closed form
  is computed here from the network's own last layer, without the package.

Prints a table and writes benchmarks/results/craft.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import craft_peer
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "craft.json"
PATCH, SIDE, SEED = 64, 224, 0
REPEATS = 200

sys.path.insert(0, str(ROOT))


def photographs(n: int) -> np.ndarray:
    """``n`` squares of scikit-learn's two photographs, some mirrored, ``(n, 224, 224, 3)`` uint8."""
    from sklearn.datasets import load_sample_images

    from xai.models.vision import resize

    rng, whole = np.random.default_rng(SEED), load_sample_images().images
    pictures = np.empty((n, SIDE, SIDE, 3), dtype=np.uint8)
    for i in range(n):
        photo = whole[i % len(whole)]
        side = int(rng.integers(160, min(photo.shape[:2]) + 1))
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in photo.shape[:2])
        piece = np.ascontiguousarray(photo[top : top + side, left : left + side])
        pictures[i] = resize(piece[:, ::-1].copy() if rng.random() < 0.5 else piece, (SIDE, SIDE))
    return pictures


def timed(function: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Processor seconds of one call, the mean of some in a row, and the last answer."""
    answer, start = None, time.process_time()
    for _ in range(repeats):
        answer = function()
    return (time.process_time() - start) / repeats, answer


def ours(pictures: np.ndarray, ranks: list[int], class_id: int, explained: int, *, crops: bool) -> dict[str, Any]:
    """Our times, errors and indices by number of concepts."""
    from xai.craft import Craft
    from xai.craft.factorize import relative_error
    from xai.craft.head import Coded, Head
    from xai.craft.importance import importance
    from xai.models.vision import efficientnet_lite0, propose_layer

    model = efficientnet_lite0()
    weight = model.network.native.classifier.weight.detach().numpy().astype(float)
    found: dict[str, Any] = {"plain forward": timed(lambda: model.predict(pictures))[0]}
    found["cut proposed"] = timed(lambda: propose_layer(model))[0]
    names = model.class_names
    for r in ranks:
        row: dict[str, Any] = {}
        row["fit"], craft = timed(lambda r=r: Craft(model, r, layer="head", patch_size=PATCH).fit(pictures))
        row["transform"], (coded, _) = timed(lambda craft=craft: craft.code(pictures))
        row["spatial_error"] = relative_error(coded.maps, coded.U, craft.W)
        row["head_read_once"] = timed(craft.cut.affine_head)[0]
        some = Coded(coded.U[:explained], coded.maps[:explained], None, coded.outputs[:explained])
        known = Head(craft.cut, craft.W)

        def explain(
            estimator: str, head: Head | None = None, some: Coded = some, W: np.ndarray = craft.W, cut: Any = craft.cut
        ) -> np.ndarray:
            concepts = tuple(f"concept {i + 1}" for i in range(len(W)))
            asked = head or Head(cut, W)
            return importance(
                asked, some, class_id=class_id, names=concepts, output_names=names, estimator=estimator
            ).sobol

        explain("auto", known)  # SciPy and the like are imported
        row["importance"], exact = timed(lambda explain=explain: explain("auto"), repeats=REPEATS)
        row["importance_again"], _ = timed(lambda explain=explain, known=known: explain("auto", known), repeats=REPEATS)
        row["importance_sampled"], sampled = timed(lambda explain=explain: explain("sobol"))
        truth = closed_form(some.U, craft.W, weight[class_id])
        row["index_error"] = float(np.abs(exact - truth).sum())
        row["index_error_sampled"] = float(np.abs(sampled - truth).sum())
        row["published_error"] = float(np.abs(explain("published") - truth).sum())
        found[str(r)] = row
    if crops:
        found["crops_fit"], _ = timed(lambda: Craft(model, ranks[0], mode="crops", patch_size=PATCH).fit(pictures))
    return found


def closed_form(U: np.ndarray, W: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean total Sobol indices of mean pooling and a linear layer with these weights ``(p,)`` of a class."""
    squares = np.square(U.mean(axis=(1, 2)) * (W.astype(float) @ weight))
    total = squares.sum(axis=1)
    return np.asarray((squares[total > 0] / total[total > 0, None]).mean(axis=0))


def peer(folder: Path) -> None:
    """The peer's part, in its own environment: reads what :func:`main` wrote, writes times and coefficients."""
    theirs = craft_peer.load()
    import torch

    from xai.models.vision.imagenet import efficientnet_lite0

    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    pictures = np.load(folder / "pictures.npy")
    model = efficientnet_lite0()
    features, decide = craft_peer.halves(model)
    inputs = torch.from_numpy(model.preprocess.normalise(pictures))
    with torch.no_grad():
        found: dict[str, Any] = {"plain forward": timed(lambda: [decide(features(x)) for x in inputs.split(32)])[0]}
    for r in task["ranks"]:
        row: dict[str, Any] = {}
        craft = theirs(features, decide, number_of_concepts=r, batch_size=64, patch_size=PATCH, device="cpu")
        row["fit"], _ = timed(lambda craft=craft: craft.fit(inputs))
        row["transform"], U = timed(lambda craft=craft: craft.transform(inputs))
        some = U[: task["explained"]]
        craft.transform = lambda _inputs, some=some: some  # the coefficients are given
        explain = lambda craft=craft, some=some: craft.estimate_importance(some, task["class_id"])  # noqa: E731
        row["importance"], indices = timed(explain)
        np.savez(folder / f"peer-{r}.npz", U=U, W=craft.W, indices=indices)
        found[str(r)] = row
    (folder / "peer.json").write_text(json.dumps(found), encoding="utf-8")


def compare(
    pictures: np.ndarray, ranks: list[int], explained: int, environment: Path, *, crops: bool
) -> dict[str, Any]:
    """Both sides, one after the other."""
    from xai.craft.factorize import relative_error
    from xai.models.vision import efficientnet_lite0

    model = efficientnet_lite0()
    class_id = int(np.bincount(model.predict(pictures).argmax(axis=1)).argmax())
    weight = model.network.native.classifier.weight.detach().numpy().astype(float)[class_id]
    print(f"{len(pictures)} pictures; class {model.class_names[class_id]}", flush=True)
    mine = ours(pictures, ranks, class_id, explained, crops=crops)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "pictures.npy", pictures)
        task = {"ranks": ranks, "class_id": class_id, "explained": explained}
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        craft_peer.run(__file__, folder, environment)
        theirs = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
        maps = model.cut("head").encode(pictures)
        for r in ranks:
            with np.load(folder / f"peer-{r}.npz") as file:
                U, W, indices = file["U"].astype(float), file["W"], file["indices"]
            row = theirs[str(r)]
            row["spatial_error"] = relative_error(maps, U, W)
            row["index_error"] = float(np.abs(indices - closed_form(U[:explained], W, weight)).sum())
            row["index_sum"] = float(indices.sum())
    return {"class": model.class_names[class_id], "ours": mine, "Craft-xai": theirs}


def table(found: dict[str, Any], ranks: list[int]) -> dict[str, dict[str, float]]:
    """Print both sides; the ratios."""
    mine, theirs, ratios = found["ours"], found["Craft-xai"], {}
    print(f"finding the place to cut: ours {mine['cut proposed']:.1f} CPU s")
    print(f"plain forward: ours {mine['plain forward']:.1f}, peer {theirs['plain forward']:.1f} CPU s")
    for r in map(str, ranks):
        print(f"\nr = {r:8s} {'ours':>14s} {'Craft-xai':>14s}   ratio")
        ratios[r] = {}
        for name in ("fit", "transform", "importance", "spatial_error", "index_error"):
            ratio = theirs[r][name] / max(mine[r][name], 1e-12)
            ratios[r][name] = ratio
            print(f"{name:12s} {mine[r][name]:14.6f} {theirs[r][name]:14.6f}   {ratio:,.2f}")
        again = theirs[r]["importance"] / mine[r]["importance_again"]
        ratios[r]["importance_again"] = again
        print(f"  importance of the same concepts asked again {mine[r]['importance_again']:.6f}, ratio {again:,.0f}")
        for name in ("importance_sampled", "index_error_sampled", "published_error", "head_read_once"):
            print(f"  ours only: {name} {mine[r][name]:.6f}")
        ratios[r]["index_error_sampled"] = theirs[r]["index_error"] / mine[r]["index_error_sampled"]
        print(f"  sampled index error is {ratios[r]['index_error_sampled']:.1f} times smaller than the peer's")
    if "crops_fit" in mine:
        print(f"\nours on crops, r = {ranks[0]}: fit {mine['crops_fit']:.1f} CPU s")
    return ratios


def main() -> None:
    """Run both and report."""
    parser = argparse.ArgumentParser(description="CRAFT beside Craft-xai.")
    parser.add_argument("--n", type=int, default=60, help="pictures")
    parser.add_argument("--explained", type=int, default=40, help="pictures whose concepts are weighed")
    parser.add_argument("--ranks", type=int, nargs="+", default=[10, 25], help="numbers of concepts")
    parser.add_argument("--crops", action="store_true", help="time our crops mode too")
    parser.add_argument("--quick", action="store_true", help="24 pictures, 10 concepts")
    parser.add_argument(
        "--peer-env", type=Path, default=craft_peer.ENVIRONMENT, metavar="DIR", help="environment of the peer"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        peer(options.peer)
        return
    n, ranks = (24, [10]) if options.quick else (options.n, options.ranks)
    found = compare(photographs(n), ranks, min(options.explained, n), options.peer_env, crops=options.crops)
    found["ratios"] = table(found, ranks)
    found |= {"n": n, "patch": PATCH, "explained": min(options.explained, n), "python": platform.python_version()}
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
