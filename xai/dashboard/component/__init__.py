"""The editing component: weights painted on a picture, a list or a strip of tokens, inside the page (no iframe)."""

from __future__ import annotations

from .editor import Look, edited, mask_editor

__all__ = ["Look", "edited", "mask_editor"]
