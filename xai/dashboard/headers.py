"""Security headers on every answer: Streamlit sends none.

The policy lets a page use what comes from this server, and nothing else: no script from elsewhere, no script in the
page but Streamlit's own, no frame around it, no request to another host. Sources: Content Security Policy Level 3
(W3C), Fetch and HTML standards (WHATWG), Permissions Policy (W3C).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from .preload import Application, Message, Receive, Send

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

# Features of browsers that no page here uses.
_UNUSED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation",
    "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi", "payment",
    "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip


def inline_scripts() -> tuple[str, ...]:
    """Hashes of the scripts inside Streamlit's own page, as a policy names them; empty if it has none any more."""
    import streamlit

    page = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = _INLINE.findall(page.read_text(encoding="utf-8"))
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return tuple(f"'sha256-{digest}'" for digest in hashes)


def policy(scripts: Sequence[str]) -> str:
    """The content security policy; ``scripts`` are hashes of what may stand inside the page."""
    rules = {
        "default-src": "'self'",
        # Components hand their code to the page as a blob.
        "script-src": " ".join(["'self'", "blob:", *scripts]),
        # Streamlit and Plotly set styles while they run; a style can show, not act.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def security_headers() -> dict[str, str]:
    """Name to value."""
    return {
        "content-security-policy": policy(inline_scripts()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        # The address holds what is looked at, so it goes to nobody else.
        "referrer-policy": "same-origin",
        "permissions-policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-permitted-cross-domain-policies": "none",
    }


class Headers:
    """ASGI middleware: the security headers with every answer, whether page, file, error or handshake."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in security_headers().items()]
        self._names = {name for name, _ in self.headers}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as the wrapped app does, with the headers; a failure is answered here, so that it has them, too."""
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "websocket.close" and not started and _can_refuse(scope):
                # A refused handshake is an answer like others; left alone, the server makes one without headers.
                await with_headers({"type": "websocket.http.response.start", "status": 403, "headers": []})
                await send({"type": "websocket.http.response.body", "body": b""})
                return
            if message["type"] in {"http.response.start", "websocket.accept", "websocket.http.response.start"}:
                started = True
                others = [pair for pair in message.get("headers", []) if pair[0].lower() not in self._names]
                message["headers"] = [*others, *self.headers]
            await send(message)

        try:
            await self.app(scope, receive, with_headers)
        except Exception:
            if scope["type"] == "http" and not started:
                plain = [(b"content-type", b"text/plain; charset=utf-8")]
                await with_headers({"type": "http.response.start", "status": 500, "headers": plain})
                await send({"type": "http.response.body", "body": b"Internal Server Error"})
            raise


def _can_refuse(scope: Message) -> bool:
    return "websocket.http.response" in (scope.get("extensions") or {})
