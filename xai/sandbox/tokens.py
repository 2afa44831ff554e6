"""Language models asked by a worker: the tasks behind the Tokens page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names

if TYPE_CHECKING:
    from ..faithfulness import Curve

Progress = Callable[[float, str], None]


def lm_generate(
    prompt: str, progress: Progress, *, model: str = "demo", file: str | None = None, max_new_tokens: int = 12
) -> list[str]:
    """Texts of the generated tokens, one after the other; the progress shows what there is so far."""
    from ..models.text import encode_prompt

    lm = _opened(model, file)
    encoding = encode_prompt(lm, prompt, max_new_tokens)
    ids: list[int] = []
    texts: list[str] = []
    for token in lm.generate(encoding.ids, max_new_tokens):
        before = lm.decode(np.array(ids, dtype=int)) if ids else ""
        ids.append(token)
        texts.append(lm.decode(np.array(ids))[len(before) :])
        progress(len(ids) / max_new_tokens, "…" + "".join(texts)[-60:])
    return texts


def lm_attribute(
    prompt: str,
    progress: Progress,
    *,
    model: str = "demo",
    file: str | None = None,
    target: str | None = None,
    foil: str | None = None,
    max_new_tokens: int = 1,
    method: str = "adaptive",
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A token attribution as JSON types, see :class:`xai.reagent.TokenAttribution`."""
    from ..reagent import attribute
    from ..reagent.compared import CONFIGS

    if method not in CONFIGS:
        raise InputError(unknown_names("method", [method], CONFIGS))
    config = CONFIGS[method](**(options or {}))
    found = attribute(_opened(model, file), prompt, target, max_new_tokens, config, foil=foil, progress=progress)
    return found.to_dict()


def lm_compare(
    prompt: str,
    progress: Progress,
    *,
    target: str,
    model: str = "demo",
    file: str | None = None,
    options: dict[str, Any] | None = None,
) -> dict[str, list[float]]:
    """Values of several methods for the first token of a target; those that look inside only of a local model."""
    from ..reagent import ReagentConfig
    from ..reagent.compared import INSIDE, METHODS, compare

    found: dict[str, list[float]] = {}
    names = [name for name in METHODS if model != "server" or name not in INSIDE]
    for done, name in enumerate(names):
        progress(done / len(names), name.replace("_", " "))
        values = compare(_opened(model, file), prompt, target, ReagentConfig(**(options or {})), [name])
        found[name] = [float(x) for x in values[name]]
    return found


def lm_obeyed(
    prompt: str,
    progress: Progress,
    *,
    target: str,
    values: list[float],
    model: str = "demo",
    file: str | None = None,
    units: str = "words",
    fixed: Sequence[str] = (),
) -> list[Curve]:
    """Insertion and deletion curves of a target's probability by the units' values (mean of 2 replacements)."""
    from ..faithfulness import insertion_deletion
    from ..reagent import ReagentConfig, game

    config = ReagentConfig(units=units, fixed=tuple(fixed), joint=True)  # type: ignore[arg-type]  # the class checks the units
    progress(0.1, "replacing words in random orders")
    return list(
        insertion_deletion(game(_opened(model, file), prompt, target, config=config, draws=2), np.array(values))
    )


def lm_play(
    prompt: str,
    masks: np.ndarray,
    progress: Progress,
    *,
    target: str,
    model: str = "demo",
    file: str | None = None,
    units: str = "words",
    fixed: Sequence[str] = (),
) -> np.ndarray:
    """Probability ``(n, 1)`` of a whole target under masks ``(n, U)``: 0 = replaced (mean of 8 replacements)."""
    from ..reagent import ReagentConfig, game

    config = ReagentConfig(units=units, fixed=tuple(fixed), joint=True)  # type: ignore[arg-type]  # the class checks the units
    progress(0.1, "replacing")
    return game(_opened(model, file), prompt, target, config=config, draws=8)(np.asarray(masks, dtype=float))


@lru_cache(maxsize=2)
def _uploaded(file: str, stamp: int) -> Any:
    from ..models import open_language_model

    del stamp  # only a part of the key: a file that changes is opened again
    return open_language_model(file)


def _opened(model: str, file: str | None = None) -> Any:
    """The demo, the operator's server, or an uploaded file: a page cannot name anything else."""
    from ..reagent import load_lm

    if model == "file" and file is not None:
        return _uploaded(file, Path(file).stat().st_mtime_ns)
    if model not in {"demo", "server"}:
        raise InputError(unknown_names("language model", [model], ("demo", "server")))
    return load_lm(model)
