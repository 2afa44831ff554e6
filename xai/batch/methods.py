"""What can be done with every row, picture or prompt, and with the model as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, is_dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import InputError, unknown_names
from ..core.provenance import hash_bytes, hash_file

if TYPE_CHECKING:
    from ..models import Model

Kind = Literal["rows", "pictures", "prompts"]
"""What a run explains: rows of a table, pictures of a folder, or prompts of JSON lines."""

#: Written for every row from the values of the row.
SEATS = "dhondt"
#: Asked of the model once, for the summary.
OF_THE_MODEL = ("native", "permutation")
#: Methods that explain something else than rows of a table.
_KINDS: dict[str, Kind] = {"craft": "pictures", "chmcorr": "pictures", "reagent": "prompts"}
#: Files or folders a method reads: option to what they are.
READ = {"background": "a table", "bank": "saved concepts", "gallery": "a gallery", "backbone": "an ONNX file"}
_PATH_DEPENDENT = ("xgboost", "lightgbm", "catboost")
_SEAT_OPTIONS = {"seats": 100, "rule": "dhondt", "source": "shap"}
_SAMPLE = {"target": "", "rows": 10_000, "n_repeats": 5, "seed": 0}
_KNOWN_OPTIONS: dict[str, Collection[str]] = {
    SEATS: _SEAT_OPTIONS,
    "native": (),
    "permutation": _SAMPLE,
    "craft": ("bank", "class", "estimator"),
    "chmcorr": ("gallery", "backbone", "options"),
    "reagent": ("model", "config", "max_new_tokens"),
}
_NEEDED = {
    "permutation": ("target", "the column of the true answers", "outcome"),
    "craft": ("bank", "concepts saved by xai.craft.Craft.save", "concepts.npz"),
    "chmcorr": ("gallery", "the folder of a gallery", "gallery"),
}


def kind_of(methods: tuple[str, ...]) -> Kind:
    """What methods explain.

    Raises
    ------
    InputError
        If they explain different things.
    """
    kinds = {name: _KINDS.get(name, "rows") for name in methods if name != SEATS}
    found = sorted(set(kinds.values()))
    if len(found) > 1:
        said = ", ".join(f"'{name}' explains {kind}" for name, kind in kinds.items())
        raise InputError(f"one run explains one kind of data, but {said}: make a run for each.")
    return kinds[next(iter(kinds))] if kinds else "rows"


def explaining(methods: Collection[str]) -> tuple[str, ...]:
    """Those of a run's methods that explain rows, pictures or prompts one by one."""
    return tuple(name for name in methods if name not in (*OF_THE_MODEL, SEATS))


def check_methods(methods: tuple[str, ...], options: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether these methods exist and have what they need.

    Raises
    ------
    InputError
        Before the first row: on an unknown or repeated method, options of a method that does not run, unknown
        options, or a background that is missing.
    """
    from ..shapley import methods as registered

    of_rows = {method.name: method for method in registered()}
    known = (*of_rows, *_KINDS, SEATS, *OF_THE_MODEL)
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise InputError(unknown_names("method", unknown, known))
    if not methods or len(set(methods)) < len(methods):
        raise InputError("name at least one method, and each only once.")
    idle = [name for name in options if name not in methods]
    if idle:
        raise InputError(f"options are given for '{idle[0]}', which is not among the methods.")
    kind_of(methods)
    for name in methods:
        given = options.get(name, {})
        _check_options(name, given, _KNOWN_OPTIONS.get(name, ("background", "config")))
        if name == SEATS:
            source = given.get("source", _voting(methods))
            if source not in explaining(methods) or source == "reagent":
                raise InputError(f"seats are given by the votes of '{source}': add it to the methods.")
        _check_needs(name, of_rows[name].needs if name in of_rows else (), given)


def counted(name: str, value: Any) -> int:
    """A number of what there is at least one of.

    Raises
    ------
    InputError
        If it is no whole number, or below 1.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, not {value!r}.")
    return int(value)


def _check_needs(name: str, needs: Collection[str], given: Mapping[str, Any]) -> None:
    for option in READ.keys() & given.keys():
        if not isinstance(given[option], str | Path):
            raise InputError(
                f"option '{option}' of '{name}' must be the path of {READ[option]}, not "
                f"{type(given[option]).__name__}: save it and give its path, so that all processes can read it."
            )
    if name in _NEEDED and not given.get(_NEEDED[name][0]):
        option, what, example = _NEEDED[name]
        raise InputError(
            f"method '{name}' needs {what}: options={{'{name}': {{'{option}': '{example}'}}}}, "
            f"or --option {name}.{option}={example}."
        )
    if name == "permutation":
        counted("option 'rows' of 'permutation'", given.get("rows", _SAMPLE["rows"]))
    if "background" in needs and "background" not in given:
        raise InputError(
            f"method '{name}' needs background rows: options={{'{name}': {{'background': 'rows.parquet'}}}}, "
            "or --background rows.parquet."
        )
    if "torch" in needs:
        raise InputError(f"method '{name}' explains torch modules in memory: use xai.explain for them.")
    for option in READ.keys() & given.keys():
        if not Path(given[option]).exists():
            raise InputError(f"{READ[option]} that '{name}' needs is not there: {given[option]} ({option}).")


def _voting(methods: tuple[str, ...]) -> str:
    """Whose values vote where nobody says it."""
    return "shap" if kind_of(methods) == "rows" else explaining(methods)[0]


def _check_options(method: str, given: Mapping[str, Any], known: Any) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(unknown_names(f"option of '{method}'", unknown, known))


def settle_options(
    methods: tuple[str, ...], options: Mapping[str, Mapping[str, Any]], model: Model | None, rows: int
) -> dict[str, dict[str, Any]]:
    """Options with everything filled in that is chosen automatically, so that every part is worked on alike.

    ``xai.explain`` may choose between two exact engines by what is quicker at the moment, and their last bits
    differ. Here the choice depends on the model and the number of rows alone.
    """
    settled: dict[str, dict[str, Any]] = {}
    for name in methods:
        given = dict(options.get(name, {}))
        if name == SEATS:
            settled[name] = _SEAT_OPTIONS | {"source": _voting(methods)} | given
        elif name == "permutation":
            settled[name] = _SAMPLE | given
        elif name == "shap" and given.get("config") is None and model is not None:
            settled[name] = given | _tree_engine(model, rows, with_background="background" in given)
        else:
            settled[name] = given
    return settled


def located(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the files they name as absolute paths, and with the hash of what is in them."""
    paths = {name: Path(given[name]).resolve() for name in READ if name in given}
    hashes = {f"{name}_hash": _hash(path) for name, path in paths.items()}
    return {**given, **{name: str(path) for name, path in paths.items()}, **hashes}


def _hash(path: Path) -> str:
    """Of a file, or of the JSON file that describes everything in a folder."""
    described = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return hash_bytes("".join(map(hash_file, described)).encode())


def _tree_engine(model: Model, rows: int, *, with_background: bool) -> dict[str, Any]:
    from ..shapley.engines import find_engine
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
            "them: options={'shap': {'background': 'rows.parquet'}}, or --background rows.parquet."
        )
    shape = Shape.of(forest)
    seconds = table_seconds(model.framework, shape, rows, forest.n_features) - start_seconds()
    needed = with_background or find_engine(model, None) is None  # the library has no values of its own to choose
    tables = not obstacle(forest) and (needed or seconds < own_seconds(model.framework, shape, rows))
    # One thread a worker: there are as many workers as processors.
    return {"config": TreeConfig(engine="tables" if tables else "native", threads=1)}


def plain_options(options: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Options as JSON types, for the manifest."""
    return {
        name: {
            key: asdict(value) | {"class": type(value).__name__}
            if is_dataclass(value) and not isinstance(value, type)
            else value
            for key, value in given.items()
        }
        for name, given in options.items()
    }
