"""One colour a name, told apart with every kind of colour vision, on white and on black."""

from __future__ import annotations

import numpy as np
import pytest

from xai.plots import colours
from xai.plots.palette import PALETTE, SIGN, blend, complete, shade, to_oklab

# Dichromats' view of linear sRGB: Machado, Oliveira and Fernandes 2009, severity 1.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(hexes):
    rgb = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in hexes]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def seen(hexes, vision):
    """Colours as hexes after a loss of colour vision."""
    rgb = (linear(hexes) @ np.array(VISION[vision]).T).clip(0, 1)
    rgb = np.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return ["#{:02X}{:02X}{:02X}".format(*np.round(255 * c).astype(int)) for c in rgb]


def nearest(hexes):
    lab = to_oklab(hexes)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    return (apart + 9 * np.eye(len(lab))).min()


@pytest.mark.parametrize(("first", "least"), [(7, 0.07), (12, 0.055), (20, 0.045), (40, 0.033)])
@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart(vision, first, least):
    # 0.02 in OKLab is about the smallest difference that is seen side by side.
    assert nearest(seen(PALETTE[:first], vision)) > least


@pytest.mark.parametrize("vision", VISION)
def test_signs_stay_apart(vision):
    assert nearest(seen(list(SIGN.values()), vision)) > 0.15


def test_colours_show_on_both_pages():
    luminance = linear(PALETTE) @ [0.2126, 0.7152, 0.0722]
    page = (linear(["#0E1117"]) @ [0.2126, 0.7152, 0.0722])[0]
    assert (1.05 / (luminance + 0.05)).min() > 1.5
    assert ((luminance + 0.05) / (page + 0.05)).min() > 3


def test_a_name_keeps_its_colour():
    names = [f"c{i}" for i in range(30)]
    whole = colours(names)
    assert len(set(whole.values())) == 30
    assert complete(whole, ["c29", "c3"]) == {"c29": whole["c29"], "c3": whole["c3"]}
    assert colours(iter(names)) == whole


def test_unknown_names_take_colours_nobody_has():
    whole = colours(["a", "b", "c"])
    new = complete(whole, ["a", "x", "y"])
    assert new["a"] == whole["a"]
    assert len({*whole.values(), new["x"], new["y"]}) == 5


def test_alliances_blend_their_members_whatever_their_order():
    whole = colours(["a", "b", "c"])
    one = complete(whole, ["left", "c"], {"left": ("a", "b")})
    other = complete(whole, ["left"], {"left": ("b", "a")})
    assert one["left"] == other["left"]
    assert one["left"] not in whole.values()
    assert blend(["#D55E00"]) == "#D55E00"
    assert complete(None, ["left"], {"left": ("a", "b")})["left"] == one["left"]


def test_shades_change_lightness_only():
    light, dark = to_oklab([shade("#009E73", 0.1), shade("#009E73", -0.1)])
    assert light[0] - dark[0] == pytest.approx(0.2, abs=0.03)


def test_more_names_than_colours_start_again():
    many = colours([f"n{i}" for i in range(45)])
    assert many["n40"] == many["n0"]
