"""What the model goes by: seats with their uncertainty, SHAP values, agreement and faithfulness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from .. import agreement, dhondt, plots
from ..core.errors import XaiError
from ..dhondt import Parliament, Uncertainty
from ..faithfulness import curves
from ..faithfulness.single import Order
from ..workflows import believe
from .section import Block, Figure, Section, Table, Text
from .subject import Subject

if TYPE_CHECKING:
    import pandas as pd

    from ..core.attribution import Attribution
    from ..faithfulness import Curves
    from ..workflows import Obedience

Progress = Callable[[float, str], None]

_DOTS = 6000  # more would be drawn with WebGL, which does not print
_PREDICTIONS = 600_000


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that was computed for one report.

    Attributes
    ----------
    attribution
        SHAP values, k = 1, named for people.
    engine
        What computed them.
    uncertainty
        Seats, with intervals over resampled rows.
    importances
        Name of a source to votes, mean size of the SHAP values first.
    missing
        Source to the reason why it has none.
    obedience
        All sources put to one test.
    followed
        Insertion and deletion of signed values, by name.
    """

    attribution: Attribution
    engine: str
    uncertainty: Uncertainty
    importances: Mapping[str, pd.Series]
    missing: Mapping[str, str]
    obedience: Obedience
    followed: Mapping[str, Curves]

    @property
    def parliament(self) -> Parliament:
        """The election on all explained rows."""
        return self.uncertainty.parliament


def find(about: Subject, progress: Progress) -> Findings:
    """Explain, elect, compare and test."""
    config = about.config
    progress(0.02, "explaining")
    raw = explained(about)
    progress(0.25, "electing")
    a = about.named(raw)
    u = dhondt.uncertainty(
        a,
        config.seats,
        config.n_boot,
        config.seed,
        rule=config.rule,
        threshold=config.threshold,
        alliances=dict(config.alliances) or None,
        exclude=config.exclude,
    )
    importances, missing = sources(about, raw, lambda f, text: progress(0.3 + 0.25 * f, text))
    progress(0.55, "testing explanations")
    asked = about.drawn(min(config.asked, config.rows))
    obeyed = believe(
        about.model,
        about.X.iloc[asked],
        {"SHAP": _part(about, raw, asked)} | {name: votes for name, votes in importances.items() if name != "SHAP"},
        about.background,
        output=about.output,
        n_boot=config.n_boot,
        seed=config.seed,
        progress=lambda f, text: progress(0.55 + 0.2 * f, text),
    )
    few = asked[:: max(1, -(-len(asked) // rows_followed(about)))]
    chosen = _part(about, raw, few)
    background = about.X.iloc[asked] if about.background is None else about.background
    followed = {}
    for i, order in enumerate(get_args(Order)):
        progress(0.75 + 0.1 * i, f"following {len(few)} rows")
        result = curves(
            about.model,
            about.X.iloc[few],
            chosen,
            background,
            order,
            output=about.output,
            n_background=25,
            seed=config.seed,
        )
        followed[order] = replace(result, mean=replace(result.mean, output_name=a.output_names[0]))
    return Findings(a, raw.provenance.engine, u, importances, missing, obeyed, followed)


def explained(about: Subject) -> Attribution:
    """SHAP values of the rows, by the rule that pages have too; the library's own routine where there is a choice.

    Which routine is quickest depends on the machine, and their results differ in the last digits: a report must not.
    """
    from ..shapley import explain
    from ..shapley.engine import shapley_method
    from ..shapley.trees.engine import TreeConfig

    X = about.X.iloc[about.drawn(about.config.rows)]
    method, needs_rows = shapley_method(about.model.framework, about.model.output, about.model.spaces)
    background = about.background
    if background is None and not needs_rows:
        return explain(about.model, X, config=TreeConfig(engine="native"))
    if background is None:
        background = about.X.iloc[about.drawn(about.config.background_rows)]
    return explain(about.model, X, method, background)


def _part(about: Subject, raw: Attribution, rows: np.ndarray) -> Attribution:
    """The explained rows at these positions of X, all of which were drawn."""
    return raw.for_output(about.output).for_rows(np.searchsorted(about.drawn(about.config.rows), rows))


def rows_followed(about: Subject) -> int:
    """Rows that are followed while units enter or leave: each costs many predictions a column."""
    return int(np.clip(_PREDICTIONS // (21 * 25 * (about.X.shape[1] + 1)), 5, about.config.followed))


def sources(about: Subject, raw: Attribution, progress: Progress) -> tuple[dict[str, Any], dict[str, str]]:
    """Votes of SHAP and of what else can be asked; of the rest, why not."""
    import pandas as pd

    rows = about.drawn(min(about.config.asked, about.config.rows))
    X, y = about.X.iloc[rows], None if about.y is None else about.y.iloc[rows]
    shap = raw.for_output(about.output)
    found: dict[str, Any] = {"SHAP": pd.Series(shap.global_votes(), index=list(shap.units.names))}
    missing: dict[str, str] = {}
    for i, source in enumerate(("permutation", "native", "removal")):
        progress(i / 3, f"asking for {source} importance")
        try:
            found[source] = dhondt.votes(
                about.model, X, y, source, background=about.background, output=about.output, seed=about.config.seed
            )
        except XaiError as error:
            missing[source] = str(error)
    return found, missing


def parliament(about: Subject, found: Findings) -> Section:
    """Seats, the smallest majority, and how sure both are."""
    u, p = found.uncertainty, found.parliament
    parties, held = p.majority
    close = [f"{first} and {second}" for first, second in u.too_close_to_call]
    threshold = f", threshold {p.threshold:.1%}" if p.threshold else ""
    left_out = f", without {', '.join(about.config.exclude)}" if about.config.exclude else ""
    law = f"{p.house} seats, rule {p.rule}{threshold}{left_out}, votes are mean |SHAP|"
    allied = any(members != (name,) for name, members in p.members.items())
    shares = {**p.vote_shares}
    order = sorted(p.parties, key=lambda name: -p.seats[name])
    rows = tuple(
        (
            name,
            *([", ".join(p.members[name]) if p.members[name] != (name,) else ""] if allied else []),
            f"{p.votes[name]:.4g}",
            f"{shares[name]:.1%}",
            str(p.seats[name]),
            "{} to {}".format(*u.intervals[name]),
            f"{u.largest_probability[name]:.0%}",
        )
        for name in order
    )
    columns = ("party", *(["members"] if allied else []), "votes", "vote share", "seats", "95 % interval", "largest in")
    indices = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in p.indices.items())
    many = f"of {u.n_boot:,} resamples of the rows"
    return Section(
        "Which features hold a majority?",
        (
            Text(
                f"{', '.join(parties)} together hold {held} of {p.house} seats; no smaller group has a majority.",
                strong=True,
            ),
            Figure(plots.parliament(p, colours=about.colours), plots.describe(p)),
            Text(
                f"Too close to call: {'; '.join(close)}."
                if close
                else f"Every neighbouring pair keeps its order in at least 95 % {many}."
            ),
            Figure(
                plots.seat_intervals(u, colours=about.colours),
                f"Seats of each party with the 95 % interval over {u.n_boot:,} resamples of the rows.",
            ),
            Table(columns, rows, f"Seats by party; intervals and shares {many}", tuple(range(1 + allied, 6 + allied))),
            Text(f"Indices: {indices}.", quiet=True),
        ),
        f"{about.subtitle(about.config.rows)} · {law}",
    )


def shap_values(about: Subject, found: Findings) -> Section:
    """Signed effects of the rows, and of the two largest features against their values."""
    a = found.attribution
    order = np.argsort(-a.global_votes(), kind="stable")
    top = [a.units.names[i] for i in order[:2]]
    shown = a
    most = _DOTS // min(15, len(a.units))
    notes = []
    if len(a.rows) > most:
        shown = a.for_rows(np.linspace(0, len(a.rows) - 1, most).round().astype(int))
        notes.append(Text(f"The first figure draws {most} of the rows.", quiet=True))
    gap = float(np.abs(a.additivity_gap).max())
    mean = a.global_votes()
    rows = (
        tuple((a.units.names[i], f"{mean[i]:.4g}", f"{mean[i] / mean.sum():.1%}") for i in order) if mean.sum() else ()
    )
    blocks: list[Block] = [
        Figure(
            plots.beeswarm(shown),
            "Beeswarm: one dot a row and feature, placed by its effect and coloured by the feature's value.",
        ),
        *notes,
        *(
            Figure(plots.dependence(shown, name), f"Scatter of the effect of {name} against its value, one dot a row.")
            for name in top
            if shown.data is not None
        ),
        Table(("feature", "mean |effect|", "share"), rows, "Mean size of the effects", (1, 2), folded=True),
        Text(f"What the values leave unexplained: at most {gap:.2g} {about.scale} in any row.", quiet=True),
    ]
    return Section("How does each feature push the answers?", tuple(blocks), about.subtitle(about.config.rows))


def agreements(about: Subject, found: Findings) -> Section:
    """Whether other importances say the same as SHAP."""
    import pandas as pd

    blocks: list[Block] = []
    asked = min(about.config.asked, about.config.rows)
    if "native" in found.importances and sum(found.importances["native"]) > 0:
        p = dhondt.elect(found.importances["native"], seats=600)
        result = agreement.compare(p.seats, found.attribution, about.config.n_boot, about.config.seed)
        blocks += [
            Figure(
                plots.seats_vs_shap(p, found.attribution, agreement=result, colours=about.colours),
                f"Scatter of seats by the library's own importance against mean absolute SHAP value; Spearman "
                f"correlation {result.spearman.value:.2f}.",
            ),
            Figure(plots.agreement(result), "Agreement measures of those seats and SHAP, with 95 % intervals."),
        ]
    table = pd.DataFrame(dict(found.importances)).loc[list(found.attribution.units.names)]
    blocks.append(Figure(plots.vote_sources(table), "Share of the votes of each feature by each source of votes."))
    for name, reason in found.missing.items():
        blocks.append(Text(f"No votes from {name}: {reason}", quiet=True))
    blocks.append(
        Text(
            "All of these describe one model: agreement says that two summaries are alike, not that either is right. "
            f"Permutation and removal were asked on {about.phrase(asked)}.",
            quiet=True,
        )
    )
    return Section("Do other importances say the same as SHAP?", tuple(blocks), about.subtitle(about.config.rows))


def faithfulness(about: Subject, found: Findings) -> Section:
    """Whether the model obeys the explanation, beside chance."""
    tested = found.obedience
    verdicts = {"better": "better than chance", "worse": "worse than chance", "chance": "not told from chance"}
    rows = tuple(
        (
            name,
            _gain(gain.insertion, gain.insertion_interval),
            _gain(gain.deletion, gain.deletion_interval),
            verdicts[gain.verdict],
        )
        for name, gain in tested.gains.items()
    )
    blocks: list[Block] = [
        Text(tested.in_words(), strong=True),
        Figure(
            plots.obedience(tested), "Gain of each importance over random orders with its 95 % interval; 0 is chance."
        ),
        Table(
            ("importance", "insertion", "deletion", "both"),
            rows,
            "How much sooner than by chance the answer moves",
            (1, 2),
        ),
    ]
    for order, result in found.followed.items():
        low, high = result.gain_interval
        mean = result.mean
        blocks += [
            Figure(
                plots.curve(result),
                f"{order.capitalize()}: mean answer while features {'enter' if order == 'insertion' else 'leave'}, by "
                "falling SHAP value and in random orders.",
            ),
            Text(
                f"Area {mean.auc:.4g}, random orders {mean.random_auc:.4g} (95 % of them within "
                f"{mean.random_interval[0]:.4g} to {mean.random_interval[1]:.4g}); {mean.score_direction}. Mean gain "
                f"over {len(result.rows)} rows {mean.gain:.4g} ({low:.4g} to {high:.4g}) {about.scale}."
            ),
        ]
    blocks.append(
        Text(
            "Features that are not there yet take their values from other rows: the model is asked about rows nobody "
            "has seen. A high score says that the order is the model's own, not that it is right about the world.",
            quiet=True,
        )
    )
    return Section(
        "Does the model obey the explanation?",
        tuple(blocks),
        f"{tested.n_rows} rows, {tested.n_background} background rows, {tested.n_random} random orders each · "
        f"{about.about} · {about.scale}",
    )


def _gain(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.0%} ({interval[0]:.0%} to {interval[1]:.0%})"
