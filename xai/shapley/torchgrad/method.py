"""Methods "integrated_gradients", "deeplift", "gradient_shap" and "feature_ablation" on torch modules."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InputError, MissingExtraError, ModelError
from ...models.base import library_errors
from ...models.masking import sample_rows
from ...models.torch_module import TorchModel, resting
from ..request import Prepared, Request
from .config import TorchConfig

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Call:
    """One attribution: rows and baselines ``(n, d)`` as tensors, one output."""

    forward: Any
    rows: Any
    baselines: Any
    target: int
    config: TorchConfig


def _integrated_gradients(call: _Call) -> Any:
    from captum.attr import IntegratedGradients

    return IntegratedGradients(call.forward).attribute(
        call.rows,
        baselines=call.baselines,
        target=call.target,
        n_steps=call.config.n_steps,
        internal_batch_size=max(call.config.batch_rows, len(call.rows)),
    )


def _deeplift(call: _Call) -> Any:
    from captum.attr import DeepLift

    with warnings.catch_warnings():
        # It says each time that it hooks activations, which is how it works.
        warnings.filterwarnings("ignore", message="(?s).*forward, backward hooks")
        rows = call.rows.detach().clone().requires_grad_()
        return DeepLift(call.forward).attribute(rows, baselines=call.baselines, target=call.target)


def _feature_ablation(call: _Call) -> Any:
    from captum.attr import FeatureAblation

    return FeatureAblation(call.forward).attribute(call.rows, baselines=call.baselines, target=call.target)


def _gradient_shap(call: _Call) -> Any:
    import torch
    from captum.attr import GradientShap

    # Captum draws from the global generators of NumPy and torch: they are put back as they were.
    state = np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng():
            torch.manual_seed(call.config.seed)
            np.random.seed(call.config.seed % 2**32)  # noqa: NPY002
            return GradientShap(call.forward).attribute(
                call.rows, baselines=call.baselines, target=call.target, n_samples=call.config.n_samples, stdevs=0.0
            )
    finally:
        np.random.set_state(state)  # noqa: NPY002


ATTRIBUTIONS: dict[str, Callable[[_Call], Any]] = {
    "integrated_gradients": _integrated_gradients,
    "deeplift": _deeplift,
    "gradient_shap": _gradient_shap,
    "feature_ablation": _feature_ablation,
}
"""Method name to Captum's routine."""

NAMES = {
    "integrated_gradients": "IntegratedGradients",
    "deeplift": "DeepLift",
    "gradient_shap": "GradientShap",
    "feature_ablation": "FeatureAblation",
}


def prepare(method: str) -> Callable[[Request], Prepared]:
    """The registered routine of a method."""
    return partial(_prepare, method)


def _prepare(method: str, request: Request) -> Prepared:
    model = _torch_model(method, request)
    if request.background is None:
        raise InputError(f"method '{method}' needs background rows: give background=, e.g. 100 rows of training data.")
    config = request.config or TorchConfig()
    table = sample_rows(request.background, config.n_background, config.seed)
    drawn = method == "gradient_shap"
    points = table if drawn or config.baseline == "each" else table.mean().to_frame().T
    base = model.predict_checked(points).mean(axis=0)
    compute = partial(_drawn_rows if drawn else _paired_rows, ATTRIBUTIONS[method], _forward(model, len(base)))
    starts = model.tensor(points)

    def explain(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        with resting(model.native), library_errors("captum", f"compute {method}"):
            values = np.stack([compute(model.tensor(rows), starts, k, config) for k in range(len(base))], axis=2)
        if not np.isfinite(values).all():
            raise ModelError(f"{method} gave values that are no numbers: the module's gradient is not finite there.")
        return values, np.tile(base, (len(rows), 1))

    return Prepared(
        explain=explain,
        frame=request.frame,
        engine=f"captum {NAMES[method]}",
        packages=("captum", "torch"),
        options={"n_background": len(table), "baseline": "rows" if drawn else config.baseline},
        seed=config.seed if drawn or len(table) < len(request.background) else None,
        first_block=16,
    )


def _torch_model(method: str, request: Request) -> TorchModel:
    try:
        import captum  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("captum", "vision") from error
    if not isinstance(request.model, TorchModel):
        raise ModelError(
            f"method '{method}' needs the gradients of a torch module, but this is a {request.model.framework} model: "
            "use method 'shap' or 'sampling'."
        )
    return request.model


def _forward(model: TorchModel, n_outputs: int) -> Any:
    """The module in the model's output space, as a module itself: Captum finds its parts by walking it."""
    import torch

    class Forward(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model.native

        def forward(self, rows: Any) -> Any:
            answer = model.forward(rows)
            if answer.shape != (len(rows), n_outputs):
                raise ModelError(
                    f"the torch module answered with shape {tuple(answer.shape)}, not {(len(rows), n_outputs)}."
                )
            return answer

    return Forward()


def _paired_rows(  # noqa: PLR0917  # partly applied
    attribution: Callable[[_Call], Any], forward: Any, rows: Any, starts: Any, target: int, config: TorchConfig
) -> np.ndarray:
    """Each row against each start, averaged over the starts: ``(n, d)``."""
    size = max(1, config.batch_rows // len(starts))
    blocks = []
    for begin in range(0, len(rows), size):
        block = rows[begin : begin + size]
        paired = block.repeat_interleave(len(starts), dim=0), starts.repeat(len(block), 1)
        found = _numbers(attribution(_Call(forward, *paired, target, config)))
        blocks.append(found.reshape(len(block), len(starts), -1).mean(axis=1))
    return np.concatenate(blocks)


def _drawn_rows(  # noqa: PLR0917  # partly applied
    attribution: Callable[[_Call], Any], forward: Any, rows: Any, starts: Any, target: int, config: TorchConfig
) -> np.ndarray:
    """Each row against starts that the method draws, one row a call: its draws then depend on the seed alone."""
    calls = (_Call(forward, rows[i : i + 1], starts, target, config) for i in range(len(rows)))
    return np.concatenate([_numbers(attribution(call)) for call in calls])


def _numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().double().numpy())
