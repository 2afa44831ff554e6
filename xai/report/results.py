"""Sections made of what other methods found: concepts, words, edits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import plots
from ..core.errors import InputError
from ..plots.tokens import tokens as coloured
from .section import Block, Facts, Figure, Markup, Pictures, Points, Section, Table, Text

if TYPE_CHECKING:
    from ..craft import Sheet
    from ..editing import EditSession
    from ..reagent import TokenAttribution

EDITS_FORMAT = "hemicycle/edits/1"
TOKENS_FORMAT = "hemicycle/tokens/1"
_PIECES = 4
_WORDS = 12


def concepts_section(sheet: Sheet, *, subtitle: str = "") -> Section:
    """Concepts of a class: what each is worth, whether they carry the decision, and pieces that show them."""
    found, fidelity = sheet.importance, sheet.fidelity
    colours = plots.colours(sheet.names)
    carried = fidelity.carried
    order = [int(i) for i in found.order]
    largest = sheet.names[order[0]]
    images, captions = [], []
    for i in order:
        for piece in sheet.crops[i][:_PIECES]:
            images.append(piece)
            captions.append(sheet.names[i])
    rows = tuple(
        (name, f"{fidelity.insertion_auc[name]:.4g}", f"{fidelity.deletion_auc[name]:.4g}")
        for name in fidelity.insertion_auc
    )
    notes = tuple(dict.fromkeys((*sheet.notes, *found.notes)))
    blocks: list[Block] = [
        Text(
            f"{largest} matters most for {found.class_name}: total Sobol index {found.sobol[order[0]]:.2f}.",
            strong=True,
        ),
        *([Text(carried.warning[:1].upper() + carried.warning[1:])] if carried.warning else []),
        Figure(
            plots.concepts(found, colours=colours),
            f"Total Sobol indices of {len(found.names)} concepts with intervals; the largest is {largest}.",
        ),
        *([Pictures(tuple(images), tuple(captions))] if images else []),
        Figure(
            plots.concept_curves(fidelity),
            f"Score of {found.class_name} while concepts enter, by four orders; random orders are one of them.",
        ),
        Table(
            ("order", "insertion area", "deletion area"), rows, "High insertion and low deletion areas are good", (1, 2)
        ),
        Facts(
            (
                ("layer", sheet.layer),
                ("learned from", f"{sheet.n_images} pictures, {sheet.mode}"),
                ("activations the concepts rebuild", f"{carried.r2:.0%} of the variance"),
                ("pictures that keep their class", f"{carried.agreement:.0%}"),
                ("class score the concepts explain", f"{max(carried.share, 0):.0%}"),
            )
        ),
        *([Points(notes)] if notes else []),
    ]
    about = f"{sheet.n_images} pictures · class {found.class_name} · concepts of layer {sheet.layer}"
    return Section(f"Which concepts speak for {found.class_name}?", tuple(blocks), subtitle or about)


def tokens_section(t: TokenAttribution, *, subtitle: str = "") -> Section:
    """What each word gave to each word of the answer."""
    scale = t.effect.replace("_", " ")
    blocks: list[Block] = []
    for g, target in enumerate(t.targets):
        known = [
            int(i)
            for i in np.argsort(-np.abs(np.nan_to_num(t.values[g])), kind="stable")
            if not np.isnan(t.values[g, i])
        ]
        rows = tuple(
            (t.units.names[i], f"{t.values[g, i]:+.4f}", _error(t.standard_error[g, i])) for i in known[:_WORDS]
        )
        blocks += [
            Text(
                f"Target '{target.strip()}': {scale} {t.original[g]:.4f}; {t.replaced[g]:.4f} with all units replaced.",
                strong=True,
            ),
            Markup(coloured(t, g)),
            Table(("unit", "effect", "standard error"), rows, f"Largest effects on '{target.strip()}'", (1, 2)),
        ]
        if not t.converged[g]:
            blocks.append(Text("The estimate did not meet its own stopping rule: use more draws.", quiet=True))
    blocks.append(
        Facts(
            (
                ("method", f"{t.method}, {t.n_forwards:,} rows of the language model, seed {t.provenance.seed}"),
                ("model", t.provenance.model_hash or "served elsewhere: its hash is not known"),
            )
        )
    )
    if t.notes:
        blocks.append(Points(t.notes))
    about = f"{t.values.shape[1]} units · {len(t.targets)} targets · effect on the {scale} when a unit is replaced"
    return Section("Which words did the answer come from?", tuple(blocks), subtitle or about)


def _error(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:.4f}"


def edits_section(session: EditSession, *, subtitle: str = "") -> Section:
    """Everything that was tried in an edit session, with its notes and the stability of the last answer."""
    found = session.stability()
    names = {number: name for name, number in session.snapshots.items()}
    rows = tuple(
        (
            str(step.number),
            step.description,
            _masked(step.mask),
            step.answer,
            _note(names.get(step.number), step.note),
        )
        for step in session.history
    )
    return _edits(session.original_answer, session.answer, rows, found.sentences + found.warnings, subtitle)


def _edits(
    original: str, answer: str, rows: tuple[tuple[str, ...], ...], notes: tuple[str, ...], subtitle: str
) -> Section:
    changed = f"The answer changed from {original} to {answer}."
    change = f"The answer is still {original}." if answer == original else changed
    return Section(
        "What happened when the explanation was edited?",
        (
            Text(change, strong=True),
            Table(
                ("step", "what changed", "units left", "answer", "note"),
                rows,
                "Every step, those undone among them",
                (0,),
            ),
            *([Points(notes)] if notes else []),
            Text(
                "A mask says what happens to a unit in this game, not in the world. Who tries long enough finds a mask "
                "for any answer: steps that changed nothing are listed too.",
                quiet=True,
            ),
        ),
        subtitle or f"{len(rows) - 1} edits",
    )


def _note(saved_as: str | None, note: str) -> str:
    return ", ".join(part for part in (f"saved as '{saved_as}'" if saved_as else "", note) if part)


def _masked(mask: np.ndarray) -> str:
    return f"{int((mask > 0).sum())} of {len(mask)}"


def section_of_file(path: str | Path) -> Section:
    """A section of a result file: words (``TokenAttribution.to_json``) or edits (``EditSession.to_json``).

    Raises
    ------
    InputError
        If it is neither, or damaged.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{name} is no text file of results.") from error
    return section_of_text(text, name)


def section_of_text(text: str, name: str, notes: tuple[str, ...] = ()) -> Section:
    """A section of the content of a result file called ``name``; see :func:`section_of_file`.

    ``notes`` are sentences to stand below: a file of edits does not know how stable the answer was.

    Raises
    ------
    InputError
        If it is neither words nor edits, or damaged.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # the latter: brackets in brackets without an end
        raise InputError(f"{name} is no JSON file: {error}") from error
    kind = content.get("format") if isinstance(content, dict) else None
    readers = {TOKENS_FORMAT: _tokens_of, EDITS_FORMAT: _edits_of}
    if kind not in readers:
        raise InputError(
            f"{name} holds neither words nor edits: give the JSON files of the pages Tokens and Editable map."
        )
    try:
        section = readers[kind](content)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"{name} is damaged ({type(error).__name__}: {error}).") from error
    return replace(section, blocks=(*section.blocks, Points(notes))) if notes else section


def _tokens_of(content: Any) -> Section:
    from ..reagent import TokenAttribution

    return tokens_section(TokenAttribution.from_dict(content))


def _edits_of(content: Any) -> Section:
    """Edits as their file tells them; without the game nothing is played again, and no stability is known."""
    steps = content["steps"]
    names = {int(number): str(name) for name, number in content["snapshots"].items()}
    rows = tuple(
        (
            str(i),
            str(step["description"]),
            _masked(np.asarray(step["mask"], dtype=float)),
            str(step["answer"]),
            _note(names.get(i), str(step["note"])),
        )
        for i, step in enumerate(steps)
    )
    at = int(content["line"][int(content["at"])])
    original, answer = _original(content), str(steps[at]["answer"])
    unit = content["units"]["kind"]
    subtitle = f"{len(rows) - 1} edits of {len(content['units']['names'])} {unit} weights, as their file tells them"
    return _edits(original, answer, rows, (), subtitle)


def _original(content: Any) -> str:
    """The answer without any edit, decided as the session does."""
    from ..editing.decision import Decision

    decide = Decision(tuple(str(name) for name in content["output_names"]), float(content["threshold"]))
    return decide.name(np.asarray(content["original"], dtype=float))
