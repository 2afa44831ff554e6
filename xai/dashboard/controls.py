"""The controls of an election. Each is bound to the page's address, so a link reproduces the view."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from .explained import Explained

ALL_ROWS = "all rows"
MAIN_RULES = {"dhondt": "D'Hondt", "sainte_lague": "Sainte-Laguë"}
MORE_RULES = {
    "modified_sainte_lague": "Modified Sainte-Laguë",
    "danish": "Danish",
    "huntington_hill": "Huntington-Hill",
    "adams": "Adams",
    "dean": "Dean",
    "imperiali": "Imperiali",
    "hamilton": "Hamilton (largest remainder)",
}
SOURCES = {
    "shap": "mean |SHAP|",
    "permutation": "permutation importance",
    "native": "the library's own importance",
    "removal": "removal effects",
}
TIES = {
    "order": "by column order",
    "largest": "larger vote first",
    "random": "drawn by lot (seed 0)",
    "fractional": "shared in parts",
}


@dataclass(frozen=True)
class Law:
    """How an election is held; the fields are the keywords of :func:`xai.elect`."""

    seats: int = 100
    rule: str = "dhondt"
    threshold: float = 0.0
    alliances: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    ties: str = "order"

    def keywords(self) -> dict[str, Any]:
        """Keywords for :func:`xai.elect`."""
        return {
            "seats": self.seats,
            "rule": self.rule,
            "threshold": self.threshold,
            "alliances": self.alliances or None,
            "exclude": self.exclude,
            "ties": self.ties,
        }

    def sentence(self) -> str:
        """The law in words, for subtitles."""
        parts = [f"{self.seats} seats", (MAIN_RULES | MORE_RULES)[self.rule]]
        if self.threshold:
            parts.append(f"threshold {self.threshold:.1%}")
        if self.exclude:
            parts.append(f"without {', '.join(self.exclude)}")
        return ", ".join(parts)


def row_chooser(explained: Explained, *, key: str = "row", everything: bool = True) -> str:
    """One row's label, or :data:`ALL_ROWS`."""
    labels = [str(label) for label in explained.rows.index]
    return str(
        st.selectbox(
            "Rows",
            [ALL_ROWS, *labels] if everything else labels,
            format_func=lambda label: label if label == ALL_ROWS else f"row {label}",
            key=key,
            bind="query-params",
            help="Elect over all rows, or over one: type its label.",
        )
    )


def electoral_law(explained: Explained) -> tuple[Law, str]:
    """The controls of the law and the vote source: seats and alliances in sight, the rest folded away."""
    seats = int(
        st.number_input("Seats", 1, 1000, 100, step=10, key="seats", bind="query-params", help="Size of the house.")
    )
    alliances = _alliances(explained)
    with st.expander("Electoral law"):
        more = st.toggle("More rules", key="more", bind="query-params")
        rules = MAIN_RULES | (MORE_RULES if more else {})
        rule = st.radio(
            "Rule",
            list(rules),
            format_func=rules.get,
            key="rule",
            bind="query-params",
            help="D'Hondt is what was published and rounds in favour of large parties; Sainte-Laguë favours nobody.",
        )
        percent = st.number_input(
            "Threshold, % of the votes", 0.0, 99.0, 0.0, step=0.5, key="threshold", bind="query-params"
        )
        exclude = st.multiselect("Leave out", explained.features, key="exclude", bind="query-params")
        source = st.selectbox(
            "Votes are",
            list(SOURCES),
            format_func=SOURCES.get,
            key="votes",
            bind="query-params",
            help="What a feature's vote is. Other sources than SHAP speak about all rows only.",
        )
        ties = st.selectbox("Ties are settled", list(TIES), format_func=TIES.get, key="ties", bind="query-params")
    law = Law(seats, str(rule), float(percent) / 100, alliances, tuple(exclude), str(ties))
    return law, str(source)


def _alliances(explained: Explained) -> dict[str, tuple[str, ...]]:
    """Alliances: proposed from the data, suggested by the data set, or a person's own."""
    from ..dhondt import alliances as propose

    rows = explained.source.sample()[0]
    dataset = explained.source.dataset
    suggested = {} if dataset is None else dict(dataset.groups)
    one_hot = propose.from_one_hot(explained.features, data=rows)
    choices = {"none": "None", "correlated": "Correlated columns"}
    choices |= {"suggested": "Suggested"} if suggested else {}
    choices |= {"one-hot": "One-hot groups"} if one_hot else {}
    choices |= {"mine": "My own"}
    choice = st.selectbox(
        "Alliances",
        list(choices),
        format_func=choices.get,
        key="alliances",
        bind="query-params",
        help="Features that stand for election together. Seats are then shared inside the alliance.",
    )
    if choice == "suggested":
        return suggested
    if choice == "one-hot":
        return one_hot
    if choice == "mine":
        return _own_alliances(explained)
    if choice == "correlated":
        rho = st.slider(
            "Columns ally when their rank correlation reaches", 0.3, 0.95, 0.7, 0.05, key="rho", bind="query-params"
        )
        proposed: dict[str, tuple[str, ...]] = _correlated(
            explained.source.identity, rho, rows[list(explained.features)]
        )
        return proposed
    return {}


@st.cache_data(show_spinner=False, max_entries=32)
def _correlated(identity: str, threshold: float, _rows: Any) -> dict[str, tuple[str, ...]]:
    # `identity` is what the cache goes by: hashing the rows again would cost more than the clustering.
    del identity
    from ..dhondt import alliances as propose

    return propose.propose(_rows, threshold=threshold)


def _own_alliances(explained: Explained) -> dict[str, tuple[str, ...]]:
    """Alliances a person names, one row of controls each."""
    count = int(st.number_input("How many", 1, 6, 1, key="allied", bind="query-params"))
    alliances: dict[str, tuple[str, ...]] = {}
    for i in range(1, count + 1):
        members = st.multiselect(f"Members of alliance {i}", explained.features, key=f"a{i}", bind="query-params")
        if members:
            name = " + ".join(members[:2]) + (f" + {len(members) - 2} more" if len(members) > 2 else "")
            # Two alliances of one name would be one: numbered, they meet the check for overlaps.
            alliances[f"{name} ({i})" if name in alliances else name] = tuple(members)
    return alliances
