"""Compile the tree kernels once, where everybody finds them.

Workers that open uploads may use the package's machine code and not add to it: numba unpickles what it kept, so what an
upload could write there would run in other processes. On a fresh installation a worker without that right, which opens
nothing but a demo model, compiles it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import XaiError
from .profile import PACKAGE, trusted

if TYPE_CHECKING:
    from .tasks import Progress

_FOLDER = PACKAGE / "shapley" / "trees" / "__pycache__"
_LAST = "kernel.accumulate-*.nbi"


def are_compiled() -> bool:
    """Whether the code is on disk where every worker finds it."""
    folder = _folder()
    return folder.is_dir() and next(folder.rglob(_LAST), None) is not None


def compile_in_background() -> threading.Thread | None:
    """Start compiling if nothing is there and the folder can be written; at the lowest priority."""
    existing = next(path for path in (_folder(), *_folder().parents) if path.exists())
    if are_compiled() or not os.access(existing, os.W_OK):
        return None
    thread = threading.Thread(target=_compile, name="xai-compile", daemon=True)
    thread.start()
    return thread


def _folder() -> Path:
    """Beside the source, unless the operator says otherwise; numba makes it."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    return Path(given).absolute() if given else _FOLDER


def _compile() -> None:
    from .client import Worker

    with Worker(trusted()) as worker:
        try:
            worker.call("compile_kernels")
        except XaiError:  # each worker then compiles for itself, and says what is wrong where somebody waits for it
            return


def compile_kernels(progress: Progress) -> None:
    """Explain a few rows of a demo model with tables; what that needs is compiled and kept."""
    from ..datasets import demo_models
    from ..models import open_model
    from ..shapley import explain
    from ..shapley.trees.engine import TreeConfig

    os.nice(19)
    demo = demo_models()["breast_cancer_mean-xgboost"]
    X, _ = demo.held_out_data()
    explain(open_model(demo.path), X.head(50), config=TreeConfig(engine="tables"), progress=progress)
