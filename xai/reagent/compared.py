"""Several methods on the same prompt and target, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..core.errors import InputError, unknown_names
from ..models.text import LanguageModel
from .attention import attention
from .attribute import attribute
from .gradients import gradient_x_input, integrated_gradients
from .options import LeaveOneOutConfig, MaskedDifferenceConfig, PublishedConfig, ReagentConfig
from .problem import make_problem

CONFIGS: dict[str, type[ReagentConfig]] = {
    "adaptive": ReagentConfig,
    "leave_one_out": LeaveOneOutConfig,
    "masked_difference": MaskedDifferenceConfig,
}
INSIDE = {
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
    "attention": attention,
}
"""Methods that look into a local model."""
METHODS = (*CONFIGS, "published", *INSIDE)
"""Names for :func:`compare`."""

_CHAINS = 3


def compare(
    lm: LanguageModel, prompt: str, target: str, config: ReagentConfig, methods: Sequence[str] = METHODS
) -> dict[str, np.ndarray]:
    """Values ``(U,)`` of each method for the first token of a target, within the same budget of forwards.

    Raises
    ------
    InputError
        On an unknown method, or one that needs a local model where there is none.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise InputError(unknown_names("method", unknown, METHODS))
    shared = {name: getattr(config, name) for name in ("replacement", "units", "fixed", "seed")}
    found: dict[str, np.ndarray] = {}
    for name in methods:
        if name in CONFIGS:
            options = {**shared, "budget": config.budget, "effect": config.effect}
            result = attribute(lm, prompt, target, config=CONFIGS[name](**options))
        elif name == "published":
            # An update and its stopping test cost one forward a chain each.
            steps = max(1, (config.budget - 1) // (2 * _CHAINS))
            result = attribute(lm, prompt, target, config=PublishedConfig(chains=_CHAINS, steps=steps, **shared))
        else:
            problem = make_problem(lm, prompt, target, None, 1, replace(config, joint=False))
            found[name] = INSIDE[name](problem)[0][problem.valid[0]]
            continue
        found[name] = result.values[0][~np.isnan(result.values[0])]
    return found
