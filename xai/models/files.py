"""Model files: told apart by content, checked, then opened in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ModelError, XaiError
from ..core.provenance import hash_file
from . import structure, ubjson
from .base import Model, library_text
from .kinds import ACCEPTED, FileKind, identify
from .wrap import wrap_model

if TYPE_CHECKING:
    from .text import HuggingFaceLM
    from .vision import ImageModel, Preprocess

MAX_BYTES = 1 << 30
"""Largest model file that is opened, 1 GiB."""


def sniff(path: str | Path) -> FileKind:
    """What kind of model a file holds, by its content; cheap, and no library reads the file.

    Raises
    ------
    ModelError
        If there is no such file, it is empty or too large, or it holds none of the accepted kinds.
    """
    return identify(Path(path), MAX_BYTES)


def open_model(path: str | Path, output: str | None = None) -> Model:
    """Open a model of tables in this process: XGBoost, LightGBM, CatBoost, skops, ONNX, or a plain network's weights.

    Damaged files can crash the libraries themselves: files from elsewhere belong in a child process
    (``xai.load_model``). What a cheap check of the structure can tell is refused before a library sees it.

    Parameters
    ----------
    path
        The file; its suffix does not matter.
    output
        As in :func:`xai.models.wrap_model`. A network's file does not say what its numbers mean: ``"margin"`` or
        ``"probability"`` makes a classifier of it, ``"value"`` a regression.

    Raises
    ------
    ModelError
        If the file is missing, empty, too large, of no accepted kind, damaged, refused by its library, or holds a model
        of pictures or language.
    MissingExtraError
        If a library that reads the file is not installed.
    """
    path = Path(path)
    kind = sniff(path)
    library = kind.partition("-")[0]
    try:
        digest = hash_file(path)
        opened = _READERS[kind](path, output)
        model = opened if isinstance(opened, Model) else wrap_model(opened, output)
    except XaiError:
        raise
    except Exception as error:
        # A foreign library may raise anything; nothing is lost, the cause is chained.
        raise ModelError(f"{path.name} could not be opened by {library}: {library_text(error)}") from error
    if (model.n_features or 0) > structure.MAX_FEATURES or len(model.output_names) > structure.MAX_OUTPUTS:
        # Whoever asks would make a list of names of that length, far away from any limit.
        raise ModelError(
            f"{path.name} says that it has {model.n_features or 0:,} columns and {len(model.output_names):,} outputs; "
            f"at most {structure.MAX_FEATURES:,} and {structure.MAX_OUTPUTS:,} are read."
        )
    return replace(model, known_hash=digest)


def open_image_model(
    path: str | Path, preprocess: Preprocess | None = None, class_names: Sequence[str] | None = None
) -> ImageModel:
    """Open an image classifier in this process: known weights, a zipped Hugging Face folder, or ONNX.

    Parameters
    ----------
    path
        The file; its suffix does not matter.
    preprocess
        Size, mean, standard deviation and channel order; by default what the file says. :func:`xai.models.recognise`
        tells whether it does.
    class_names
        By default those the file carries, else ``"0"``, ``"1"``, ...

    Raises
    ------
    ModelError
        As :func:`open_model`.
    InputError
        If the file does not say how pictures are prepared and nothing was given, or names do not fit in number.
    """
    from .vision import uploaded

    path = Path(path)
    kind = sniff(path)
    if kind == "onnx":
        return uploaded.open_graph(path, preprocess, class_names)
    if kind == "huggingface-zip":
        return uploaded.open_folder(path, preprocess, class_names)
    if kind in {"safetensors", "torch-weights"}:
        return uploaded.open_weights(_weights(path, kind), path.name, preprocess, class_names)
    raise ModelError(f"{path.name} is a model of tables ({kind}), not of pictures.")


def open_language_model(path: str | Path) -> HuggingFaceLM:
    """Open a causal language model in this process: a zipped Hugging Face folder.

    Raises
    ------
    ModelError
        As :func:`open_model`.
    """
    from .text.uploaded import open_folder

    path = Path(path)
    kind = sniff(path)
    if kind != "huggingface-zip":
        raise ModelError(
            f"{path.name} ({kind}) is no language model: give a zipped Hugging Face folder with config.json, "
            "model.safetensors and tokenizer.json."
        )
    return open_folder(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path.name} starts like a text model but holds bytes that are no text.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} starts like JSON but cannot be read to its end: {error}") from error
    # The key that gave the kind away may lie deeper than it should.
    if not isinstance(content, dict) or not {"learner", "oblivious_trees", "features_info"} & set(content):
        raise ModelError(f"{path.name} is JSON but holds no XGBoost or CatBoost model: {ACCEPTED}.")
    return content


def _read_xgboost(path: Path, _output: str | None) -> Any:
    import xgboost

    binary = path.read_bytes()
    content = ubjson.decode(binary, path.name) if sniff(path) == "xgboost-ubj" else _json(path)
    structure.check_xgboost(content, path.name)
    del content  # several times as large as the file
    booster = xgboost.Booster()
    # Through memory: the library would trust the suffix, and we went by the content.
    booster.load_model(bytearray(binary))
    return booster


def _read_lightgbm(path: Path, _output: str | None) -> Any:
    import lightgbm

    from .lightgbm_structure import check_lightgbm

    content = _text(path)
    check_lightgbm(content, path.name)
    return lightgbm.Booster(model_str=content)


def _read_catboost(path: Path, _output: str | None) -> Any:
    import catboost

    binary = sniff(path) == "catboost-cbm"
    if binary:
        structure.check_cbm(path)
    else:
        structure.check_catboost(_json(path), path.name)
    model = catboost.CatBoost()
    model.load_model(str(path), format="cbm" if binary else "json")
    return model


def _read_skops(path: Path, _output: str | None) -> Any:
    from .skops_file import read_skops

    return read_skops(path)


def _read_onnx(path: Path, output: str | None) -> Model:
    from .onnx_check import read_onnx
    from .onnx_table import table_inputs, wrap_onnx

    proto = read_onnx(path)
    if table_inputs(proto) is None and any(len(v.type.tensor_type.shape.dim) == 4 for v in proto.graph.input):
        raise ModelError(f"{path.name} is an image model: open it with xai.models.open_image_model.")
    return wrap_onnx(proto, path.name, output)


def _read_weights(path: Path, output: str | None) -> Model:
    from .mlp import layers_of, open_mlp
    from .vision import uploaded

    weights = _weights(path, sniff(path))
    if layers_of(weights.shapes) is None:
        if uploaded.architecture_of(weights.shapes) is not None:
            raise ModelError(f"{path.name} is an image model: open it with xai.models.open_image_model.")
        uploaded.open_weights(weights, path.name)  # says which networks are known
    return open_mlp(weights, path.name, output)


def _read_folder(path: Path, _output: str | None) -> Any:
    from .hub_zip import look_into

    what = look_into(path).architecture or "a Hugging Face model"
    raise ModelError(
        f"{path.name} holds {what}, which is no model of tables: open it with xai.models.open_image_model or "
        "xai.models.open_language_model."
    )


def _read_pickle(path: Path, output: str | None) -> Model:
    from .trusted import open_trusted

    return open_trusted(path, output)


def _weights(path: Path, kind: FileKind) -> Any:
    from .weights import read_safetensors, read_state_dict

    return read_safetensors(path) if kind == "safetensors" else read_state_dict(path)


_READERS: dict[FileKind, Callable[[Path, str | None], Any]] = {
    "xgboost-json": _read_xgboost,
    "xgboost-ubj": _read_xgboost,
    "lightgbm-txt": _read_lightgbm,
    "catboost-cbm": _read_catboost,
    "catboost-json": _read_catboost,
    "skops": _read_skops,
    "onnx": _read_onnx,
    "safetensors": _read_weights,
    "torch-weights": _read_weights,
    "huggingface-zip": _read_folder,
    "pickle": _read_pickle,
}
