"""Result to Plotly figure: free functions that draw and compute nothing but layout."""

from __future__ import annotations

from .agreements import agreement
from .beeswarm import beeswarm
from .dependence import dependence
from .elections import power, seat_curve, seat_intervals, seats_vs_shap, share_against_seats
from .importance import bar
from .obedience import obedience, obedience_curves
from .palette import colours
from .parliament import describe, parliament, signed_parliament
from .performance import confusion
from .sources import vote_sources
from .theme import on_dark
from .waterfall import waterfall

__all__ = [
    "agreement",
    "bar",
    "beeswarm",
    "colours",
    "confusion",
    "dependence",
    "describe",
    "obedience",
    "obedience_curves",
    "on_dark",
    "parliament",
    "power",
    "seat_curve",
    "seat_intervals",
    "seats_vs_shap",
    "share_against_seats",
    "signed_parliament",
    "vote_sources",
    "waterfall",
]
