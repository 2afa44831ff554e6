"""What the Tokens page asks workers for: a prompt, its answer, and attributions of the answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.game import Game
from ..core.provenance import hash_bytes
from ..core.units import Units
from ..datasets.vignettes import Vignette, generate
from ..models.text.server import URL
from ..reagent import TokenAttribution
from . import uploads
from .jobs import compute
from .played import played

if TYPE_CHECKING:
    from ..faithfulness import Curve

SEED = 3_000_000
"""Of the vignettes to pick from; the demo model was trained on others."""
N_VIGNETTES = 8
MAX_NEW_TOKENS = 12


def vignettes() -> tuple[Vignette, ...]:
    """Prompts to pick from."""
    return generate(N_VIGNETTES, SEED)


def models() -> dict[str, str]:
    """Language models to choose from: the demo, the one the operator named, and files of this session."""
    found = {"demo": "demo model (synthetic vignettes)"}
    found |= {"server": "the operator's language model"} if os.environ.get(URL) else {}
    return found | {f"file:{file.key}": file.title for file in uploads.language_models()}


@dataclass(frozen=True)
class Asked:
    """A prompt put to a language model.

    Attributes
    ----------
    prompt, model
        Text, and key of :func:`models`.
    units, budget
        What is replaced together, and most rows the model computes.
    fixed
        A piece of the prompt that is never replaced.
    """

    prompt: str
    model: str = "demo"
    units: str = "words"
    budget: int = 128
    fixed: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """Options of the estimator."""
        return {"budget": self.budget, **self._what()}

    def _what(self) -> dict[str, Any]:
        return {"units": self.units, "fixed": [self.fixed] if self.fixed.strip() else []}

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

    def obeyed(self, target: str, values: np.ndarray) -> list[Curve]:
        """Insertion and deletion by the units' values, beside random orders."""
        options = {"values": [float(x) for x in np.nan_to_num(values)], **self._what()}
        found: list[Curve] = self._ask("lm_obeyed", "Testing the explanation", target=target, **options)
        return found

    def game(self, target: str, units: Units) -> Game:
        """The game of an editor: words kept or replaced, to the probability of a target."""
        payload = {"prompt": self.prompt, "target": target, **self._what(), **self._model()}
        return played("lm_play", payload, units, [f"probability of “{target.strip()}”"])

    def _model(self) -> dict[str, Any]:
        file = self._file()
        return {"model": self.model} if file is None else {"model": "file", "file": str(file.path)}

    def _file(self) -> uploads.File | None:
        if not self.model.startswith("file:"):
            return None
        key = self.model.removeprefix("file:")
        found = next((file for file in uploads.language_models() if file.key == key), None)
        if found is None:
            raise InputError(
                "this language model is not there any more: add it on the page Your model, or choose another."
            )
        return found

    def _ask(self, task: str, label: str, **options: Any) -> Any:
        file = self._file()
        identity = hash_bytes(self.prompt.encode()) + ("" if file is None else file.identity)
        return compute(task, label, identity, {"prompt": self.prompt, **self._model(), **options})
