"""The one pool of worker processes of this server; imports nothing of Streamlit, so it can start before it."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from threading import Thread

from ..core.errors import XaiError
from ..models import sniff
from ..sandbox.jobs import JobPool
from ..sandbox.kernels import compile_in_background
from ..sandbox.limits import for_uploads
from ..sandbox.profile import Profile

#: Environment variable that names the operator's own model file.
MODEL = "HEMICYCLE_MODEL"
#: What workers that start later find imported, so that none of them costs seconds; the first page needs none of it.
LATER = ("xgboost", "lightgbm", "catboost", "torch", "numba")
#: What the first page needs in the server itself.
SERVER = ("pandas", "pyarrow", "plotly.graph_objects", "xai.plots", "xai.dhondt", "xai.datasets")


@cache
def pool() -> JobPool:
    """The pool; made on first use."""
    model = os.environ.get(MODEL)
    profile = Profile(for_uploads(), reads=(model,) if model else ())
    return JobPool(size=2, warm=(_library(),), later=LATER, profile=profile)


def _library() -> str:
    """What the model shown first needs; other libraries are imported by the job that needs them."""
    if MODEL not in os.environ:
        return "catboost"
    try:
        return sniff(os.environ[MODEL]).partition("-")[0]
    except XaiError:
        # The page says what is wrong with the file; the demos beside it still work.
        return "catboost"


def warm_server() -> None:
    """Import in the background what the first page will ask for, while the browser is still loading."""
    Thread(target=lambda: [import_module(name) for name in SERVER], name="xai-warm", daemon=True).start()
    compile_in_background()
