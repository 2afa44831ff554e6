"""Errors meant for people: what was wrong, with what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class XaiError(Exception):
    """Base of every error this package raises on purpose. Its text is shown to users as it is."""


class InputError(XaiError, ValueError):
    """A value, column, row, name or option that cannot be used."""


class ModelError(XaiError):
    """A model that cannot be opened, predicted with or explained."""


class MissingExtraError(XaiError, ImportError):
    """An optional part that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: run  pip install 'hemicycle[{extra}]'")
        self.package = package
        self.extra = extra


class WorkerError(XaiError):
    """A child process that died, ran past its limit, or answered nonsense."""


class CancelledError(XaiError):
    """Work that was stopped because somebody asked for it."""


def listing(names: Iterable[object], limit: int = 12) -> str:
    """Names for a message: quoted, comma separated, cut after ``limit``."""
    shown = [f"'{name}'" for name in names]
    if len(shown) > limit:
        return ", ".join(shown[:limit]) + f" and {len(shown) - limit} more"
    return ", ".join(shown) if shown else "none"


def unknown_names(what: str, unknown: Iterable[object], known: Iterable[object]) -> str:
    """One sentence on names that do not exist, with the nearest real ones and the list of all."""
    wrong, right = [str(name) for name in unknown], [str(name) for name in known]
    near = [match for name in wrong for match in get_close_matches(name, right, n=1)]
    hint = f" Did you mean {listing(dict.fromkeys(near))}?" if near else ""
    return f"unknown {what}: {listing(wrong)}.{hint} The names are: {listing(right, 60)}."
