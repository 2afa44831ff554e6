"""The result: how much each unit of a prompt gave to each target, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import Attribution
from ..core.provenance import Provenance
from ..core.units import Units

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class TokenAttribution:
    """Effects of T units (tokens, words, sentences or spans) on G targets.

    Attributes
    ----------
    values
        ``(G, T)`` signed: by how much the target's answer falls when the unit is replaced; NaN for units that do not
        stand before the target. For the published mode its softmax scores.
    standard_error
        ``(G, T)`` of the values; NaN where one draw says nothing about it.
    scores
        ``(G, T)`` non-negative display form; rows sum to 1.
    tokens
        T texts of the units, as they stand; ``spans`` ``(T, 2)``: where they stand in ``text``, the prompt with the
        answer's tokens that are units.
    targets
        G texts.
    original, replaced
        ``(G,)`` answers to the unchanged prompt, and mean answers when every unit is replaced.
    converged, repeatability
        ``(G,)``: whether the estimate met its own stopping rule; rank correlation of its two halves.
    censored
        Share of the answers that were only bounds, because a server did not name the target.
    n_forwards
        Rows the language model computed.
    method, effect
        Estimator, and scale of the values.
    notes
        What a reader should know, one sentence each.
    """

    values: np.ndarray
    standard_error: np.ndarray
    scores: np.ndarray
    tokens: tuple[str, ...]
    spans: np.ndarray
    text: str
    targets: tuple[str, ...]
    original: np.ndarray
    replaced: np.ndarray
    converged: np.ndarray
    repeatability: np.ndarray
    censored: float
    n_forwards: int
    method: str
    effect: str
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    units: Units = field(default_factory=lambda: Units(("unit",), "token"))

    @property
    def attribution(self) -> Attribution:
        """The same as an :class:`~xai.core.attribution.Attribution`: one row a target, effect 0 after a target."""
        labels = [f"{i + 1} {target.strip()}" for i, target in enumerate(self.targets)]
        return Attribution(
            values=np.nan_to_num(self.values)[:, :, None],
            base_values=self.replaced[:, None],
            outputs=self.original[:, None],
            units=self.units,
            output_names=("target",),
            method=f"reagent {self.method}",
            output_space="probability" if self.effect == "probability" else "value",
            provenance=self.provenance,
            rows=tuple(labels),
            standard_errors=np.nan_to_num(self.standard_error)[:, :, None],
        )

    def top(self, n: int = 5, target: int = 0) -> list[tuple[str, float]]:
        """The ``n`` units with the largest effect on one target."""
        row = np.where(np.isnan(self.values[target]), -np.inf, self.values[target])
        return [(self.units.names[i], float(row[i])) for i in np.argsort(-row)[:n] if np.isfinite(row[i])]

    def to_frame(self) -> pd.DataFrame:
        """One row a unit and target: unit, text, start, end, target, value, standard_error, score."""
        import pandas as pd

        n_targets, n_units = self.values.shape
        return pd.DataFrame(
            {
                "target": np.repeat(self.targets, n_units),
                "target_number": np.repeat(np.arange(1, n_targets + 1), n_units),
                "unit": np.tile(self.units.names, n_targets),
                "start": np.tile(self.spans[:, 0], n_targets),
                "end": np.tile(self.spans[:, 1], n_targets),
                "value": self.values.ravel(),
                "standard_error": self.standard_error.ravel(),
                "score": self.scores.ravel(),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON types; NaN as ``None``."""
        return {
            "format": "hemicycle/tokens/1",
            "method": self.method,
            "effect": self.effect,
            "text": self.text,
            "tokens": list(self.tokens),
            "names": list(self.units.names),
            "spans": self.spans.tolist(),
            "targets": list(self.targets),
            **{name: _plain(getattr(self, name)) for name in _ARRAYS},
            "converged": self.converged.tolist(),
            "censored": self.censored,
            "n_forwards": self.n_forwards,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """JSON text, written to ``path`` if given."""
        text = json.dumps(self.to_dict(), ensure_ascii=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TokenAttribution:
        """Read what :meth:`to_dict` made."""
        return cls(
            tokens=tuple(record["tokens"]),
            spans=np.array(record["spans"], dtype=int).reshape(-1, 2),
            text=record["text"],
            targets=tuple(record["targets"]),
            converged=np.array(record["converged"], dtype=bool),
            censored=float(record["censored"]),
            n_forwards=int(record["n_forwards"]),
            method=record["method"],
            effect=record["effect"],
            notes=tuple(record["notes"]),
            provenance=Provenance(**record["provenance"]),
            units=Units(tuple(record["names"]), "token"),
            **{name: np.array(record[name], dtype=float) for name in _ARRAYS},
        )


_ARRAYS = ("values", "standard_error", "scores", "original", "replaced", "repeatability")


def _plain(array: np.ndarray) -> list[Any]:
    boxed = array.astype(object)
    boxed[np.isnan(array)] = None
    plain: list[Any] = boxed.tolist()
    return plain
