"""The one shape every framework is brought into."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ..core.errors import InputError, ModelError, XaiError, listing
from ..core.table import require_frame

if TYPE_CHECKING:
    import pandas as pd

Output = Literal["margin", "probability", "value"]
Task = Literal["binary", "multiclass", "regression", "ranking"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Model(ABC):
    """A fitted model whose answer always has shape ``(n, k)``.

    A binary classifier has one margin (named after its positive class), K classes have K probabilities,
    a regression has one value.

    Attributes
    ----------
    framework
        ``"xgboost"``, ``"lightgbm"``, ``"catboost"``, ``"sklearn"``, ``"callable"``, ...
    native
        The wrapped object.
    task
        ``"binary"``, ``"multiclass"``, ``"regression"`` or ``"ranking"``.
    spaces
        Output names of each space this model can answer in, e.g. ``{"margin": ("1",), "probability": ("0", "1")}``.
    output
        The space it answers in: ``"margin"``, ``"probability"`` or ``"value"``.
    feature_names
        Column names in the model's order, ``None`` if it was fitted without names.
    n_features
        Number of columns, ``None`` if unknown.
    categorical
        Positions of columns that may hold text or categories; the others must hold numbers. ``None``: unknown, nothing
        is checked.
    classes
        Class labels as the model knows them, ``None`` for other tasks.
    known_hash
        SHA-256 of the file the model came from, if it came from one.
    """

    framework: str
    native: Any
    task: Task
    spaces: Mapping[Output, tuple[str, ...]]
    output: Output
    feature_names: tuple[str, ...] | None = None
    n_features: int | None = None
    categorical: tuple[int, ...] | None = ()
    classes: tuple[Any, ...] | None = None
    known_hash: str = field(default="", repr=False)

    @abstractmethod
    def _predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Outputs ``(n, k)`` in the space ``self.output`` for a checked table of at least one row."""

    def _serialised(self) -> bytes:
        """The native serialisation, empty where there is none."""
        return b""

    def _prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Bring the columns to the types the framework wants, or raise an InputError."""
        return frame

    @property
    def output_names(self) -> tuple[str, ...]:
        """One name an output, in the space the model answers in."""
        return self.spaces[self.output]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the model's file or native serialisation; empty where it cannot be known."""
        from ..core.provenance import hash_bytes

        content = b"" if self.known_hash else self._serialised()
        return self.known_hash or (hash_bytes(content) if content else "")

    def with_output(self, space: str) -> Model:
        """The same model answering in another space.

        Raises
        ------
        ModelError
            If the model does not have that space; the message lists those it has.
        """
        return replace(self, output=self._space(space))

    def _space(self, space: str) -> Output:
        for known in self.spaces:
            if known == space:
                return known
        raise ModelError(
            f"this {self.framework} model ({self.task}) has no output '{space}': it has {listing(self.spaces)}."
        )

    def check(self, X: object) -> pd.DataFrame:
        """``X`` as a table with the model's columns in the model's order, other columns dropped.

        Raises
        ------
        InputError
            If columns are missing or too many to tell, or a column holds text where numbers are needed.
        """
        frame = self._named(X)
        if self.categorical is not None:
            for position, dtype in enumerate(frame.dtypes):
                if position not in self.categorical and not _is_plain_number(dtype):
                    frame = replace_column(frame, _as_numbers(frame.iloc[:, position]))
        return self._prepare(frame)

    def _named(self, X: object) -> pd.DataFrame:
        import pandas as pd

        frame = require_frame(X)
        names = self.feature_names
        if names is not None and isinstance(X, pd.DataFrame):
            missing = [name for name in names if name not in frame.columns]
            if missing:
                raise InputError(_missing_columns(missing, frame.columns, self.framework))
            return frame[list(names)]
        expected = self.n_features if names is None else len(names)
        if expected is not None and frame.shape[1] != expected:
            raise InputError(
                f"the {self.framework} model was trained on {expected} columns, but X has {frame.shape[1]}"
                + (f": it needs {listing(names)}." if names else "; it stores no column names to choose them by.")
            )
        return frame if names is None else frame.set_axis(list(names), axis=1)

    def predict(self, X: object) -> np.ndarray:
        """What the model answers, ``(n, k)`` float64, in the space ``output``.

        Raises
        ------
        InputError
            If the table does not fit the model, see :meth:`check`.
        ModelError
            If the framework fails, or answers with another shape or with values that are not finite.
        """
        return self.predict_checked(self.check(X))

    def predict_checked(self, frame: pd.DataFrame) -> np.ndarray:
        """:meth:`predict` for a table that :meth:`check` returned."""
        if not len(frame):
            return np.empty((0, len(self.output_names)))
        with library_errors(self.framework, "predict"):
            outputs = np.asarray(self._predict(frame), dtype=float)
        if outputs.ndim == 1:
            outputs = outputs[:, None]
        expected = (len(frame), len(self.output_names))
        if outputs.shape != expected:
            raise ModelError(f"the {self.framework} model answered with shape {outputs.shape}, not {expected}.")
        if not np.isfinite(outputs).all():
            row, column = np.argwhere(~np.isfinite(outputs))[0]
            raise ModelError(
                f"the {self.framework} model answered {outputs[row, column]} for row {frame.index[row]}, "
                f"output '{self.output_names[column]}': check that row's values."
            )
        return outputs


@contextmanager
def library_errors(library: str, action: str) -> Iterator[None]:
    """Turn whatever a foreign library raises into a ModelError that names it."""
    try:
        yield
    except XaiError:
        raise
    except Exception as error:
        # A foreign library may raise anything; nothing is lost, the cause is chained.
        raise ModelError(f"{library} could not {action}: {library_text(error)}") from error


def library_text(error: BaseException) -> str:
    """What a library said, without the clock, source line and stack trace that XGBoost puts around it."""
    text = str(error).partition("Stack trace:")[0]
    text = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", text)
    return " ".join(text.split())[:600] or type(error).__name__


def as_categories(column: pd.Series, categories: tuple[Any, ...]) -> pd.Series:
    """A column of labels as a pandas category with the labels of training; labels unknown there become missing."""
    import pandas as pd

    return pd.Series(pd.Categorical(column, categories=list(categories)), index=column.index, name=column.name)


def choose_output(spaces: Mapping[Output, tuple[str, ...]]) -> Output:
    """Margin where there is one, else probability, else value."""
    return next(space for space in get_args(Output) if space in spaces)


def class_spaces(classes: tuple[Any, ...], available: tuple[Output, ...]) -> dict[Output, tuple[str, ...]]:
    """Output names of a classifier: one margin for two classes, otherwise one output a class."""
    names = tuple(str(label) for label in classes)
    margin = names[1:] if len(names) == 2 else names
    return {space: margin if space == "margin" else names for space in available}


def value_names(n_outputs: int) -> tuple[str, ...]:
    """Names of the outputs of a regression."""
    return ("value",) if n_outputs == 1 else tuple(f"value_{i}" for i in range(n_outputs))


def plain(label: Any) -> Any:
    """A class label as a Python object."""
    return label.item() if isinstance(label, np.generic) else label


def _is_plain_number(dtype: object) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "iufb"


def replace_column(frame: pd.DataFrame, column: pd.Series) -> pd.DataFrame:
    """A table with one column changed, found by its name."""
    return frame.assign(**{str(column.name): column})


def _as_numbers(column: pd.Series) -> pd.Series:
    """Nullable and object columns that hold numbers, as float64; anything else is an error."""
    import pandas as pd

    kind = "categories" if isinstance(column.dtype, pd.CategoricalDtype) else "text or other objects"
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind in "iufb":
        return column.astype("float64")
    numbers = (int, float, np.number, np.bool_)
    present = column[column.notna()]
    bad = [value for value in present if not isinstance(value, numbers)]
    if bad or kind == "categories" or column.dtype.kind in "mM":
        shown = bad[0] if bad else (present.iloc[0] if len(present) else column.dtype)
        raise InputError(
            f"column '{column.name}' holds {kind} (e.g. {str(shown)!r}), but the model wants numbers there: "
            "encode the column as it was for training."
        )
    return column.astype("float64")


def _missing_columns(missing: list[str], present: Any, framework: str) -> str:
    near = [(name, get_close_matches(name, [str(column) for column in present], n=1)) for name in missing]
    hints = "; ".join(f"'{match[0]}' instead of '{name}'" for name, match in near if match)
    hint = f" Did you write {hints}?" if hints else ""
    return f"X lacks {len(missing)} of the {framework} model's columns: {listing(missing)}.{hint}"
