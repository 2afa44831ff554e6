"""``xai concepts``: concepts of a class from a folder of pictures, as a bank of concepts for ``xai batch``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names
from .text import Progress, frame_text

if TYPE_CHECKING:
    from ..craft import Craft
    from ..models.vision import ImageModel, Preprocess

_SUFFIXES = (".png", ".jpg", ".jpeg")
_LEAST = 5
_CROPS = 10


def concepts(arguments: argparse.Namespace) -> None:
    """Find the concepts of a class as a network sees it, and write bank, importance and best pieces.

    Concepts are learned from those pictures of the folder that the network takes for the class.
    """
    from ..craft import Craft
    from ..models.vision import read_images

    out = Path(arguments.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already: name a folder that is empty or does not exist.")
    files = _files(Path(arguments.pictures))
    model = _model(arguments)
    found = read_images(files)
    for position, reason in found.problems.items():
        print(f"Left out {files[position].name}: {reason}")
    if not found.images:
        raise InputError(f"none of the {len(files)} pictures in {arguments.pictures} can be read.")
    view = model.view(found.images)
    name, mine = _of_class(model, view, arguments.class_name)
    craft = Craft(
        model, arguments.concepts, arguments.layer, mode=arguments.mode, patch_size=arguments.patch,
        seed=arguments.seed,
    )  # fmt: skip
    with Progress("finding concepts") as progress:
        craft.fit(view[mine], lambda share: progress(share, "encoding pictures"))
    result = craft.importance(None, name, arguments.estimator)
    carried = craft.fidelity(None, name, found=result).carried
    _write(craft, result.to_frame(), out)
    print(f"{mine.sum()} of {len(view)} pictures are taken for '{name}'. Layer {craft.layer}, {result.estimator}.\n")
    table = result.to_frame().sort_values("sobol", ascending=False).reset_index()
    print(frame_text(table, {"sobol": "{:.3f}", "low": "{:.3f}", "high": "{:.3f}", "signed": "{:+.3f}"}))
    print(f"\nRebuilt from them, {carried.agreement:.0%} of the pictures keep their class.")
    for note in (*craft.notes, *((carried.warning,) if carried.warning else ())):
        print(f"Note: {note}")
    print(f"Wrote {out}: concepts.npz, importance.csv and the best pieces of each concept.")


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one that holds PNG or JPEG pictures.")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not found:
        raise InputError(f"{folder} holds no PNG or JPEG picture.")
    return found


def _model(arguments: argparse.Namespace) -> ImageModel:
    from ..models import open_image_model
    from ..models.vision import demo_cnn, efficientnet_lite0

    if arguments.model in {"demo", "imagenet"}:
        return demo_cnn() if arguments.model == "demo" else efficientnet_lite0()
    return open_image_model(arguments.model, _preprocess(arguments))


def _preprocess(arguments: argparse.Namespace) -> Preprocess | None:
    from ..models.vision import Preprocess

    if arguments.size is None and arguments.mean is None and arguments.std is None:
        return None
    size = None
    if arguments.size is not None:
        sides = arguments.size.lower().split("x")
        if len(sides) != 2 or not all(side.isdecimal() for side in sides):
            raise InputError(f"--size is '{arguments.size}': write height x width, e.g. 224x224.")
        size = (int(sides[0]), int(sides[1]))
    return Preprocess(size, _three("--mean", arguments.mean, 0.0), _three("--std", arguments.std, 1.0))


def _three(option: str, text: str | None, default: float) -> tuple[float, float, float]:
    if text is None:
        return (default,) * 3
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} is '{text}': write three numbers, e.g. 0.485,0.456,0.406.") from None
    return red, green, blue


def _of_class(model: ImageModel, view: np.ndarray, name: str | None) -> tuple[str, np.ndarray]:
    """The class, by default the most frequent answer, and which pictures the model takes for it."""
    answers = model.predict(view).argmax(axis=1)
    counts = np.bincount(answers, minlength=len(model.class_names))
    if name is not None and name not in model.class_names:
        raise InputError(unknown_names("class", [name], model.class_names))
    position = int(counts.argmax()) if name is None else model.class_names.index(name)
    if counts[position] < _LEAST:
        most = model.class_names[int(counts.argmax())]
        raise InputError(
            f"the model takes {counts[position]} of {len(view)} pictures for '{model.class_names[position]}'; concepts "
            f"need at least {_LEAST}. Its most frequent answer is '{most}', {counts.max()} times."
        )
    return model.class_names[position], answers == position


def _write(craft: Craft, table: Any, out: Path) -> None:
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    craft.save(out / "concepts.npz")
    table.to_csv(out / "importance.csv")
    for i in range(craft.n_concepts):
        for rank, crop in enumerate(craft.best_crops(i, _CROPS), start=1):
            Image.fromarray(crop.cut_out(craft.view)).save(out / f"concept_{i + 1:02}-{rank:02}.png")


def add(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    one = command(
        commands,
        concepts,
        "find the concepts of a class of pictures",
        [
            "xai concepts demo smears/ --class eosinophil -o eosinophil",
            "xai concepts network.onnx pictures/ --size 224x224 --concepts 15 -o found",
            "xai batch network.onnx pictures/ -o results --method craft --option craft.bank=found/concepts.npz",
        ],
    )
    one.add_argument(
        "model", metavar="MODEL", help="demo, imagenet, or a file: ONNX, known weights, zipped transformers"
    )
    one.add_argument("pictures", metavar="FOLDER", help="PNG and JPEG pictures, in subfolders too")
    one.add_argument("-o", "--out", required=True, metavar="FOLDER", help="where to write")
    one.add_argument("--class", dest="class_name", metavar="NAME", help="(default: the model's most frequent answer)")
    one.add_argument("--concepts", type=int, default=10, metavar="N", help="(default: %(default)s)")
    one.add_argument("--layer", metavar="NAME", help="where to cut the model (default: the last map before pooling)")
    one.add_argument("--mode", choices=("positions", "crops"), default="positions", help="(default: %(default)s)")
    one.add_argument("--patch", type=int, default=64, metavar="PIXELS", help="side of pieces (default: %(default)s)")
    one.add_argument(
        "--estimator", choices=("auto", "closed_form", "sobol", "published"), default="auto", help="of importance"
    )
    one.add_argument("--size", metavar="HxW", help="input of the network, for files that do not say")
    one.add_argument("--mean", metavar="R,G,B", help="taken off pixels from 0 to 1, for files that do not say")
    one.add_argument("--std", metavar="R,G,B", help="pixels are divided by it, for files that do not say")
    one.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
