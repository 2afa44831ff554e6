"""A person elects a parliament, and every control moves the seats to where xai.elect puts them."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

import xai
from xai.datasets import demo_models

pytestmark = pytest.mark.browser
DEMO = "breast_cancer_mean-catboost"


@pytest.fixture(scope="module")
def attribution():
    demo = demo_models()[DEMO]
    return xai.explain(demo.open(), demo.held_out_data()[0])


@pytest.fixture(scope="module")
def groups():
    return demo_models()[DEMO].data().groups


def test_seats_rule_and_alliances_move_the_seats(visit, attribution, groups):
    tab = visit().open()
    tab.go_to("Parliament")
    tab.expect_seats(xai.elect(attribution).seats)
    for seats in (600, 37):
        tab.number("Seats", seats)
        tab.expect_seats(xai.elect(attribution, seats=seats).seats)
    tab.unfold("Electoral law")
    tab.page.get_by_text("Sainte-Laguë", exact=True).click()
    law = {"seats": 37, "rule": "sainte_lague"}
    assert xai.elect(attribution, **law).seats != xai.elect(attribution, seats=37).seats, "the case shows nothing"
    tab.expect_seats(xai.elect(attribution, **law).seats)
    tab.choose("Alliances", "Suggested")
    tab.expect_seats(xai.elect(attribution, **law, alliances=groups).seats)
    tab.settle().expect_no_error()
    # every seat is drawn
    expect(tab.page.locator(".st-key-figure-parliament .annotation-text").first).to_have_text("37")


def test_government_and_opposition(visit, attribution):
    tab = visit().open("/parliament")
    signed = xai.dhondt.elect_signed(attribution, 100)
    tab.toggle("Government and opposition")
    tab.page.locator(".st-key-figure-government-and-opposition .legendtext").first.wait_for()
    labels = tab.page.locator(".st-key-figure-government-and-opposition .legendtext").all_text_contents()
    shown = sorted((name, int(n.split()[0])) for name, n in (label.rsplit(" — ", 1) for label in labels))
    sides = (signed.government, signed.opposition)
    assert shown == sorted((name, n) for side in sides for name, n in side.items() if n)
    tab.toggle("Government and opposition")
    tab.expect_seats(xai.elect(attribution).seats)
    tab.expect_no_error()


@pytest.mark.slow
def test_a_link_reproduces_the_view_and_pages_keep_it(visit, browser, attribution, groups):
    tab = visit().open("/parliament")
    tab.number("Seats", 250)
    tab.expect_seats(xai.elect(attribution, seats=250).seats)
    tab.choose("Alliances", "Suggested")
    tab.unfold("Electoral law")
    tab.page.get_by_text("Sainte-Laguë", exact=True).click()
    expected = xai.elect(attribution, seats=250, rule="sainte_lague", alliances=groups).seats
    tab.expect_seats(expected)
    expect(tab.page).to_have_url(re.compile("rule=Sainte-Lagu"))
    link = tab.settle().page.url

    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    other = visit(context=context).open(link)
    _expect_view(other, expected)
    context.close()

    tab.go_to("SHAP comparison").go_to("Parliament")
    _expect_view(tab, expected)
    assert parse_qs(urlsplit(tab.page.url).query) == parse_qs(urlsplit(link).query)


def _expect_view(tab, seats):
    tab.expect_seats(seats)
    expect(tab.page.get_by_label("Seats", exact=True)).to_have_value("250")
    expect(tab.page.get_by_role("combobox", name="Alliances")).to_have_value("Suggested")
    tab.unfold("Electoral law")
    expect(tab.page.get_by_role("radio", name="Sainte-Laguë")).to_be_checked()
    tab.expect_no_error()
