"""What an exact routine for one model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import ModelError, listing
from ..models.base import Model, Output
from .request import RowExplainer


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
