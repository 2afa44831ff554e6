"""What the classifier does, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..core.errors import InputError, unknown_names

Rule = Literal["map", "published", "emd"]
Ties = Literal["grow", "first"]
MAX_CANDIDATES = 300


@dataclass(frozen=True)
class Options:
    """Options of :class:`CorrespondenceClassifier`.

    Attributes
    ----------
    n_candidates
        N: nearest pictures of the gallery that are compared patch by patch, at most 300. A class outside them cannot
        win, whatever is edited.
    k
        K: best candidates that vote.
    rule
        How a candidate is scored before anybody edits. ``"map"``: mean similarity of all cells, weighted by one map of
        the query; an edit replaces the map. ``"published"``: CHM-Corr (Nguyen, Taesiri and Nguyen, NeurIPS 2022), a
        mask of its own for each candidate and the mean of the five best cells. ``"emd"``: EMD-Corr of the same paper.
    start
        The map of the rule ``"map"``: ``"uniform"`` or ``"saliency"`` (cells of the query that resemble the mean of
        the candidates).
    matcher
        Name of a matcher, see :data:`xai.chmcorr.matching.MATCHERS`.
    threshold
        T: cells of the min-max scaled cross-correlation below it do not count; rule ``"published"`` only.
    n_pairs
        Patch pairs shown for each exemplar, and cells (or flows) that count in the published rules.
    n_exemplars
        Exemplars shown for a class, and candidates whose mean is the score of a class.
    ties
        ``"grow"``: voters are added one by one until one class leads (CHM-Corr++). ``"first"``: the class that comes
        first (2022).
    """

    n_candidates: int = 50
    k: int = 20
    rule: Rule = "map"
    start: Literal["saliency", "uniform"] = "saliency"
    matcher: str = "chm"
    threshold: float = 0.55
    n_pairs: int = 5
    n_exemplars: int = 5
    ties: Ties = "grow"

    def __post_init__(self) -> None:
        from .matching import MATCHERS

        for name, known in (("rule", get_args(Rule)), ("ties", get_args(Ties)), ("start", ("saliency", "uniform"))):
            if getattr(self, name) not in known:
                raise InputError(unknown_names(name, [getattr(self, name)], known))
        if self.matcher not in MATCHERS:
            raise InputError(unknown_names("matcher", [self.matcher], MATCHERS))
        if not 1 <= self.n_candidates <= MAX_CANDIDATES:
            raise InputError(f"n_candidates is {self.n_candidates}: it must be from 1 to {MAX_CANDIDATES}.")
        if not 1 <= self.k <= self.n_candidates:
            raise InputError(f"k is {self.k}: it must be from 1 to n_candidates, which is {self.n_candidates}.")
        if not 0 <= self.threshold <= 1:
            raise InputError(f"threshold is {self.threshold}: it must be from 0 to 1.")
        if min(self.n_pairs, self.n_exemplars) < 1:
            raise InputError("n_pairs and n_exemplars must be at least 1.")

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary of JSON types."""
        return asdict(self)


PUBLISHED = Options(n_candidates=50, k=20, rule="published", threshold=0.55, n_pairs=5, ties="first")
"""The constants of CHM-Corr (2022). Its code's row and column mix-up is not repeated."""
