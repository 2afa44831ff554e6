"""Tables as an engine of ``explain``: chosen where they are expected to be quicker, or needed for a background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...core.errors import InputError, ModelError
from ...models.base import Model, Output
from ..engine import Engine
from ..request import Request
from . import READERS
from .choice import Shape, tables_win, too_small
from .forest import Source, UnreadableError, obstacle

if TYPE_CHECKING:
    import pandas as pd

NAME = "tree tables (numba)"
_BLOCK = 16_384


@dataclass(frozen=True)
class TreeConfig:
    """Options of exact values of tree ensembles.

    Attributes
    ----------
    engine
        ``"tables"``, ``"native"`` (the library's own routine), or ``"auto"``: whichever is expected to be quicker.
    threads
        Threads of the tables; ``None``: the processors of this process, or less if ``NUMBA_NUM_THREADS`` or
        ``OMP_NUM_THREADS`` says so.
    table_mib
        Most memory for tables at a time; forests that need more are worked through in turns.
    rescale
        For two classes and a model that answers probabilities: explain the margin and scale each row's values so that
        they add up to its probability. These are not the Shapley values of the probability.
    """

    engine: Literal["auto", "tables", "native"] = "auto"
    threads: int | None = None
    table_mib: int = 256
    rescale: bool = False

    def __post_init__(self) -> None:
        if self.engine not in {"auto", "tables", "native"}:
            raise InputError(f"engine must be 'auto', 'tables' or 'native', not {self.engine!r}.")
        if (self.threads is not None and self.threads < 1) or self.table_mib < 1:
            raise InputError(f"threads and table_mib must be at least 1, not {self.threads} and {self.table_mib}.")


@dataclass(frozen=True)
class Decision:
    """Tables as an engine, or ``None``; and why."""

    engine: Engine | None
    reason: str = ""


def decide(request: Request) -> Decision:
    """Whether tables explain this request: always with a background, else if they are expected to be quicker.

    Raises
    ------
    ModelError, InputError
        If tables were asked for and the model cannot be put into tables.
    """
    config = request.config if isinstance(request.config, TreeConfig) else TreeConfig()
    if request.model.framework not in READERS:
        return Decision(None)
    if config.engine == "native":
        return Decision(None, "asked for")
    if request.background is None and config.engine == "auto":
        source, reason = _if_quicker(request)
        return Decision(None if source is None else engine(request, source, config), reason)
    try:
        source = read_trees(request.model)
    except UnreadableError as error:
        if config.engine == "tables":
            raise
        return Decision(None, str(error))
    reason = "asked for" if config.engine == "tables" else "values against a background"
    return Decision(engine(request, source, config), reason)


def _if_quicker(request: Request) -> tuple[Source | None, str]:
    """The trees, if tables are expected to be quicker than the library's own routine, and why or why not."""
    model, framework = request.model, request.model.framework
    rows, columns = request.frame.shape
    if too_small(framework, rows):
        return None, "few rows"
    n_trees, n_nodes = READERS[framework].size(model)
    if not n_trees or not tables_win(framework, Shape.guess(n_trees, n_nodes), rows, columns):
        return None, "expected to be quicker"
    try:
        source = read_trees(model)
    except UnreadableError as error:
        return None, str(error)
    blocked = obstacle(source.forest)
    if blocked or not tables_win(framework, Shape.of(source.forest), rows, columns):
        return None, blocked or "expected to be quicker"
    return source, "expected to be quicker"


def only_tables(request: Request) -> Decision | None:
    """Tables where the library has no exact values of its own; ``None`` if they cannot be made or were not wanted."""
    config = request.config if isinstance(request.config, TreeConfig) else TreeConfig()
    if request.model.framework not in READERS or config.engine == "native":
        return None
    try:
        source = read_trees(request.model)
    except UnreadableError:
        return None
    if obstacle(source.forest):
        return None
    return Decision(engine(request, source, config), "the library has no exact values of these trees")


def engine(
    request: Request, source: Source, config: TreeConfig, index: Literal["shapley", "banzhaf"] = "shapley"
) -> Engine:
    """Tables of a forest as an engine; a background makes them interventional."""
    from .tables import prepare

    forest = source.forest
    background = None if request.background is None else source.numbers(request.background)
    tables = prepare(forest, index, background=background, threads=config.threads, table_bytes=config.table_mib << 20)
    in_turns = len(tables.turns()) > 1
    run: list[Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = []

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        if not run:
            run.append(tables.keep())
        values, base = run[0](source.numbers(rows))
        return values.reshape(len(rows), forest.n_features, -1), np.tile(base, (len(rows), 1))

    options: dict[str, Any] = {"absent": "background rows" if background is not None else "training coverage"}
    if background is not None:
        options["n_background"] = len(background)
    packages = ({"sklearn": "scikit-learn"}.get(request.model.framework, request.model.framework), "numba")
    return Engine(
        explain,
        raw_space(request.model),
        NAME,
        packages,
        path_dependent=background is None,
        options=tuple(options.items()),
        # Tables that are built in turns are built anew for every block.
        first_block=len(request.frame) if in_turns else _BLOCK,
    )


def raw_space(model: Model) -> Output:
    """The space in which a model's trees add up."""
    if model.framework == "sklearn" and hasattr(model.native, "predict_proba"):
        return "margin" if hasattr(model.native, "decision_function") else "probability"
    return "margin" if "margin" in model.spaces else "value"


def read_trees(model: Model) -> Source:
    """Forest of a model.

    Raises
    ------
    ModelError
        If the model is no sum of trees, saying what it is.
    """
    if model.framework not in READERS:
        raise ModelError(f"{model.framework} models are no trees: this needs a tree ensemble.")
    source: Source = READERS[model.framework].read(model)
    return source


def rescaled(engine: Engine, model: Model) -> Engine:
    """An engine of a logistic margin, its values scaled to add up to the probabilities of both classes.

    Raises
    ------
    ModelError
        If there are not two classes, or the model's probability is not the logistic function of its margin.
    """
    if model.output != "probability" or len(model.output_names) != 2 or engine.space != "margin":
        raise ModelError(
            "rescale=True turns margins of two classes into probabilities: wrap a two-class model with a margin with "
            "output='probability'."
        )
    from scipy.special import expit

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        values, base = engine.explain(rows)
        total = values.sum(axis=1)
        answer, start = expit(base + total), expit(base)
        if np.abs(answer - model.predict_checked(rows)[:, 1:]).max() > 1e-4:
            raise ModelError("rescale=True needs a probability that is the logistic function of the margin.")
        small = np.abs(total) < 1e-6
        slope = np.where(small, start * (1 - start), (answer - start) / np.where(small, 1.0, total))
        scaled = values * slope[:, None, :]
        return np.concatenate([-scaled, scaled], axis=2), np.hstack([1 - start, start])

    return replace(
        engine,
        explain=explain,
        space="probability",
        options=(*engine.options, ("values", "margin values rescaled to the probability")),
    )
