"""How much each concept matters for a class: total Sobol indices, signed contributions, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from ..core import Attribution, Provenance, Units
from ..core.errors import InputError, unknown_names
from .head import Coded, Head
from .sobol import SobolConfig, published_design, scrambled_designs, total_indices

if TYPE_CHECKING:
    import pandas as pd

Estimator = Literal["auto", "closed_form", "sobol", "published"]
_N_BOOT = 1000
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Importance:
    """Importance of r concepts for one class, over n images.

    Attributes
    ----------
    sobol
        ``(r,)`` mean total Sobol index: the share of the class score's variance that a concept takes part in when
        concepts come and go at random. Says how much, not which way.
    signed
        ``(r,)`` mean contribution to the class score, in its units: positive is evidence for the class. For a head that
        is not affine, the mean slope along the concept's weight.
    interval
        ``(r, 2)`` 95 % interval of ``sobol``: over images, and over designs where the estimate is sampled.
    standard_error
        ``(r,)`` error of the estimate itself, from its designs; 0 where it is exact, NaN where it has one design only.
    per_image
        ``(n, r)`` indices of each image; NaN for images that no concept touches, which the mean leaves out.
    attribution
        Signed contributions of each image for all classes, concepts as units.
    class_name
        The explained class.
    estimator
        What was used: ``"closed_form"``, ``"sobol"`` or ``"published"``.
    notes
        What a reader must know: images left out, and why.
    """

    sobol: np.ndarray
    signed: np.ndarray
    interval: np.ndarray
    standard_error: np.ndarray
    per_image: np.ndarray
    attribution: Attribution
    class_name: str
    estimator: str
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the concepts."""
        return self.attribution.units.names

    @property
    def share(self) -> np.ndarray:
        """``(r,)`` signed contributions as shares of the sum of their sizes."""
        total = np.abs(self.signed).sum()
        return self.signed / total if total > 0 else np.zeros_like(self.signed)

    @property
    def order(self) -> np.ndarray:
        """Positions of the concepts, the largest index first."""
        return np.argsort(-self.sobol, kind="stable")

    def to_frame(self) -> pd.DataFrame:
        """One row a concept: sobol, low, high, standard_error, signed, share."""
        import pandas as pd

        return pd.DataFrame(
            {
                "sobol": self.sobol, "low": self.interval[:, 0], "high": self.interval[:, 1],
                "standard_error": self.standard_error, "signed": self.signed, "share": self.share,
            },
            index=pd.Index(self.names, name="concept"),
        )  # fmt: skip


def importance(
    head: Head,
    images: Coded,
    *,
    class_id: int,
    names: tuple[str, ...],
    output_names: tuple[str, ...],
    estimator: Estimator = "auto",
    config: SobolConfig | None = None,
    problems: Mapping[int, str] | None = None,
    provenance: Provenance | None = None,
    seed: int = 0,
) -> Importance:
    """Importance of concepts from their coefficients.

    Parameters
    ----------
    head
        The head over the concepts.
    images
        n images in concept space; those with NaN are left out and noted.
    class_id
        Position of the explained output.
    names, output_names
        Of the r concepts and the k outputs.
    estimator
        ``"closed_form"``: exact, for affine heads; ``"sobol"``: scrambled Sobol designs, any head; ``"auto"``: exact
        where it can be; ``"published"``: the released implementations' design, for comparison with their numbers.
    problems
        Position of an image that could not be used to the reason, for the notes.

    Raises
    ------
    InputError
        On an unknown estimator, the closed form for a head that is not affine, or if no image is left.
    """
    if estimator not in get_args(Estimator):
        raise InputError(unknown_names("estimator", [estimator], get_args(Estimator)))
    if estimator == "auto":
        estimator = "closed_form" if head.kind == "affine" else "sobol"
    elif estimator == "closed_form" and head.kind != "affine":
        raise InputError("the closed form needs an affine head, and this one is not: use estimator='sobol'.")
    known = images.known
    if not known.any():
        raise InputError(f"none of the {len(images)} images has finite activations: nothing can be explained.")
    usable = images if known.all() else images[known]  # a copy of all activations is most of what a closed form costs
    indices, signed = _estimate(head, usable, estimator, config=config or SobolConfig(), class_id=class_id, seed=seed)
    per_design = np.full((len(indices), len(images), len(names)), np.nan)
    per_design[:, known] = indices
    mean, interval, error = _summary(per_design, seed)
    rows = np.flatnonzero(known)
    return Importance(
        sobol=mean,
        signed=signed[:, :, class_id].mean(axis=0),
        interval=interval,
        standard_error=np.zeros_like(mean) if estimator == "closed_form" else error,
        per_image=per_design.mean(axis=0),
        attribution=Attribution(
            values=signed,
            base_values=head.base(usable),
            outputs=usable.outputs,
            units=Units(names, "concept"),
            output_names=output_names,
            method=f"craft ({estimator.replace('_', ' ')})",
            output_space="margin",
            provenance=provenance or Provenance(),
            rows=tuple(int(row) for row in rows),
        ),
        class_name=output_names[class_id],
        estimator=estimator,
        notes=_notes(known, per_design[0], problems or {}),
    )


def closed_form(contributions: np.ndarray) -> np.ndarray:
    """Total Sobol indices ``a_i^2 / sum_j a_j^2`` of affine heads, over axis 1; NaN where all contributions are 0.

    With independent weights of one law, whichever it is, the variance of ``base + sum_i m_i a_i`` splits into the parts
    ``a_i^2 var(m)`` without interactions, so first and total indices coincide and add up to 1.
    """
    squares = np.square(contributions)
    total = squares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(squares, total, out=np.full(squares.shape, np.nan), where=total > 0))


def _estimate(
    head: Head, images: Coded, estimator: str, *, config: SobolConfig, class_id: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices ``(designs, n, r)`` of the class and contributions ``(n, r, k)`` to all outputs."""
    if estimator == "closed_form":
        contributions = head.contributions(images)
        return closed_form(contributions[:, :, class_id])[None], contributions
    r, published = len(head.W), estimator == "published"
    designs = [published_design(r)] if published else scrambled_designs(r, config, seed)
    indices, slopes = [], []
    for design in designs:
        # One image at a time: a thousand classes times a thousand masks are a lot of answers.
        parts = [
            total_indices(partial(head.outputs, images[slice(i, i + 1)]), design, ddof=int(published))
            for i in range(len(images))
        ]
        indices.append(np.concatenate([part[0] for part in parts])[:, :, class_id])
        slopes.append(np.concatenate([part[1] for part in parts]))
    return np.stack(indices), np.mean(slopes, axis=0)


def _summary(per_design: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean index ``(r,)``, interval ``(r, 2)`` and the estimate's standard error ``(r,)``."""
    used = per_design[:, np.isfinite(per_design).all(axis=(0, 2))]
    designs, n, r = used.shape
    if not n:
        return np.zeros(r), np.zeros((r, 2)), np.zeros(r)
    images = used.mean(axis=0)
    mean = images.mean(axis=0)
    low, high = np.percentile(_resampled(images, seed), [2.5, 97.5], axis=0)
    error = _design_error(used.mean(axis=1))
    # Which images were taken and which designs were drawn are independent: the two distances add as squares.
    reach = _t_quantile(designs) * error if designs > 1 else np.zeros(r)
    low, high = mean - np.hypot(mean - low, reach), mean + np.hypot(high - mean, reach)
    return mean, np.column_stack([np.maximum(low, 0), high]), error


def _resampled(images: np.ndarray, seed: int) -> np.ndarray:
    """``(draws, r)`` means of as many rows of ``(n, r)``, drawn with replacement."""
    n = len(images)
    draw = np.random.default_rng(seed).integers(0, n, (_N_BOOT, n))
    # How often each row was drawn, by one count over all draws: the rows themselves are not copied.
    times = np.bincount((draw + n * np.arange(_N_BOOT)[:, None]).ravel(), minlength=_N_BOOT * n)
    return np.asarray(times.reshape(_N_BOOT, n) @ images / n)


def _design_error(means: np.ndarray) -> np.ndarray:
    """Standard error of the mean over designs ``(s, r)``; NaN for one design."""
    if len(means) < 2:
        return np.full(means.shape[1], np.nan)
    return np.asarray(means.std(axis=0, ddof=1) / np.sqrt(len(means)))


def _t_quantile(designs: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, designs - 1))


def _notes(known: np.ndarray, indices: np.ndarray, problems: Mapping[int, str]) -> tuple[str, ...]:
    reasons = {int(i): problems.get(int(i), "its activations are not finite.") for i in np.flatnonzero(~known)}
    notes = [f"image {i} was left out: {reason}" for i, reason in list(reasons.items())[:_SHOWN]]
    if len(reasons) > _SHOWN:
        notes.append(f"and {len(reasons) - _SHOWN} more were left out.")
    silent = np.flatnonzero(known & ~np.isfinite(indices).all(axis=1))
    if len(silent):
        notes.append(f"no concept changes the class score of image {_some(silent)}: left out of the mean index.")
    return tuple(notes)


def _some(positions: np.ndarray, most: int = 8) -> str:
    text = ", ".join(str(i) for i in positions[:most])
    return text if len(positions) <= most else f"{text} and {len(positions) - most} more"
