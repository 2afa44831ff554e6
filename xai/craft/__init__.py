"""CRAFT: concepts of image classes, what they are worth, where they are, what they consist of."""

from __future__ import annotations

from .bank import Matching, match, stability
from .choose import RankSweep
from .craft import Craft
from .factorize import PUBLISHED, FactorConfig, Factors
from .fidelity import Carried, Fidelity
from .importance import Importance
from .maps import MapConfig
from .members import Crop, Members
from .names import names_from, names_record
from .recursion import Node, Tree
from .sheet import Sheet, sheet
from .sobol import SobolConfig
from .store import load

__all__ = [
    "PUBLISHED",
    "Carried",
    "Craft",
    "Crop",
    "FactorConfig",
    "Factors",
    "Fidelity",
    "Importance",
    "MapConfig",
    "Matching",
    "Members",
    "Node",
    "RankSweep",
    "Sheet",
    "SobolConfig",
    "Tree",
    "load",
    "match",
    "names_from",
    "names_record",
    "sheet",
    "stability",
]
