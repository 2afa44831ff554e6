"""Who stands for election: exclusions, alliances and the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError, listing, unknown_names
from ..core.units import check_groups

Alliances = Mapping[str, Sequence[str]] | Sequence[Sequence[str]]


@dataclass(frozen=True)
class Ballot:
    """Parties in the order of the ballot paper: alliances first, then single units.

    Attributes
    ----------
    parties
        Names, p of them.
    members
        Names of each party's units.
    columns
        Positions of each party's units among the votes.
    """

    parties: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    columns: tuple[tuple[int, ...], ...]

    def party_votes(self, votes: np.ndarray) -> np.ndarray:
        """Votes of parties, ``(p,)`` or ``(n, p)``, from votes of units, ``(d,)`` or ``(n, d)``."""
        return np.stack([votes[..., list(columns)].sum(axis=-1) for columns in self.columns], axis=-1)


def make_ballot(names: Sequence[str], alliances: Alliances | None = None, exclude: Sequence[str] = ()) -> Ballot:
    """Check exclusions and alliances, and order the parties.

    Parameters
    ----------
    names
        Units, in their order.
    alliances
        Alliance name to its members, or a sequence of member lists, which are then named ``"a + b"``.
    exclude
        Units that do not stand.

    Raises
    ------
    InputError
        On unknown names, overlapping alliances, a member that is excluded, or if nobody is left.
    """
    excluded = {exclude} if isinstance(exclude, str) else {str(name) for name in exclude}
    unknown = [name for name in excluded if name not in names]
    if unknown:
        raise InputError(unknown_names("name to exclude", sorted(unknown), names))
    groups = check_groups(_named(alliances), names)
    both = [member for members in groups.values() for member in members if member in excluded]
    if both:
        raise InputError(f"{listing(both)} cannot be excluded and in an alliance at once: drop one of the two.")
    if len(excluded) == len(names):
        raise InputError("every party is excluded: leave at least one.")
    allied = {member for members in groups.values() for member in members}
    single = {name: (name,) for name in names if name not in excluded and name not in allied}
    parties = groups | single
    position = {name: i for i, name in enumerate(names)}
    return Ballot(
        tuple(parties),
        tuple(parties.values()),
        tuple(tuple(position[member] for member in members) for members in parties.values()),
    )


def eligible(party_votes: np.ndarray, threshold: float) -> np.ndarray:
    """Which parties pass the threshold: those whose share of all votes is not below it. Same shape as the votes.

    Raises
    ------
    InputError
        If the threshold is not a share in [0, 1).
    """
    check_threshold(threshold)
    return shares(party_votes) >= threshold


def shares(votes: np.ndarray) -> np.ndarray:
    """Votes over their sum along the last axis; zeros where there are none."""
    # A power of two changes no share, and keeps the sum of huge votes from overflowing.
    scaled = np.ldexp(votes, -np.frexp(votes.max(axis=-1, keepdims=True))[1])
    total = scaled.sum(axis=-1, keepdims=True)
    result: np.ndarray = scaled / np.where(total > 0, total, 1.0)
    return result


def check_threshold(threshold: float) -> None:
    """Raise an InputError unless the threshold is a share in [0, 1)."""
    if not isinstance(threshold, int | float | np.number) or not np.isfinite(threshold):
        raise InputError(f"the threshold is a share of the votes in [0, 1), not {threshold!r}.")
    if not 0 <= threshold < 1:
        hint = f" For {threshold:g} % write {threshold / 100:g}." if 1 <= threshold < 100 else ""
        raise InputError(f"the threshold is a share of the votes in [0, 1), not {threshold:g}.{hint}")


def _named(alliances: Alliances | None) -> dict[str, tuple[str, ...]]:
    if alliances is None:
        return {}
    if isinstance(alliances, Mapping):
        pairs = [(str(name), members) for name, members in alliances.items()]
    elif isinstance(alliances, str):
        raise InputError(f"alliances are lists of names, not the text {alliances!r}.")
    else:
        pairs = [("" if isinstance(members, str) else " + ".join(map(str, members)), members) for members in alliances]
    text = [members for _, members in pairs if isinstance(members, str)]
    if text:
        raise InputError(f"each alliance is a list of names, but {listing(text)} is text: write [{listing(text)}].")
    return {name: tuple(str(member) for member in members) for name, members in pairs}
