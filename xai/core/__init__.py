"""Units, games, attributions, provenance and errors: what every method shares."""

from __future__ import annotations

from .attribution import Attribution, as_votes
from .errors import (
    CancelledError,
    InputError,
    MissingExtraError,
    ModelError,
    WorkerError,
    XaiError,
)
from .game import Game
from .provenance import Provenance
from .units import Units

__all__ = [
    "Attribution",
    "CancelledError",
    "Game",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "Provenance",
    "Units",
    "WorkerError",
    "XaiError",
    "as_votes",
]
