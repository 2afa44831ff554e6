"""Result to Plotly figure: free functions that draw and compute nothing but layout."""

from __future__ import annotations

from .agreements import agreement
from .batches import batch_votes, drift
from .beeswarm import beeswarm
from .concepts import concept_curves, concept_numbers, concepts
from .correspondence import cell_contributions, patches, rank_changes, votes_beside
from .curves import curve
from .dependence import dependence
from .elections import power, seat_curve, seat_intervals, seats_vs_shap, share_against_seats
from .importance import bar
from .models import importance_map, model_scores, selection, site_map, sites
from .obedience import obedience, obedience_curves
from .overlays import overlay
from .palette import colours
from .parliament import describe, parliament, signed_parliament
from .performance import confusion
from .simple_models import simple_losses
from .sources import vote_sources
from .theme import on_dark
from .waterfall import waterfall

__all__ = [
    "agreement",
    "bar",
    "batch_votes",
    "beeswarm",
    "cell_contributions",
    "colours",
    "concept_curves",
    "concept_numbers",
    "concepts",
    "confusion",
    "curve",
    "dependence",
    "describe",
    "drift",
    "importance_map",
    "model_scores",
    "obedience",
    "obedience_curves",
    "on_dark",
    "overlay",
    "parliament",
    "patches",
    "power",
    "rank_changes",
    "seat_curve",
    "seat_intervals",
    "seats_vs_shap",
    "selection",
    "share_against_seats",
    "signed_parliament",
    "simple_losses",
    "site_map",
    "sites",
    "vote_sources",
    "votes_beside",
    "waterfall",
]
