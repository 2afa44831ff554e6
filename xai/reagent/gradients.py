"""What peers give for one target: gradient times input, and integrated gradients, of a local model."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..models.text import HuggingFaceLM, LanguageModel
from .problem import Problem


def gradient_x_input(problem: Problem) -> np.ndarray:
    """``(G, U)`` gradient of each target's log-probability, times the embedding, summed over a unit's tokens."""
    return _by_unit(problem, steps=1)


def integrated_gradients(problem: Problem, steps: int = 16) -> np.ndarray:
    """``(G, U)`` gradients along the straight path from embeddings of 0 (Captum, midpoint rule), times the embedding.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, 2017, arXiv:1703.01365.
    """
    return _by_unit(problem, steps=steps)


def _by_unit(problem: Problem, steps: int) -> np.ndarray:
    if problem.joint:
        raise InputError("gradients explain the tokens of an answer one by one: leave out joint=True and the foil.")
    found = np.zeros((problem.n_targets, problem.n_units))
    for g, (target, position) in enumerate(zip(problem.targets, problem.positions, strict=True)):
        tokens = _by_token(problem.lm, problem.ids[:position], int(target), steps)
        owner = problem.owner[:position]
        np.add.at(found[g], owner[owner >= 0], tokens[owner >= 0])
    return found


def _by_token(lm: LanguageModel, ids: np.ndarray, target: int, steps: int) -> np.ndarray:
    """``(T,)`` for one target after ``ids``; one step is the gradient at the input itself."""
    if not isinstance(lm, HuggingFaceLM):
        raise InputError(f"gradients need a local model; {lm.name} only answers with probabilities.")
    import torch
    from captum.attr import InputXGradient, IntegratedGradients

    def answer(points: torch.Tensor) -> torch.Tensor:
        logits = lm.model(inputs_embeds=points, use_cache=False).logits[:, -1].float()
        return torch.log_softmax(logits, -1)[:, target]

    embedded = lm.model.get_input_embeddings()(lm.tensor(ids)[None]).detach()
    if steps == 1:
        found = InputXGradient(answer).attribute(embedded.requires_grad_())
    else:
        found = IntegratedGradients(answer).attribute(embedded, n_steps=steps, method="riemann_middle")
    return np.asarray(found[0].sum(dim=-1).detach().double().cpu().numpy())
