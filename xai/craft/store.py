"""Concepts on disk: one ``.npz`` file of plain arrays and a JSON header, without pickle."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError, ModelError
from .craft import Craft, as_image_model
from .factorize import FactorConfig, Factors
from .members import Crop, Members

FORMAT = 1


def save(craft: Craft, path: str | os.PathLike[str]) -> None:
    """Write concepts and their children, see :meth:`Craft.save`."""
    arrays: dict[str, np.ndarray] = {}
    header = {
        "format": FORMAT,
        "kind": "craft",
        "preprocess": craft.model.preprocess.to_dict(),
        "model_hash": craft.model.hash,
        "root": _pack(craft, "", arrays),
    }
    arrays["header"] = np.frombuffer(json.dumps(header, allow_nan=False).encode(), dtype=np.uint8)
    with Path(path).open("wb") as stream:  # given a name, NumPy would add a suffix
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def load(path: str | os.PathLike[str], model: Any) -> Craft:
    """Read what :meth:`Craft.save` wrote.

    Parameters
    ----------
    model
        The model the concepts were learned from: a module or file, which gets the saved preprocessing, or an
        :class:`xai.models.vision.ImageModel`.

    Raises
    ------
    InputError
        If the file cannot be read or holds no concepts.
    ModelError
        If they were learned from another model, or with another preprocessing.
    """
    from ..models.vision import ImageModel, Preprocess

    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays["header"].tobytes())
        if (header["kind"], header["format"]) != ("craft", FORMAT):
            raise InputError(f"{path} is of kind '{header['kind']}', format {header['format']}: no concepts of ours.")
        saved: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in header["preprocess"].items()
        }
        root = header["root"]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} holds no saved concepts ({type(error).__name__}: {error}).") from error
    opened = as_image_model(model, None if isinstance(model, ImageModel) else Preprocess(**saved))
    if opened.hash != header["model_hash"]:
        raise ModelError(
            f"the concepts in {path} were learned from another model or another preprocessing: "
            f"its hash begins with {header['model_hash'][:12]}, this one's with {opened.hash[:12]}."
        )
    return _unpack(root, "", arrays, opened)


def _pack(craft: Craft, key: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    factors, members = craft.factors, craft.members
    arrays |= {
        f"{key}W": factors.W,
        f"{key}U": members.U.astype(np.float32),
        f"{key}images": members.images,
        f"{key}boxes": members.boxes,
        f"{key}coherence": members.coherence,
        f"{key}origin": np.array([(crop.image, *crop.box) for crop in craft.origin], dtype=int).reshape(-1, 5),
        f"{key}origin_coefficients": np.array([crop.coefficient for crop in craft.origin]),
    }
    return {
        "layer": craft.layer,
        "mode": craft.mode,
        "patch_size": craft.patch_size,
        "seed": craft.seed,
        "factor": asdict(craft.factor),
        "names": craft.names,
        "notes": craft.notes,
        "kind": factors.kind,
        "error": factors.error,
        "n_rows": factors.n_rows,
        "children": [
            {"concept": concept, "craft": _pack(child, f"{key}{i}/", arrays)}
            for i, ((concept, _), child) in enumerate(craft.children.items())
        ],
    }


def _unpack(part: dict[str, Any], key: str, arrays: dict[str, np.ndarray], model: Any) -> Craft:
    factors = Factors(arrays[f"{key}W"], part["kind"], part["error"], part["n_rows"])
    members = Members(*(arrays[f"{key}{name}"] for name in ("U", "images", "boxes", "coherence")))
    coefficients = arrays[f"{key}origin_coefficients"].tolist()
    origin = tuple(
        Crop(image, (top, left, bottom, right), coefficient)
        for (image, top, left, bottom, right), coefficient in zip(
            arrays[f"{key}origin"].tolist(), coefficients, strict=True
        )
    )
    craft = Craft(
        model, len(part["names"]), part["layer"], mode=part["mode"], patch_size=part["patch_size"],
        seed=part["seed"], factor=FactorConfig(**part["factor"]),
    ).restored(factors, members, tuple(part["names"]), tuple(part["notes"]), origin)  # fmt: skip
    for i, child in enumerate(part["children"]):
        loaded = _unpack(child["craft"], f"{key}{i}/", arrays, model)
        craft.children[child["concept"], loaded.layer] = loaded
    return craft
