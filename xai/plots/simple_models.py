"""Simple models beside a reference: their losses, and how many come close."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import palette, theme, wording
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..workflows import Rashomon


def simple_losses(result: Rashomon, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """Held-out log loss of every simple model drawn, by family, with the reference's loss and the limit.

    Under each family stands how many of its models come within the limit, with the 95 % interval of that share. The
    model that did best on training rows it had not seen wears a ring.

    Parameters
    ----------
    result
        Result of ``xai.workflows.rashomon``.
    title, subtitle
        As in :func:`xai.plots.parliament`. How many rows the losses are measured on is added.
    """
    families = list(result.by_family)
    fills = palette.colours(families)
    how = f"{len(result.models)} models, measured on {result.n_test} held-out rows"
    fig = theme.figure(title, theme.joined(subtitle, how), 150 + 90 * len(families))
    for i, family in enumerate(families):
        drawn = [one for one in result.models if one.family == family]
        place = np.log([max(one.loss, 1e-12) for one in drawn])
        offsets = wording.swarm(place, float(place.min()), float(place.max()))
        fig.add_scatter(
            x=[one.loss for one in drawn], y=i + 0.38 * offsets, mode="markers", name=wording.model(family),
            marker={
                "size": 7, "color": fills[family], "opacity": [0.9 if one.within else 0.35 for one in drawn],
            },
            customdata=[", ".join(f"{k} = {theme.number(v)}" for k, v in one.hyperparameters.items()) for one in drawn],
            hovertemplate=f"<b>{wording.model(family)}</b><br>log loss %{{x:.3f}}<br>%{{customdata}}<extra></extra>",
        )  # fmt: skip
    best = result.best
    fig.add_scatter(
        x=[best.loss], y=[families.index(best.family)], mode="markers", name="best on training rows it had not seen",
        marker={"symbol": "circle-open", "size": 15, "color": palette.SIGN["positive"], "line": {"width": 3}},
        hovertemplate="best on training rows it had not seen<br>log loss %{x:.3f}<extra></extra>",
    )  # fmt: skip
    limit = result.reference_loss + result.epsilon
    fig.add_vline(x=result.reference_loss, line={"color": palette.GREY, "width": 2})
    fig.add_vline(x=limit, line={"color": palette.GREY, "width": 2, "dash": "dot"})
    # Trees may be sure and wrong: on a plain axis their losses would press all else flat.
    losses = [one.loss for one in result.models]
    ends = np.log10([0.9 * min(*losses, result.reference_loss), 1.1 * max(*losses, limit)])
    ticks = [tick for tick in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 3, 5, 10, 20) if ends[0] <= np.log10(tick) <= ends[1]]
    fig.update_xaxes(
        title_text=f"log loss<br>line: {wording.model(result.reference)}; dotted: {result.epsilon:.3f} more",
        type="log", range=list(ends), tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks],
    )  # fmt: skip
    labels = []
    for family in families:
        share = result.by_family[family]
        count = f"{share.within} of {share.of} close<br>({share.low:.0%} to {share.high:.0%})"
        labels.append(f"{wording.model(family)}<br><span style='font-size:11px'>{count}</span>")
    unit_axis(fig, labels)
    return fig
