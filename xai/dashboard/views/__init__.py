"""The content of cards, one module a page: it asks `xai`, and shows the answer."""

from __future__ import annotations
