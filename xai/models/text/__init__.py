"""Language models behind one small protocol."""

from __future__ import annotations

from .demo import demo_causal, demo_masked
from .huggingface import HuggingFaceLM, open_huggingface
from .masked import MaskedLM, open_masked
from .protocol import Encoding, LanguageModel, Scores, encode_prompt
from .server import LostServerError, ServerLM

__all__ = [
    "Encoding",
    "HuggingFaceLM",
    "LanguageModel",
    "LostServerError",
    "MaskedLM",
    "Scores",
    "ServerLM",
    "demo_causal",
    "demo_masked",
    "encode_prompt",
    "open_huggingface",
    "open_masked",
]
