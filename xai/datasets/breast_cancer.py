"""Wisconsin diagnostic breast cancer (WDBC): all 30 columns, and the 10 means."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Dataset
from .tables import read_table

_MEASURES = {
    "radius": "radius of the nuclei: distance from centre to outline",
    "texture": "texture of the nuclei: spread of the grey values",
    "perimeter": "perimeter of the nuclei",
    "area": "area of the nuclei",
    "smoothness": "smoothness of the outline: local variation in radius",
    "compactness": "compactness of the nuclei: perimeter² / area - 1",
    "concavity": "concavity of the outline: how deep its dents are",
    "concave points": "concave points of the outline: how much of it is dented",
    "symmetry": "symmetry of the nuclei",
    "fractal dimension": "fractal dimension of the outline: its roughness across scales",
}
_STATISTICS = {
    "mean {}": "{} (mean over the nuclei of one image)",
    "{} error": "{} (standard error over the nuclei of one image)",
    "worst {}": "{} (mean of the three largest values in one image)",
}
_LABELS = {
    column.format(measure): text.format(meaning)
    for column, text in _STATISTICS.items()
    for measure, meaning in _MEASURES.items()
}
_TRAPS = (
    (
        "Target 0 is malignant and 1 is benign, the reverse of what most people expect: a positive contribution argues "
        "for benign."
    ),
    (
        "Radius, perimeter and area measure the same thing (correlation above 0.98), so importance is split among them "
        "at the whim of the model: seat them as an alliance."
    ),
    (
        "The images were taken at one hospital around 1990 and the outlines were drawn with a person's help: a good "
        "score here says little about another clinic."
    ),
    (
        "More than a third of the rows are malignant (212 of 569), far more than in any screening programme: predicted "
        "probabilities do not carry over."
    ),
)


def _load(name: str, title: str, what: str, groups: Mapping[str, tuple[str, ...]], only: str = "") -> Dataset:
    table = read_table("breast_cancer.csv")
    X = table[[column for column in _LABELS if column.startswith(only)]]
    return Dataset(
        name=name,
        title=title,
        task="binary",
        X=X,
        y=table["target"].astype("int64"),
        target_names=("malignant", "benign"),
        target_meaning="Diagnosis of the breast mass: 0 = malignant (212 rows), 1 = benign (357 rows).",
        description=(
            f"{what} of cell nuclei in a digitised image of a fine needle aspirate of a breast mass, "
            "569 patients, nothing missing."
        ),
        licence="CC BY 4.0 (UCI Machine Learning Repository); distributed with scikit-learn, BSD-3-Clause",
        citation=(
            "Street WN, Wolberg WH, Mangasarian OL. Nuclear feature extraction for breast tumor diagnosis. "
            "IS&T/SPIE International Symposium on Electronic Imaging, 1905:861-870, 1993."
        ),
        source="UCI Machine Learning Repository, data set 17, in the order of scikit-learn's load_breast_cancer",
        traps=_TRAPS,
        labels={column: _LABELS[column] for column in X.columns},
        groups=groups,
    )


def breast_cancer() -> Dataset:
    """WDBC with its 30 columns: mean, standard error and worst value of ten measurements."""
    groups = {measure: tuple(column.format(measure) for column in _STATISTICS) for measure in _MEASURES}
    return _load("breast_cancer", "Breast cancer (WDBC)", "Thirty measurements", groups)


def breast_cancer_mean() -> Dataset:
    """WDBC with the 10 columns whose names start with "mean", in the same row order."""
    groups = {
        "size": ("mean radius", "mean perimeter", "mean area"),
        "dents": ("mean compactness", "mean concavity", "mean concave points"),
    }
    title = "Breast cancer (WDBC), ten means"
    return _load("breast_cancer_mean", title, "Ten measurements, each a mean over the image,", groups, only="mean ")
