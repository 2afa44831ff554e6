"""What can be done with every row, and with the model as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, unknown_names

if TYPE_CHECKING:
    from ..models import Model

#: Written for every row from the SHAP values of the row.
SEATS = "dhondt"
#: Asked of the model once, for the summary.
OF_THE_MODEL = ("native",)
_PATH_DEPENDENT = ("xgboost", "lightgbm", "catboost")
_SEAT_OPTIONS = {"seats": 100, "rule": "dhondt", "source": "shap"}


def check_methods(methods: tuple[str, ...], options: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether these methods exist and have what they need.

    Raises
    ------
    InputError
        Before the first row: on an unknown or repeated method, options of a method that does not run, unknown
        options, or a background that is missing.
    """
    from ..shapley import methods as registered

    explaining = {method.name: method for method in registered()}
    known = (*explaining, SEATS, *OF_THE_MODEL)
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise InputError(unknown_names("method", unknown, known))
    if not methods or len(set(methods)) < len(methods):
        raise InputError("name at least one method, and each only once.")
    idle = [name for name in options if name not in methods]
    if idle:
        raise InputError(f"options are given for '{idle[0]}', which is not among the methods.")
    for name in methods:
        given = options.get(name, {})
        if name == SEATS:
            _check_options(name, given, _SEAT_OPTIONS)
            if given.get("source", "shap") not in methods:
                raise InputError(
                    f"seats are given by the votes of '{given.get('source', 'shap')}': add it to the methods."
                )
        elif name in OF_THE_MODEL:
            _check_options(name, given, ())
        else:
            _check_options(name, given, ("background", "config"))
            if "background" in explaining[name].needs and "background" not in given:
                raise InputError(
                    f"method '{name}' needs background rows: options={{'{name}': {{'background': 'rows.parquet'}}}}."
                )
            if "torch" in explaining[name].needs:
                raise InputError(f"method '{name}' explains torch modules in memory: use xai.explain for them.")


def _check_options(method: str, given: Mapping[str, Any], known: Any) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(unknown_names(f"option of '{method}'", unknown, known))


def settle_options(
    methods: tuple[str, ...], options: Mapping[str, Mapping[str, Any]], model: Model, rows: int
) -> dict[str, dict[str, Any]]:
    """Options with everything filled in that is chosen automatically, so that every part is worked on alike.

    ``xai.explain`` may choose between two exact engines by what is quicker at the moment, and their last bits
    differ. Here the choice depends on the model and the number of rows alone.
    """
    settled: dict[str, dict[str, Any]] = {}
    for name in methods:
        given = dict(options.get(name, {}))
        if name == SEATS:
            settled[name] = _SEAT_OPTIONS | given
        elif name == "shap" and given.get("config") is None:
            settled[name] = given | _tree_engine(model, rows, with_background="background" in given)
        else:
            settled[name] = given
    return settled


def _tree_engine(model: Model, rows: int, *, with_background: bool) -> dict[str, Any]:
    from ..shapley.trees import READERS
    from ..shapley.trees.choice import Shape, own_seconds, start_seconds, table_seconds
    from ..shapley.trees.engine import TreeConfig, read_trees
    from ..shapley.trees.forest import UnreadableError, obstacle

    try:
        forest = read_trees(model).forest if model.framework in READERS else None
    except UnreadableError:
        forest = None
    if forest is None:
        if with_background:
            return {}
        if model.framework in _PATH_DEPENDENT:
            return {"config": TreeConfig(engine="native")}
        raise InputError(
            f"the SHAP values of this {model.framework} model start from background rows, and all parts must share "
            "them: options={'shap': {'background': 'rows.parquet'}}."
        )
    shape = Shape.of(forest)
    seconds = table_seconds(model.framework, shape, rows, forest.n_features) - start_seconds()
    tables = not obstacle(forest) and (with_background or seconds < own_seconds(model.framework, shape, rows))
    # One thread a worker: there are as many workers as processors.
    return {"config": TreeConfig(engine="tables" if tables else "native", threads=1)}


def plain_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Options as JSON types, for the manifest."""
    return {
        name: {
            key: asdict(value) | {"class": type(value).__name__} if key == "config" and value is not None else value
            for key, value in given.items()
        }
        for name, given in options.items()
    }
