"""Start the dashboard's server: `xai dashboard` ends here."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import InputError, MissingExtraError
from ..core.resources import resource
from ..models.text.server import NAME, URL, ServerLM
from ..models.trust import VARIABLE as TRUST
from .limits import read
from .sessions import sessions
from .workers import MODEL, pool, warm_server

#: Environment variables through which the operator's own table reaches the pages, as MODEL does the model.
DATA, TARGET = "HEMICYCLE_DATA", "HEMICYCLE_TARGET"
GALLERY = "HEMICYCLE_GALLERY"


@asynccontextmanager
async def _workers(_app: Any) -> AsyncGenerator[None, None]:
    """Warm the server while the browser loads, and end sessions and worker processes with it."""
    warm_server()
    sessions()  # sweeps what a killed server left, before two visitors could both begin
    try:
        yield
    finally:
        sessions().close()
        pool().close()


def launch(
    model: str | Path | None = None,
    data: str | Path | None = None,
    target: str | None = None,
    *,
    gallery: str | Path | None = None,
    port: int = 8501,
    address: str = "127.0.0.1",
    browser: bool = True,
    lm_url: str | None = None,
    lm_name: str | None = None,
    trust_pickle: bool = False,
) -> None:
    """Serve the dashboard and block until it is stopped.

    Parameters
    ----------
    model, data
        A model file and a table (CSV or Parquet) to show beside the demos; both or neither.
    target
        Column of ``data`` that holds the true answers; without it nothing is measured on them.
    gallery
        A folder that ``xai gallery`` wrote, for the page *Editable map*.
    port, address
        Where to listen. The default address is reachable from this machine only.
    browser
        Open the page in a browser.
    lm_url, lm_name
        An OpenAI-compatible server for the page Tokens and its model; its key is read from ``HEMICYCLE_LM_KEY``. No
        page shows or asks for them.
    trust_pickle
        Open uploaded pickle and joblib files, which can run any code: only where everybody who can reach the server is
        trusted. They run in child processes like all uploads; no page can switch this on.

    Raises
    ------
    MissingExtraError
        If Streamlit is not installed.
    InputError
        If only one of ``model`` and ``data`` is given, a file does not exist, or a limit of the environment is none.
    """
    largest = read().largest_mb
    if (model is None) != (data is None):
        raise InputError("a model needs data and data need a model: give both --model and --data, or neither.")
    if target is not None and data is None:
        raise InputError(f"--target {target} needs --data, the table it is a column of.")
    for variable, path in ((MODEL, model), (DATA, data)):
        os.environ.pop(variable, None)
        if path is not None:
            if not Path(path).is_file():
                raise InputError(f"there is no file {path}.")
            os.environ[variable] = str(Path(path).resolve())
    os.environ.pop(GALLERY, None)
    if gallery is not None:
        if not (Path(gallery) / "gallery.json").is_file():
            raise InputError(f"{gallery} holds no gallery: make one with `xai gallery FOLDER -o {gallery}`.")
        os.environ[GALLERY] = str(Path(gallery).resolve())
    os.environ.pop(TARGET, None)
    if target is not None:
        os.environ[TARGET] = target
    _name_language_model(lm_url, lm_name)
    _trust_pickles(trust_pickle)
    if find_spec("streamlit") is None:
        raise MissingExtraError("streamlit", "dashboard")
    # The workers' imports take as long as Streamlit's own: side by side they cost the time of one.
    pool().prestart()
    import streamlit as st
    from starlette.middleware import Middleware
    from streamlit.runtime.pages_manager import PagesManager

    from .headers import Headers
    from .preload import Preload

    # Until st.navigation has run once, Streamlit runs a file of pages/ by itself when its address is opened first.
    PagesManager.uses_pages_directory = False
    script = resource("app.py")
    # Streamlit reads .streamlit/config.toml beside the script that was started: that is ours, from any folder.
    sys.argv = [str(script)]
    st.App(script, lifespan=_workers, middleware=[Middleware(Headers), Middleware(Preload)]).run(
        config={
            "server.port": port,
            "server.address": address,
            "server.headless": not browser,
            "server.maxUploadSize": largest,
            # The page Your model sets the sidebar's chooser, which has a default as well: both are meant.
            "global.disableWidgetStateDuplicationWarning": True,
        }
    )


def _name_language_model(url: str | None, name: str | None) -> None:
    if url is not None:
        ServerLM(url)  # says what is wrong with the address before anything starts
        os.environ[URL] = url
    if name is not None:
        os.environ[NAME] = name


def _trust_pickles(on: bool) -> None:
    if on:
        os.environ[TRUST] = "1"
        logging.getLogger(__name__).warning("uploaded pickles are opened: whoever reaches this server can run code.")
