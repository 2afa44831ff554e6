"""What an uploaded model file is, as the page shows it, and what it does not say and must be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import ModelError
from .files import open_model, sniff
from .kinds import FileKind

Modality = Literal["table", "image", "text"]
Question = Literal["output", "classes", "activation", "size", "mean_std", "channel_order", "feature_names"]

FRAMEWORKS: dict[FileKind, str] = {
    "xgboost-json": "XGBoost",
    "xgboost-ubj": "XGBoost",
    "lightgbm-txt": "LightGBM",
    "catboost-cbm": "CatBoost",
    "catboost-json": "CatBoost",
    "skops": "scikit-learn",
    "onnx": "ONNX",
    "safetensors": "torch",
    "torch-weights": "torch",
    "huggingface-zip": "transformers",
    "pickle": "scikit-learn",
}


@dataclass(frozen=True)
class Recognised:
    """What a model file says of itself.

    Attributes
    ----------
    kind
        As :func:`xai.models.sniff` tells it.
    modality
        ``"table"``, ``"image"`` or ``"text"``.
    framework
        For people, e.g. ``"XGBoost"``.
    architecture
        Of models that are rebuilt from weights, e.g. ``"efficientnet_lite0"``; the estimator's class of scikit-learn.
    task
        Of models of tables: ``"binary"``, ``"multiclass"``, ``"regression"`` or ``"ranking"``.
    outputs
        Spaces a model of tables answers in.
    n_features, feature_names
        Columns of a model of tables, where the file says.
    classes
        Class labels or names as text, where the file says.
    n_classes
        Number of classes, ``None`` where unknown.
    size
        ``(height, width)`` an image model takes, ``None`` where the file does not say.
    mean, std, channel_order
        Its preprocessing, ``None`` where the file does not say.
    asked
        What the file does not say and somebody must: see :data:`Question`.
    notes
        Sentences for the page.
    """

    kind: FileKind
    modality: Modality
    framework: str
    architecture: str = ""
    task: str = ""
    outputs: tuple[str, ...] = ()
    n_features: int | None = None
    feature_names: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    n_classes: int | None = None
    size: tuple[int, int] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    channel_order: str | None = None
    asked: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()


def recognise(path: str | Path) -> Recognised:
    """What a model file is and what is still to be asked.

    Reads the file as deep as it must, so it belongs where :func:`xai.models.open_model` does: in a child process.

    Raises
    ------
    XaiError
        As :func:`xai.models.open_model`.
    """
    path = Path(path)
    kind = sniff(path)
    if kind == "huggingface-zip":
        return _folder(path, kind)
    if kind == "onnx":
        return _onnx(path, kind)
    if kind in {"safetensors", "torch-weights"}:
        return _weights(path, kind)
    if kind == "pickle":
        return _pickle(path, kind)
    return _table(path, kind)


def _pickle(path: Path, kind: FileKind) -> Recognised:
    from .trusted import contents

    # What it imports is found out before it runs.
    said = contents(path).text()
    return _table(path, kind, notes=[f"A pickle, opened because whoever runs this server trusts such files: {said}."])


def _table(path: Path, kind: FileKind, asked: Sequence[Question] = (), notes: Sequence[str] = ()) -> Recognised:
    model = open_model(path)
    known = model.classes
    return Recognised(
        kind=kind,
        modality="table",
        framework=FRAMEWORKS[kind],
        architecture=_estimator(model) if kind in {"skops", "pickle"} else "mlp" if FRAMEWORKS[kind] == "torch" else "",
        task=model.task,
        outputs=tuple(model.spaces),
        n_features=model.n_features,
        feature_names=model.feature_names,
        classes=None if known is None else tuple(str(label) for label in known),
        n_classes=None if known is None else len(known),
        asked=(*asked, *(("feature_names",) if model.feature_names is None else ())),
        notes=tuple(notes),
    )


def _estimator(model: Any) -> str:
    last = getattr(model, "last", None)
    return type((last or model).native).__name__


def _onnx(path: Path, kind: FileKind) -> Recognised:
    from .onnx_check import read_onnx
    from .onnx_table import says_meaning, table_inputs
    from .vision import ImageModel

    proto = read_onnx(path)
    if table_inputs(proto) is not None:
        asked: list[Question] = [] if says_meaning(proto) else ["output", "classes"]
        return _table(path, kind, asked)
    if not any(len(value.type.tensor_type.shape.dim) == 4 for value in proto.graph.input):
        raise ModelError(
            f"{path.name} takes neither a table (rows, columns) nor pictures (n, channels, height, width)."
        )
    model = ImageModel(proto)
    known = model.preprocess
    n_classes = model.run(model.blank()).shape[1]
    return Recognised(
        kind=kind,
        modality="image",
        framework="ONNX",
        n_classes=n_classes,
        size=known.size,
        channel_order="L" if known.channel_order == "L" else None,
        asked=(
            *(("size",) if known.size is None else ()),
            "mean_std",
            *(("channel_order",) if known.channel_order != "L" else ()),
            "classes",
        ),
        notes=("An ONNX file does not say how pictures are prepared: take what the network was trained with.",),
    )


def _weights(path: Path, kind: FileKind) -> Recognised:
    from .mlp import layers_of
    from .vision import demo, uploaded
    from .weights import read_safetensors, read_state_dict

    weights = read_safetensors(path) if kind == "safetensors" else read_state_dict(path)
    if layers_of(weights.shapes) is not None:
        asked: list[Question] = [] if "activation" in weights.card else ["activation"]
        if not weights.card.get("classes") and "activation" not in weights.card:
            asked += ["output", "classes"]
        notes = (
            ()
            if not asked
            else ("The file holds weights alone: save_mlp of this package writes the rest beside them.",)
        )
        return _table(path, kind, asked, notes)
    architecture = uploaded.architecture_of(weights.shapes)
    if architecture is None:
        uploaded.open_weights(weights, path.name)  # says which networks are known
        raise AssertionError(path)
    known = demo.PREPROCESS if architecture == "demo_cnn" else uploaded.EFFICIENTNET
    classes = uploaded.card_classes(weights.card)
    return Recognised(
        kind=kind,
        modality="image",
        framework="torch",
        architecture=architecture,
        classes=classes or None,
        n_classes=uploaded.n_classes_of(weights.shapes),
        size=known.size,
        mean=known.mean,
        std=known.std,
        channel_order=known.channel_order,
        asked=() if classes else ("classes",),
        notes=("Size, mean and standard deviation are those of the network's published training.",),
    )


def _folder(path: Path, kind: FileKind) -> Recognised:
    from .hub_zip import look_into
    from .text.uploaded import check_causal
    from .vision import uploaded

    folder = look_into(path)
    if folder.model_type not in uploaded.FAMILIES:
        return Recognised(
            kind=kind, modality="text", framework="transformers", architecture=check_causal(folder, path.name)
        )
    uploaded.check_family(folder, path.name)
    known = None if folder.preprocessor is None else uploaded.preprocess_of(folder, path.name)
    stated = folder.config.get("id2label")
    names = tuple(str(stated[key]) for key in sorted(stated, key=_number)) if isinstance(stated, dict) else ()
    # transformers writes LABEL_0, LABEL_1, ... where nobody named the classes.
    named = bool(names) and not all(name.startswith("LABEL_") for name in names)
    return Recognised(
        kind=kind,
        modality="image",
        framework="transformers",
        architecture=folder.architecture,
        classes=names if named else None,
        n_classes=len(names) or None,
        size=None if known is None else known.size,
        mean=None if known is None else known.mean,
        std=None if known is None else known.std,
        channel_order=None if known is None else known.channel_order,
        asked=(
            *(("size", "mean_std") if known is None else ("size",) if known.size is None else ()),
            *(() if named else ("classes",)),
        ),
    )


def _number(key: str) -> int:
    return int(key) if str(key).isdigit() else 0
