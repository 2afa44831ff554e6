"""A small study of editing: are people who may edit the map better judges of the model than people who may not.

The design of CHM-Corr++ (Nguyen, Taesiri, Kim and Nguyen, CVPR-W XAI4CV 2024): each session sees as many right answers
of the model as wrong ones, accepts or rejects each, and says how sure it is. Its seed decides the condition.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

import numpy as np

from ..core.errors import InputError

Condition = Literal["static", "editable"]
CONDITIONS: tuple[Condition, ...] = ("static", "editable")

#: Accuracy in per cent, mean over sessions (recomputed from the logs that the authors released), and p of their t-test.
PUBLISHED = {
    "all": {"static": 72.68, "editable": 73.57, "p": 0.75},
    "right": {"static": 85.21, "editable": 86.79, "p": 0.62},
    "wrong": {"static": 60.13, "editable": 59.39, "p": 0.86},
}
PUBLISHED_SESSIONS = {"static": 28, "editable": 42}


@dataclass(frozen=True)
class Trial:
    """One decision.

    Attributes
    ----------
    session, seed, condition
        Who decided: a name without meaning, its seed, and what it could do.
    number, picture
        Place in the session, from 1, and the picture's name.
    truth, answer
        The true class, and what the model said.
    accepted
        Whether the person accepted the answer.
    confidence
        From 1 to 5.
    seconds
        From the first look to the decision.
    edits
        Masks that were tried.
    flips
        How many of them changed the model's answer.
    flipped_to_truth
        Whether one of them gave the true class.
    """

    session: str
    seed: int
    condition: Condition
    number: int
    picture: str
    truth: str
    answer: str
    accepted: bool
    confidence: int
    seconds: float
    edits: int = 0
    flips: int = 0
    flipped_to_truth: bool = False

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise InputError(f"the condition is '{self.condition}': it must be static or editable.")
        if not 1 <= self.confidence <= 5:
            raise InputError(f"confidence is {self.confidence}: it must be from 1 to 5.")

    @property
    def model_right(self) -> bool:
        """Whether the model's answer was right."""
        return self.answer == self.truth

    @property
    def correct(self) -> bool:
        """Whether the person accepted a right answer or rejected a wrong one."""
        return self.accepted == self.model_right


def condition_of(seed: int) -> Condition:
    """The condition that a seed draws: either with one half."""
    return CONDITIONS[int(np.random.default_rng([seed, 0]).integers(2))]


def trial_order(model_right: Sequence[bool], n: int, seed: int) -> tuple[int, ...]:
    """Pictures of a session in order: half of them answered rightly by the model, half wrongly.

    Parameters
    ----------
    model_right
        For each picture whether the model is right.
    n
        Trials; fewer where one of the halves has not enough pictures, still half and half.

    Raises
    ------
    InputError
        If the model is always right or always wrong, so that there is nothing to tell apart.
    """
    right, wrong = np.flatnonzero(model_right), np.flatnonzero(~np.asarray(model_right, dtype=bool))
    half = min(n // 2, len(right), len(wrong))
    if half < 1:
        raise InputError(
            f"the model is right on {len(right)} of {len(right) + len(wrong)} pictures: a study needs right and wrong "
            "answers."
        )
    rng = np.random.default_rng([seed, 1])
    chosen = np.concatenate([rng.choice(part, half, replace=False) for part in (right, wrong)])
    return tuple(int(i) for i in rng.permutation(chosen))


@dataclass(frozen=True)
class Accuracy:
    """Correct decisions of one condition.

    Attributes
    ----------
    mean, deviation
        Mean over sessions and their standard deviation (n - 1), in per cent; NaN deviation for one session.
    sessions, decisions
        How many there are.
    """

    mean: float
    deviation: float
    sessions: int
    decisions: int


@dataclass(frozen=True)
class Comparison:
    """The two conditions.

    Attributes
    ----------
    part
        Which decisions: ``"all"``, those where the model was ``"right"``, or ``"wrong"``.
    static, editable
        Accuracy, ``None`` without a session.
    t, p
        Student's t of editable minus static over sessions, and its two-sided p; NaN with fewer than two sessions in a
        condition, or where all are alike.
    """

    part: str
    static: Accuracy | None
    editable: Accuracy | None
    t: float
    p: float


@dataclass(frozen=True)
class FlipRow:
    """Decisions of one situation.

    Attributes
    ----------
    situation
        What the model's answer did under the person's edits, in words.
    n, correct
        Decisions, and how many of them were correct.
    """

    situation: str
    n: int
    correct: int


def compare_conditions(trials: Iterable[Trial]) -> tuple[Comparison, ...]:
    """Accuracy by condition, over all decisions and by whether the model was right; each session counts once."""
    found = tuple(trials)
    parts = {
        "all": found,
        "right": [t for t in found if t.model_right],
        "wrong": [t for t in found if not t.model_right],
    }
    return tuple(_compared(part, chosen) for part, chosen in parts.items())


def flips_against_correctness(trials: Iterable[Trial]) -> tuple[FlipRow, ...]:
    """How often people of the editable condition decide correctly, by what their edits did to the answer."""
    editable = [trial for trial in trials if trial.condition == "editable"]

    def row(situation: str, chosen: Iterable[Trial]) -> FlipRow:
        rows = list(chosen)
        return FlipRow(situation, len(rows), sum(trial.correct for trial in rows))

    right, wrong = [t for t in editable if t.model_right], [t for t in editable if not t.model_right]
    return (
        row("model right, answer never changed", (t for t in right if t.edits and not t.flips)),
        row("model right, answer changed", (t for t in right if t.flips)),
        row("model right, no edit made", (t for t in right if not t.edits)),
        row("model wrong, an edit gave the true class", (t for t in wrong if t.flipped_to_truth)),
        row(
            "model wrong, answer changed, never to the truth", (t for t in wrong if t.flips and not t.flipped_to_truth)
        ),
        row("model wrong, answer never changed", (t for t in wrong if t.edits and not t.flips)),
        row("model wrong, no edit made", (t for t in wrong if not t.edits)),
    )


def to_csv(trials: Iterable[Trial]) -> str:
    """Decisions as CSV text, a line each."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(Trial)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(trial) for trial in trials)
    return stream.getvalue()


def from_csv(text: str) -> tuple[Trial, ...]:
    """Decisions as :func:`to_csv` wrote them; those of several sessions may stand below each other.

    Raises
    ------
    InputError
        If a column is missing or a value cannot be read; the message names the line.
    """
    reader = csv.DictReader(io.StringIO(text))
    names = {field.name for field in fields(Trial)}
    missing = sorted(names - set(reader.fieldnames or ()))
    if missing:
        raise InputError(f"the results lack the columns {', '.join(missing)}.")
    trials = []
    for number, row in enumerate(reader, start=2):
        if row["session"] == "session":  # the header of the next file
            continue
        try:
            trials.append(_trial(row))
        except (ValueError, TypeError, KeyError, InputError) as error:
            raise InputError(f"line {number} of the results cannot be read: {error}") from error
    return tuple(trials)


_FLAGS = {"True": True, "False": False}


def _trial(row: dict[str, str]) -> Trial:
    return Trial(
        session=row["session"],
        seed=int(row["seed"]),
        condition=row["condition"],  # type: ignore[arg-type]  # checked by the class
        number=int(row["number"]),
        picture=row["picture"],
        truth=row["truth"],
        answer=row["answer"],
        accepted=_FLAGS[row["accepted"]],
        confidence=int(row["confidence"]),
        seconds=float(row["seconds"]),
        edits=int(row["edits"]),
        flips=int(row["flips"]),
        flipped_to_truth=_FLAGS[row["flipped_to_truth"]],
    )


def _compared(part: str, trials: Sequence[Trial]) -> Comparison:
    by_session: dict[Condition, dict[str, list[bool]]] = {"static": {}, "editable": {}}
    for trial in trials:
        by_session[trial.condition].setdefault(trial.session, []).append(trial.correct)
    shares = {
        name: np.array([100 * np.mean(decisions) for decisions in sessions.values()])
        for name, sessions in by_session.items()
    }
    accuracies = {
        name: Accuracy(
            float(values.mean()),
            float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
            len(values),
            sum(map(len, by_session[name].values())),
        )
        if len(values)
        else None
        for name, values in shares.items()
    }
    t, p = _student(shares["editable"], shares["static"])
    return Comparison(part, accuracies["static"], accuracies["editable"], t, p)


def _student(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Two-sample t with equal variances, as the study used, and its two-sided p."""
    from scipy.special import stdtr

    free = len(a) + len(b) - 2
    if min(len(a), len(b)) < 2:
        return float("nan"), float("nan")
    pooled = (a.var(ddof=1) * (len(a) - 1) + b.var(ddof=1) * (len(b) - 1)) / free
    if pooled == 0:
        return float("nan"), float("nan")
    t = float((a.mean() - b.mean()) / np.sqrt(pooled * (1 / len(a) + 1 / len(b))))
    return t, float(2 * stdtr(free, -abs(t)))
