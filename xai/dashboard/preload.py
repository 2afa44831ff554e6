"""Ask the browser for Plotly at once: Streamlit asks for its 5 MB only when the first chart arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def plotly_script() -> str | None:
    """Address of Streamlit's Plotly script, relative to a page; ``None`` if this version names it otherwise."""
    import streamlit

    folder = Path(streamlit.__file__).parent / "static" / "static" / "js"
    found = sorted(folder.glob("PlotlyChart.*.js"))
    return f"./static/js/{found[0].name}" if found else None


class Preload:
    """ASGI middleware: a ``Link`` header with every page."""

    def __init__(self, app: Application) -> None:
        self.app = app
        script = plotly_script()
        self.header = None if script is None else (b"link", f"<{script}>; rel=modulepreload".encode())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as the wrapped app does, with the header on pages."""

        async def with_link(message: Message) -> None:
            if message["type"] == "http.response.start" and self.header is not None:
                headers = list(message.get("headers", []))
                if any(name.lower() == b"content-type" and b"text/html" in value for name, value in headers):
                    message["headers"] = [*headers, self.header]
            await send(message)

        await self.app(scope, receive, with_link if scope["type"] == "http" else send)
