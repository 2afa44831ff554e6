"""Method "shap": the exact engine of a framework, or the best estimator at hand where there is none."""

from __future__ import annotations

from typing import Any

from ..core.errors import InputError
from .engine import check_space
from .engines import find_engine
from .fallback import inside_pipeline, over_sources, play
from .request import Prepared, Request
from .trees import READERS
from .trees.engine import TreeConfig, decide, only_tables, read_trees, rescaled
from .trees.engine import engine as tree_engine


def shap(request: Request) -> Prepared:
    """SHAP values by the exact engine of the model's framework, or by tables of its trees where they are quicker.

    With a background, values of trees are interventional and come from tables; without, absent features follow the
    trees' own coverage. Values of a pipeline's transformed columns are summed over the column they come from.

    Raises
    ------
    InputError
        If the model has no exact engine, or its pipeline mixes columns, and there is no background; or a background
        or configuration is given to an engine that takes none.
    ModelError
        If the model answers in a space the engine does not explain.
    """
    inner = inside_pipeline(request)
    decision = decide(inner)
    if decision.engine is None and find_engine(inner.model, inner.frame) is None:
        decision = only_tables(inner) or decision
    options: dict[str, Any] = {"engine_choice": decision.reason} if decision.reason else {}
    engine = decision.engine
    if engine is None:
        centre = inner.background
        if centre is None:
            centre = inner.frame
        engine = find_engine(inner.model, centre)
        if engine is None:
            return play(request, f"{type(inner.model.native).__name__} has no exact SHAP engine{_reason(inner)}")
        if engine.path_dependent and inner.background is not None:
            raise InputError(
                f"{engine.name} weighs absent features by the trees' own coverage and takes no background, and these "
                f"trees cannot be put into tables ({decision.reason}): leave the background out, or use method 'exact'."
            )
        if not engine.path_dependent:
            given = inner.background is not None
            options = {"n_background": len(centre)} if given else {"background": "mean of the explained rows"}
    config = request.config
    if config is not None and not (isinstance(config, TreeConfig) and inner.model.framework in READERS):
        raise InputError(f"{engine.name} has nothing to configure: leave config out, or give a TreeConfig for trees.")
    if config is not None and config.rescale:
        engine = rescaled(engine, inner.model)
    check_space(inner.model, engine)
    prepared = Prepared(
        engine.explain,
        inner.frame,
        engine.name,
        engine.packages,
        {**dict(engine.options), **options},
        first_block=engine.first_block,
    )
    return over_sources(request, prepared)


def banzhaf(request: Request) -> Prepared:
    """Banzhaf values of a tree ensemble from tables; with a background they are interventional.

    Raises
    ------
    ModelError
        If the model is no sum of trees, or answers in a space in which its trees do not add up.
    """
    inner = inside_pipeline(request)
    engine = tree_engine(inner, read_trees(inner.model), inner.config or TreeConfig(), "banzhaf")
    check_space(inner.model, engine)
    return Prepared(
        engine.explain,
        inner.frame,
        engine.name,
        engine.packages,
        dict(engine.options),
        first_block=engine.first_block,
    )


def _reason(inner: Request) -> str:
    # See the CatBoost engine: its values of such trees are not to be trusted, and tables take no categories.
    return " for trees that are not symmetric and split categories" if inner.model.framework == "catboost" else ""
