"""Cards of the Parliament: seats, majority and power, certainty, proportionality, house size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import streamlit as st

from ... import dhondt, plots
from ...core.errors import InputError
from ..cards import downloads, figure
from ..controls import ALL_ROWS, SOURCES, Law
from ..explained import Explained
from .faithful import obeyed

if TYPE_CHECKING:
    import pandas as pd

    from ...core.attribution import Attribution
    from ...dhondt import Parliament


@dataclass(frozen=True)
class Election:
    """An election as the controls describe it; held when it is first looked at."""

    explained: Explained
    law: Law
    source: str
    row: str

    @cached_property
    def attribution(self) -> Attribution:
        """SHAP values of the rows that vote."""
        attribution = self.explained.attribution()
        if self.row == ALL_ROWS:
            return attribution
        return attribution.for_rows([[str(label) for label in attribution.rows].index(self.row)])

    @cached_property
    def votes(self) -> Mapping[str, float] | pd.Series:
        """Name to vote."""
        if self.source == "shap":
            return dict(zip(self.attribution.units.names, self.attribution.global_votes().tolist(), strict=True))
        if self.row != ALL_ROWS:
            raise InputError(
                f"{SOURCES[self.source]} speaks about all rows, not about row {self.row}: "
                "choose all rows, or take mean |SHAP| as votes under 'Electoral law'."
            )
        return self.explained.votes(self.source)

    @cached_property
    def parliament(self) -> Parliament:
        """The result."""
        return dhondt.elect(self.votes, **self.law.keywords())

    @cached_property
    def colours(self) -> dict[str, str]:
        """One colour a feature, the same on every page."""
        return plots.colours(self.explained.features)

    @property
    def subtitle(self) -> str:
        """What is elected, by whom and how."""
        rows = None if self.row == ALL_ROWS else f"row {self.row}"
        return f"{self.explained.subtitle(rows)} · votes: {SOURCES[self.source]} · {self.law.sentence()}"


def chamber(election: Election) -> None:
    """The hemicycle, and the table under it."""
    sides = st.toggle(
        "Government and opposition",
        key="sides",
        bind="query-params",
        help="Evidence for the class sits on the left, evidence against it on the right.",
    )
    if sides:
        _signed_chamber(election)
        return
    p = election.parliament
    figure(plots.parliament(p, colours=election.colours), "parliament", plots.describe(p))
    if p.tied:
        st.warning(
            f"A tie for the last {p.tied_seats} seat{'s' if p.tied_seats > 1 else ''}: {', '.join(p.tied)}. "
            "How ties are settled is part of the electoral law.",
            icon=":material/balance:",
        )
    if p.barred:
        st.caption(f"Below the threshold: {', '.join(p.barred)} ({p.barred_share:.1%} of the votes).")
    _seat_table(p)
    downloads("parliament", p.to_frame(), p.to_json())


def _signed_chamber(election: Election) -> None:
    if election.source != "shap":
        raise InputError("only SHAP values have a sign: take mean |SHAP| as votes to see government and opposition.")
    signed = dhondt.elect_signed(election.attribution, election.law.seats, rule=election.law.rule)
    figure(
        plots.signed_parliament(signed, colours=election.colours),
        "government-and-opposition",
        f"Hemicycle: {sum(signed.government.values())} seats for {election.explained.about}, "
        f"{sum(signed.opposition.values())} against.",
    )
    st.caption(
        f"Left: evidence for {election.explained.about}. Right: evidence against. Threshold, alliances and exclusions "
        "do not apply here."
    )
    table = signed.to_frame().query("seats > 0")[["side", "party", "seats", "vote_share"]]
    columns = {
        "side": "Side",
        "party": "Feature",
        "seats": "Seats",
        "vote_share": st.column_config.NumberColumn("Vote share", format="percent"),
    }
    st.dataframe(table, hide_index=True, column_config=columns)
    downloads("government-and-opposition", signed.to_frame())


def _seat_table(p: Parliament) -> None:
    """Parties, largest first; members and bonus where there are alliances, bars where there is a threshold."""
    table = p.to_frame().sort_values("seats", ascending=False, kind="stable").drop(columns="expected_seats")
    # Seats first: on a phone the last columns are out of sight.
    table = table[["party", "seats", "seat_share", "vote_share", "votes", "members", "bonus", "barred"]]
    if all(len(members) == 1 for members in p.members.values()):
        table = table.drop(columns=["members", "bonus"])
    if not p.barred:
        table = table.drop(columns="barred")
    columns: dict[str, Any] = {
        "party": "Party",
        "members": "Members",
        "votes": st.column_config.NumberColumn("Votes", format="%.4g"),
        "vote_share": st.column_config.NumberColumn("Vote share", format="percent"),
        "seats": "Seats",
        "seat_share": st.column_config.NumberColumn("Seat share", format="percent"),
        "bonus": st.column_config.NumberColumn(
            "Bonus", format="%+d", help="Seats beyond what the members would win if nobody were allied."
        ),
        "barred": st.column_config.CheckboxColumn("Below threshold"),
    }
    st.dataframe(table, hide_index=True, column_config=columns)


def majority(election: Election) -> None:
    """The smallest majority, and how much power each party has."""
    import pandas as pd

    p = election.parliament
    parties, seats = p.majority
    st.markdown(f"**{', '.join(parties)}** together hold {seats} of {p.house} seats; no smaller group has a majority.")
    figure(
        plots.power(p, colours=election.colours),
        "power",
        "Bar chart of the Banzhaf power of each party, with its share of the seats as a mark.",
    )
    st.caption(
        "Power is how often a party turns a losing coalition into a winning one, over all coalitions (Banzhaf). The "
        "downloads hold it over all orders in which parties could join (Shapley-Shubik), too."
    )
    banzhaf, shapley_shubik = p.power("banzhaf"), p.power("shapley_shubik")
    downloads(
        "power",
        pd.DataFrame(
            {
                "party": p.parties,
                "seat_share": list(p.seat_shares.values()),
                "banzhaf": [banzhaf[party] for party in p.parties],
                "shapley_shubik": [shapley_shubik[party] for party in p.parties],
            }
        ),
    )


def certainty(election: Election) -> None:
    """Seat intervals over resampled rows."""
    if election.source != "shap" or election.row != ALL_ROWS:
        st.info("Seats are resampled over rows: choose all rows, and mean |SHAP| as votes, to see how sure they are.")
        return
    law = election.law
    u = dhondt.uncertainty(
        election.attribution,
        law.seats,
        rule=law.rule,
        threshold=law.threshold,
        alliances=law.alliances or None,
        exclude=law.exclude,
    )
    close = [f"{first} and {second}" for first, second in u.too_close_to_call]
    st.markdown(
        f"**Too close to call:** {'; '.join(close)}."
        if close
        else "Every neighbouring pair keeps its order in at least 95 % of the resamples."
    )
    figure(
        plots.seat_intervals(u, colours=election.colours),
        "certainty",
        "Seats of each party with the 95 % interval over 1,000 resamples of the rows.",
    )
    downloads("certainty", u.to_frame())


def proportionality(election: Election) -> None:
    """Vote shares against seat shares, with the indices."""
    p = election.parliament
    exact, gallagher, lh = (p.indices[name] for name in ("exact_share", "gallagher", "loosemore_hanby"))
    st.markdown(
        f"**{exact:.1%} of the importance is represented exactly.** Gallagher index {gallagher:.4f}, Loosemore-Hanby "
        f"{lh:.4f}; effective number of parties {p.indices['effective_parties_votes']:.1f} by votes, "
        f"{p.indices['effective_parties_seats']:.1f} by seats."
    )
    figure(
        plots.share_against_seats(p, colours=election.colours),
        "proportionality",
        "Scatter of vote share against seat share, one dot a party, with the line of exact proportionality.",
    )
    downloads("proportionality", p.to_frame())


def faithful(election: Election) -> None:
    """Insertion and deletion by the votes, beside random orders."""
    obeyed(election.explained, election.source)


def house_size(election: Election) -> None:
    """Seats of the largest parties for every size of the house."""
    curve = dhondt.seat_curve(election.parliament.votes, max_seats=max(100, election.law.seats), rule=election.law.rule)
    figure(
        plots.seat_curve(curve, colours=election.colours),
        "house-size",
        "Seats of each party against the number of seats in the house.",
    )
    downloads("house-size", curve.to_frame())
