"""Files that ship beside the package: in the checkout's root, or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

from .errors import XaiError

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "_bundle", _PACKAGE.parent)


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder, e.g. ``resource("sample_data", "pima_diabetes.csv")``.

    Raises
    ------
    XaiError
        If it is not there, which means that the installation is damaged.
    """
    for place in _PLACES:
        path = place.joinpath(*parts)
        if path.exists():
            return path
    raise XaiError(f"{'/'.join(parts)} is missing from this installation: install hemicycle again.")
