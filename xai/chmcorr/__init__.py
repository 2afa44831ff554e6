"""Classify a picture by patches it shares with labelled ones, and let a person say which patches count."""

from __future__ import annotations

from .backbones import BACKBONES, Backbone, Features, open_backbone
from .change import Change, compare
from .classifier import CorrespondenceClassifier
from .explanation import Exemplar, Explanation, Pair
from .gallery import Gallery
from .obeyed import obeyed
from .occlusion import OcclusionCheck
from .options import PUBLISHED, Options

__all__ = [
    "BACKBONES",
    "PUBLISHED",
    "Backbone",
    "Change",
    "CorrespondenceClassifier",
    "Exemplar",
    "Explanation",
    "Features",
    "Gallery",
    "OcclusionCheck",
    "Options",
    "Pair",
    "compare",
    "obeyed",
    "open_backbone",
]
