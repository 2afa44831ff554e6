"""What a model answers, in words: the class or value, and what one unit of effect is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Frameworks whose binary margin is the logarithm of the odds.
LOGISTIC = ("xgboost", "lightgbm", "catboost")


def scale(framework: str, task: str, space: str) -> str:
    """What one unit of effect is on an answer in ``space``: ``"log-odds"`` or the space itself."""
    if space == "margin" and framework in LOGISTIC and task == "binary":
        return "log-odds"
    return space


def class_label(output: str, names: Mapping[str, str], target_names: Sequence[str]) -> str:
    """Name for people of an output.

    Parameters
    ----------
    names
        Names that a person gave: they come first.
    target_names
        Names of the data set's classes, by number; a single one names no class.
    """
    if output in names:
        return names[output]
    return target_names[int(output)] if output.isdigit() and len(target_names) > max(1, int(output)) else output


def about(task: str, label: str, answer: object) -> str:
    """Which class or value is explained.

    Parameters
    ----------
    label
        Name for people of the output.
    answer
        Name of the column of true answers, ``None`` if there is none or it has no name.
    """
    if task == "regression":
        return f"predicted {'value' if answer is None else answer}"
    return f"class {label}"
