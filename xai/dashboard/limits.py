"""What one session may bring along, and how long it is waited for: settings of the operator, read once."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import cache

from ..core.errors import InputError

_PREFIX = "HEMICYCLE_"


@dataclass(frozen=True)
class Limits:
    """Each field is the environment variable ``HEMICYCLE_`` and its name in capitals.

    Attributes
    ----------
    max_model_mb, max_data_mb
        Largest model file, and largest table or archive of pictures, in millions of bytes.
    max_files
        Files one session may have at a time.
    max_uploads_mb
        All uploads of all sessions together, in millions of bytes.
    keep_seconds
        How long the files of a session that lost its browser are kept; Streamlit itself takes a browser back for two
        minutes.
    job_seconds
        How long the work of such a session goes on: a broken connection is mended within seconds.
    """

    max_model_mb: int = 50
    max_data_mb: int = 200
    max_files: int = 10
    max_uploads_mb: int = 4000
    keep_seconds: int = 120
    job_seconds: int = 15

    @property
    def largest_mb(self) -> int:
        """Largest file of any kind."""
        return max(self.max_model_mb, self.max_data_mb)


def read() -> Limits:
    """The limits the environment sets, the defaults where it is silent.

    Raises
    ------
    InputError
        If a variable is no whole number from 1.
    """
    given = {}
    for field in fields(Limits):
        variable = _PREFIX + field.name.upper()
        text = os.environ.get(variable)
        if text is None:
            continue
        if not text.strip().isdecimal() or int(text) < 1:
            raise InputError(f"{variable} is '{text}': it must be a whole number from 1.")
        given[field.name] = int(text)
    return Limits(**given)


@cache
def limits() -> Limits:
    """The limits of this server."""
    return read()
