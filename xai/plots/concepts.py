"""Concepts of a class: what each is worth, whether the model obeys them, and where they are in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core import InputError
from . import palette, theme
from .intervals import Row, dots

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..craft import Fidelity, Importance, RankSweep

_ORDERS = {
    "signed": ("signed contribution", "#0072B2"),
    "sobol": ("Sobol index", "#009E73"),
    "tcav": ("TCAV-like", "#CC79A7"),
    "random": ("random orders", palette.GREY),
}


def concepts(
    found: Importance,
    max_units: int = 20,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Total Sobol index of each concept with its interval; the label says which way it pushes and how much.

    Parameters
    ----------
    found
        Of :meth:`xai.craft.Craft.importance`.
    max_units
        Concepts drawn, those with the largest index first.
    title, subtitle, colours
        As in :func:`xai.plots.parliament`.
    """
    colour = palette.complete(colours, list(found.names))
    order = found.order[:max_units]
    exact = found.estimator == "closed_form"
    how = f"{'exact' if exact else 'sampled'} for {len(found.per_image)} pictures, 95 % intervals over them"
    fig = theme.figure(title, theme.joined(subtitle, how), 90 + 36 * len(order))
    rows = [
        Row(
            found.names[i],
            float(found.sobol[i]),
            float(found.interval[i, 0]),
            float(found.interval[i, 1]),
            colour[found.names[i]],
            f"{found.sobol[i]:.2f} ({'for' if found.signed[i] > 0 else 'against'}, {found.signed[i]:+.2g})",
            f"<br>contribution {found.signed[i]:+.4g}",
        )
        for i in order
    ]
    dots(fig, rows, "sobol")
    fig.update_xaxes(title_text="total Sobol index", range=[-0.05, 1.12 * max(0.1, *found.interval[:, 1])], nticks=6)
    return fig


def concept_curves(
    found: Fidelity,
    order: Literal["insertion", "deletion"] = "insertion",
    *,
    title: str | None = None,
    subtitle: str | None = None,
) -> go.Figure:
    """Class score while concepts enter or leave, by four orders.

    Parameters
    ----------
    found
        Of :meth:`xai.craft.Craft.fidelity`.
    order
        ``"insertion"``: a good order rises early; ``"deletion"``: a good order falls early.
    title, subtitle
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        On an unknown order.
    """
    if order not in ("insertion", "deletion"):
        raise InputError(f"order is 'insertion' or 'deletion', not '{order}'.")
    curves: Mapping[str, np.ndarray] = getattr(found, order)
    way = "entered" if order == "insertion" else "left"
    best = "higher is better" if order == "insertion" else "lower is better"
    how = f"mean of {found.n_images} pictures, {found.n_random} random orders each; {best}"
    fig = theme.figure(title, theme.joined(subtitle, how), 340)
    for name, (label, colour) in _ORDERS.items():
        fig.add_scatter(
            x=100 * found.x, y=curves[name], mode="lines+markers", name=label,
            line={"color": colour, "width": 2, "dash": "dot" if name == "random" else "solid"},
            hovertemplate=f"<b>{label}</b><br>%{{x:.0f}} % of the concepts {way}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title_text=f"share of the concepts that {way}, %")
    fig.update_yaxes(title_text=theme.axis_title(f"score of {found.class_name}"))
    theme.legend(fig)
    return fig


def concept_numbers(found: RankSweep, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """What each number of concepts is worth: error, agreement and stability, all shares of 1.

    Parameters
    ----------
    found
        Of :meth:`xai.craft.Craft.sweep`.
    title, subtitle
        As in :func:`xai.plots.parliament`.
    """
    fig = theme.figure(title, subtitle, 340)
    lines = {
        "share left out of the activations": (found.error, palette.SIGN["positive"]),
        "same answer from concepts alone": (found.agreement, palette.SIGN["negative"]),
        "stability between fits": (found.stability, "#009E73"),
    }
    for name, (values, colour) in lines.items():
        fig.add_scatter(
            x=found.ranks, y=values, mode="lines+markers", name=name, line={"color": colour, "width": 2},
            hovertemplate=f"<b>{name}</b><br>%{{x}} concepts: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    fig.add_vline(x=found.suggested, line={"color": palette.GREY, "dash": "dot"})
    fig.update_xaxes(title_text="number of concepts (dotted: proposed)", tickvals=found.ranks)
    fig.update_yaxes(range=[-0.02, 1.05])
    theme.legend(fig)
    return fig
