"""Language models by name."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from ..models.text import LanguageModel, ServerLM, demo_causal, open_huggingface


def load_lm(source: str | Path = "demo", *, chat: bool = False, device: str | None = None) -> LanguageModel:
    """A language model.

    Parameters
    ----------
    source
        ``"demo"``: the bundled model; ``"server"``: the OpenAI-compatible server that the operator named by the
        environment variable ``HEMICYCLE_LM_URL``; else a local folder, a GGUF file, or a name of the Hugging Face hub.
    chat
        Put prompts into the model's chat template; the template's tokens are never replaced.
    device
        Where a local model computes, as torch names it, e.g. ``"cuda"``; ``None``: on the processor.

    Raises
    ------
    InputError
        If a server was asked for and none was named, or a device for it.
    ModelError
        If the model cannot be opened.
    """
    if source == "demo":
        return demo_causal(device)
    if source == "server":
        if device is not None:
            raise InputError("a server computes where it was started: leave device out.")
        server = ServerLM.from_environment()
        if server is None:
            raise InputError("no server was named: set HEMICYCLE_LM_URL to its address, e.g. http://localhost:8080/v1.")
        return server
    return open_huggingface(source, chat=chat, device=device)
