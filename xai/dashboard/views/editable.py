"""Cards of the editable map: paint on a picture, and see who resembles it then."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ... import chmcorr
from ...chmcorr import compare
from ...chmcorr.stories import STORIES, Story, story
from ...editing import EditSession
from ...plots import correspondence as plots
from ..cards import card, figure
from ..component import Look, edited, mask_editor
from ..launch import GALLERY
from ..pictures import show_picture
from .editable_own import MINE, OPERATORS, own_gallery, own_story
from .editable_session import answer, history, stability
from .faithful import both

if TYPE_CHECKING:
    from ...chmcorr import Explanation
    from ..galleries import OwnGallery

_SHOWN = 3
_WORKBENCH = "workbench"


@dataclass(frozen=True, eq=False)
class Editing:
    """One picture of a story, and the session in which it is edited.

    Attributes
    ----------
    story, number
        Pictures with their evidence, and which of them is looked at.
    session, key
        Its edits, and the key they are kept under.
    own, file
        For pictures that are none of the bundled ones: their gallery, and the picture's file if it was brought along.
    """

    story: Story
    number: int
    session: EditSession
    key: str
    own: OwnGallery | None = None
    file: np.ndarray | None = None

    @property
    def original(self) -> Explanation:
        """The answer without any edit."""
        return self.story.explanations[self.number]

    @property
    def now(self) -> Explanation:
        """The answer under the present map."""
        return self.original.edit(self.session.mask)

    @property
    def subtitle(self) -> str:
        """Which picture, gallery and rule a card is about."""
        matched, options = self.original.matched, self.original.options
        rule = "CHM-Corr as published" if options.rule == "published" else "mean similarity under the map"
        kind = "synthetic pictures" if self.story.synthetic else "pictures"
        return (
            f"{self.story.names[self.number]} · {len(matched.candidates)} {kind} to compare with, the best "
            f"{options.k} vote · {rule} · {matched.gallery.backbone.name}"
        )


def chooser() -> Editing | None:
    """Controls for the story and its picture; ``None`` while a person's own pictures are still to come."""
    choices = {**STORIES, **({OPERATORS: OPERATORS} if GALLERY in os.environ else {}), MINE: MINE}
    left, right = st.columns(2)
    with left:
        key = st.selectbox("Story", list(choices), format_func=choices.get, key="story", bind="query-params")
    if key not in STORIES:
        return _of_own(key)
    found = story(key)
    with right:
        names = list(found.names)
        name = st.selectbox("Picture", names, key=f"picture-{key}", bind="query-params")
    return _about(found, names.index(name))


def _of_own(choice: str) -> Editing | None:
    with card("Which pictures?"):
        gallery = own_gallery(choice)
        picked = None if gallery is None else own_story(gallery)
        if gallery is not None and picked is not None:
            return _about(picked[0], 0, gallery, picked[1])
    return None


def _about(found: Story, number: int, own: OwnGallery | None = None, file: np.ndarray | None = None) -> Editing:
    place = f"{found.key}:{number}"
    e = found.explanations[number]
    session = edited(place, lambda: EditSession(e.game, e.scores.patch_map, original=e.shares))
    for line in found.about:
        st.caption(line)
    return Editing(found, number, session, place, own, file)


@st.fragment(key=_WORKBENCH)
def workbench(editing: Editing) -> None:
    """The editor and everything a stroke changes: the answer at once, what explains it once the hand rests."""
    session = edited(editing.key, lambda: editing.session)
    editing = replace(editing, session=session)
    _stroke(editing)
    now = editing.now
    with card("Which pictures, and which patches of them?", f"{editing.subtitle} · answer: {now.label}"):
        exemplars(editing, now)
    left, right = st.columns(2)
    with left, card("Which cells made the difference?", editing.subtitle):
        reasons(editing, now)
    with right, card("Who moved up, who moved down?", editing.subtitle):
        ranks(editing, now)
    left, right = st.columns(2)
    with left, card("Does the answer hold?", editing.subtitle):
        stability(session)
        _leak(editing)
    with right, card("What was tried?", editing.subtitle):
        history(session, editing.key)


@st.fragment
def _stroke(editing: Editing) -> None:
    """The map and its answer: all that is drawn again between two strokes of a quick hand."""
    left, right = st.columns([5, 6])
    with left, card("Where should it look?", editing.subtitle):
        editor(editing)
    now, session = editing.now, editing.session
    with right, card("What does it answer?", f"{editing.subtitle} · truth: {editing.story.truths[editing.number]}"):
        answer(session)
        votes(editing, now)
        st.caption(f"Step {session.step.number}: {session.step.description}.")
        for notice in now.notices:
            st.caption(notice)
        if now.edited and now.options.rule != "map":
            st.caption("An edited map counts for all candidates alike; the rule before chose patches for each of them.")


def obeyed(editing: Editing) -> None:
    """Insertion and deletion of the first answer's cells, beside random orders."""
    first = editing.original
    both(chmcorr.obeyed(first), "editable", "Patches", f"share of the votes for {first.label}")
    st.caption("Patches go by what each adds to the lead of the answer, before any edit.")


def editor(editing: Editing) -> None:
    """The picture under its map."""
    look = Look(
        "grid", f"Map of {editing.story.names[editing.number]}: weights of its patches", editing.original.matched.query
    )
    refused = mask_editor(editing.session, look, f"map-{editing.key.replace(':', '-')}", later=_WORKBENCH)
    if refused:
        st.error(refused, icon=":material/error:")
    st.caption(
        "Dark, hatched patches are ignored; veiled ones count less. Drag to paint; a click on a patch that has the "
        "brush's weight gives it the opposite. Keys: arrows, Space, Ctrl-Z. It starts from the model's own map."
    )


def votes(editing: Editing, now: Explanation) -> None:
    """Shares of the votes without any edit, and now."""
    names = [name for name in now.class_names if name in now.shortlist]
    index = [now.class_names.index(name) for name in names]
    figure(
        plots.votes_beside(names, {"original": editing.session.original[index], "now": now.shares[index]}),
        "editable-votes",
        f"Votes: {', '.join(f'{name} {now.votes[name]}' for name in names)} of {now.n_voters}.",
    )


def exemplars(editing: Editing, now: Explanation) -> None:
    """The best pictures of the answer, or of the runner-up, with the pairs of patches that were scored."""
    names = [name for name in now.class_names if name in now.shortlist]
    name = st.segmented_control(
        "Exemplars of",
        names,
        default=now.label,
        key=f"exemplars-{editing.key}-{now.label}",
        help="The runner-up's too.",
    )
    shown = now.exemplars_of(name or now.label)[:_SHOWN]
    figure(
        plots.patches(now, shown),
        "editable-pairs",
        f"The picture above, {len(shown)} pictures of {name or now.label} below, patches linked.",
    )
    st.caption("Each pair of boxes in one colour was compared as drawn; the pairs shown add most to the score.")
    if editing.story.mm:
        _truth(editing, now)


def reasons(editing: Editing, now: Explanation) -> None:
    """What each cell did to the lead of the answer."""
    change = compare(editing.original, now)
    if change.runner_up is None:
        st.caption("There is no other class among the candidates.")
        return
    edited_map = bool(np.any(change.contributions))
    values = change.contributions if edited_map else change.terms_after
    figure(
        plots.cell_contributions(values, now.units, "of the lead in mean similarity"),
        "editable-cells",
        f"What each patch did to the lead of {change.winner} over {change.runner_up}.",
    )
    if not edited_map:
        st.caption(
            f"Nothing is edited yet. Shown is what each patch adds to the lead of '{change.winner}' over "
            f"'{change.runner_up}': in thousandths, {1000 * change.lead_after:+.0f} in all."
        )
        return
    what = "Why it flipped" if change.flipped else "What the edit did, though the answer stayed"
    st.caption(
        f"{what}: the lead of '{change.winner}' over '{change.runner_up}' in mean similarity of their best pictures "
        f"went from {1000 * change.lead_before:+.0f} to {1000 * change.lead_after:+.0f} thousandths; the numbers "
        "add up to that."
    )
    if change.lead_after < 0:
        st.caption(f"'{change.winner}' wins the vote, though its best pictures score lower on average.")


def ranks(editing: Editing, now: Explanation) -> None:
    """Ranks of the voters before and after."""
    change = compare(editing.original, now)
    figure(plots.rank_changes(change), "editable-ranks", "Ranks of the voting pictures before and after the edit.")
    st.caption(f"{len(change.entered)} pictures vote now that did not before; {len(change.left)} no longer do.")


def _truth(editing: Editing, now: Explanation) -> None:
    """How far matches are from the truth: the same place in the other brain, for the slice of the same height."""
    matched = now.matched
    same = [
        i
        for i, c in enumerate(matched.candidates)
        if _slice(matched.gallery.names[c]) == _slice(editing.story.names[editing.number])
    ]
    if not same:
        return
    rows, columns = matched.gallery.grid
    there = np.stack(np.divmod(matched.targets[same[0]], columns), axis=-1)
    here = np.stack(np.divmod(np.arange(rows * columns), columns), axis=-1)
    height, width = 192 * (editing.story.mm or 1), 176 * (editing.story.mm or 1)
    off = np.hypot((there - here)[:, 0] * height / rows, (there - here)[:, 1] * width / columns)
    st.caption(
        f"In the slice of the same height {int((off == 0).sum())} of {off.size} patches are matched with the very same "
        f"place; a patch is {height / rows:.0f} by {width / columns:.0f} mm. Black background matches anything."
    )


def _slice(name: str) -> str:
    return name.rpartition("slice ")[2]


def _leak(editing: Editing) -> None:
    with st.expander("What an ignored patch still does", key=f"leak:{editing.key}"):
        st.write(
            "A patch of a feature map has seen more than its own place, so ignoring a patch does not remove it from "
            "the picture. These maps come from the middle of the network, where that is least."
        )
        if editing.own is None or editing.file is None:
            st.write(
                "For pictures you bring along, this page can paint the ignored patches over, encode again, and say "
                "whether the answer holds; from Python, `explanation.occlude()` does."
            )
            return
        if editing.session.mask.all():
            st.caption("Ignore some patches first: then they can be painted over.")
        elif st.toggle("Paint the ignored patches over and encode again", key=f"occlude:{editing.key}"):
            found = editing.own.occlusion(editing.file, editing.session.mask)
            left, right = st.columns(2)
            with left:
                show_picture(found["picture"], "The picture with the ignored patches painted over")
            (right.success if found["same_answer"] else right.warning)(found["summary"])
            right.caption(
                f"The kept patches changed by {found['mean_leak']:.2f} on average (1 - cosine): 0 would mean that they "
                "knew nothing of the ignored ones."
            )
