"""Names of the data sets that come with the package, and how to get one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..core.errors import InputError, unknown_names
from . import notes, pictures
from .alzheimers import alzheimers_csf
from .base import Dataset
from .breast_cancer import breast_cancer, breast_cancer_mean
from .diabetes import diabetes_progression, pima_diabetes
from .heart import heart_cleveland, heart_four_hospitals
from .other import ImageDataset, TextDataset

AnyDataset = Dataset | ImageDataset | TextDataset

_TABLES: dict[str, tuple[Callable[[], Dataset], str]] = {
    "breast_cancer": (breast_cancer, "569 breast masses, 30 measurements of cell nuclei: malignant or benign"),
    "breast_cancer_mean": (breast_cancer_mean, "the same 569 breast masses, only the 10 mean measurements"),
    "diabetes_progression": (diabetes_progression, "442 diabetes patients, 10 columns: progression after one year"),
    "heart_cleveland": (heart_cleveland, "303 patients of one clinic, 13 columns: narrowed coronary arteries or not"),
    "heart_four_hospitals": (
        heart_four_hospitals,
        "919 patients of four hospitals, 13 columns with gaps: narrowed coronary arteries or not",
    ),
    "pima_diabetes": (pima_diabetes, "768 women of one community, 8 columns with gaps: diabetes within five years"),
    "alzheimers_csf": (alzheimers_csf, "333 people, 130 columns from cerebrospinal fluid: impaired or control"),
}

_OTHERS: dict[str, tuple[Callable[[], ImageDataset | TextDataset], str]] = {
    "blood_smear": (
        pictures.blood_smear,
        "48 synthetic blood smears with masks of their parts: four white blood cells",
    ),
    "chest_xray": (pictures.chest_xray, "16 chest films of children: normal or bacterial pneumonia"),
    "brain_mri": (pictures.brain_mri, "21 slices of each of two brains on one grid: places to match"),
    "vignettes": (notes.vignettes, "200 synthetic case notes with the phrases that decide the diagnosis"),
}


def available() -> dict[str, str]:
    """Names of the data sets, each with one line on what is in it."""
    return {name: line for name, (_, line) in (*_TABLES.items(), *_OTHERS.items())}


def tables() -> tuple[str, ...]:
    """Names of the data sets that are tables."""
    return tuple(_TABLES)


@cache
def _loaded(name: str) -> AnyDataset:
    return (_TABLES | _OTHERS)[name][0]()


def load_dataset(name: str) -> AnyDataset:
    """A data set by name: a table, pictures or texts, as its ``kind`` says.

    It is read once and copied for every caller, so a change to one copy reaches no other.

    Parameters
    ----------
    name
        One of the names of :func:`available`.

    Raises
    ------
    InputError
        If there is no data set of that name.
    MissingExtraError
        If pictures are asked for and Pillow is not installed.
    """
    known = available()
    if name not in known:
        raise InputError(unknown_names("data set", [name], known))
    return _loaded(name).copy()


def load_table(name: str) -> Dataset:
    """A bundled table by name.

    Raises
    ------
    InputError
        If there is no table of that name.
    """
    data = load_dataset(name)
    if not isinstance(data, Dataset):
        raise InputError(f"'{name}' holds {data.kind}, not a table. Tables are: {', '.join(_TABLES)}.")
    return data
