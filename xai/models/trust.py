"""Whether the operator of a server trusts whoever may upload; nothing a page can do changes it."""

from __future__ import annotations

import os
from functools import cache

VARIABLE = "HEMICYCLE_TRUST_PICKLE"
"""Environment variable that ``xai dashboard --trust-pickle`` sets for the server and its child processes."""


@cache
def is_trusted() -> bool:
    """Whether pickles are opened; read once a process."""
    return os.environ.get(VARIABLE) == "1"
