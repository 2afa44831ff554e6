"""An answer with its evidence, and the same evidence under another map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.attribution import Attribution
from ..core.errors import InputError
from ..core.game import Game
from ..core.provenance import Provenance, versions
from ..core.units import Units
from ..editing import check_mask
from .matched import Matched
from .options import Options
from .scores import Scores, by_map
from .voting import Ballot, vote

if TYPE_CHECKING:
    from .occlusion import OcclusionCheck


@dataclass(frozen=True)
class Pair:
    """A cell of the query and the cell of an exemplar it was compared with; what is drawn is what was scored.

    Attributes
    ----------
    query, exemplar
        ``(row, column)`` from 0.
    cosine
        How alike the two are.
    term
        What the pair adds to the exemplar's score.
    """

    query: tuple[int, int]
    exemplar: tuple[int, int]
    cosine: float
    term: float


@dataclass(frozen=True)
class Exemplar:
    """A picture of the gallery that speaks for its class.

    Attributes
    ----------
    position
        Where it is in the gallery.
    name, label
        Its name and class.
    rank
        Its place among the candidates, from 0; those before ``explanation.n_voters`` vote.
    score
        How alike it is, by the map in force.
    pairs
        The pairs of cells that add most to the score.
    """

    position: int
    name: str
    label: str
    rank: int
    score: float
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a picture was given its class, made by :meth:`CorrespondenceClassifier.explain`.

    Attributes
    ----------
    matched
        Query, candidates and their matches.
    options
        How it was classified.
    scores
        The candidates' scores and what they are made of.
    edited
        Whether a person's map stands in place of the model's own.
    """

    matched: Matched
    options: Options
    scores: Scores = field(repr=False)
    edited: bool = False

    def __repr__(self) -> str:
        share = f"{self.votes[self.label]} of {self.n_voters} votes"
        return f"Explanation('{self.label}', {share}, {len(self.matched.candidates)} candidates, edited={self.edited})"

    @cached_property
    def ballot(self) -> Ballot:
        """The vote."""
        return self._vote(self.scores.values)

    @property
    def label(self) -> str:
        """The class with most votes."""
        return self.class_names[self.ballot.winner]

    @property
    def class_names(self) -> tuple[str, ...]:
        """All classes of the gallery."""
        return self.matched.gallery.class_names

    @property
    def shortlist(self) -> tuple[str, ...]:
        """Classes that some candidate belongs to: no edit can make another one win."""
        here = set(self.matched.labels.tolist())
        return tuple(name for i, name in enumerate(self.class_names) if i in here)

    @property
    def votes(self) -> Mapping[str, int]:
        """Votes of each class, those of no vote too, in the gallery's order."""
        return dict(zip(self.class_names, self.ballot.counts.tolist(), strict=True))

    @property
    def n_voters(self) -> int:
        """K, or more where a tie was broken by further voters."""
        return self.ballot.n_voters

    @property
    def patch_map(self) -> np.ndarray:
        """Weights of the cells, in the shape of the grid."""
        return self.scores.patch_map.reshape(self.matched.gallery.grid)

    @property
    def exemplars(self) -> tuple[Exemplar, ...]:
        """The best pictures of the answer's class, see :meth:`exemplars_of`."""
        return self.exemplars_of(self.label)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The patch pairs of the best exemplar."""
        return self.exemplars[0].pairs

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know before trusting the answer."""
        found = []
        outside = len(self.class_names) - len(self.shortlist)
        if outside:
            found.append(
                f"{outside} of {len(self.class_names)} classes have no picture among the "
                f"{len(self.matched.candidates)} candidates: no edit can make them win."
            )
        if self.ballot.tied:
            most = int(self.ballot.counts.max())
            level = [name for name, votes in self.votes.items() if votes == most]
            found.append(f"A tie: {' and '.join(level)} have {most} votes each; the first of them is given.")
        elif self.n_voters > self.options.k:
            found.append(f"The first {self.options.k} voters tied: {self.n_voters - self.options.k} more were asked.")
        if self.matched.left_out:
            found.append(f"Left out, since it is this very picture: {', '.join(self.matched.left_out)}.")
        return tuple(found)

    def exemplars_of(self, name: str) -> tuple[Exemplar, ...]:
        """The best ``options.n_exemplars`` candidates of a class, the best first.

        Raises
        ------
        InputError
            If there is no such class, or none of its pictures is a candidate.
        """
        return tuple(self._exemplar(rank) for rank in self._best(name))

    def edit(self, mask: Any) -> Explanation:
        """The same evidence under a person's map; nothing is encoded or matched again.

        One map then counts for all candidates, whatever rule answered before. The own map, unchanged, is no edit.

        Parameters
        ----------
        mask
            Weights >= 0 of the cells, flat or in the shape of the grid: 0 ignores a cell, 1 keeps it.

        Raises
        ------
        InputError
            If it has another shape, holds NaN or a negative weight, or ignores everything.
        """
        weights = check_mask(self.game, mask)
        if np.array_equal(weights, self.scores.patch_map):
            return self
        scores = by_map(self.matched, weights, self.options.n_pairs)
        return Explanation(self.matched, self.options, scores, edited=True)

    def occlude(self) -> OcclusionCheck:
        """Paint over the ignored cells and encode again: what the kept cells knew of them, see :mod:`.occlusion`."""
        from .occlusion import occlude

        return occlude(self)

    @cached_property
    def units(self) -> Units:
        """The cells."""
        rows, columns = self.matched.gallery.grid
        names = tuple(f"row {r + 1} column {c + 1}" for r in range(rows) for c in range(columns))
        return Units(names, "patch", layout=(rows, columns))

    @cached_property
    def game(self) -> Game:
        """Weights of cells to shares of the votes; the answer is the class with the largest share."""
        return Game(self._shares, self.units, self.class_names, "continuous")

    @property
    def shares(self) -> np.ndarray:
        """``(C,)`` each class's share of the votes."""
        return self.ballot.counts / self.n_voters

    @property
    def attribution(self) -> Attribution:
        """What each cell adds to the score of each class of the shortlist: the mean over its exemplars."""
        terms = np.stack([self.scores.terms[self.places(name)].mean(axis=0) for name in self.shortlist], axis=-1)
        return Attribution(
            values=terms[None],
            base_values=np.zeros((1, len(self.shortlist))),
            outputs=terms.sum(axis=0)[None],
            units=self.units,
            output_names=self.shortlist,
            method="chm_corr",
            output_space="value",
            provenance=Provenance(
                engine=f"{self.options.matcher} matches, {'edited map' if self.edited else self.options.rule}",
                versions=versions(["torch", "onnxruntime"]),
                model_hash=self.matched.gallery.backbone.hash,
                data_hash=self.matched.digest,
                options={**self.options.to_dict(), "patch_map": self.scores.patch_map.tolist()},
            ),
        )

    def places(self, name: str) -> np.ndarray:
        """Places of a class's exemplars among the candidates."""
        return np.asarray(self.ballot.order[self._best(name)])

    def _best(self, name: str) -> np.ndarray:
        code = self.matched.gallery.class_index(name)
        ranks = np.flatnonzero(self.matched.labels[self.ballot.order] == code)[: self.options.n_exemplars]
        if not ranks.size:
            raise InputError(
                f"no picture of '{name}' is among the {len(self.matched.candidates)} nearest: no edit can make it win. "
                "Take more candidates (Options(n_candidates=...), at most 300)."
            )
        return ranks

    def _exemplar(self, rank: int) -> Exemplar:
        gallery, scores = self.matched.gallery, self.scores
        place = int(self.ballot.order[rank])
        position = int(self.matched.candidates[place])
        columns = gallery.grid[1]
        pairs = tuple(
            Pair(divmod(int(i), columns), divmod(int(j), columns), float(cosine), float(term))
            for (i, j), cosine, term in zip(
                scores.pairs[place], scores.pair_cosines[place], scores.pair_terms[place], strict=True
            )
        )
        return Exemplar(
            position=position,
            name=gallery.names[position],
            label=gallery.class_names[gallery.labels[position]],
            rank=int(rank),
            score=float(scores.values[place]),
            pairs=pairs,
        )

    def _vote(self, values: np.ndarray) -> Ballot:
        return vote(values, self.matched.labels, len(self.class_names), self.options.k, self.options.ties)

    def _shares(self, masks: np.ndarray) -> np.ndarray:
        totals = masks.sum(axis=1, keepdims=True)
        if not totals.all():
            raise InputError("a map that ignores every cell has no answer: keep at least one.")
        values = (masks / totals) @ self.matched.cosines.T
        values[(masks == self.scores.patch_map).all(axis=1)] = self.scores.values
        ballots = [self._vote(row) for row in values]
        return np.array([ballot.counts / ballot.n_voters for ballot in ballots])
