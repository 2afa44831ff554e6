"""Edit sessions as JSON and back: masks, outputs, notes and snapshots, exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.game import Game

if TYPE_CHECKING:
    from .session import EditSession

FORMAT = "hemicycle/edits/1"
_SAME = 1e-6


def to_json(session: EditSession) -> str:
    """A session as JSON text; floats keep every bit."""
    units = session.game.units
    body = {
        "format": FORMAT,
        "units": {"names": list(units.names), "kind": units.kind, "layout": units.layout},
        "weights": session.game.weights,
        "output_names": list(session.game.output_names),
        "threshold": session.decision.threshold,
        "original": session.original.tolist(),
        "steps": [
            {
                "mask": step.mask.tolist(),
                "outputs": step.outputs.tolist(),
                "answer": step.answer,
                "description": step.description,
                "note": step.note,
            }
            for step in session.history
        ],
        "line": list(session.line),
        "at": session.line.index(session.step.number),
        "snapshots": dict(session.snapshots),
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1)


def from_json(cls: type[EditSession], source: str | Path, game: Game) -> EditSession:
    """Read what :func:`to_json` wrote; see :meth:`EditSession.from_json`."""
    body = _read(source)
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise InputError("this is no edit session of this version: its 'format' is not " + FORMAT + ".")
    try:
        return _rebuilt(cls, body, game)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"this edit session is damaged ({type(error).__name__}: {error}).") from error


def _rebuilt(cls: type[EditSession], body: dict[str, Any], game: Game) -> EditSession:
    from .masks import check_mask
    from .session import Step, _frozen

    theirs = (tuple(body["units"]["names"]), tuple(body["output_names"]), body["weights"])
    if theirs != (game.units.names, game.output_names, game.weights):
        raise InputError(
            "this edit session belongs to another game: "
            f"{len(theirs[0])} {body['units']['kind']}s and {len(theirs[1])} outputs are in the file, "
            f"{len(game.units)} {game.units.kind}s and {len(game.output_names)} in the game, or their names differ."
        )
    steps = body["steps"]
    session = cls(game, steps[0]["mask"], original=np.array(body["original"], dtype=float), threshold=body["threshold"])
    masks = np.array([check_mask(game, step["mask"]) for step in steps])
    outputs = np.array([step["outputs"] for step in steps], dtype=float)
    ours = game(masks)
    if outputs.shape != ours.shape:
        raise InputError(f"the outputs in the file have shape {outputs.shape}, not {ours.shape}.")
    size = max(1.0, float(np.abs(ours).max()))
    off = np.flatnonzero(~(np.abs(outputs - ours) <= _SAME * size).all(axis=1))
    if off.size:
        raise InputError(
            f"the game answers step {off[0]} otherwise than the file says: it is another model or other data."
        )
    line, at = [int(number) for number in body["line"]], int(body["at"])
    numbers = [*line, *(int(n) for n in body["snapshots"].values())]
    if not (0 <= at < len(line) and line[0] == 0 and all(0 <= number < len(steps) for number in numbers)):
        raise InputError("this edit session is damaged: it points to steps that are not there.")
    session._steps = [  # the session's own reader
        Step(
            i, _frozen(masks[i]), _frozen(outputs[i]), session.decision.name(outputs[i]),
            str(step["description"]), str(step["note"]),
        )
        for i, step in enumerate(steps)
    ]  # fmt: skip
    session._line, session._at = line, at
    session._snapshots = {str(name): int(number) for name, number in body["snapshots"].items()}
    return session


def _read(source: str | Path) -> Any:
    text = source if isinstance(source, str) and source.lstrip().startswith("{") else None
    try:
        return json.loads(Path(source).read_text(encoding="utf-8") if text is None else text)
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is no edit session: {error}") from error
