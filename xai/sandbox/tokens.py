"""Language models asked by a worker: the tasks behind the Tokens page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import InputError, unknown_names

Progress = Callable[[float, str], None]


def lm_generate(prompt: str, progress: Progress, *, model: str = "demo", max_new_tokens: int = 12) -> list[str]:
    """Texts of the generated tokens, one after the other; the progress shows what there is so far."""
    from ..models.text import encode_prompt

    lm = _opened(model)
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
    found = attribute(_opened(model), prompt, target, max_new_tokens, config, foil=foil, progress=progress)
    return found.to_dict()


def lm_compare(
    prompt: str, progress: Progress, *, target: str, model: str = "demo", options: dict[str, Any] | None = None
) -> dict[str, list[float]]:
    """Values of several methods for the first token of a target."""
    from ..reagent import ReagentConfig
    from ..reagent.compared import METHODS, compare

    found: dict[str, list[float]] = {}
    for done, name in enumerate(METHODS):
        progress(done / len(METHODS), name.replace("_", " "))
        values = compare(_opened(model), prompt, target, ReagentConfig(**(options or {})), [name])
        found[name] = [float(x) for x in values[name]]
    return found


def lm_edit(
    prompt: str,
    progress: Progress,
    *,
    target: str,
    removed: Sequence[int],
    model: str = "demo",
    units: str = "words",
) -> dict[str, float]:
    """Probability of a whole target before and after some units are replaced (mean of 16 replacements)."""
    from ..reagent import ReagentConfig, game

    config = ReagentConfig(units=units, joint=True)  # type: ignore[arg-type]
    played = game(_opened(model), prompt, target, config=config, draws=16)
    mask = np.ones((2, len(played.units)))
    wrong = [int(i) for i in removed if not 0 <= int(i) < mask.shape[1]]
    if wrong:
        raise InputError(f"there is no unit {wrong[0]}: the prompt has {mask.shape[1]} units.")
    mask[1, [int(i) for i in removed]] = 0
    progress(0.1, "replacing")
    before, after = played(mask)[:, 0]
    return {"before": float(before), "after": float(after)}


def _opened(model: str) -> Any:
    """The demo or the operator's server: a page cannot name anything else."""
    from ..reagent import load_lm

    if model not in {"demo", "server"}:
        raise InputError(unknown_names("language model", [model], ("demo", "server")))
    return load_lm(model)
