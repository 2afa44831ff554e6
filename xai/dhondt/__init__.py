"""DhondtXAI: feature importance as seats in a parliament."""

from __future__ import annotations

from . import alliances
from .apportionment import allocate
from .diagnostics import SeatCurve, corrected_share, expected_bias, house_size_for, seat_curve
from .election import elect
from .indices import INDICES
from .parliament import Majority, Parliament
from .projected import Published2026
from .published import Published2024, published
from .rules import RULES, Rule
from .signed import SignedParliament, elect_signed, local_majority, local_seats
from .sources import vote_sources, votes
from .uncertainty import Uncertainty, uncertainty

__all__ = [
    "INDICES",
    "RULES",
    "Majority",
    "Parliament",
    "Published2024",
    "Published2026",
    "Rule",
    "SeatCurve",
    "SignedParliament",
    "Uncertainty",
    "alliances",
    "allocate",
    "corrected_share",
    "elect",
    "elect_signed",
    "expected_bias",
    "house_size_for",
    "local_majority",
    "local_seats",
    "published",
    "seat_curve",
    "uncertainty",
    "vote_sources",
    "votes",
]
