"""The report of a model: computed, put in order, and written as one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..core.errors import InputError
from ..models.performance import performance as measure
from . import cards, findings, limits
from .page import page
from .section import Section
from .subject import ReportConfig, Subject, subject

if TYPE_CHECKING:
    from ..datasets import Dataset

Progress = Callable[[float, str], None]


def build(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    title: str | None = None,
    dataset: str | Dataset | None = None,
    output: str | None = None,
    background: Any = None,
    rows_are: str = "rows",
    names: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    sections: Sequence[Section] = (),
    config: ReportConfig | None = None,
    path: str | Path | None = None,
    progress: Progress | None = None,
) -> str:
    """What a person found, as one HTML file that opens without network and is the same whenever it is made again.

    Parameters
    ----------
    model
        A wrapped model, or an object that :func:`xai.wrap_model` takes.
    X, y
        Rows, at least two, and their answers; without answers nothing is measured.
    title
        Of the report.
    dataset
        The bundled data set the rows come from, or its name: brings the data card and names of classes.
    output
        The output to explain; by default the last of two classes, the first of several.
    background
        Rows that stand for "feature unknown"; by default the trees' own coverage, or some of the rows themselves.
    rows_are
        What the rows are, in words, e.g. ``"held-out rows"``.
    names
        Names for people of outputs, e.g. ``{"1": "died"}``; the data set's own where it has them.
    facts
        Further lines of the model card, e.g. ``{"file": "model.ubj"}``.
    sections
        What other methods found: see :func:`concepts_section`, :func:`tokens_section`, :func:`edits_section`; or
        sections of one's own. They stand before the limits.
    config
        Options and seeds.
    path
        Where to write the file, too.
    progress
        Called with the fraction done and a short text.

    Returns
    -------
    str
        The file's content.

    Raises
    ------
    InputError
        If model, rows, answers or options do not fit each other, or the file cannot be written.
    ModelError
        If the model cannot predict or be explained.
    """
    tell = progress or _silent
    about = subject(
        model,
        X,
        y,
        dataset=dataset,
        output=output,
        background=background,
        rows_are=rows_are,
        names=names,
        facts=facts,
        config=config or ReportConfig(),
    )
    tell(0.0, "measuring the model")
    measured = (
        None if about.y is None else measure(about.model, about.X, about.y, about.config.n_boot, about.config.seed)
    )
    found = findings.find(about, tell)
    tell(0.95, "writing")
    heading = title or _title(about)
    html = page(
        heading,
        f"{about.phrase(len(about.X))} · {about.about} · {about.scale}",
        (
            cards.data_card(about),
            cards.model_card(about, found.engine),
            cards.performance(about, measured),
            findings.parliament(about, found),
            findings.shap_values(about, found),
            findings.agreements(about, found),
            findings.faithfulness(about, found),
            *sections,
            limits.limits(about),
            limits.options(about, found.attribution.provenance.options),
        ),
        f"Hemicycle {__version__}. A description of a model, not medical advice.",
    )
    if path is not None:
        write(html, Path(path))
    tell(1.0, "done")
    return html


def write(html: str, path: Path) -> None:
    """Write a report whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(html, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def _title(about: Subject) -> str:
    data = f"{len(about.X):,} {about.rows_are}" if about.dataset is None else about.dataset.title
    return f"Report: {about.model.framework} on {data}"


def _silent(fraction: float, text: str) -> None:
    """Nobody watches."""
