"""The report of a model, made in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from .codec import ModelFile

Progress = Callable[[float, str], None]


def report(
    model: str | ModelFile,
    X: Any,
    *,
    progress: Progress,
    y: Any = None,
    title: str | None = None,
    dataset: str | None = None,
    output: str | None = None,
    rows_are: str = "rows",
    names: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    sheets: Sequence[Any] = (),
    files: Sequence[tuple[str, str, Sequence[str]]] = (),
    config: Mapping[str, Any] | None = None,
) -> str:
    """What :func:`xai.report.build` returns, without Plotly's script: see :func:`xai.report.whole`.

    Parameters
    ----------
    sheets
        Concepts to stand in it.
    files
        Name, content and notes of result files to stand in it.
    config
        Fields of :class:`xai.report.ReportConfig`.
    """
    from .tasks import open_cached

    # Reports stand above this floor, so they are found by name, and only when one is asked for.
    reports = import_module("xai.report")
    sections = [
        *(reports.concepts_section(sheet) for sheet in sheets),
        *(reports.section_of_text(text, name, tuple(notes)) for name, text, notes in files),
    ]
    options = dict(config or {})
    if "alliances" in options:
        options["alliances"] = {name: tuple(members) for name, members in options["alliances"].items()}
    options["exclude"] = tuple(options.get("exclude", ()))
    html = reports.build(
        open_cached(model),
        X,
        y,
        title=title,
        dataset=dataset,
        output=output,
        rows_are=rows_are,
        names=names,
        facts=facts,
        sections=sections,
        config=reports.ReportConfig(**options),
        progress=progress,
    )
    thin: str = reports.thin(html)
    return thin
