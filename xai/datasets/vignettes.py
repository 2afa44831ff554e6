"""Synthetic clinical vignettes: short case notes whose diagnosis follows from phrases that are recorded.

No patient data: every note is drawn from the table below. Because the generator knows which phrases decide the
diagnosis, an attribution of the diagnosis to the words of a note has a right answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from ..core.errors import InputError

Span = tuple[int, int]


@dataclass(frozen=True)
class Condition:
    """What the generator knows of a diagnosis.

    Attributes
    ----------
    risks, symptoms, findings, treatments
        Phrases to draw from. Symptoms and findings are the evidence; risks are shared among diagnoses.
    ages
        Youngest and oldest patient.
    women_only
        Whether all patients are women.
    """

    risks: tuple[str, ...]
    symptoms: tuple[str, ...]
    findings: tuple[str, ...]
    treatments: tuple[str, ...]
    ages: tuple[int, int] = (40, 85)
    women_only: bool = False


_YOUNG, _OLD = (18, 45), (66, 90)

CONDITIONS: dict[str, Condition] = {
    "myocardial infarction": Condition(
        ("hypertension", "smoking", "high cholesterol"),
        ("crushing chest pain", "pain radiating to the left arm", "cold sweats"),
        ("ST-segment elevation on the electrocardiogram", "an elevated troponin level"),
        ("aspirin and urgent coronary angiography", "aspirin, heparin and percutaneous coronary intervention"),
    ),
    "heart failure": Condition(
        ("hypertension", "coronary artery disease"),
        ("shortness of breath when lying flat", "swelling of both ankles", "waking at night with breathlessness"),
        (
            "bilateral crackles and a raised jugular venous pressure",
            "an enlarged heart on the chest X-ray",
            "a high natriuretic peptide level",
        ),
        ("furosemide and an ACE inhibitor", "diuretics and a beta blocker"),
    ),
    "atrial fibrillation": Condition(
        ("hypertension", "heavy alcohol use"),
        ("palpitations", "light-headedness"),
        ("an irregularly irregular pulse", "absent P waves on the electrocardiogram"),
        ("rate control with a beta blocker and anticoagulation",),
    ),
    "pulmonary embolism": Condition(
        ("recent surgery", "a long flight", "oral contraceptive use"),
        ("sudden shortness of breath", "sharp chest pain on breathing in", "coughing up blood"),
        ("a raised D-dimer level", "a filling defect on the CT pulmonary angiogram"),
        ("anticoagulation with heparin", "low molecular weight heparin"),
    ),
    "pneumonia": Condition(
        ("smoking", "recent influenza"),
        ("fever", "a productive cough", "rust-coloured sputum"),
        ("crackles over the right lower lobe", "consolidation on the chest X-ray", "a raised white cell count"),
        ("antibiotics such as amoxicillin", "amoxicillin and oral fluids"),
    ),
    "asthma": Condition(
        ("hay fever", "eczema"),
        ("wheezing", "a cough that is worse at night", "chest tightness after exercise"),
        ("a reduced peak flow that improves with salbutamol", "expiratory wheeze on auscultation"),
        ("an inhaled corticosteroid and salbutamol",),
        _YOUNG,
    ),
    "chronic obstructive pulmonary disease": Condition(
        ("a 40 pack-year smoking history", "heavy smoking"),
        ("a chronic cough with sputum", "gradually worsening breathlessness"),
        ("airflow obstruction on spirometry", "hyperinflated lungs on the chest X-ray"),
        ("an inhaled bronchodilator and smoking cessation",),
    ),
    "type 2 diabetes": Condition(
        ("obesity", "a family history of diabetes"),
        ("excessive thirst", "frequent urination", "blurred vision"),
        ("a fasting glucose of 12 mmol/l", "a raised haemoglobin A1c"),
        ("metformin and lifestyle changes", "metformin, diet and exercise"),
    ),
    "hypothyroidism": Condition(
        ("a family history of thyroid disease", "autoimmune disease"),
        ("fatigue", "weight gain", "cold intolerance", "constipation"),
        ("a raised thyroid stimulating hormone level", "dry skin and a slow pulse"),
        ("levothyroxine",),
    ),
    "hyperthyroidism": Condition(
        ("a family history of thyroid disease",),
        ("weight loss despite a good appetite", "heat intolerance", "tremor"),
        ("a suppressed thyroid stimulating hormone level", "a diffuse goitre"),
        ("carbimazole", "carbimazole and propranolol"),
    ),
    "acute appendicitis": Condition(
        ("no previous illness",),
        ("pain that moved to the right lower abdomen", "loss of appetite", "nausea and vomiting"),
        ("tenderness at the McBurney point", "rebound tenderness in the right iliac fossa"),
        ("surgical appendectomy",),
        _YOUNG,
    ),
    "acute pancreatitis": Condition(
        ("heavy alcohol use", "gallstones"),
        ("severe upper abdominal pain radiating to the back", "repeated vomiting"),
        ("a markedly raised lipase level", "epigastric tenderness"),
        ("intravenous fluids and pain relief",),
    ),
    "acute cholecystitis": Condition(
        ("gallstones", "obesity"),
        ("right upper abdominal pain after a fatty meal", "nausea and fever"),
        ("a positive Murphy sign", "gallbladder wall thickening on ultrasound"),
        ("antibiotics and cholecystectomy",),
    ),
    "ischaemic stroke": Condition(
        ("atrial fibrillation", "hypertension", "smoking"),
        ("sudden weakness of the right arm", "slurred speech", "a drooping face"),
        ("no haemorrhage on the head CT", "an occluded middle cerebral artery on CT angiography"),
        ("thrombolysis", "thrombolysis and aspirin"),
    ),
    "migraine": Condition(
        ("a family history of migraine",),
        ("a throbbing one-sided headache", "sensitivity to light", "visual aura"),
        ("a normal neurological examination",),
        ("a triptan and rest in a dark room",),
        _YOUNG,
    ),
    "bacterial meningitis": Condition(
        ("recent ear infection",),
        ("severe headache", "neck stiffness", "fever and confusion"),
        ("a high neutrophil count in the cerebrospinal fluid", "a positive Kernig sign"),
        ("intravenous ceftriaxone",),
        _YOUNG,
    ),
    "Alzheimer's disease": Condition(
        ("a family history of dementia", "advanced age"),
        ("progressive memory loss", "getting lost in familiar places", "difficulty finding words"),
        ("hippocampal atrophy on the MRI", "a low score on the mini-mental state examination"),
        ("donepezil and support for carers",),
        _OLD,
    ),
    "Parkinson's disease": Condition(
        ("advanced age",),
        ("a resting tremor", "slowness of movement", "small handwriting"),
        ("cogwheel rigidity", "a shuffling gait"),
        ("levodopa", "levodopa and physiotherapy"),
        _OLD,
    ),
    "iron deficiency anaemia": Condition(
        ("heavy menstrual bleeding", "a vegetarian diet"),
        ("fatigue", "pale skin", "breathlessness on exertion"),
        ("a low ferritin level", "small pale red cells on the blood film"),
        ("oral iron supplements",),
        women_only=True,
    ),
    "urinary tract infection": Condition(
        ("previous urinary infections", "recent catheterisation"),
        ("burning on urination", "frequent urination", "lower abdominal pain"),
        ("nitrites on the urine dipstick", "bacteria on urine culture"),
        ("nitrofurantoin", "trimethoprim"),
    ),
    "kidney stones": Condition(
        ("dehydration", "a previous kidney stone"),
        ("severe flank pain radiating to the groin", "blood in the urine"),
        ("a calculus in the ureter on CT", "microscopic haematuria"),
        ("pain relief and fluids",),
    ),
    "breast cancer": Condition(
        ("a family history of breast cancer",),
        ("a painless lump in the breast", "nipple retraction"),
        ("a spiculated mass on the mammogram", "malignant cells on core biopsy"),
        ("surgery and hormone therapy", "surgery and chemotherapy"),
        women_only=True,
    ),
    "lung cancer": Condition(
        ("heavy smoking", "asbestos exposure"),
        ("weight loss and a persistent cough", "coughing up blood"),
        ("a spiculated nodule on the chest CT", "malignant cells on bronchoscopic biopsy"),
        ("surgical resection", "chemotherapy and radiotherapy"),
    ),
    "gout": Condition(
        ("heavy alcohol use", "obesity"),
        ("a hot swollen big toe", "sudden severe joint pain"),
        ("needle-shaped crystals in the joint fluid", "a raised uric acid level"),
        ("colchicine", "a non-steroidal anti-inflammatory drug"),
    ),
}

_DENIED = (
    "fever",
    "chest pain",
    "weight loss",
    "shortness of breath",
    "headache",
    "recent travel",
    "abdominal pain",
    "night sweats",
    "rash",
)
_COMPLAINTS = (
    (" with a history of {risks}", " presents with {symptoms}."),
    (" with {risks}", " comes to the clinic because of {symptoms}."),
    (None, " is admitted with {symptoms}."),
)
_TESTS = (
    "Examination and tests show {findings}.",
    "Investigation reveals {findings}.",
    "Further assessment shows {findings}.",
)
_CARRIERS = ("The most likely diagnosis is", "The findings are consistent with", "{pronoun} is diagnosed with")
_TREATMENTS = (
    "Treatment is {treatment}.",
    "{pronoun} is treated with {treatment}.",
    "Management includes {treatment}.",
)


@dataclass(frozen=True)
class Vignette:
    """One case note.

    Attributes
    ----------
    text
        The whole note, diagnosis and treatment included.
    diagnosis
        Name of its condition, a key of :data:`CONDITIONS`.
    prompt
        The note up to the diagnosis, without the space before it.
    evidence
        Character spans of the symptoms and findings that decide the diagnosis.
    risks
        Character spans of the risk factors, which hint at it.
    carrier
        Character span of the words that ask for the diagnosis, at the prompt's end.
    """

    text: str
    diagnosis: str
    prompt: str
    evidence: tuple[Span, ...]
    risks: tuple[Span, ...]
    carrier: Span

    @property
    def answer(self) -> str:
        """The diagnosis as it continues the prompt, with its space."""
        return f" {self.diagnosis}"


@dataclass
class _Note:
    """A text that grows and remembers where phrases stand."""

    text: str = ""
    spans: dict[str, list[Span]] = field(default_factory=lambda: {"symptoms": [], "findings": [], "risks": []})

    def write(self, words: str) -> None:
        self.text += words

    def phrases(self, kind: str, phrases: Sequence[str]) -> None:
        """Phrases as 'a, b and c', each with its place."""
        for i, phrase in enumerate(phrases):
            if i:
                self.text += " and " if i == len(phrases) - 1 else ", "
            self.spans[kind].append((len(self.text), len(self.text) + len(phrase)))
            self.text += phrase

    def template(self, template: str, kind: str, phrases: Sequence[str]) -> None:
        """A template whose one field is filled with phrases."""
        before, after = template.split(f"{{{kind}}}")
        self.text += before
        self.phrases(kind, phrases)
        self.text += after


def draw(rng: Random) -> Vignette:
    """One vignette."""
    diagnosis = rng.choice(list(CONDITIONS))
    condition = CONDITIONS[diagnosis]
    woman = condition.women_only or rng.random() < 0.5
    pronoun, her = ("She", "Her") if woman else ("He", "His")
    age = rng.randint(*condition.ages)
    risks = rng.sample(condition.risks, rng.randint(0, min(2, len(condition.risks))))
    symptoms = rng.sample(condition.symptoms, rng.randint(1, min(3, len(condition.symptoms))))
    findings = rng.sample(condition.findings, rng.randint(1, min(2, len(condition.findings))))

    note = _Note()
    article = "An" if age in {11, 18} or str(age).startswith("8") else "A"
    note.write(f"{article} {age}-year-old {'woman' if woman else 'man'}")
    history, complaint = rng.choice(_COMPLAINTS)
    if history and risks:
        note.template(history, "risks", risks)
    note.template(complaint, "symptoms", symptoms)
    if not history and risks:
        note.template(f" {her} history includes {{risks}}.", "risks", risks)
    if rng.random() < 0.5:
        own = condition.symptoms + condition.findings
        possible = [denied for denied in _DENIED if not any(denied in phrase for phrase in own)]
        note.write(f" {pronoun} denies {' and '.join(rng.sample(possible, rng.randint(1, 2)))}.")
    if rng.random() < 0.6:
        upper, lower, rate = 10 * rng.randint(10, 17), 10 * rng.randint(6, 10), rng.randint(55, 125)
        note.write(f" Blood pressure is {upper}/{lower} mmHg and heart rate is {rate} beats per minute.")
    note.write(" ")
    note.template(rng.choice(_TESTS), "findings", findings)
    note.write(" ")
    start = len(note.text)
    note.write(rng.choice(_CARRIERS).format(pronoun=pronoun))
    prompt = note.text
    note.write(f" {diagnosis}.")
    if rng.random() < 0.85:
        treatment = rng.choice(_TREATMENTS).format(pronoun=pronoun, treatment=rng.choice(condition.treatments))
        note.write(f" {treatment}")
    return Vignette(
        text=note.text,
        diagnosis=diagnosis,
        prompt=prompt,
        evidence=(*note.spans["symptoms"], *note.spans["findings"]),
        risks=tuple(note.spans["risks"]),
        carrier=(start, len(prompt)),
    )


def generate(n: int, seed: int) -> tuple[Vignette, ...]:
    """``n`` vignettes; the same seed gives the same ones.

    Raises
    ------
    InputError
        If ``n`` is negative.
    """
    if n < 0:
        raise InputError(f"the number of vignettes must not be negative, but is {n}.")
    rng = Random(seed)  # noqa: S311 - made-up notes, no secrets
    return tuple(draw(rng) for _ in range(n))


def several(n: int, seed: int) -> Vignette:
    """A prompt of ``n`` notes, the last one open: only its sentences bear on the diagnosis.

    Raises
    ------
    InputError
        If ``n`` is not positive.
    """
    if n < 1:
        raise InputError(f"a prompt needs at least one note, but {n} were asked for.")
    *before, last = generate(n, seed)
    head = "".join(f"{note.text} " for note in before)

    def moved(spans: tuple[Span, ...]) -> tuple[Span, ...]:
        return tuple((start + len(head), end + len(head)) for start, end in spans)

    return Vignette(
        text=head + last.text,
        diagnosis=last.diagnosis,
        prompt=head + last.prompt,
        evidence=moved(last.evidence),
        risks=moved(last.risks),
        carrier=moved((last.carrier,))[0],
    )
