"""One self-contained HTML file that says what was found and how to find it again."""

from __future__ import annotations

from .build import build
from .page import thin, whole
from .results import concepts_section, edits_section, section_of_file, section_of_text, tokens_section
from .section import Facts, Figure, Markup, Pictures, Points, Section, Table, Text
from .subject import ReportConfig

__all__ = [
    "Facts",
    "Figure",
    "Markup",
    "Pictures",
    "Points",
    "ReportConfig",
    "Section",
    "Table",
    "Text",
    "build",
    "concepts_section",
    "edits_section",
    "section_of_file",
    "section_of_text",
    "thin",
    "tokens_section",
    "whole",
]
