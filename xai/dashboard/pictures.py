"""Pictures on a page, each with words for people who cannot see it."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import streamlit as st


def show_picture(image: np.ndarray, alt: str, width: int | None = None) -> None:
    """Show one picture ``(H, W, 3)`` uint8; ``alt`` says what is on it, ``width`` is in pixels, else all there is.

    Streamlit's own element gives a picture without a caption no text at all.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(stream, "PNG")
    code = base64.b64encode(stream.getvalue()).decode()
    size = "100%" if width is None else f"{width}px"
    st.html(
        f'<img alt="{escape(alt, quote=True)}" src="data:image/png;base64,{code}" '
        f'style="width:{size};max-width:100%;border-radius:4px">',
        width="stretch" if width is None else "content",
    )
