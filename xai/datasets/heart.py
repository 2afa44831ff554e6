"""Heart disease: the Cleveland clinic alone, and four hospitals together."""

from __future__ import annotations

from .base import Dataset
from .tables import FALSE_TRUE, as_categories, read_table

_LICENCE = "CC BY 4.0 (UCI Machine Learning Repository)"
_CITATION = (
    "Janosi A, Steinbrunn W, Pfisterer M, Detrano R. Heart disease. UCI Machine Learning Repository, 1988; "
    "Detrano R et al. International application of a new probability algorithm for the diagnosis of coronary artery "
    "disease. American Journal of Cardiology 64(5):304-310, 1989."
)
_SOURCE = "UCI Machine Learning Repository, data set 45"
_THAL = "result of the thallium scan of the heart: normal, fixed defect (dead tissue), reversable defect (poor supply)"
# A Hungarian patient filed under Cleveland.
_STRAY_ROW = 304
_REFERRED = (
    "Every patient had been sent to coronary angiography, so nearly half or more are ill: "
    "predicted probabilities do not carry over to a general practice."
)
_FINDINGS = (
    "Several columns (ST depression, exercise angina, thallium scan, vessels) are findings of the work-up itself: "
    "a model that leans on them does not predict disease from outside."
)


def heart_cleveland() -> Dataset:
    """Heart disease at the Cleveland clinic."""
    table = read_table("heart_disease_cleveland.csv")
    # CatBoost, which the demo model of this table uses, takes no gaps in categorical columns.
    table["thal"] = table["thal"].fillna("missing")
    table = as_categories(
        table,
        {
            "sex": ("female", "male"),
            "chest_pain": ("typical ang", "atypical ang", "non-anginal", "asymptomatic"),
            "rest_ecg": ("normal", "ST-T abnormal", "left vent hypertrophy"),
            "st_slope": ("upsloping", "flat", "downsloping"),
            "thal": ("normal", "fixed defect", "reversable defect", "missing"),
        },
    )
    return Dataset(
        name="heart_cleveland",
        title="Heart disease, Cleveland",
        task="binary",
        X=table.drop(columns="disease"),
        y=table["disease"],
        target_names=("no disease", "disease"),
        target_meaning="Coronary arteries at angiography: 0 = none narrowed by more than half (164 rows), "
        "1 = at least one narrowed by more than half (139 rows).",
        description="Thirteen columns of 303 patients of the Cleveland Clinic; 6 values are missing.",
        licence=_LICENCE,
        citation=_CITATION,
        source=_SOURCE,
        traps=(
            (
                "Six values are missing: major_vessels in 4 rows (NaN) and thal in 2 (the category 'missing'). "
                "Dropping those rows is the usual habit and makes scores of different papers hard to compare."
            ),
            _FINDINGS,
            _REFERRED,
            (
                "Copies of this table circulate with the target reversed; here 1 is disease. "
                "'asymptomatic' goes with disease: people without pain came to angiography because of other findings."
            ),
        ),
        labels={
            "age": "age",
            "sex": "sex",
            "chest_pain": "kind of chest pain: typical angina, atypical angina, other pain, or none",
            "rest_sbp": "resting blood pressure on admission",
            "cholesterol": "serum cholesterol",
            "fasting_blood_sugar_gt_120": "fasting blood sugar above 120 mg/dl: 1 = yes",
            "rest_ecg": "electrocardiogram at rest: normal, ST-T abnormality, left ventricular hypertrophy",
            "max_hr": "highest heart rate reached in the exercise test",
            "exercise_angina": "chest pain brought on by exercise: 1 = yes",
            "st_depression": "fall of the ST segment during exercise, relative to rest",
            "st_slope": "slope of the ST segment at peak exercise",
            "major_vessels": "number of major vessels (0 to 3) seen at fluoroscopy",
            "thal": _THAL,
        },
        units_of={"age": "years", "rest_sbp": "mm Hg", "cholesterol": "mg/dl", "max_hr": "beats/min"},
        groups={
            "exercise test": ("max_hr", "exercise_angina", "st_depression", "st_slope"),
            "imaging": ("major_vessels", "thal"),
            "blood": ("cholesterol", "fasting_blood_sugar_gt_120"),
            "person": ("age", "sex"),
        },
    )


def heart_four_hospitals() -> Dataset:
    """Heart disease at four hospitals; ``site`` says where each patient was seen."""
    table = read_table("heart_disease_four_hospitals.csv")
    table = table[table["id"] != _STRAY_ROW].reset_index(drop=True)
    for column in ("fbs", "exang"):
        table[column] = table[column].map({False: "no", True: "yes"})
    for column in ("trestbps", "chol"):
        table[column] = table[column].where(table[column] != 0)
    table = as_categories(
        table,
        {
            "sex": ("Female", "Male"),
            "cp": ("typical angina", "atypical angina", "non-anginal", "asymptomatic"),
            "fbs": FALSE_TRUE,
            "restecg": ("normal", "st-t abnormality", "lv hypertrophy"),
            "exang": FALSE_TRUE,
            "slope": ("upsloping", "flat", "downsloping"),
            "thal": ("normal", "fixed defect", "reversable defect"),
        },
    )
    return Dataset(
        name="heart_four_hospitals",
        title="Heart disease, four hospitals",
        task="binary",
        X=table.drop(columns=["id", "dataset", "num"]),
        y=(table["num"] > 0).astype("int64").rename("disease"),
        site=table["dataset"].astype("category").rename("hospital"),
        target_names=("no disease", "disease"),
        target_meaning="Coronary arteries at angiography: 0 = none narrowed by more than half (410 rows), "
        "1 = at least one narrowed by more than half (509 rows; the source's grades 1 to 4 taken together).",
        description="Thirteen columns of 919 patients: Cleveland 303, Hungary 293, VA Long Beach 200, Switzerland 123; "
        "1,929 values are missing. Made for asking whether a model carries over to another hospital.",
        licence=_LICENCE,
        citation=_CITATION,
        source=_SOURCE,
        traps=(
            (
                "Values are not missing at random but by hospital: ca is missing in 610 rows and thal in 485, nearly "
                "all outside Cleveland, so a model can read the hospital off the gaps. The hospital itself is in site, "
                "not in X."
            ),
            (
                "Cholesterol is written as 0 for all 123 Swiss patients and 49 of VA Long Beach, and one blood "
                "pressure is 0: these zeros are read as missing here (chol 202 missing in all, trestbps 60)."
            ),
            (
                "The share of ill patients runs from 36 % in Hungary to 93 % in Switzerland: rows split at random hide "
                "what happens at a hospital the model has not seen."
            ),
            (
                "Row id 304 of the file is a Hungarian patient filed under Cleveland and is left out; two rows repeat "
                "the content of another row and are kept."
            ),
            _FINDINGS,
            _REFERRED,
        ),
        labels={
            "age": "age",
            "sex": "sex",
            "cp": "kind of chest pain: typical angina, atypical angina, other pain, or none",
            "trestbps": "resting blood pressure on admission",
            "chol": "serum cholesterol",
            "fbs": "fasting blood sugar above 120 mg/dl",
            "restecg": "electrocardiogram at rest: normal, ST-T abnormality, left ventricular hypertrophy",
            "thalch": "highest heart rate reached in the exercise test",
            "exang": "chest pain brought on by exercise",
            "oldpeak": "fall of the ST segment during exercise, relative to rest",
            "slope": "slope of the ST segment at peak exercise",
            "ca": "number of major vessels (0 to 3) seen at fluoroscopy",
            "thal": _THAL,
        },
        units_of={"age": "years", "trestbps": "mm Hg", "chol": "mg/dl", "thalch": "beats/min"},
        groups={
            "exercise test": ("thalch", "exang", "oldpeak", "slope"),
            "imaging": ("ca", "thal"),
            "blood": ("chol", "fbs"),
            "person": ("age", "sex"),
        },
    )
