"""A broken file, given to a child process as the page gives it: looked at, then asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from xai.core.errors import WorkerError, XaiError
from xai.sandbox import Worker

Outcome = Literal["answered", "refused", "crashed", "stopped", "unclear"]
MODEL_BYTES = 50_000_000
# The libraries that reading any kind of file takes: imported once, in the process that children are forked from.
LIBRARIES = (
    "xgboost",
    "lightgbm",
    "catboost",
    "sklearn.ensemble",
    "sklearn.pipeline",
    "skops.io",
    "onnx",
    "torch",
    "safetensors.torch",
    "transformers.models.resnet.modeling_resnet",
    "PIL.Image",
    "pydicom.pixels",
    "pyarrow.parquet",
)
# How a child reports an error that nobody foresaw, and what belongs in a log.
_UNFORESEEN = re.compile(r" failed\. \w+: |Traceback")


@dataclass(frozen=True)
class Attack:
    """How a file ended.

    Attributes
    ----------
    outcome
        ``"answered"``: it is sound enough to be used. ``"refused"``: with a message. ``"crashed"``: the child died,
        alone. ``"stopped"``: it ran into a limit. ``"unclear"``: anything that is no message for people.
    message
        What the person reads.
    """

    outcome: Outcome
    message: str


def attack(worker: Worker, path: Path, pictures: Path) -> Attack:
    """Look at a file and use it for what it is recognised as."""
    try:
        found = worker.call("look_at_upload", path=str(path), max_model_bytes=MODEL_BYTES)
        return Attack("answered", _use(worker, path, pictures, found))
    except WorkerError as error:
        text = str(error)
        limits = ("CPU-time limit", "memory limit", "memory ran out", "took longer", "most likely memory")
        return Attack("stopped" if any(words in text for words in limits) else "crashed", text)
    except XaiError as error:
        text = str(error)
        # One sentence or more that names the file or what is wrong, and no trace of a program.
        plain = 10 < len(text) < 2_000 and "\n" not in text and not _UNFORESEEN.search(text)
        return Attack("refused" if plain else "unclear", text)
    except Exception as error:  # noqa: BLE001 - whatever else comes out is what this looks for
        return Attack("unclear", f"{type(error).__name__}: {error}")


def _use(worker: Worker, path: Path, pictures: Path, found: dict[str, Any]) -> str:
    if found["what"] == "model":
        n = found["n_features"] or 4
        names = found["feature_names"] or [f"x{i}" for i in range(n)]
        rows = np.random.default_rng(0).normal(size=(5, len(names)))
        table = pd.DataFrame(rows, columns=list(names))
        for position in found["categorical"] or ():
            table = table.assign(**{str(names[position]): "north"})
        if "site" in names:
            table = table.assign(site="north")
        worker.call("predict", model=str(path), X=table)
    elif found["what"] == "image model":
        asked = {"size": (32, 32)} if "size" in found["asked"] else None
        worker.call("preview_image_model", model=str(path), pictures=str(pictures), preprocess=asked)
    return f"used as {found['what']}"
