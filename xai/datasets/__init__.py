"""Medical data sets with their data cards, and demo models trained on them."""

from __future__ import annotations

from .base import Dataset
from .demo import DemoModel, demo_models, load_demo
from .registry import available, load_dataset

__all__ = ["Dataset", "DemoModel", "available", "demo_models", "load_dataset", "load_demo"]
