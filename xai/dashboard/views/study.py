"""Study mode of the editable map: decide about pictures, with or without editing, and see what editing was good for."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field, replace

import streamlit as st

from ...chmcorr.stories import STORIES, Story, story
from ...core.errors import InputError
from ...editing import EditSession, study
from ...editing.study import Condition, Trial
from ..cards import card, downloads
from ..component import edited
from ..pictures import show_picture
from .editable import Editing, editor, exemplars, votes
from .editable_session import answer

_PLACE = "study"
#: Stories whose pictures the model answers rightly and wrongly.
_STORIES = ("stained_smears", "chest_films")
CONSENT = (
    "You will see pictures and what a model answers. Accept the answer if you think it is right, reject it if not, and "
    "say how sure you are. Some people may edit where the model looks, others may not: a draw decides. Kept are your "
    "decisions, their times and your edits, without your name, in this browser session only, until you download them. "
    "You can stop whenever you like. The pictures are for research: nothing here is about you or any patient."
)


@dataclass
class Running:
    """A session that is under way."""

    session: str
    seed: int
    condition: Condition
    story: Story
    order: tuple[int, ...]
    trials: list[Trial] = field(default_factory=list)
    shown: float | None = None

    @property
    def number(self) -> int:
        """Place of the present picture, from 0."""
        return len(self.trials)


def page() -> None:
    """The step that comes next: consent, a decision, or the results."""
    running: Running | None = st.session_state.get(_PLACE)
    if running is None:
        _begin()
    elif running.number < len(running.order):
        _decide(running)
    else:
        _results(running)


def _begin() -> None:
    with card("Take part?", "The experiment of CHM-Corr++ (2024), to repeat with one's own people"):
        st.write(CONSENT)
        agreed = st.checkbox("I have read this and take part of my own will.", key="study-consent")
        left, middle, right = st.columns(3)
        key = left.selectbox("Pictures", _STORIES, format_func=STORIES.get, key="study-story")
        n = middle.number_input("Decisions", 2, 20, 8, step=2, key="study-n")
        seed = right.number_input(
            "Seed", 0, 2**31 - 1, 42, key="study-seed", help="It draws the condition and pictures."
        )
        if st.button("Start", type="primary", disabled=not agreed):
            found = story(key)
            right_answers = [e.label == truth for e, truth in zip(found.explanations, found.truths, strict=True)]
            order = study.trial_order(right_answers, int(n), int(seed))
            # Names of pictures give classes away.
            hidden = replace(found, names=tuple(f"picture {i + 1}" for i in range(len(found.names))))
            condition = study.condition_of(int(seed))
            st.session_state[_PLACE] = Running(secrets.token_hex(4), int(seed), condition, hidden, order)
            st.rerun()
    with card("Results so far", "Files of finished sessions"):
        _analysis([])


@st.fragment
def _decide(running: Running) -> None:
    if running.shown is None:
        running.shown = time.monotonic()
    editing = _editing(running)
    now = editing.now
    at = f"decision {running.number + 1} of {len(running.order)}"
    if running.condition == "editable":
        left, right = st.columns([5, 6])
        with left, card("Where should it look?", at):
            editor(editing)
        with right, card("What does it answer?", at):
            answer(editing.session)
            votes(editing, now)
    else:
        left, right = st.columns([5, 6])
        with left, card("The picture", at):
            show_picture(editing.original.matched.query, "The picture to judge")
        with right, card("What does it answer?", at):
            st.metric("The model answers", now.label, f"{now.shares.max():.0%}", delta_color="off", delta_arrow="off")
            votes(editing, now)
    with card("Which pictures, and which patches of them?", at):
        exemplars(editing, now)
    _question(running, editing)


def _question(running: Running, editing: Editing) -> None:
    said = editing.original.label
    with card(f"Is this '{said}'?", "the model's first answer; what it says of edited maps is for you to judge"):
        sure = st.radio(
            "How sure are you?", [1, 2, 3, 4, 5], index=None, horizontal=True, key=f"study-sure-{running.number}",
            captions=["guessing", "", "", "", "certain"],
        )  # fmt: skip
        with st.container(horizontal=True):
            for name, accepted in (("Accept", True), ("Reject", False)):
                if st.button(name, disabled=sure is None, key=f"study-{name}-{running.number}"):
                    running.trials.append(_trial(running, editing, accepted=accepted, confidence=int(sure or 0)))
                    running.shown = None
                    st.rerun()


def _editing(running: Running) -> Editing:
    number = running.order[running.number]
    e = running.story.explanations[number]
    key = f"study:{running.session}:{running.number}"
    session = edited(key, lambda: EditSession(e.game, e.scores.patch_map, original=e.shares))
    return Editing(running.story, number, session, key)


def _trial(running: Running, editing: Editing, *, accepted: bool, confidence: int) -> Trial:
    number = running.order[running.number]
    tried = {step.mask.tobytes(): step.answer for step in editing.session.history[1:]}
    tried.pop(editing.session.history[0].mask.tobytes(), None)
    truth, said = running.story.truths[number], editing.original.label
    return Trial(
        session=running.session,
        seed=running.seed,
        condition=running.condition,
        number=running.number + 1,
        picture=f"{running.story.key} {number + 1}",
        truth=truth,
        answer=said,
        accepted=accepted,
        confidence=confidence,
        seconds=round(time.monotonic() - (running.shown or time.monotonic()), 2),
        edits=len(tried),
        flips=sum(given != said for given in tried.values()),
        flipped_to_truth=said != truth and truth in tried.values(),
    )


def _results(running: Running) -> None:
    right = sum(trial.correct for trial in running.trials)
    with card("How did it go?", f"condition: {running.condition} · seed {running.seed}"):
        st.metric("Correct decisions", f"{right} of {len(running.trials)}")
        st.download_button(
            "Results as CSV",
            study.to_csv(running.trials),
            f"study-{running.session}.csv",
            "text/csv",
            on_click="ignore",
        )
        st.button("Another session", on_click=st.session_state.pop, args=(_PLACE, None))
    with card("What was editing good for?", "this session, and files of others"):
        _analysis(running.trials)


def _analysis(trials: list[Trial]) -> None:
    files = st.file_uploader("Files of sessions", type="csv", accept_multiple_files=True, key="study-files")
    found = {(trial.session, trial.number): trial for trial in trials}
    for file in files:
        try:
            read = study.from_csv(file.getvalue().decode("utf-8-sig", errors="replace"))
        except InputError as error:
            st.error(f"{file.name}: {error}", icon=":material/error:")
        else:
            found |= {(trial.session, trial.number): trial for trial in read}
    if not found:
        st.caption("Nothing to analyse yet.")
        return
    st.dataframe(_accuracies(list(found.values())), hide_index=True)
    st.caption(
        "Accuracy in per cent, mean over sessions; p of Student's t over sessions. Published: 28 static, 42 editable "
        "sessions of 18 people on birds (CHM-Corr++, 2024, recomputed from its released logs): editing made no "
        "difference there. Sessions of one person are not independent."
    )
    rows = [
        {"In the editable condition": row.situation, "Decisions": row.n, "Correct": f"{row.correct} of {row.n}"}
        for row in study.flips_against_correctness(found.values())
        if row.n
    ]
    if rows:
        st.dataframe(rows, hide_index=True)
    import pandas as pd

    downloads("study", pd.DataFrame([vars(trial) for trial in found.values()]))


def _accuracies(trials: list[Trial]) -> list[dict[str, str]]:
    names = {"all": "all", "right": "the model right", "wrong": "the model wrong"}
    rows = []
    for found in study.compare_conditions(trials):
        published = study.PUBLISHED[found.part]
        row = {"Decisions": names[found.part]}
        for condition, accuracy in (("static", found.static), ("editable", found.editable)):
            told = "no session" if accuracy is None else f"{accuracy.mean:.1f} ({accuracy.sessions} sessions)"
            row[condition.capitalize()] = told
        row["p"] = "too few" if math.isnan(found.p) else f"{found.p:.2f}"
        row["Published static"] = f"{published['static']:.2f}"
        row["Published editable"] = f"{published['editable']:.2f}"
        row["Published p"] = f"{published['p']:.2f}"
        rows.append(row)
    return rows
