"""Broken files of every format, the same ones every time: damage of all kinds, bombs, traps, and code in disguise.

``broken(kind, good, n, marker)`` makes ``n`` files out of a good one. Where a file carries code, running it would write
the file ``marker``; nothing here runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import corpus_data
import corpus_networks
import corpus_skops
import corpus_trees
import numpy as np
from corpus_common import Broken, Trap, torch_zip, zipped
from corpus_damage import damage, disguised
from corpus_zips import zips

__all__ = ["DATA", "MODELS", "SPECIAL", "Broken", "Trap", "broken", "small", "torch_zip", "zipped"]

MODELS = (
    "xgboost-json",
    "xgboost-ubj",
    "lightgbm-txt",
    "catboost-cbm",
    "catboost-json",
    "skops",
    "onnx",
    "safetensors",
    "torch-weights",
    "huggingface-zip",
)
DATA = ("csv", "parquet", "png", "jpeg", "dicom", "picture-zip")


SPECIAL: dict[str, Callable[[bytes, str, np.random.Generator], Iterator[Broken]]] = {
    "xgboost-json": corpus_trees.xgboost_json,
    "xgboost-ubj": corpus_trees.xgboost_ubj,
    "lightgbm-txt": corpus_trees.lightgbm_txt,
    "catboost-cbm": corpus_trees.catboost_cbm,
    "catboost-json": corpus_trees.catboost_json,
    "skops": corpus_skops.skops,
    "onnx": corpus_networks.onnx_graphs,
    "safetensors": corpus_networks.safetensors,
    "torch-weights": corpus_networks.torch_weights,
    "huggingface-zip": corpus_networks.hub_zip,
    "csv": corpus_data.csv,
    "parquet": corpus_data.parquet,
    "png": corpus_data.pictures,
    "jpeg": corpus_data.pictures,
    "dicom": corpus_data.dicom,
    "picture-zip": zips,
}


def broken(kind: str, good: bytes, n: int, marker: str, seed: int = 0) -> list[Broken]:
    """``n`` broken files of a kind: the special ones of the format first, then damage until there are enough."""
    rng = np.random.default_rng([seed, *kind.encode()])
    special = list(islice(_alternate(SPECIAL[kind](good, marker, rng), disguised(kind, marker)), max(n * 3 // 5, 1)))
    harm = damage(good, rng, text=kind in {"xgboost-json", "lightgbm-txt", "catboost-json", "csv"})
    files = special + list(islice(harm, n - len(special)))
    return files[:n]


def small(kind: str, good: bytes, n: int, marker: str) -> list[Broken]:
    """``n`` files spread over what :func:`broken` makes of them in full."""
    files = broken(kind, good, 60, marker)
    return [files[round(i)] for i in np.linspace(0, len(files) - 1, n)]


def _alternate(*sources: Iterator[Broken]) -> Iterator[Broken]:
    waiting = [iter(source) for source in sources]
    while waiting:
        for source in list(waiting):
            one = next(source, None)
            if one is None:
                waiting.remove(source)
            else:
                yield one
