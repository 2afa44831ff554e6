"""What the Tokens page asks workers for: a prompt, its answer, and attributions of the answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ..core.provenance import hash_bytes
from ..datasets.vignettes import Vignette, generate
from ..models.text.server import URL
from ..reagent import TokenAttribution
from .jobs import compute

SEED = 3_000_000
"""Of the vignettes to pick from; the demo model was trained on others."""
N_VIGNETTES = 8
MAX_NEW_TOKENS = 12


def vignettes() -> tuple[Vignette, ...]:
    """Prompts to pick from."""
    return generate(N_VIGNETTES, SEED)


def models() -> dict[str, str]:
    """Language models of this server: the demo, and the one its operator named."""
    found = {"demo": "demo model (synthetic vignettes)"}
    return found | ({"server": "the operator's language model"} if os.environ.get(URL) else {})


@dataclass(frozen=True)
class Asked:
    """A prompt put to a language model.

    Attributes
    ----------
    prompt, model
        Text, and key of :func:`models`.
    units, budget
        What is replaced together, and most rows the model computes.
    """

    prompt: str
    model: str = "demo"
    units: str = "words"
    budget: int = 128

    @property
    def options(self) -> dict[str, Any]:
        """Options of the estimator."""
        return {"units": self.units, "budget": self.budget}

    def answer(self) -> list[str]:
        """Generated tokens."""
        found: list[str] = self._ask("lm_generate", "Writing the answer", max_new_tokens=MAX_NEW_TOKENS)
        return found

    def attribution(self, target: str, foil: str | None = None, *, joint: bool = False) -> TokenAttribution:
        """What made a target, or a target rather than a foil."""
        options = {**self.options, "joint": joint}
        record = self._ask("lm_attribute", "Replacing words", target=target, foil=foil, options=options)
        return TokenAttribution.from_dict(record)

    def methods(self, target: str) -> dict[str, list[float]]:
        """Values of several methods."""
        found: dict[str, list[float]] = self._ask(
            "lm_compare", "Comparing methods", target=target, options=self.options
        )
        return found

    def edited(self, target: str, removed: list[int]) -> dict[str, float]:
        """Probability of a target before and after units are replaced."""
        found: dict[str, float] = self._ask("lm_edit", "Asking again", target=target, removed=removed, units=self.units)
        return found

    def _ask(self, task: str, label: str, **options: Any) -> Any:
        identity = hash_bytes(self.prompt.encode())
        return compute(task, label, identity, {"prompt": self.prompt, "model": self.model, **options})
