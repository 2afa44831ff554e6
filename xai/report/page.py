"""Sections as one HTML file that asks nobody for anything: styles, scripts, figures and pictures are inside."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any

from ..core.errors import MissingExtraError
from .section import Block, Facts, Figure, Markup, Pictures, Points, Section, Table, Text

if TYPE_CHECKING:
    import numpy as np

# The browser itself refuses to load anything from elsewhere, whatever a table's cells may hold.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def page(title: str, subtitle: str, sections: Sequence[Section], footer: str) -> str:
    """The whole file.

    Figures are numbered in the order they come, so that equal sections make equal files.
    """
    from plotly.offline import get_plotlyjs

    numbers = count(1)
    body = "".join(_section(f"section-{i}", section, numbers) for i, section in enumerate(sections, 1))
    links = "".join(
        f'<li><a href="#section-{i}">{escape(section.title)}</a></li>' for i, section in enumerate(sections, 1)
    )
    folder = files(__package__ or "xai.report")
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    plotly = f"<script>{get_plotlyjs()}</script>" if next(numbers) > 1 else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header>\n"
        f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n<main>{body}</main>\n'
        f"<footer><p>{escape(footer)}</p></footer>\n"
        "<noscript><p>Figures are drawn by the script inside this file: allow scripts to see them. Everything else "
        f"is here.</p></noscript>\n{plotly}\n<script>{script}</script></body></html>\n"
    )


def _section(name: str, section: Section, numbers: Any) -> str:
    subtitle = f'<p class="about">{escape(section.subtitle)}</p>' if section.subtitle else ""
    blocks = "\n".join(_RENDERERS[type(block)](block, numbers) for block in section.blocks)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{escape(section.title)}</h2>'
        f"{subtitle}\n{blocks}</section>\n"
    )


def _text(block: Text, _: Any) -> str:
    kind = "answer" if block.strong else "quiet" if block.quiet else ""
    return f'<p class="{kind}">{escape(block.text)}</p>' if kind else f"<p>{escape(block.text)}</p>"


def _points(block: Points, _: Any) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in block.items) + "</ul>"


def _facts(block: Facts, _: Any) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in block.rows)
    return f"<dl>{rows}</dl>"


def _table(block: Table, _: Any) -> str:
    def cells(tag: str, row: Sequence[str], scope: str = "") -> str:
        return "".join(
            f"<{tag}{scope}{' class=number' if i in block.numbers else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )

    head = f"<thead><tr>{cells('th', block.columns, ' scope=col')}</tr></thead>"
    rows = "".join(f"<tr>{cells('td', row)}</tr>" for row in block.rows)
    # Wide tables scroll by themselves; with a name and a place in the tab order, by keyboard too.
    table = (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(block.caption)}">'
        f"<table><caption>{escape(block.caption)}</caption>{head}<tbody>{rows}</tbody></table></div>"
    )
    return f"<details><summary>{escape(block.caption)}</summary>{table}</details>" if block.folded else table


def _figure(block: Figure, numbers: Any) -> str:
    number = next(numbers)
    # In a script element only "<" can end it early; JSON may write it as an escape.
    data = block.figure.to_json().replace("<", "\\u003c")
    height = int(block.figure.layout.height or 420)
    # A role of a picture would hide the buttons inside from those who need them: the caption says what is shown.
    return (
        f'<figure aria-labelledby="figure-{number}-says"><div class="plot" id="figure-{number}" '
        f'style="height:{height}px"></div>'
        f'<script type="application/json" id="figure-{number}-data">{data}</script>'
        f'<figcaption id="figure-{number}-says">{escape(block.alt)}</figcaption></figure>'
    )


def _pictures(block: Pictures, _: Any) -> str:
    shown = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{png(image)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for image, caption in zip(block.images, block.captions, strict=True)
    )
    return f'<div class="pictures">{shown}</div>'


def _markup(block: Markup, _: Any) -> str:
    return block.html


_RENDERERS: dict[type[Block], Callable[[Any, Any], str]] = {
    Text: _text,
    Points: _points,
    Facts: _facts,
    Table: _table,
    Figure: _figure,
    Pictures: _pictures,
    Markup: _markup,
}


def png(image: np.ndarray) -> str:
    """Pixels as a PNG file in base64.

    Raises
    ------
    MissingExtraError
        If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("pillow", "formats") from error
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")


_PLACE = "/* plotly.js */"


def thin(html: str) -> str:
    """A file without Plotly's script, which is the same in all of them: a fiftieth of the size, to be kept or sent."""
    from plotly.offline import get_plotlyjs

    return html.replace(get_plotlyjs(), _PLACE, 1)


def whole(html: str) -> str:
    """What :func:`thin` was given."""
    from plotly.offline import get_plotlyjs

    return html.replace(_PLACE, get_plotlyjs(), 1)


def json_text(value: Any) -> str:
    """Options as one line of JSON."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
