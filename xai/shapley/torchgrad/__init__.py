"""Captum's attributions of torch modules."""

from __future__ import annotations

from .config import TorchConfig

__all__ = ["TorchConfig"]
