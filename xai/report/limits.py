"""What a report cannot say, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .page import json_text
from .section import Facts, Points, Section, Text
from .subject import Subject

_LIMITS = (
    "This is a description of a model, not of the world: what the model leans on need not cause anything.",
    "Nothing here is medical advice or a diagnosis, and no number here says that the model is safe to use.",
    (
        "SHAP values and seats say what this model did on these rows. The intervals cover only which rows were looked "
        "at; the same model trained again may say otherwise."
    ),
    "Correlated features share their importance: a feature with few seats may still carry what its neighbours carry.",
    "Seats are a rounding of vote shares to whole numbers: they help to talk about importance and add nothing to it.",
    (
        "A feature counts as unknown by the trees' own coverage or by values of other rows, depending on the method; "
        "the methods answer different questions where features depend on each other."
    ),
    "The figures hold values of single rows. Treat this file with the care that the data need.",
)


def limits(about: Subject) -> Section:
    """The limits in plain words, those of the data first."""
    traps = () if about.dataset is None or not about.dataset.synthetic else ("The rows are synthetic.",)
    return Section("What does this not say?", (Points((*traps, *_LIMITS)),))


def options(about: Subject, provenance: Mapping[str, Any]) -> Section:
    """Everything needed to make the report again."""
    config = {
        name: str(value) if not isinstance(value, dict) else json_text(value)
        for name, value in asdict(about.config).items()
    }
    unknown = "the trees' own coverage, or the rows themselves"
    facts = (
        *((name.replace("_", " "), value) for name, value in config.items() if value not in {"{}", "()"}),
        ("background", unknown if about.background is None else f"{len(about.background):,} rows given"),
        ("engine's options", json_text(dict(provenance))),
    )
    return Section(
        "How can this be made again?",
        (
            Text(
                "With the same model, rows, versions and options every number here comes out again, and the file too."
            ),
            Facts(facts),
        ),
    )
