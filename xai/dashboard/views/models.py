"""Cards of the models compared: how good, what they go by, how few columns, other hospitals, simple models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from ... import plots
from ...plots.wording import model as named
from ..cards import downloads, figure
from ..compared import Compared, choices, chosen
from ..explained import Explained

if TYPE_CHECKING:
    import pandas as pd

    from ...core.provenance import Provenance
    from ...workflows import ModelComparison, Rashomon

_RAN = "compared anew"


def chooser(explained: Explained) -> tuple[Compared, bool]:
    """Which data, and whether they are compared anew; says where the result on the page comes from."""
    titles = choices(explained.source)
    keys = list(titles)
    here = explained.source.dataset
    index = keys.index(here.name) if here is not None and here.name in titles and here.name in keys[:2] else 0
    key = st.selectbox("Data", keys, index=index, format_func=titles.get, key="compare", bind="query-params")
    data = chosen(key, explained.source)
    ran: set[str] = st.session_state.setdefault(_RAN, set())
    return data, data.identity in ran


def start(data: Compared) -> None:
    """What a run takes, and a button that starts it."""
    st.info(
        f"Nothing is stored for {data.title}. A run tunes five models, explains them and draws 200 simple ones: about "
        "two minutes, with progress and Cancel.",
        icon=":material/hourglass_top:",
    )
    st.button("Run", key="run-anew", type="primary", on_click=_remember, args=(data.identity,))


def origin(data: Compared, provenance: Provenance, *, anew: bool) -> None:
    """Where the numbers come from, and a way to make them anew."""
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    made = f"seed {provenance.seed}; {versions}; data SHA-256 {provenance.data_hash[:12]}…"
    with st.container(horizontal=True, vertical_alignment="center"):
        if not data.stored:
            st.caption(f"Computed here: {made}.", width="stretch")
        elif anew:
            st.caption(f"Computed here, by the same recipe as the stored result: {made}.", width="stretch")
            st.button("Show the stored result", key="show-stored", on_click=_forget, args=(data.identity,))
        else:
            st.caption(
                f"Stored result of `sample_data/recipes/model_comparisons.py`: {made}. A run takes about two minutes.",
                width="stretch",
            )
            st.button("Run again", key="run-anew", on_click=_remember, args=(data.identity,))


def _remember(identity: str) -> None:
    st.session_state[_RAN] = st.session_state.get(_RAN, set()) | {identity}


def _forget(identity: str) -> None:
    st.session_state[_RAN] = st.session_state.get(_RAN, set()) - {identity}


def subtitle(data: Compared, found: ModelComparison) -> str:
    """Which data, rows and class a card is about."""
    return (
        f"{data.title} · {found.n_train} rows to train on, {found.n_test} held out · class {found.classes[1]} against "
        f"{found.classes[0]}"
    )


def scores(found: ModelComparison) -> None:
    """Held-out AUC of each model."""
    best = max(found.models.values(), key=lambda result: result.auc.value)
    rivals = [named(r.name) for r in found.models.values() if r is not best and r.auc.high >= best.auc.low]
    text = f"On these {found.n_test} rows **{named(best.name)}** does best"
    st.markdown(f"{text}, but the intervals of {', '.join(rivals)} overlap with its own." if rivals else f"{text}.")
    figure(
        plots.model_scores(found),
        "model-scores",
        f"Area under the ROC curve of {len(found.models)} models on {found.n_test} held-out rows, with intervals.",
    )
    downloads("model-scores", found.to_frame().reset_index(), found.to_json())


def importances(found: ModelComparison) -> None:
    """What each model goes by, by each importance."""
    aspects = bool(found.aspects) and st.toggle(
        "Correlated columns as one", key="aspects", bind="query-params", help="Columns of an aspect are summed."
    )
    figure(
        plots.importance_map(found, aspects=aspects),
        "model-importances",
        "Heat map: share of each importance that a column holds, for every model and importance.",
    )
    notes = {note: None for result in found.models.values() for note in result.notes}
    for note in notes:
        st.caption(f"{note[:1].upper()}{note[1:]}")
    table = found.importance_frame(aspects=aspects)
    table.columns = table.columns.map(" / ".join)
    downloads("model-importances", table.reset_index(names="column"))


def agreement(found: ModelComparison) -> None:
    """How far models and importances agree."""
    if found.agreement is None:
        st.info("There is only one importance: nothing to compare it with.")
        return
    same = _mean_agreement(found, same_model=True)
    other = _mean_agreement(found, same_model=False)
    st.markdown(
        f"Rank correlation on average: **{same:.2f}** between methods on one model, **{other:.2f}** between models by "
        "one method."
    )
    figure(
        plots.agreement(found.agreement),
        "model-agreement",
        "Heat map: Spearman correlation of every importance of every model with every other.",
    )
    downloads("model-agreement", found.agreement.to_frame())


def _mean_agreement(found: ModelComparison, *, same_model: bool) -> float:
    import numpy as np

    assert found.agreement is not None
    values = []
    for pair, agreed in found.agreement.pairs.items():
        (one, by), (other, also_by) = pair[0].rsplit(" / ", 1), pair[1].rsplit(" / ", 1)
        if (one == other) if same_model else (one != other and by == also_by):
            values.append(agreed.spearman.value)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def aspects(found: ModelComparison) -> None:
    """Which columns go together."""
    import pandas as pd

    if not found.aspects:
        st.info("No columns of the training rows are correlated by 0.7 or more: each stands for itself.")
        return
    limit = found.provenance.options["correlation"]
    st.caption(
        f"Columns whose mean absolute rank correlation in the training rows reaches {limit:g} (average linkage). Their "
        "importance is shared out among them by accident: read it for the group."
    )
    groups = found.aspects.values()
    table = pd.DataFrame({"size": [len(names) for names in groups], "columns": [", ".join(names) for names in groups]})
    names = {
        "size": st.column_config.NumberColumn("Size", width=50),
        "columns": st.column_config.TextColumn("Columns that go together", width="large"),
    }
    st.dataframe(table, hide_index=True, column_config=names, height=260)
    downloads("aspects", table)


def selection(found: ModelComparison) -> None:
    """How few columns do as well as all."""
    curves = found.curve_frame()
    if curves.empty:
        st.info("No model could be refitted on some of the columns.")
        return
    ways = [name for name in ("shapley", "permutation", "native") if name in set(curves["importance"])]
    with st.container(horizontal=True):
        way = st.selectbox("In the order of", ways, key="order", bind="query-params")
        units = st.selectbox("Counting", list(dict.fromkeys(curves["units"])), key="counting", bind="query-params")
    figure(
        plots.selection(found, way, units),
        "selection",
        f"Held-out AUC of each model refitted on the first {units} in the order of {way} importance.",
    )
    st.caption(
        "The order comes from training rows alone. A ring: the fewest within the interval of that model's best. That "
        "best is picked on held-out rows, so the ring is a hint, not a result."
    )
    downloads("selection", curves.assign(added=curves["added"].map(", ".join)))


def hospitals(found: ModelComparison) -> None:
    """Within against across sites."""
    transfer = found.transfer
    if transfer is None:
        return
    table = found.to_frame()
    fall = (table["auc_within_sites"] - table["auc_across_sites"]).mean()
    st.markdown(
        f"Trained at one site, models lose **{fall:.2f}** of AUC on average when they are tested at the others."
        if fall > 0
        else f"Trained at one site, models gain {-fall:.2f} of AUC on average when they are tested at the others."
    )
    left, right = st.columns(2)
    with left:
        figure(plots.sites(found), "sites", "Mean AUC of each model at its own site and at the others.")
    with right:
        names = list(table.index)
        model = st.selectbox("One model in full", names, format_func=named, key="carried", bind="query-params")
        figure(plots.site_map(found, model), "site-map", f"AUC of {named(model)} by site of training and of test.")
    for site, why in transfer.skipped.items():
        st.caption(f"{site}: {why}.")
    downloads("sites", transfer.to_frame())


def simple(found: Rashomon) -> None:
    """Whether a simple model does as well, and whether it says the same."""
    share = found.share
    st.markdown(
        f"**{share.within} of {share.of}** simple models come within {found.epsilon:.3f} of the log loss of "
        f"{named(found.reference)} ({found.reference_loss:.3f}): {share.value:.0%}, 95 % interval {share.low:.0%} to "
        f"{share.high:.0%}."
    )
    figure(
        plots.simple_losses(found),
        "simple-losses",
        f"Held-out log loss of {share.of} simple models by family, beside that of {named(found.reference)}.",
    )
    st.caption(
        "Hyper-parameters and training rows are drawn at random. The share is that of these families under this way "
        f"of drawing. What counts as close is one standard error of the loss of {named(found.reference)}."
    )
    downloads("simple-losses", _plain(found.to_frame()), found.to_json())


def best_simple(found: Rashomon) -> None:
    """The best simple model in words, and whether its explanation agrees with the reference's."""
    best = found.best
    close = "within" if best.within else "not within"
    rho = found.agreement.spearman
    st.markdown(
        f"**{named(best.family)}**, chosen on training rows it had not seen: log loss {best.loss:.3f} on held-out "
        f"rows, {close} {found.epsilon:.3f} of {named(found.reference)}. Its importances agree with those of "
        f"{named(found.reference)} at Spearman {rho.value:.2f} ({rho.low:.2f} to {rho.high:.2f})."
    )
    st.code(found.description, language=None, wrap_lines=True)
    figure(plots.agreement(found.agreement), "simple-agreement", "Agreement of both explanations, with intervals.")
    st.caption("Permutation importance of both models on the held-out rows.")
    for note in found.notes:
        st.caption(note)
    downloads("simple-agreement", found.importances.reset_index(names="column"))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    def told(options: Mapping[str, object]) -> str:
        return ", ".join(f"{name} = {value}" for name, value in options.items())

    return table.assign(hyperparameters=table["hyperparameters"].map(told))
