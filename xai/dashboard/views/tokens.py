"""Cards of the Tokens page: answer, coloured prompt, methods, contrast, edits, parliament of words, files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ... import elect, plots
from ...core.errors import InputError
from ...core.provenance import hash_bytes
from ...editing import EditSession
from ...plots.tokens import token_bars, token_document, token_methods, tokens
from ..cards import downloads, figure
from ..component import Look, edited, mask_editor
from ..language import Asked, models, vignettes
from ..markdown import plain
from .faithful import both

if TYPE_CHECKING:
    from ...reagent import TokenAttribution

_OWN = "a prompt of my own"
_UNITS = {"words": "words", "tokens": "tokens", "sentences": "sentences"}


def question() -> Asked | None:
    """The prompt and the options, from the controls; ``None`` while the prompt is empty."""
    known = {f"vignette {i + 1}: {v.prompt[:48]}…": v for i, v in enumerate(vignettes())}
    left, right = st.columns([3, 1])
    with left:
        choice = st.selectbox("Prompt", [*known, _OWN], key="vignette", bind="query-params")
        written = known[choice].prompt if choice in known else ""
        prompt = st.text_area("Text", written, key=f"prompt:{choice}", height=130, max_chars=4000)
        fixed = st.text_input(
            "Never replaced",
            unfinished(prompt),
            key=f"fixed:{hash_bytes(prompt.encode())[:12]}",
            help="The words that ask. Without them no model answers, so they would come out on top and say nothing. "
            "Empty: every word may be replaced.",
        )
    with right:
        options = models()
        model = st.selectbox("Language model", list(options), format_func=options.get, key="lm")
        units = st.selectbox("Replace", list(_UNITS), key="units", bind="query-params")
        budget = st.select_slider(
            "Forwards",
            [32, 64, 128, 256, 512],
            128,
            key="budget",
            bind="query-params",
            help="How many changed prompts the model may be asked: more of them make intervals narrower.",
        )
    if not prompt.strip():
        st.info("Write a prompt, or pick a vignette.", icon=":material/edit:")
        return None
    return Asked(prompt, model, units, int(budget), fixed.strip())


def unfinished(prompt: str) -> str:
    """The beginning of a sentence that the model is to finish, empty where the last one is complete."""
    start = max((prompt.rfind(end) + len(end) for end in (". ", "! ", "? ", "\n") if end in prompt), default=-1)
    last = prompt[start:].strip() if start >= 0 else ""
    return "" if last.endswith((".", "!", "?")) else last


def answer(asked: Asked) -> tuple[str, str]:
    """The generated answer as buttons; the whole answer, and what was picked: a token, or all of it."""
    pieces = asked.answer()
    if not pieces:
        raise InputError("the model ends the text right after this prompt: write a prompt that asks for more.")
    st.markdown(f"…{plain(asked.prompt[-60:].strip())} **{plain(''.join(pieces).strip())}**")
    numbers = list(range(len(pieces)))
    picked = st.pills(
        "Pick a token of the answer to see what made it",
        numbers,
        default=0,
        required=True,
        format_func=lambda i: pieces[i].strip() or "␣",
        key=f"token:{asked.model}:{asked.prompt}",
    )
    number = 0 if picked is None else int(picked)
    return "".join(pieces[:number]), pieces[number]


def at(asked: Asked, before: str) -> Asked:
    """The same question with the answer's beginning as part of the prompt."""
    return replace(asked, prompt=asked.prompt + before)


def subtitle(asked: Asked, token: str) -> str:
    """Which model, target and budget a card is about."""
    stays = f" · “{asked.fixed}” stays" if asked.fixed else ""
    return f"{models()[asked.model]} · target “{token.strip()}” · {asked.units} replaced one at a time{stays}"


def coloured(found: TokenAttribution) -> None:
    """The prompt with its effects, and the largest of them with intervals."""
    st.html(tokens(found))
    st.caption("Orange speaks for the answer, blue against it; dotted: not told apart from no effect. Point at a word.")
    repeat = found.repeatability[0]
    with st.container(horizontal=True):
        st.metric("Probability", f"{found.original[0]:.3f}")
        st.metric("With every word replaced", f"{found.replaced[0]:.3f}")
        st.metric("Forwards", f"{found.n_forwards:,}")
        st.metric(
            "Repeatability", "–" if np.isnan(repeat) else f"{repeat:.2f}", help="Rank correlation of both halves."
        )
    for note in found.notes:
        st.caption(f"{note[:1].upper()}{note[1:]}.")


def bars(found: TokenAttribution) -> None:
    """Largest effects with intervals, and files."""
    figure(token_bars(found), "token-effects", "The largest effects of words on the answer, with 95 % intervals.")
    st.download_button("HTML", token_document(found), "tokens.html", "text/html", key="html:tokens", on_click="ignore")
    downloads("tokens", found.to_frame(), found.to_json())


def obeyed(asked: Asked, token: str, found: TokenAttribution) -> None:
    """Insertion and deletion by these effects, beside random orders of the same words."""
    both(asked.obeyed(token, found.values[0]), "token", "Words", "probability")


def methods(asked: Asked, token: str, names: tuple[str, ...]) -> None:
    """Methods side by side, once somebody asks for them."""
    if not st.toggle("Run the other methods within the same budget", key="methods", bind="query-params"):
        st.caption(
            "Adaptive, leave-one-out, random masks, published ReAGent, and of a local model gradient × input, "
            "integrated gradients and attention."
        )
        return
    found = {name: np.array(values) for name, values in asked.methods(token).items()}
    figure(token_methods(names, found), "token-methods", "Heat map: words by methods, each over its largest value.")


def contrast(asked: Asked, token: str) -> None:
    """Why this answer rather than another."""
    foil = st.text_input("Rather than", key="foil", bind="query-params", placeholder="e.g. asthma", max_chars=200)
    if not foil.strip():
        st.caption("Write another answer: the words that speak for the one rather than the other are shown.")
        return
    found = asked.attribution(token, f" {foil.strip()}")
    st.html(tokens(found))
    st.caption(f"Difference of the probabilities: {found.original[0]:+.3f}. Orange speaks for “{token.strip()}”.")


@st.fragment
def edits(asked: Asked, token: str, found: TokenAttribution) -> None:
    """Words to strike out, and the probability before and after."""
    about = hash_bytes(f"{asked.prompt}{token}{asked.fixed}".encode())[:12]
    place = f"tokens:{asked.model}:{asked.units}:{about}"
    with st.spinner("Asking the model"):
        session = edited(place, lambda: EditSession(asked.game(token, found.units), threshold=0.5))
    refused = mask_editor(session, Look("strip", "Words of the prompt"), f"strip-{place}")
    if refused:
        st.error(refused, icon=":material/error:")
    st.caption("Click a word to put others in its place (mean of 8). Keys: arrows, Space, Ctrl-Z.")
    now, before = float(session.outputs.after[0]), float(session.outputs.original[0])
    st.metric(f"Probability of “{token.strip()}”", f"{now:.3f}", f"{now - before:+.3f}", delta_color="off")
    struck = [name for name, weight in zip(session.game.units.names, session.mask, strict=True) if weight == 0]
    if struck:
        st.caption("Replaced: " + ", ".join(f"“{name}”" for name in struck))


def parliament(found: TokenAttribution) -> None:
    """A parliament of the words that speak for the answer."""
    values = np.maximum(np.nan_to_num(found.values[0]), 0)
    if not values.any():
        st.info("No word speaks for this answer.")
        return
    votes = {found.units.names[i]: float(values[i]) for i in np.argsort(-values, kind="stable")[:12] if values[i] > 0}
    elected = elect(votes, seats=60, threshold=0.02)
    figure(plots.parliament(elected), "token-parliament", "Seats of the words that speak for the answer.")
    majority = ", ".join(f"“{name}”" for name in elected.majority.parties)
    st.caption(f"60 seats by D'Hondt, votes are positive effects, threshold 2 %. Smallest majority: {plain(majority)}.")
