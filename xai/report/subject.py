"""What a report is about: a model, rows, answers, and the names people know them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import rows, wording
from ..core.errors import InputError
from ..faithfulness.single import choose_output
from ..models import Model, wrap_model

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution
    from ..datasets import Dataset


@dataclass(frozen=True)
class ReportConfig:
    """Options of a report.

    Attributes
    ----------
    seats, rule, threshold, alliances, exclude
        The electoral law, see :func:`xai.elect`.
    rows
        Most rows that are explained; drawn at random if there are more.
    asked
        Most rows on which the other sources of votes are asked, each of which costs a hundred predictions a column.
    followed
        Most rows that are followed while units enter or leave.
    background_rows
        Most rows that stand for "feature unknown" where a model needs such rows and none are given.
    n_boot
        Resamples for intervals.
    seed
        Of everything drawn.
    """

    seats: int = 100
    rule: str = "dhondt"
    threshold: float = 0.0
    alliances: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    rows: int = 1000
    asked: int = 300
    followed: int = 40
    background_rows: int = 100
    n_boot: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rows", "asked", "followed"):
            if getattr(self, name) < 2:
                raise InputError(f"{name} must be at least 2, not {getattr(self, name)}.")
        if self.background_rows < 1:
            raise InputError(f"background_rows must be at least 1, not {self.background_rows}.")


@dataclass(frozen=True, eq=False)
class Subject:
    """A model seen through one output, on rows.

    Attributes
    ----------
    X, y
        All rows, and their answers where they are known.
    rows_are
        What these rows are, in words: ``"held-out rows"``.
    dataset
        The bundled data set they come from, ``None`` for a table of one's own.
    background
        Rows that stand for "feature unknown"; ``None``: the trees' own coverage, or some of the rows themselves.
    names
        Names for people of outputs.
    facts
        Further lines of the model card.
    """

    model: Model
    X: pd.DataFrame
    y: pd.Series | None
    output: str
    rows_are: str
    dataset: Dataset | None
    background: pd.DataFrame | None
    names: Mapping[str, str]
    facts: Mapping[str, str]
    config: ReportConfig

    @property
    def features(self) -> tuple[str, ...]:
        """Columns in the model's order: colours are given by this list."""
        return tuple(str(name) for name in self.X.columns)

    @cached_property
    def colours(self) -> dict[str, str]:
        """One colour a column."""
        from .. import plots

        return plots.colours(self.features)

    @property
    def scale(self) -> str:
        """What one unit of effect is, in words."""
        return wording.scale(self.model.framework, self.model.task, self.model.output)

    def label(self, output: str) -> str:
        """Name for people of an output: the one given, or the class it stands for where the data set names those."""
        return wording.class_label(output, self.names, () if self.dataset is None else self.dataset.target_names)

    @property
    def about(self) -> str:
        """Which class or value is explained."""
        return wording.about(self.model.task, self.label(self.output), None if self.y is None else self.y.name)

    def drawn(self, limit: int) -> np.ndarray:
        """Positions of at most ``limit`` rows, in their order; fewer rows are some of what more rows would be."""
        return rows.drawn(len(self.X), limit, self.config.seed)

    def phrase(self, limit: int) -> str:
        """Which rows :meth:`drawn` gives, in words."""
        return rows.phrase(len(self.X), limit, self.rows_are, self.config.seed)

    def subtitle(self, limit: int) -> str:
        """Rows, class and units."""
        return f"{self.phrase(limit)} · {self.about} · {self.scale}"

    def named(self, a: Attribution) -> Attribution:
        """An attribution of the output in question, its output and units named for people."""
        one = a.for_output(self.output)
        return replace(one, output_names=(self.label(self.output),), output_space=self.scale)


def subject(
    model: Any,
    X: Any,
    y: Any,
    *,
    dataset: str | Dataset | None,
    output: str | None,
    background: Any,
    rows_are: str,
    names: Mapping[str, str] | None,
    facts: Mapping[str, str] | None,
    config: ReportConfig,
) -> Subject:
    """What was given, checked.

    Raises
    ------
    InputError
        If model, rows, answers, output or data set do not fit each other.
    """
    import pandas as pd

    from ..datasets import load_table

    wrapped = model if isinstance(model, Model) else wrap_model(model)
    frame = wrapped.check(X)
    if len(frame) < 2:
        raise InputError(f"a report needs at least two rows, but X has {len(frame)}.")
    if wrapped.task == "ranking":
        raise InputError("reports are about classes and values: a ranking model has neither.")
    if not wrapped.output_names:
        wrapped.predict_checked(frame.iloc[:1])  # a plain function shows here how many outputs it has
    outputs = wrapped.output_names
    chosen = output if output is not None or len(outputs) == 1 else outputs[-1 if wrapped.task == "binary" else 0]
    answers = None if y is None else pd.Series(y) if not isinstance(y, pd.Series) else y
    if answers is not None and len(answers) != len(frame):
        raise InputError(f"y has {len(answers)} answers, but X has {len(frame)} rows.")
    return Subject(
        model=wrapped,
        X=frame,
        y=answers,
        output=outputs[choose_output(outputs, chosen)],
        rows_are=rows_are,
        dataset=load_table(dataset) if isinstance(dataset, str) else dataset,
        background=None if background is None else wrapped.check(background),
        names=names or {},
        facts=facts or {},
        config=config,
    )
