"""Bars, swarms, waterfalls and dependence: every number drawn is the attribution's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai.core import Attribution, InputError, Units
from xai.plots import bar, beeswarm, colours, dependence, on_dark, waterfall
from xai.plots.palette import GREY, SIGN
from xai.plots.theme import labels, nice_ticks, short
from xai.plots.wording import rank_share, swarm, thin


def make(n=60, seed=0, *, table=True, gap=0.0, rows=()):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "age": rng.normal(50, 9, n),
            "sex": rng.integers(0, 2, n),
            "pain": pd.Categorical(rng.choice(["none", "typical", "atypical"], n)),
            "sugar": np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, 30, n)),
        }
    )
    values = rng.normal(size=(n, 4, 1)) * np.array([3, 1, 2, 0.5])[None, :, None]
    base = np.full((n, 1), 0.7)
    return Attribution(
        values, base, base + values.sum(axis=1) + gap, Units(tuple(data.columns)), ("sick",), "shap", "margin",
        data=data if table else None, rows=rows,
    )  # fmt: skip


def two_outputs():
    return Attribution(np.ones((2, 2, 2)), np.zeros((2, 2)), np.ones((2, 2)), Units(("a", "b")), ("no", "yes"), "shap")


def title(fig):
    return (fig.layout.title.subtitle.text or "").replace("<br>", " ")


@pytest.mark.parametrize(
    "draw", [bar, beeswarm, lambda a: waterfall(a, 0), lambda a: dependence(a, "a")], ids=["bar", "bee", "fall", "dep"]
)
def test_several_outputs_are_an_error_that_names_them(draw):
    with pytest.raises(InputError, match="'no', 'yes'"):
        draw(two_outputs())


def test_bars_are_sorted_means_in_the_colours_of_their_names():
    a = make()
    whole = colours(["other", *a.units.names])
    fig = bar(a, colours=whole)
    mean = pd.Series(a.global_votes(), a.units.names).sort_values(ascending=False)
    assert np.allclose(fig.data[0].x, mean)
    assert list(fig.data[0].customdata) == list(mean.index)
    assert list(fig.data[0].marker.color) == [whole[name] for name in mean.index]
    assert fig.layout.xaxis.title.text == "mean |effect on the margin of<br>sick|"


def test_bars_beyond_the_limit_are_summed():
    fig = bar(dict(zip("abcde", [5, 1, 2, 4, 3], strict=True)), max_units=2)
    assert list(fig.data[0].x) == [5, 4, 6]
    assert fig.layout.yaxis.ticktext == ("a", "d", "3 others")
    assert fig.data[0].marker.color[-1] == GREY


def test_swarm_draws_every_effect_and_colours_by_rank():
    a = make()
    fig = beeswarm(a)
    for name in a.units.names:
        traces = [trace for trace in fig.data if trace.name == name]
        drawn = np.sort(np.concatenate([trace.x for trace in traces]))
        assert np.allclose(drawn, np.sort(a.values[:, a.units.index(name), 0]), atol=1e-6)
    (age,) = (trace for trace in fig.data if trace.name == "age")
    order = np.argsort(a.data["age"].to_numpy())
    ranks = np.asarray(age.marker.color)
    assert (np.diff(ranks[order]) > 0).all()
    assert (ranks.min(), ranks.max()) == (0, 1)
    (pain,) = (trace for trace in fig.data if trace.name == "pain")
    assert pain.marker.color == GREY
    missing = next(trace for trace in fig.data if trace.name == "sugar" and isinstance(trace.marker.color, str))
    assert missing.marker.color == GREY
    assert len(missing.x) == a.data["sugar"].isna().sum()
    assert {shown for _, shown in missing.customdata} == {"missing"}


def test_swarm_stays_on_its_line_and_is_deterministic():
    a = make(800)
    one, other = beeswarm(a), beeswarm(a)
    assert one.to_json() == other.to_json()
    for place, name in enumerate(one.layout.yaxis.ticktext):
        y = np.concatenate([trace.y for trace in one.data if trace.name == name])
        assert np.abs(y - place).max() <= 0.41


def test_swarm_says_what_it_leaves_out():
    a = make(5000)
    fig = beeswarm(a, max_units=3, subtitle="Demo data")
    assert title(fig) == "Demo data · 3 of 4 features drawn · 2,000 of 5,000 rows drawn for each feature"
    for name in fig.layout.yaxis.ticktext:
        x = np.concatenate([trace.x for trace in fig.data if trace.name == name])
        effect = a.values[:, a.units.index(name), 0]
        assert len(x) == 2000
        assert (x.min(), x.max()) == pytest.approx((effect.min(), effect.max()), rel=1e-6)
    assert "drawn" not in title(beeswarm(make(100), subtitle="Demo data"))


def test_swarm_without_a_table_has_the_colours_of_the_units():
    a = make(table=False)
    fig = beeswarm(a)
    assert {trace.name: trace.marker.color for trace in fig.data} == colours(fig.layout.yaxis.ticktext)


@pytest.mark.parametrize("max_units", [1, 2, 4, 12])
def test_waterfall_adds_up(max_units):
    a = make()
    fig = waterfall(a, 7, max_units)
    effects, ends = fig.data[0], next(trace for trace in fig.data if trace.name == "ends")
    base, output = ends.x
    assert base == pytest.approx(0.7)
    assert output == pytest.approx(a.outputs[7, 0])
    assert base + sum(effects.x) == pytest.approx(output)
    # Each bar starts where the one above it ended.
    assert np.allclose(effects.base, base + np.concatenate([[0], np.cumsum(effects.x)[:-1]]))
    ticks = fig.layout.yaxis.ticktext
    assert (ticks[0], ticks[-1]) == ("base value", "output")
    assert ("other features" in ticks[-2]) == (max_units < 4)
    for step, fill in zip(effects.x, effects.marker.color, strict=True):
        assert fill == SIGN["positive" if step >= 0 else "negative"]


def test_waterfall_shows_what_is_not_explained():
    fig = waterfall(make(gap=0.5), 0)
    assert fig.layout.yaxis.ticktext[-2] == "not explained"
    assert fig.data[0].x[-1] == pytest.approx(0.5)
    assert "not explained" not in waterfall(make(gap=1e-9), 0).layout.yaxis.ticktext


def test_waterfall_finds_rows_by_label_then_position():
    a = make(3, rows=("p1", 2, 9))
    output = [waterfall(a, row).data[2].x[1] for row in ("p1", 2, 1, 9)]
    assert output == pytest.approx([a.outputs[0, 0], a.outputs[1, 0], a.outputs[1, 0], a.outputs[2, 0]])
    for row in ("p2", 77, -1):
        with pytest.raises(InputError, match="there is no row"):
            waterfall(a, row)


def test_waterfall_names_the_values_of_the_row():
    a = make()
    ticks = " ".join(waterfall(a, 0).layout.yaxis.ticktext)
    assert f"<b>{a.data['pain'].iloc[0]}</b>" in ticks
    assert f"<b>{a.data['age'].iloc[0]:.4g}</b>" in ticks


def test_dependence_draws_values_against_effects():
    a = make()
    fig = dependence(a, "age", "sugar")
    x = np.concatenate([trace.x for trace in fig.data])
    assert np.allclose(np.sort(x), np.sort(a.data["age"]))
    assert [trace.name for trace in fig.data] == ["value", "sugar missing"]
    by_category = dependence(a, "age", "pain")
    assert [trace.name for trace in by_category.data] == ["atypical", "none", "typical"]
    assert sum(len(trace.x) for trace in by_category.data) == 60
    assert by_category.layout.showlegend


def test_dependence_of_categories_and_of_missing_values():
    a = make()
    fig = dependence(a, "pain")
    assert fig.layout.xaxis.ticktext == ("atypical", "none", "typical")
    places = np.round(np.asarray(fig.data[0].x)).astype(int)
    assert [fig.layout.xaxis.ticktext[i] for i in places] == list(a.data["pain"])
    gone = dependence(a, "sugar")
    assert gone.layout.xaxis.ticktext[-1] == "missing"
    place = gone.layout.xaxis.tickvals[-1]
    assert (np.asarray(gone.data[0].x) == place).sum() == a.data["sugar"].isna().sum()
    assert place > a.data["sugar"].max()


def test_dependence_errors():
    with pytest.raises(InputError, match="Did you mean 'age'"):
        dependence(make(), "agee")
    with pytest.raises(InputError, match="no table"):
        dependence(make(table=False), "age")
    with pytest.raises(InputError, match="several columns"):
        dependence(make().grouped({"both": ["age", "sex"]}), "both")
    with pytest.raises(InputError, match="unknown feature"):
        dependence(make(), "age", "pains")


def test_dark_pages_get_light_text_and_the_original_stays():
    fig = bar({"a": 1, "b": 2})
    assert on_dark(fig).layout.font.color == "#E6E8EB"
    assert fig.layout.font.color is None


def test_ranks_are_shares_with_ties_alike():
    assert rank_share(np.array([1.0, 2, 2, 9, np.nan]))[:4].tolist() == [0, 0.5, 0.5, 1]
    assert np.isnan(rank_share(np.array([np.nan, 1]))[0])
    assert rank_share(np.array([4.0, 4])).tolist() == [0.5, 0.5]


def test_thinning_keeps_ends_and_order():
    x = np.random.default_rng(0).normal(size=1000)
    kept = thin(x, 50)
    assert len(set(kept.tolist())) == 50
    assert (np.diff(kept) > 0).all()
    assert {x.argmin(), x.argmax()} <= set(kept.tolist())
    assert thin(x, 1000).tolist() == list(range(1000))


def test_swarm_offsets_show_density():
    x = np.concatenate([np.zeros(50), [1.0]])
    offset = swarm(x, 0, 1)
    assert len(np.unique(offset[:50])) == 50
    assert offset[50] == 0
    assert np.abs(offset).max() <= 1


def test_short_labels_stay_unique():
    long = [f"a very long column name that ends alike {i} and goes on and on" for i in range(3)]
    assert len(short(long[0])) == 28
    assert len(set(labels(long))) == 3
    assert labels(["plain"]) == ["plain"]


@pytest.mark.parametrize(("low", "high"), [(0.0025, 6.2), (-3, 3), (1200, 98_000)])
def test_nice_ticks_are_inside_and_round(low, high):
    ticks = nice_ticks(low, high)
    assert 3 <= len(ticks) <= 7
    assert low <= ticks[0] < ticks[-1] <= high
    assert all(len(f"{tick:g}".strip("-0.").rstrip("0")) <= 2 for tick in ticks)
