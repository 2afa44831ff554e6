"""Proteins in cerebrospinal fluid of impaired people and controls (Craig-Schapiro et al.)."""

from __future__ import annotations

from .base import Dataset
from .tables import as_categories, read_table

_PLAIN = {
    "age": "age, on a transformed scale from 0.983 to 0.990: not in years",
    "male": "sex: 1 = man, 0 = woman",
    "tau": "tau protein in cerebrospinal fluid, on a transformed scale",
    "p_tau": "phosphorylated tau protein in cerebrospinal fluid, on a transformed scale",
    "Ab_42": "amyloid beta 42 in cerebrospinal fluid, on a transformed scale",
    "Genotype": "APOE genotype: the two inherited versions (E2, E3, E4) of the apolipoprotein E gene",
}
# The file cuts names after 30 characters.
_FULL = {
    "ACE_CD143_Angiotensin_Converti": "ACE (CD143), angiotensin-converting enzyme",
    "ACTH_Adrenocorticotropic_Hormon": "ACTH, adrenocorticotropic hormone",
    "B_Lymphocyte_Chemoattractant_BL": "B lymphocyte chemoattractant (BLC)",
    "FSH_Follicle_Stimulation_Hormon": "FSH, follicle-stimulating hormone",
    "Gamma_Interferon_induced_Monokin": "gamma interferon induced monokine",
    "Glutathione_S_Transferase_alpha": "glutathione S-transferase alpha",
    "Pulmonary_and_Activation_Regulat": "pulmonary and activation-regulated chemokine (PARC)",
    "Thymus_Expressed_Chemokine_TECK": "thymus-expressed chemokine (TECK)",
}
_GROUPS = {
    "tau": ("tau", "p_tau"),
    "apolipoproteins": (
        "Apolipoprotein_A_IV",
        "Apolipoprotein_A1",
        "Apolipoprotein_A2",
        "Apolipoprotein_B",
        "Apolipoprotein_CI",
        "Apolipoprotein_CIII",
        "Apolipoprotein_D",
        "Apolipoprotein_E",
        "Apolipoprotein_H",
    ),
    "interleukins": (
        "IL_11",
        "IL_13",
        "IL_16",
        "IL_17E",
        "IL_1alpha",
        "IL_3",
        "IL_4",
        "IL_5",
        "IL_6",
        "IL_7",
        "IL_8",
    ),
    "matrix metalloproteinases": ("MMP_2", "MMP_3", "MMP10", "MMP7"),
}


def _label(column: str) -> str:
    name = _FULL.get(column, column.replace("_", " "))
    return _PLAIN.get(column, f"{name} in cerebrospinal fluid (scale not given)")


def alzheimers_csf() -> Dataset:
    """Mild cognitive impairment against proteins in cerebrospinal fluid."""
    genotypes = ("E2E2", "E2E3", "E2E4", "E3E3", "E3E4", "E4E4")
    table = as_categories(read_table("alzheimers_csf.csv"), {"Genotype": genotypes})
    # Adding 0 turns the file's -0.0, which pandas versions hash differently, into 0.0.
    X = table.drop(columns="Class").assign(PAI_1=table["PAI_1"] + 0.0)
    return Dataset(
        name="alzheimers_csf",
        title="Alzheimer's disease, cerebrospinal fluid",
        task="binary",
        X=X,
        y=(table["Class"] == "Impaired").astype("int64").rename("impaired"),
        target_names=("control", "impaired"),
        target_meaning="Cognition by clinical dementia scores: 0 = control (242 rows), 1 = impaired, mostly mildly "
        "(91 rows).",
        description="Levels of tau, phosphorylated tau, amyloid beta 42 and 124 further proteins in cerebrospinal "
        "fluid, APOE genotype, sex and age of 333 people, nothing missing.",
        licence="MIT (R package modeldata)",
        citation="Craig-Schapiro R, Kuhn M, Xiong C, Pickering EH, Liu J, Misko TP, et al. Multiplexed immunoassay "
        "panel identifies novel CSF biomarkers for Alzheimer's disease diagnosis and prognosis. PLoS ONE 6(4):e18850, "
        "2011.",
        source="R package modeldata, table ad_data: a modified version of the published data",
        traps=(
            (
                "There are 130 columns for 333 rows, more than is comfortable: importances shift with the split, and "
                "single proteins far down the ranking mean nothing."
            ),
            "The classes are unequal, 242 controls to 91 impaired: always answering control is right 73 % of the time.",
            (
                "The age and most protein levels are on transformed scales that the source does not explain: an age of "
                "0.987 is not in years, and only the order of values can be read."
            ),
            (
                "Many proteins rise and fall together (21 pairs have a correlation above 0.8), so they share "
                "importance at the whim of the model."
            ),
            "E2E2 occurs in 2 rows only, E2E4 in 8: nothing can be learnt about these genotypes.",
        ),
        labels={column: _label(column) for column in X.columns},
        groups=_GROUPS,
    )
