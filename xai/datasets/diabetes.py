"""Two diabetes tables: progression after one year (Efron et al.), and onset among Pima women."""

from __future__ import annotations

from .base import Dataset
from .tables import read_table

_PROGRESSION_LABELS = {
    "age": "age",
    "sex": "sex, coded 1 and 2; the source does not say which is which",
    "bmi": "body mass index",
    "bp": "average blood pressure",
    "s1": "total serum cholesterol (tc)",
    "s2": "low-density lipoproteins (ldl)",
    "s3": "high-density lipoproteins (hdl)",
    "s4": "total cholesterol divided by hdl (tch)",
    "s5": "probably the logarithm of serum triglycerides (ltg)",
    "s6": "blood sugar (glu)",
}
_PIMA_LABELS = {
    "Pregnancies": "number of pregnancies",
    "Glucose": "plasma glucose two hours into an oral glucose tolerance test",
    "BloodPressure": "diastolic blood pressure",
    "SkinThickness": "thickness of the skin fold over the triceps",
    "Insulin": "serum insulin two hours into the test",
    "BMI": "body mass index",
    "DiabetesPedigreeFunction": "score of diabetes among relatives, weighted by kinship",
    "Age": "age",
}
_NEVER_ZERO = ("Glucose", "BloodPressure", "SkinThickness", "Insulin", "BMI")


def diabetes_progression() -> Dataset:
    """Progression of diabetes after one year, in the original units."""
    table = read_table("diabetes_progression.csv")
    return Dataset(
        name="diabetes_progression",
        title="Diabetes progression",
        task="regression",
        X=table.drop(columns="progression"),
        y=table["progression"],
        target_meaning="A score of disease progression one year after baseline, 25 to 346; higher is worse.",
        description="Ten baseline columns of 442 diabetes patients, six of them blood serum values, nothing missing.",
        licence="No licence stated by the authors; distributed with scikit-learn, BSD-3-Clause",
        citation="Efron B, Hastie T, Johnstone I, Tibshirani R. Least angle regression. Annals of Statistics "
        "32(2):407-499, 2004.",
        source="scikit-learn's load_diabetes(scaled=False), rounded to six decimals",
        traps=(
            (
                "scikit-learn scales the columns by default, and an age of 0.04 tells nobody anything: this table is "
                "read with scaled=False and keeps the original units."
            ),
            (
                "The lipid columns s1 to s5 hang together: s1 and s2 correlate at 0.90, and s4 is s1 divided by s3, "
                "rounded to a whole number in most rows. Their importances are hard to tell apart: seat them as an "
                "alliance."
            ),
            "The source gives sex as 1 and 2 without saying which is which: nothing can be said about women or men.",
            "The progression score has no stated unit, and even good models explain only about half of its variance.",
        ),
        labels=_PROGRESSION_LABELS,
        units_of={"age": "years", "bmi": "kg/m²", "bp": "mm Hg"},
        groups={"lipids": ("s1", "s2", "s3", "s4", "s5")},
    )


def pima_diabetes() -> Dataset:
    """Onset of diabetes among Pima women, with impossible zeros read as missing."""
    table = read_table("pima_diabetes.csv")
    X = table.drop(columns="Outcome")
    X[list(_NEVER_ZERO)] = X[list(_NEVER_ZERO)].astype("float64").where(X[list(_NEVER_ZERO)] != 0)
    return Dataset(
        name="pima_diabetes",
        title="Pima diabetes",
        task="binary",
        X=X,
        y=table["Outcome"],
        target_names=("no diabetes", "diabetes"),
        target_meaning="Diabetes by the WHO's criteria within five years of the examination: "
        "0 = no (500 rows), 1 = yes (268 rows).",
        description="Eight columns of 768 women of at least 21 years near Phoenix, Arizona, all of Pima heritage; "
        "652 values are missing.",
        licence="CC0, as claimed by the uploader of the distributed copy",
        citation="Smith JW, Everhart JE, Dickson WC, Knowler WC, Johannes RS. Using the ADAP learning algorithm to "
        "forecast the onset of diabetes mellitus. Proceedings of the Symposium on Computer Applications and Medical "
        "Care, 261-265, 1988.",
        source="National Institute of Diabetes and Digestive and Kidney Diseases",
        traps=(
            (
                "Missing values are written as zero in the file. Nobody has a blood pressure of 0, so these zeros are "
                "read as missing here: Insulin 374, SkinThickness 227, BloodPressure 35, BMI 11, Glucose 5."
            ),
            (
                "All rows come from one indigenous community, studied long before the data were passed around as a "
                "benchmark: a model says nothing about other people, and results deserve care in the telling."
            ),
            "Insulin is missing in nearly half of the rows, so what a model makes of it rests on the other half.",
            "The number of pregnancies grows with age: the two share what they explain.",
        ),
        labels=_PIMA_LABELS,
        units_of={
            "Glucose": "mg/dl",
            "BloodPressure": "mm Hg",
            "SkinThickness": "mm",
            "Insulin": "µU/ml",
            "BMI": "kg/m²",
            "Age": "years",
        },
        groups={
            "sugar": ("Glucose", "Insulin"),
            "build": ("SkinThickness", "BMI"),
            "life": ("Pregnancies", "Age"),
        },
    )
