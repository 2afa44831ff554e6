"""What commands give back: tables, files and a line of progress."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from ..dhondt import Parliament


def attribution_writers() -> dict[str, Any]:
    """Suffix to a function of attribution and path."""
    return {
        ".parquet": lambda a, path: a.to_parquet(path),
        ".json": lambda a, path: a.to_json(path),
        ".csv": lambda a, path: a.to_frame().to_csv(path),
    }


def check_folder(path: Path) -> None:
    """Say so before the work, not after it."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}: make it first.")


def write(path: Path, write: Any) -> None:
    """Write a file whole or not at all."""
    check_folder(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(draft)
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def names_text(names: Iterable[object]) -> str:
    """Names with commas between them; one that holds a comma stands in double quotes, as options take it."""
    return ", ".join(_quoted(str(name)) for name in names)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "," in name or name.startswith('"') else name


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows as aligned columns; those in ``right`` are aligned to the right."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell.rjust(w) if j in right else cell.ljust(w) for j, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def frame_text(frame: pd.DataFrame, formats: dict[str, str]) -> str:
    """A table as aligned text, columns of numbers to the right."""
    cells = [
        [formats.get(str(name), "{}").format(value) for name, value in row.items()] for row in frame.to_dict("records")
    ]
    return table(
        [list(frame.columns), *cells], right=[j for j, dtype in enumerate(frame.dtypes) if dtype.kind in "iuf"]
    )


def print_parliament(parliament: Parliament, frame: pd.DataFrame) -> None:
    """Parties, majority, ties and indices."""
    shown = frame.drop(columns=[name for name in ("members", "expected_seats") if name in frame])
    shown = shown.assign(
        bonus=[f"{bonus:+d}" for bonus in frame["bonus"]], barred=["yes" if b else "" for b in frame["barred"]]
    )
    percent = "{:.1%}"
    print(frame_text(shown, {"votes": "{:.4g}", "vote_share": percent, "seat_share": percent, "p_largest": percent}))
    coalition = parliament.majority
    print(f"\n{parliament.house} seats, rule {parliament.rule}, threshold {parliament.threshold:.1%}.")
    print(f"Smallest majority ({coalition.seats} seats): {names_text(coalition.parties)}.")
    if parliament.tied:
        tied = names_text(parliament.tied)
        print(f"Tied for the last {parliament.tied_seats}: {tied} (broken by {parliament.ties}).")
    print("Indices: " + ", ".join(f"{name} {value:.4g}" for name, value in parliament.indices.items()) + ".")


class Progress:
    """A bar on a terminal; elsewhere, e.g. in a log, a line now and then. All on stderr."""

    interval = 10.0  # seconds between lines where there is no terminal

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._terminal = sys.stderr.isatty()
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, fraction: float, text: str) -> None:
        """Show how far it is."""
        now = time.monotonic()
        left = (now - self._start) * (1 - fraction) / fraction if fraction > 0 else 0.0
        line = f"{self._doing}: {fraction:4.0%}, {text}, {left:.0f} s left"
        if self._terminal:
            filled = round(20 * fraction)
            print(f"\r\x1b[K[{'#' * filled}{'.' * (20 - filled)}] {line}", end="", file=sys.stderr, flush=True)
        elif now - self._last >= self.interval:
            self._last = now
            print(line, file=sys.stderr, flush=True)
