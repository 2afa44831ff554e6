"""The things importance is given to: columns, concepts, tokens or patches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import InputError, listing, unknown_names

UnitKind = Literal["feature", "concept", "token", "patch"]


@dataclass(frozen=True)
class Units:
    """Names of the units of an explanation.

    Parameters
    ----------
    names
        One name a unit, in the order of the attribution's unit axis. Unique, not empty.
    kind
        What a unit is; plots use it for their labels.
    groups
        Group name to the names of its members, for units that were summed from columns.
    layout
        Shape in which units lie, e.g. ``(7, 7)`` for a grid of patches; ``None`` for a plain list.

    Raises
    ------
    InputError
        If names are empty or repeated, or the layout holds another number of units.
    """

    names: tuple[str, ...]
    kind: UnitKind = "feature"
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    layout: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        if not self.names:
            raise InputError("an explanation needs at least one unit, but no names were given.")
        if self.kind not in get_args(UnitKind):
            raise InputError(unknown_names("kind of unit", [self.kind], get_args(UnitKind)))
        repeated = [name for name, count in Counter(self.names).items() if count > 1]
        if repeated:
            raise InputError(f"names must be unique, but these repeat: {listing(repeated)}. Rename the columns.")
        if self.layout is not None:
            cells = 1
            for side in self.layout:
                cells *= side
            if cells != len(self.names):
                raise InputError(f"layout {self.layout} has {cells} cells, but there are {len(self.names)} units.")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a unit.

        Raises
        ------
        InputError
            If there is no unit of that name; the message lists the right ones.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(unknown_names(f"{self.kind}", [name], self.names)) from None

    def members(self, name: str) -> tuple[str, ...]:
        """Columns that were summed into a unit; a unit that is no group has itself only."""
        return dict(self.groups).get(name, (name,))


def check_groups(groups: Mapping[str, Sequence[str]], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Groups as a plain dict of tuples, after checking that they are disjoint and known.

    Raises
    ------
    InputError
        On an empty group, an unknown or repeated member, or a group named like a unit outside it.
    """
    names = list(names)
    result = {str(group): tuple(str(member) for member in members) for group, members in groups.items()}
    empty = [group for group, members in result.items() if not members]
    if empty:
        raise InputError(f"groups without members: {listing(empty)}. Name at least one column in each or drop them.")
    flat = [member for members in result.values() for member in members]
    unknown = [member for member in flat if member not in set(names)]
    if unknown:
        raise InputError(unknown_names("member", unknown, names))
    repeated = [member for member, count in Counter(flat).items() if count > 1]
    if repeated:
        raise InputError(f"{listing(repeated)} stands in more than one place: each name may be in one group only.")
    clash = [group for group, members in result.items() if group in names and group not in members]
    if clash:
        raise InputError(f"groups named like a column outside them: {listing(clash)}. Give them another name.")
    return result
