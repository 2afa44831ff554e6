"""Colours: one per name everywhere, distinguishable with every kind of colour vision.

The first seven colours are those of Okabe and Ito (2008), yellow a little darker so that it shows on white.
The other 33 were chosen one at a time, each as far as possible from all before it in OKLab, where the distance
is the smallest of those seen with protan, deutan and tritan vision (matrices of Machado et al. 2009) and half of
that seen with normal vision, among colours that stand out from a white page and from a nearly black one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

PALETTE = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#E0CE2E", "#885868"),
    *("#50E0B0", "#8870E0", "#C8C8F8", "#98B088", "#586838", "#988048", "#B04898", "#B83838"),
    *("#E0A0C0", "#80C858", "#9090C8", "#F8B888", "#B09800", "#6090F8", "#E86868", "#5858C0"),
    *("#708800", "#6080B8", "#98D0D8", "#E08850", "#A86888", "#686890", "#B068C8", "#E888E0"),
    *("#6898A8", "#087078", "#B88080", "#985000", "#9898F8", "#986850", "#B898B8", "#90C0F8"),
)

SIGN = {"positive": "#D55E00", "negative": "#0072B2"}
"""Effects that raise and that lower the output."""

GREY = "#8A8F98"
"""Missing, categorical, "all others": what has no place on a scale."""

LOW_HIGH = ((0.0, "#2C7FB8"), (0.5, "#A79BB5"), (1.0, "#E4572E"))
"""Scale for values of a unit, low to high; its middle is visible on white and on black."""

SEQUENTIAL = ((0.0, "rgba(0,114,178,0.06)"), (1.0, "rgba(0,114,178,1)"))
"""Scale for counts and shares, from nothing (the page) to all."""

DIVERGING = ((0.0, "rgba(213,94,0,1)"), (0.5, "rgba(128,128,128,0.10)"), (1.0, "rgba(0,114,178,1)"))
"""Scale for correlations, -1 to 1."""

# OKLab (Ottosson 2020): linear sRGB -> cone response -> lightness and two opponent axes.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def colours(names: Iterable[str]) -> dict[str, str]:
    """One colour a name, by its place in the list.

    Pass all columns of the data set, in their order, and hand the result to every figure: a name then keeps
    its colour whatever else is drawn. After 40 names the colours start again.

    Returns
    -------
    dict
        Name to ``"#RRGGBB"``.
    """
    return {str(name): PALETTE[i % len(PALETTE)] for i, name in enumerate(dict.fromkeys(names))}


def complete(
    given: Mapping[str, str] | None, names: Sequence[str], members: Mapping[str, Sequence[str]] | None = None
) -> dict[str, str]:
    """Colours of ``names``: those given; for an alliance the blend of its members; else the next free one."""
    if given is None:
        base = [m for name in names for m in ((members or {}).get(name) or (name,))]
        given = colours(base)
    result: dict[str, str] = {}
    used = set(given.values())
    free = iter([colour for colour in PALETTE if colour not in used] + list(PALETTE))
    for name in names:
        parts = [given[m] for m in (members or {}).get(name, ()) if m in given]
        if name in given:
            result[name] = given[name]
        elif parts:
            result[name] = blend(parts)
        else:
            result[name] = next(free, GREY)
    return result


def blend(parts: Sequence[str]) -> str:
    """Mean of colours in OKLab, as lively as its parts are on average: a plain mean would turn grey."""
    lab = to_oklab(parts)
    mean = lab.mean(axis=0)
    chroma, wanted = np.hypot(*mean[1:]), np.hypot(lab[:, 1], lab[:, 2]).mean()
    if chroma > 1e-3:
        mean[1:] *= wanted / chroma
    return _from_oklab(mean)


def shade(colour: str, step: float) -> str:
    """The same hue, lighter (``step`` > 0) or darker (< 0); 0.1 is a clear difference."""
    lab = to_oklab([colour])[0]
    lab[0] = np.clip(lab[0] + step, 0.25, 0.92)
    return _from_oklab(lab)


def to_oklab(hexes: Sequence[str]) -> np.ndarray:
    """``(n, 3)`` lightness and opponent axes of ``"#RRGGBB"`` colours."""
    rgb = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in hexes]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def _from_oklab(lab: np.ndarray) -> str:
    linear = np.linalg.solve(_TO_LMS, np.linalg.solve(_TO_LAB, lab) ** 3).clip(0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#{:02X}{:02X}{:02X}".format(*np.round(rgb * 255).astype(int))
