"""Runs over all rows of a table: where they are kept, and how one is ordered for what the sidebar names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..batch import runs
from ..core.errors import InputError
from ..models.base import choose_output
from . import sessions
from .explained import Explained, method_for

if TYPE_CHECKING:
    import pandas as pd

#: Environment variable that names the folder of all runs.
RUNS = "HEMICYCLE_RUNS"
#: Runs that may go on at the same time on this server.
AT_ONCE = 1
BACKGROUND = 100
METHODS = {
    "shap": "SHAP values",
    "sampling": "SHAP values, played against other rows",
    "removal": "removal effects",
    "banzhaf": "Banzhaf values",
    "native": "the library's own importance",
    "permutation": "permutation importance",
}
ANSWER = "answer"


def home() -> Path:
    """Folder of all runs."""
    if RUNS in os.environ:
        return Path(os.environ[RUNS])
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hemicycle" / "runs"


def private() -> Path:
    """Folder of this session's runs of its own files: nobody else sees them, and they end with the session."""
    return sessions.current().folder / _RUNS


def history() -> list[runs.Run]:
    """Runs that this session may see, the newest first."""
    found = runs.history(home())
    if sessions.current().has_folder:
        found += runs.history(private())
    return sorted(found, key=lambda run: run.name, reverse=True)


def end(session: sessions.Session) -> None:
    """Stop the runs of a session's own files."""
    if session.has_folder:
        for run in runs.history(session.folder / _RUNS):
            run.cancel()


_RUNS = "runs"


def _check_turn() -> None:
    """Whether another run may start; those of other sessions count, but are not named."""
    busy = [run for run in history() if run.status == "running"]
    others = [session for session in sessions.sessions().all() if session.id != sessions.current_id()]
    private = [run for one in others if one.has_folder for run in runs.history(one.folder / _RUNS)]
    if len(busy) + sum(run.status == "running" for run in private) < AT_ONCE:
        return
    what = busy[0].title if busy else "The table of another session"
    raise InputError(f"{what} is being explained: wait for that run or cancel it; one goes on at a time.")


def methods_for(explained: Explained) -> list[str]:
    """Methods that this model can be asked."""
    method, needs_rows = method_for(explained.model)
    lacking = {"shap", "sampling"} - {method}
    if needs_rows:
        lacking.add("banzhaf")
    if explained.source.y is None:
        lacking.add("permutation")
    return [name for name in METHODS if name not in lacking]


def order(explained: Explained, methods: list[str], seats: int | None) -> runs.Run:
    """Start a run over all rows the sidebar names, with their true answers carried along.

    Parameters
    ----------
    methods
        Of :func:`methods_for`.
    seats
        Seats to give in every row by its SHAP values, ``None`` for none; without those there are none.

    Raises
    ------
    InputError
        If as many runs as may go on are going on, or nothing was chosen.
    """
    if not methods:
        raise InputError("choose at least one method.")
    _check_turn()
    source = explained.source
    options: dict[str, object] = {"output": explained.model.get("output")}
    chosen = list(methods)
    of_methods: dict[str, dict[str, object]] = {}
    method, needs_rows = method_for(explained.model)
    if seats is not None and method in methods:
        chosen.append("dhondt")
        of_methods["dhondt"] = {"seats": seats, "source": method}
    against = [name for name in chosen if name == "removal" or (name == method and needs_rows)]
    rows = source.X
    if source.y is not None:
        name = ANSWER if source.y.name is None or source.y.name in rows else str(source.y.name)
        rows = rows.assign(**{name: source.y.to_numpy()})
        options["keep"] = [name]
        if "permutation" in chosen:
            of_methods["permutation"] = {"target": name}
    options["options"] = of_methods or None
    return runs.order(
        private() if source.owner else home(),
        source.model,
        rows,
        chosen,
        title=source.title,
        options={key: value for key, value in options.items() if value is not None},
        background=source.sample(BACKGROUND)[0] if against else None,
        against=against,
    )


def why_played(explained: Explained) -> str | None:
    """Why SHAP values are played against other rows, for people; ``None`` where they need not be."""
    facts = explained.model
    if method_for(facts)[0] == "shap":
        return None
    return (
        f"Exact routines explain the {choose_output(facts['spaces'])} of a model, and this one answers in "
        f"{facts['output']}: SHAP values are played against {min(BACKGROUND, len(explained.source.X))} rows of the "
        "table instead, exactly up to 14 columns and sampled beyond. That takes longer."
    )


def seats_table(run: runs.Run, output: str | None = None) -> pd.DataFrame:
    """Units with their votes, and seats with the 95 % interval they have."""
    import pandas as pd

    entry = run.result().entry(output=output)
    table = pd.DataFrame({"votes": entry["votes"], "standard error": entry["standard_error"]})
    seats = pd.DataFrame.from_dict(entry["seats"], orient="index", columns=["seats", "low", "high"])
    return table.join(seats).sort_values("votes", ascending=False).rename_axis("unit").reset_index()
