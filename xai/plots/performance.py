"""Where a classifier is right and where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core import InputError
from . import palette, theme
from .importance import unit_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ..models.performance import Performance


def confusion(result: Performance, *, title: str | None = None, subtitle: str | None = None) -> go.Figure:
    """Rows by true and predicted class, coloured by the share of the true class.

    Parameters
    ----------
    result
        From ``xai.models.performance`` on a classifier.
    title, subtitle
        As in :func:`xai.plots.parliament`.

    Raises
    ------
    InputError
        If the model predicts no classes.
    """
    if result.confusion is None or result.classes is None:
        raise InputError(f"a confusion matrix needs a classifier, but this is a {result.task} model.")
    counts = np.asarray(result.confusion)
    of_class = counts.sum(axis=1, keepdims=True)
    share = counts / np.where(of_class, of_class, 1)
    places = list(range(len(counts)))
    fig = theme.figure(title, subtitle, 110 + 56 * len(counts))
    labels = [str(name) for name in result.classes]
    pairs = zip(labels, counts.tolist(), strict=True)
    fig.add_heatmap(
        z=share,
        x=places,
        y=places,
        zmin=0,
        zmax=1,
        colorscale=palette.SEQUENTIAL,
        showscale=False,
        xgap=3,
        ygap=3,
        customdata=[[(true, p, n) for p, n in zip(labels, row, strict=True)] for true, row in pairs],
        hovertemplate="true %{customdata[0]}, predicted %{customdata[1]}<br>%{customdata[2]} rows, "
        "%{z:.1%} of the true class<extra></extra>",
    )
    shown = zip(counts, share, strict=True)
    texts = [[f"{n:,}<br>{theme.percent(s)}" for n, s in zip(*row, strict=True)] for row in shown]
    theme.cell_texts(fig, texts, share)
    ticks = theme.labels(labels, 18)
    unit_axis(fig, ticks, margin=0.5)
    fig.update_yaxes(title_text="true class")
    fig.update_xaxes(title_text="predicted class", tickvals=places, ticktext=ticks, showgrid=False)
    return fig
