"""Text that people wrote, shown as it is."""

from __future__ import annotations

_SIGNS = "\\`*_{}[]<>()#+-.!|~$:"


def plain(text: str) -> str:
    """Text for Markdown to show as it is: nobody's file name makes a link, a formula or a picture."""
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in text)
