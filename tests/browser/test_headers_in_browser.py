"""The security headers of a real server, and that pages work under them."""

from __future__ import annotations

import base64
import os
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from xai.dashboard.headers import security_headers
from xai.dashboard.preload import plotly_script

pytestmark = pytest.mark.browser


def answer(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/parliament", 200),
        (plotly_script()[1:], 200),
        ("/favicon.png", 200),
        ("/_stcore/health", 200),
        ("/_stcore/host-config", 200),
        ("/media/none.png", 404),
        ("/component/none/index.html", 404),
        ("/_stcore/bidi-components/none/index.js", 404),
    ],
)
def test_every_answer_has_the_headers(server, path, status):
    found, headers = answer(server.url + path)
    assert found == status
    for name, value in security_headers().items():
        assert headers.get_all(name) == [value], (path, name)


def test_refusals_and_handshakes_have_them_too(server):
    status, headers = answer(server.url + "/_stcore/upload_file/a/b", method="PUT")
    assert status >= 400
    assert headers["x-content-type-options"] == "nosniff"
    at = urlsplit(server.url)
    key = base64.b64encode(os.urandom(16)).decode()
    for origin, expected in ((server.url, b" 101 "), ("http://elsewhere.example", b" 403 ")):
        request = (
            f"GET /_stcore/stream HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n"
        )
        with socket.create_connection((at.hostname, at.port), timeout=30) as link:
            link.sendall(request.encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += link.recv(4096)
        assert expected in head.partition(b"\r\n")[0]
        assert b"content-security-policy: default-src 'self'" in head.lower()


def test_charts_and_components_work_under_the_policy_and_nothing_else_does(visit):
    tab = visit().open("/editable_map")  # a component of ours, drawn by its own script
    page = tab.page
    page.locator("[role=gridcell]").first.wait_for()
    assert tab.errors == []
    blocked = page.evaluate(
        """async () => {
          const broken = new Set();
          document.addEventListener('securitypolicyviolation', event => broken.add(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'window.injected = true';
          document.body.append(script);
          // In a callback: what the driver itself evaluates may use eval.
          setTimeout(() => { try { new Function('return 1')(); } catch { broken.add('eval'); } });
          try { await fetch('http://192.0.2.1/'); } catch { broken.add('fetch'); }
          await new Promise(done => setTimeout(done, 200));
          return [[...broken], Boolean(window.injected)];
        }"""
    )
    assert blocked[1] is False
    assert {"script-src-elem", "connect-src", "eval", "fetch"} <= set(blocked[0])
    assert all("Content Security Policy" in error or "192.0.2.1" in error for error in tab.errors), tab.errors
    tab.errors.clear()  # they were asked for
