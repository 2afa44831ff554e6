"""Medical data sets with their data cards, and demo models trained on them."""

from __future__ import annotations

from .base import Dataset
from .demo import DemoModel, demo_models, load_demo
from .other import ImageDataset, TextDataset
from .registry import available, load_dataset, load_table, tables

__all__ = [
    "Dataset",
    "DemoModel",
    "ImageDataset",
    "TextDataset",
    "available",
    "demo_models",
    "load_dataset",
    "load_demo",
    "load_table",
    "tables",
]
