"""What an exact routine for one model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..core.errors import ModelError, listing
from ..models.base import Model, Output, choose_output
from .request import RowExplainer

#: Frameworks whose trees know how many training rows went each way: their values need no other rows.
COVERED = ("xgboost", "lightgbm", "catboost")


@dataclass(frozen=True)
class Engine:
    """An exact routine for one model.

    Attributes
    ----------
    explain
        Rows to values and base values.
    space
        The output space it explains.
    name, packages
        For the provenance.
    path_dependent
        Whether absent features follow the trees' own coverage, so that there is no background to give.
    options
        What else the result depends on.
    first_block
        Rows of the first block: more where each call has a set-up of its own.
    """

    explain: RowExplainer
    space: Output
    name: str
    packages: tuple[str, ...]
    path_dependent: bool = True
    options: tuple[tuple[str, Any], ...] = ()
    first_block: int = 256


def check_space(model: Model, engine: Engine) -> None:
    """Refuse to explain a space the engine does not explain.

    Raises
    ------
    ModelError
        Saying which space to ask for.
    """
    if model.output != engine.space:
        raise ModelError(
            f"{engine.name} explains the {engine.space}, but this model answers in {model.output}: wrap it with "
            f"output='{engine.space}' (it has {listing(model.spaces)}), or use method 'exact' with a background."
        )


def shapley_method(
    framework: str, output: str, spaces: Mapping[Output, tuple[str, ...]]
) -> tuple[Literal["shap", "sampling"], bool]:
    """How to get Shapley values of what a model answers, by facts that are known without the model itself.

    Exact engines explain the space in which a model adds up, which is its first. In any other, such as probabilities
    of a model with a margin, they refuse, whether there is a background or not: there coalitions are played.

    Parameters
    ----------
    framework, output, spaces
        As in :class:`xai.models.Model`.

    Returns
    -------
    tuple
        The method for :func:`xai.explain`, and whether background rows have to be given.
    """
    if output != choose_output(spaces):
        return "sampling", True
    return "shap", framework not in COVERED
