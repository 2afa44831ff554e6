"""The explanation pages are about: a source, its model's facts, one output, and its attribution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core import wording
from ..core.errors import InputError
from ..shapley.engine import shapley_method
from .jobs import compute
from .source import SAMPLE, Source

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution
    from ..models import Performance
    from ..workflows import Obedience

#: Rows that stand for "feature unknown" where a model cannot be explained from its trees alone.
BACKGROUND = 20


def method_for(model: dict[str, Any]) -> tuple[str, bool]:
    """Method of a model's Shapley values, and whether it needs background rows: costly ones do."""
    return shapley_method(model["framework"], model["output"], model["spaces"])


def voters(explained: Explained) -> int:
    """Rows that removal and permutation votes are asked on: each row and column costs a hundred predictions."""
    return int(min(300, max(40, 600_000 // (100 * len(explained.features)))))


def describe(source: Source) -> dict[str, Any]:
    """Facts of a source's model: task, framework, output, output_names, feature_names, classes, hash."""
    facts: dict[str, Any] = compute("describe", "Opening the model", source.identity, {"model": source.file})
    return facts


@dataclass(frozen=True)
class Explained:
    """A source seen through one output of its model, on at most ``limit`` rows (``None``: all)."""

    source: Source
    model: dict[str, Any]
    output: str
    limit: int | None = SAMPLE

    @property
    def features(self) -> tuple[str, ...]:
        """Columns of the model; colours are given by this list, so a column keeps its own everywhere."""
        return tuple(self.model["feature_names"] or self.source.X.columns)

    @property
    def units(self) -> str:
        """What one unit of effect is, in words."""
        return wording.scale(self.model["framework"], self.model["task"], self.model["output"])

    @property
    def about(self) -> str:
        """Which class or value is explained, in words."""
        y = self.source.y
        return wording.about(self.model["task"], self.source.class_label(self.output), None if y is None else y.name)

    def subtitle(self, rows: str | None = None) -> str:
        """Which model, rows (default: those explained), class and units a card is about."""
        return f"{self.source.title} · {rows or self.phrase} · {self.about} · {self.units}"

    @property
    def rows(self) -> pd.DataFrame:
        """The rows that are explained."""
        return self.source.sample(self.limit)[0]

    @property
    def phrase(self) -> str:
        """Which rows these are, in words."""
        return self.source.sample(self.limit)[2]

    def attribution(self) -> Attribution:
        """SHAP values of the rows, k = 1, the output named for people."""
        a = self._shap(self.limit)
        # Figures take their axis titles from the attribution: they shall say the units that subtitles say.
        label = self.source.class_label(self.output)
        return replace(a.for_output(self.output), output_names=(label,), output_space=self.units)

    def _shap(self, limit: int | None) -> Attribution:
        """SHAP values of at most ``limit`` rows, all outputs: of the trees, or against some rows of the table."""
        rows, _, phrase = self.source.sample(limit)
        method, needs_rows = method_for(self.model)
        a: Attribution = compute(
            "explain",
            f"Explaining {phrase}",
            f"{self.source.identity}:{limit}",
            {"model": self.source.file, "method": method},
            X=rows,
            background=self.source.sample(BACKGROUND)[0] if needs_rows else None,
        )
        return a

    def truth(self, row: str) -> str | None:
        """The true answer of a row, named for people; ``None`` where it is not known."""
        y = self.source.y
        if y is None:
            return None
        value = y.iloc[[str(label) for label in y.index].index(row)]
        return f"{value:g}" if self.model["task"] == "regression" else self.source.class_label(str(value))

    def performance(self) -> Performance | None:
        """How well the model does on the rows whose answers are known; ``None`` where none are."""
        if self.source.y is None:
            return None
        measured: Performance = compute(
            "performance",
            "Measuring the model",
            self.source.identity,
            {"model": self.source.file},
            X=self.source.X,
            y=self.source.y,
        )
        if measured.classes is None:
            return measured
        return replace(measured, classes=tuple(self.source.class_label(label) for label in measured.classes))

    def vote_sources(self) -> pd.DataFrame:
        """Votes of the four sources side by side."""
        limit = voters(self)
        rows, positions, phrase = self.source.sample(limit)
        y = self.source.y
        frame: pd.DataFrame = compute(
            "vote_sources",
            f"Asking the four vote sources on {phrase}",
            f"{self.source.identity}:{limit}",
            {"model": self.source.file, "output": self.output},
            X=rows,
            y=None if y is None else y.iloc[positions],
        )
        return frame

    def obedience(self) -> Obedience:
        """Every importance of this model's features put to one test."""
        table = self.vote_sources()
        limit = voters(self)
        rows, _, phrase = self.source.sample(limit)
        a = self._shap(limit)
        others = {name: table[name] for name in table if name != "shap"}
        found: Obedience = compute(
            "believe",
            f"Testing explanations on {phrase}",
            f"{self.source.identity}:{limit}",
            {"model": self.source.file, "output": self.output},
            X=rows,
            importances={"SHAP": a.for_output(self.output), **others},
        )
        return found

    def votes(self, source: str) -> pd.Series:
        """Votes of one source.

        Raises
        ------
        InputError
            If this source cannot be had for this model or these rows; the message says why.
        """
        if source == "native":
            native: pd.Series = compute(
                "importance",
                "Asking the model for its importances",
                self.source.identity,
                {"model": self.source.file, "kind": "native"},
                X=self.source.X.iloc[:1],
            )
            return native
        table = self.vote_sources()
        if source not in table:
            raise InputError(table.attrs["missing"].get(source, f"there are no {source} votes for this model."))
        return table[source]
