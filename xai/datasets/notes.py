"""Bundled texts: synthetic case notes whose diagnosis follows from phrases that are known."""

from __future__ import annotations

from . import vignettes as generator
from .other import Card, TextDataset

N_NOTES, NOTES_SEED = 200, 200


def vignettes() -> TextDataset:
    """Case notes that end where the diagnosis begins."""
    notes = generator.generate(N_NOTES, NOTES_SEED)
    return TextDataset(
        card=Card(
            name="vignettes",
            title="Clinical vignettes (synthetic)",
            description=f"{N_NOTES} short case notes of {len(generator.CONDITIONS)} diagnoses. Each stops where the "
            "diagnosis begins; which symptoms and findings decide it is recorded.",
            licence="Apache-2.0",
            citation=f"Hemicycle, xai.datasets.vignettes.generate({N_NOTES}, seed={NOTES_SEED})",
            source="written by a program (xai.datasets.vignettes); no patient's data",
            traps=(
                "The notes are drawn from a table of phrases: they teach nothing about medicine.",
                "A diagnosis always has its phrases, so one phrase often decides; in real notes none does.",
                "Risk factors are shared among diagnoses and are no evidence here, though a model may lean on them.",
            ),
            target_meaning="The diagnosis that continues the note, with the space before it.",
            synthetic=True,
        ),
        prompts=tuple(note.prompt for note in notes),
        answers=tuple(note.answer for note in notes),
        evidence=tuple(note.evidence for note in notes),
    )
