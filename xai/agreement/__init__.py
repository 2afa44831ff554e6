"""How far two attributions or importances agree."""

from __future__ import annotations

from .comparison import compare, compare_many
from .results import MEASURES, Agreement, AgreementTable, Estimate

__all__ = ["MEASURES", "Agreement", "AgreementTable", "Estimate", "compare", "compare_many"]
