"""The data card and the model card."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .. import plots
from ..core.errors import listing
from ..core.provenance import hash_frame, versions
from .section import Block, Facts, Figure, Points, Section, Table, Text
from .subject import Subject

if TYPE_CHECKING:
    import pandas as pd

    from ..models.performance import Performance

_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "plotly")
_PACKAGES = {"sklearn": "scikit-learn"}
_SHOWN_CATEGORIES = 6


def data_card(about: Subject) -> Section:
    """Where the rows come from, what the columns hold, what to beware of."""
    n, d = about.X.shape
    known = "" if about.y is None else f", answers in '{about.y.name}'"
    facts = [
        ("rows, columns", f"{n:,} {about.rows_are}, {d} columns{known}"),
        ("SHA-256 of the rows", hash_frame(about.X)),
    ]
    if about.y is not None:
        facts.append(("SHA-256 of the answers", hash_frame(about.y.to_frame(name=str(about.y.name)))))
    blocks: list[Block] = []
    dataset = about.dataset
    if dataset is not None:
        blocks.append(Text(dataset.description))
        facts = [
            ("data set", f"{dataset.title} ({dataset.name})" + (", synthetic" if dataset.synthetic else "")),
            ("target", dataset.target_meaning),
            *facts,
            ("licence", dataset.licence),
            ("cite", dataset.citation),
            ("source", dataset.source),
        ]
    blocks.append(Facts(tuple(facts)))
    if dataset is not None and dataset.traps:
        blocks += [Text("Beware:", strong=True), Points(dataset.traps)]
    blocks.append(_columns(about))
    return Section("What are the data?", tuple(blocks), about.phrase(n))


def _columns(about: Subject) -> Table:
    labels = {} if about.dataset is None else about.dataset.labels
    units = {} if about.dataset is None else about.dataset.units_of
    rows = []
    for name in about.X.columns:
        column = about.X[name]
        meaning = labels.get(str(name), "")
        unit = units.get(str(name), "")
        rows.append(
            (str(name), meaning + (f" ({unit})" if unit else ""), f"{column.isna().mean():.1%}", _range(column))
        )
    return Table(("column", "meaning", "missing", "values"), tuple(rows), f"The {len(rows)} columns", (2,), folded=True)


def _range(column: pd.Series) -> str:
    """Smallest, median and largest of numbers, or the most frequent categories."""
    filled = column.dropna()
    if not len(filled):
        return "none"
    if filled.dtype.kind in "biuf":
        low, middle, high = filled.astype(float).quantile([0, 0.5, 1])
        return f"{low:.4g} to {high:.4g}, median {middle:.4g}"
    # Equal counts in the order of their names: value_counts alone leaves them in any.
    counts = filled.astype(str).value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shown = ", ".join(f"{name} {count / len(filled):.0%}" for name, count in counts[:_SHOWN_CATEGORIES].items())
    return shown + (f" and {len(counts) - _SHOWN_CATEGORIES} more" if len(counts) > _SHOWN_CATEGORIES else "")


def model_card(about: Subject, engine: str) -> Section:
    """What the model is, and with what it was asked."""
    model = about.model
    package = _PACKAGES.get(model.framework, model.framework)
    outputs = [about.label(name) for name in model.output_names]
    facts = [
        ("kind", f"{model.framework}, {model.task}"),
        ("answers", f"{model.output} of {listing(outputs)}"),
        ("explained here", f"{about.about}, in {about.scale}"),
        ("columns", f"{about.X.shape[1]}"),
        ("SHA-256", model.hash or "unknown: the model is a function in memory"),
        *about.facts.items(),
        ("SHAP values by", engine),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions((package, *_LIBRARIES)).items())),
    ]
    return Section("What is the model?", (Facts(tuple(facts)),), f"{model.framework} · {about.about}")


def performance(about: Subject, measured: Performance | None) -> Section:
    """How good the model is on the rows whose answers are known."""
    title = "How good is the model?"
    if measured is None:
        return Section(
            title,
            (Text("Nothing was measured, as the answers of these rows are not known. An explanation of a model that "
                  "may be wrong everywhere is an explanation of that."),),
            about.phrase(len(about.X)),
        )  # fmt: skip
    if measured.classes is not None:
        measured = replace(measured, classes=tuple(about.label(label) for label in measured.classes))
    rows = tuple(
        (m.name, f"{m.value:.3f}", f"{m.low:.3f} to {m.high:.3f}", "higher" if m.higher_is_better else "lower")
        for m in measured.metrics
    )
    blocks: list[Block] = [
        Table(
            ("measure", "value", "95 % interval", "better is"),
            rows,
            "Scores, with intervals over resampled rows",
            (1, 2),
        )
    ]
    if measured.confusion is not None:
        alt = "Confusion matrix: true classes against predicted ones, counts of rows."
        blocks.append(Figure(plots.confusion(measured), alt))
    blocks.append(
        Text(f"Measured on {about.phrase(len(about.X))}. Rows the model was trained on would flatter it.", quiet=True)
    )
    return Section(title, tuple(blocks), about.phrase(len(about.X)))
