"""Apportionment rules: how many votes the next seat costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..core.errors import InputError, unknown_names


@dataclass(frozen=True)
class Rule:
    """A way to turn votes into seats.

    Attributes
    ----------
    name, label
        Registered name, and the name for people.
    divisor
        d(s), elementwise: the next seat goes to the party with the largest votes / d(seats held).
        ``None`` for Hamilton, which hands out quotas and the largest remainders.
    count
        Seats a party has when votes / threshold quotient is x: the number of s with d(s) <= x, elementwise.
    exact
        d(s) as a fraction, or d(s) squared when ``squared``.
    slope, shift
        d(s) is about slope * (s + shift): where the search for the threshold quotient starts.
    stationary
        Whether d(s) is exactly slope * (s + shift).
    squared
        Whether ``exact`` is d(s) squared, because d(s) itself is irrational.
    """

    name: str
    label: str
    divisor: Callable[[np.ndarray], np.ndarray] | None = None
    count: Callable[[np.ndarray], np.ndarray] | None = None
    exact: Callable[[int], Fraction] | None = None
    slope: float = 1.0
    shift: float = 0.5
    stationary: bool = False
    squared: bool = False

    @property
    def seats_everyone(self) -> bool:
        """Whether d(0) = 0, so that every party with votes gets a first seat before anyone gets a second."""
        return self.exact is not None and self.exact(0) == 0


def _linear(name: str, label: str, slope: int, offset: int) -> Rule:
    return Rule(
        name,
        label,
        divisor=lambda s: slope * s + offset,
        count=lambda x: np.maximum(np.floor((x + (slope - offset)) / slope), 0.0),
        exact=lambda s: Fraction(slope * s + offset),
        slope=float(slope),
        shift=offset / slope,
        stationary=True,
    )


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        _linear("dhondt", "D'Hondt", 1, 1),
        _linear("sainte_lague", "Sainte-Laguë", 2, 1),
        Rule(
            "modified_sainte_lague",
            "modified Sainte-Laguë",
            divisor=lambda s: np.where(s > 0, 2.0 * s + 1.0, 1.4),
            count=lambda x: np.where(x < 1.4, 0.0, np.floor((x + 1.0) / 2.0)),
            exact=lambda s: Fraction(2 * s + 1) if s else Fraction(7, 5),
            slope=2.0,
        ),
        _linear("danish", "Danish", 3, 1),
        Rule(
            "huntington_hill",
            "Huntington-Hill",
            divisor=lambda s: np.sqrt(s * (s + 1.0)),
            count=lambda x: np.floor((np.sqrt(1.0 + 4.0 * x * x) - 1.0) / 2.0) + 1.0,
            exact=lambda s: Fraction(s * (s + 1)),
            squared=True,
        ),
        _linear("adams", "Adams", 1, 0),
        Rule(
            "dean",
            "Dean",
            divisor=lambda s: 2.0 * s * (s + 1.0) / (2.0 * s + 1.0),
            count=lambda x: np.floor((x - 1.0 + np.sqrt(x * x + 1.0)) / 2.0) + 1.0,
            exact=lambda s: Fraction(2 * s * (s + 1), 2 * s + 1),
        ),
        _linear("imperiali", "Imperiali", 1, 2),
        Rule("hamilton", "Hamilton"),
    )
}
"""Registered rules by name."""


def get_rule(name: str) -> Rule:
    """The rule of a name.

    Raises
    ------
    InputError
        If there is none; the message lists them.
    """
    if name not in RULES:
        raise InputError(unknown_names("rule", [name], RULES))
    return RULES[name]
