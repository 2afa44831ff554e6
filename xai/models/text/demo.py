"""The bundled language models, trained by ``sample_data/recipes/demo_lm.py`` on synthetic vignettes."""

from __future__ import annotations

from functools import cache

from ...core.resources import resource
from .huggingface import HuggingFaceLM, open_huggingface
from .masked import MaskedLM, open_masked

CAUSAL, MASKED = "vignettes-causal", "vignettes-masked"


@cache
def demo_causal(device: str | None = None) -> HuggingFaceLM:
    """The causal demo model; opened once for each device."""
    return open_huggingface(resource("sample_data", "models", CAUSAL), device=device)


@cache
def demo_masked() -> MaskedLM:
    """The masked demo model with the same tokenizer; opened once."""
    return open_masked(resource("sample_data", "models", MASKED))
