"""Where in a picture a concept is: five ways to a map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, unknown_names
from .nnls import RIDGE, nnls, restricted_solve

if TYPE_CHECKING:
    from ..models.vision import Cut

_IMAGES = 4  # pictures whose gradients are held at a time


@dataclass(frozen=True)
class MapConfig:
    """Options of concept maps.

    Attributes
    ----------
    n_steps
        Steps of integrated gradients, from a black picture.
    n_samples, noise
        Noisy copies of SmoothGrad, and their noise as a share of the picture's range of input values.
    window, stride
        Side of the occluding square and its steps, in pixels; by default a fifth of the shorter side, and half of that.
    seed
        Of the noise.
    """

    n_steps: int = 32
    n_samples: int = 16
    noise: float = 0.1
    window: int | None = None
    stride: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_steps, self.n_samples, self.window or 1, self.stride or 1) < 1 or self.noise < 0:
            raise InputError("n_steps, n_samples, window and stride must be at least 1, and noise not negative.")


def concept_maps(
    cut: Cut, W: np.ndarray, view: np.ndarray, method: str = "coefficients", config: MapConfig | None = None
) -> np.ndarray:
    """Maps of all concepts over pictures.

    Parameters
    ----------
    cut
        Where the model was split.
    W
        ``(r, p)`` concepts.
    view
        ``(n, H, W, 3)`` uint8 pictures as the model sees them.
    method
        ``"coefficients"``: coefficients of the positions, enlarged. ``"gradcam"``: Grad-CAM of the picture's mean
        coefficient through the implicit gradient (Selvaraju et al. 2017). ``"smoothgrad"`` and
        ``"integrated_gradients"``: its gradient with respect to the pixels, through the network (Smilkov et al. 2017;
        Sundararajan et al. 2017), by Captum. ``"occlusion"``: how much the mean coefficient falls when a square is
        covered; needs no gradients, and one pass serves all concepts.

    Returns
    -------
    np.ndarray
        ``(n, r, H, W)`` float32. Coefficients, Grad-CAM and SmoothGrad are non-negative; the others are signed.

    Raises
    ------
    InputError
        On an unknown method.
    ModelError
        If a method needs gradients and the model gives none.
    """
    if method not in METHODS:
        raise InputError(unknown_names("map method", [method], METHODS))
    return METHODS[method](cut, W, view, config or MapConfig())


def _coefficients(cut: Cut, W: np.ndarray, view: np.ndarray, _config: MapConfig) -> np.ndarray:
    return np.concatenate([_enlarged(nnls(maps, W), view) for maps in _encoded(cut, view)])


def _gradcam(cut: Cut, W: np.ndarray, view: np.ndarray, _config: MapConfig) -> np.ndarray:
    """``relu(sum_c weight_c F_c)`` with the gradient of each mean coefficient, averaged over positions, as weights.

    That gradient lies in the span of the concepts: ``W^T z`` with ``z = G_SS^-1 e_k`` at each position. So the map is
    ``relu((F W^T) z)`` with the mean z, and neither autograd nor channels are needed.
    """
    r = len(W)
    gram = W @ W.T
    gram = gram + RIDGE * np.trace(gram) / r * np.eye(r)
    parts = []
    for maps in _encoded(cut, view):
        n, h, w, _ = maps.shape
        support = (nnls(maps, W) > 0).reshape(-1, r)
        weights = np.stack(
            [
                restricted_solve(gram, np.repeat(unit[None], len(support), axis=0), support).reshape(n, h * w, r)
                for unit in np.eye(r)
            ],
            axis=1,
        ).mean(axis=2) / (h * w)  # (n, concept, r)
        heat = np.maximum(np.einsum("nhwr,nkr->nhwk", maps @ W.T, weights), 0)
        parts.append(_enlarged(heat, view))
    return np.concatenate(parts)


def _smoothgrad(cut: Cut, W: np.ndarray, view: np.ndarray, config: MapConfig) -> np.ndarray:
    import torch
    from captum.attr import NoiseTunnel, Saliency

    def attribute(forward: Any, inputs: Any, concept: int) -> Any:
        spread = float(inputs.max() - inputs.min())
        tunnel = NoiseTunnel(Saliency(forward))
        return tunnel.attribute(
            inputs, nt_type="smoothgrad", nt_samples=config.n_samples, nt_samples_batch_size=1,
            stdevs=config.noise * spread, target=concept, abs=False,
        ).abs()  # fmt: skip

    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return _by_gradients(cut, W, view, attribute)


def _integrated_gradients(cut: Cut, W: np.ndarray, view: np.ndarray, config: MapConfig) -> np.ndarray:
    from captum.attr import IntegratedGradients

    def attribute(forward: Any, inputs: Any, concept: int) -> Any:
        black = cut.model.tensor(np.zeros((1, *view.shape[1:]), dtype=np.uint8))
        return IntegratedGradients(forward).attribute(
            inputs, baselines=black.expand_as(inputs), target=concept, n_steps=config.n_steps,
            internal_batch_size=_IMAGES * 8,
        )  # fmt: skip

    return _by_gradients(cut, W, view, attribute)


def _by_gradients(cut: Cut, W: np.ndarray, view: np.ndarray, attribute: Callable[[Any, Any, int], Any]) -> np.ndarray:
    """Attributions of the mean coefficients to the pixels, summed over colours."""
    from .implicit import coefficients

    def forward(inputs: Any) -> Any:
        maps, _ = cut.encode_torch(inputs)
        return coefficients(maps, maps.new_tensor(W)).mean(dim=(1, 2))

    parts = []
    for start in range(0, len(view), _IMAGES):
        inputs = cut.model.tensor(view[start : start + _IMAGES])
        found = [attribute(forward, inputs, concept).sum(dim=1) for concept in range(len(W))]
        parts.append(np.stack([heat.detach().cpu().float().numpy() for heat in found], axis=1))
    return np.concatenate(parts)


def _occlusion(cut: Cut, W: np.ndarray, view: np.ndarray, config: MapConfig) -> np.ndarray:
    size = view.shape[1:3]
    window = min(config.window or max(1, min(size) // 5), *size)
    stride = config.stride or max(1, window // 2)
    corners = [(top, left) for top in _starts(size[0], window, stride) for left in _starts(size[1], window, stride)]
    result = np.zeros((len(view), len(W), *size), dtype=np.float32)
    times = np.zeros(size, dtype=np.float32)
    for top, left in corners:
        times[top : top + window, left : left + window] += 1
    for picture, heat in zip(view, result, strict=True):
        colour = np.rint(picture.mean(axis=(0, 1))).astype(np.uint8)
        whole = _mean_coefficients(cut, W, picture[None])[0]
        for first in range(0, len(corners), cut.model.batch_size):
            some = corners[first : first + cut.model.batch_size]
            covered = np.repeat(picture[None], len(some), axis=0)
            for copy, (top, left) in zip(covered, some, strict=True):
                copy[top : top + window, left : left + window] = colour
            for fall, (top, left) in zip(whole - _mean_coefficients(cut, W, covered), some, strict=True):
                heat[:, top : top + window, left : left + window] += fall[:, None, None]
    return result / times


def _starts(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin, the last one at the border, so that every pixel is covered."""
    return sorted({*range(0, side - window + 1, stride), side - window})


def _mean_coefficients(cut: Cut, W: np.ndarray, view: np.ndarray) -> np.ndarray:
    return np.concatenate([nnls(maps, W).mean(axis=(1, 2)) for maps in _encoded(cut, view)])


def _encoded(cut: Cut, view: np.ndarray) -> list[np.ndarray]:
    return [cut.encode_inputs(batch)[0] for batch in cut.model.batches(view)]


def _enlarged(heat: np.ndarray, view: np.ndarray) -> np.ndarray:
    """``(n, h, w, r)`` as ``(n, r, H, W)`` at the size of the pictures."""
    from ..models.vision import enlarge

    size = (view.shape[1], view.shape[2])
    return np.ascontiguousarray(enlarge(heat, size).transpose(0, 3, 1, 2), dtype=np.float32)


METHODS: dict[str, Callable[[Cut, np.ndarray, np.ndarray, MapConfig], np.ndarray]] = {
    "coefficients": _coefficients,
    "gradcam": _gradcam,
    "smoothgrad": _smoothgrad,
    "integrated_gradients": _integrated_gradients,
    "occlusion": _occlusion,
}
"""Method name to routine."""
