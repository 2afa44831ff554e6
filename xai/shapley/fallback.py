"""What method "shap" does around an exact engine: sums over a pipeline's columns, or plays where there is no engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, listing
from ..core.table import group_columns
from ..models.sk import PipelineModel
from .coalitions import ExactConfig, exact
from .request import Prepared, Request
from .sampling import SamplingConfig
from .sampling.method import sampling
from .sources import Sources, pipeline_sources

if TYPE_CHECKING:
    import pandas as pd


def play(request: Request, because: str, advice: str = "") -> Prepared:
    """Shapley values against the background, on the columns of X: exact up to 14, sampled beyond.

    Raises
    ------
    InputError
        If there is no background, saying ``because`` of what it is needed; or on a configuration for something else.
    """
    if request.background is None:
        raise InputError(
            f"{because}. Give background=, e.g. 100 rows of training data: Shapley values are then played on the "
            f"columns of X, exactly up to 14 and sampled with standard errors beyond. {advice}".rstrip()
        )
    if isinstance(request.config, ExactConfig):
        return exact(request)
    if request.config is not None and not isinstance(request.config, SamplingConfig):
        raise InputError(
            f"{because}, and {type(request.config).__name__} configures engines of trees: give a SamplingConfig."
        )
    return sampling(request)


def inside_pipeline(request: Request) -> Request:
    """The request as the last step of a pipeline sees it: on the transformed columns."""
    model = request.model
    while isinstance(model, PipelineModel):
        frame = model.last.check(model.transform(request.frame))
        background = request.background
        if background is not None:
            background = model.last.check(model.transform(background))
        model = model.last
        request = replace(request, model=model, frame=frame, background=background)
    return request


def over_sources(request: Request, prepared: Prepared) -> Prepared:
    """Values of a pipeline's last step, summed over the column of X that each transformed column is made of.

    Where a step mixes columns there is nothing to sum over: Shapley values are then played on the columns of X.

    Parameters
    ----------
    request
        As the caller made it, on the columns of X.
    prepared
        The method on the columns that the last step sees; given back as it is where the model is no pipeline.

    Raises
    ------
    InputError
        If columns are mixed and there is no background.
    """
    if not isinstance(request.model, PipelineModel) or prepared.explain is None:
        return prepared
    sources = pipeline_sources(request.model, request.frame)
    if sources.mixed:
        return play(
            request,
            f"columns {listing(sources.mixed[:3])} of the pipeline are made of several columns, so that values of its "
            "last step cannot be given back to the columns of X",
            "To explain the transformed columns themselves, call xai.explain with the pipeline's last step and them.",
        )
    inner = prepared.explain

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        values, base = inner(inside_pipeline(replace(request, frame=rows, background=None)).frame)
        return _summed(values, sources), base

    options = {**prepared.options, "columns": f"{len(sources.names)} transformed columns summed over their sources"}
    packages = (*prepared.packages, "scikit-learn")
    return replace(prepared, explain=explain, frame=request.frame, options=options, packages=packages)


def _summed(values: np.ndarray, sources: Sources) -> np.ndarray:
    """Values ``(n, transformed, k)`` to ``(n, d, k)``; columns that the pipeline drops get 0."""
    return group_columns(values, [list(columns) for columns in sources.columns])
