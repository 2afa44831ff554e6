"""The process of one run of :mod:`.runs`: ``python -m xai.batch.drive FOLDER``, whose folder says all it needs."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

from ..core.errors import XaiError
from .progress import BatchProgress
from .run import run
from .store import commit_json, read_json

ORDER, PROGRESS, END, OUT = "order.json", "progress.json", "end.json", "out"
_SECONDS_BETWEEN = 0.5


def drive(folder: Path) -> None:
    """Do what ``order.json`` says, and write down how it goes and how it ends."""
    order = read_json(folder / ORDER)
    last = 0.0

    def report(done: BatchProgress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN or done.parts == done.all_parts:
            last = now
            commit_json(folder / PROGRESS, {"fraction": done.rows / done.all_rows, "text": str(done)})

    end: dict[str, Any]
    try:
        run(order["model"], order["data"], folder / OUT, order["methods"], progress=report, **order["options"])
        end = {"status": "finished", "message": ""}
    except XaiError as error:
        end = {"status": "failed", "message": str(error)}
    commit_json(folder / END, end)


def _stop(*_: object) -> None:
    raise SystemExit(1)  # on the way out the worker processes are ended


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    drive(Path(sys.argv[1]))
