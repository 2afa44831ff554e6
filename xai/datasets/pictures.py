"""Bundled pictures: synthetic blood smears, chest films of children, slices of two brains."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core.errors import MissingExtraError
from ..core.resources import resource
from . import smears
from .other import Card, ImageDataset

N_SMEARS, SMEAR_SEED = 48, 48
SLICES, _SHEET = 21, (3, 7)
BRAINS = {"mni152": "average of 152 people", "colin27": "one person"}


def blood_smear() -> ImageDataset:
    """Synthetic smears of four white blood cells, with masks of their parts."""
    made = smears.generate(N_SMEARS, 112, SMEAR_SEED)
    return ImageDataset(
        card=Card(
            name="blood_smear",
            title="Blood smears (synthetic)",
            description="48 drawings of one white blood cell among red cells in Wright stain, 12 of each of four "
            "classes, with the true place of every part: nucleus, cytoplasm, granules, red cells.",
            licence="Apache-2.0",
            citation="Hemicycle, xai.datasets.smears.generate(48, 112, seed=48)",
            source="drawn by a program (xai.datasets.smears); no patient's data",
            traps=(
                "The smears are drawings: a network that tells them apart says nothing about blood.",
                (
                    "What separates the classes is known and simple: coarse red granules mark the eosinophil, the "
                    "shape of the nucleus the other three. Real smears are harder."
                ),
                (
                    "The demo network was trained on smears of another seed from the same program, so its score "
                    "here is no score in the world."
                ),
            ),
            target_meaning="Kind of white blood cell: "
            + ", ".join(f"{i} = {name}" for i, name in enumerate(smears.CLASSES))
            + ".",
            synthetic=True,
        ),
        images=made.images,
        labels=made.labels,
        target_names=smears.CLASSES,
        names=tuple(f"smear {i + 1}" for i in range(N_SMEARS)),
        masks=made.parts,
        parts=smears.PARTS,
    )


def chest_xray() -> ImageDataset:
    """Chest films of children, normal and with bacterial pneumonia."""
    files = sorted(Path(resource("sample_data", "images", "chest_films")).glob("*.jpg"))
    classes = ("normal", "pneumonia")
    return ImageDataset(
        card=Card(
            name="chest_xray",
            title="Chest films of children",
            description="16 frontal chest films of children, 8 normal and 8 with bacterial pneumonia, 512 "
            "pixels at the longer side, set in the middle of a black square.",
            licence="CC BY 4.0 (Mendeley Data rscbjbr9sj)",
            citation="Kermany D, Zhang K, Goldbaum M. Labeled Optical Coherence Tomography (OCT) and Chest X-Ray "
            "Images for Classification. Mendeley Data, 2018.",
            source="Guangzhou Women and Children's Medical Center, by way of Mendeley Data",
            traps=(
                (
                    "'A-P' is printed on 4 of the 8 films with pneumonia and on no normal one: a model can read the "
                    "print instead of the lung."
                ),
                (
                    "Sixteen films are far too few for a classifier: use them as a gallery, for correspondence, and to "
                    "see the shortcut."
                ),
                "All patients are young children of one hospital.",
            ),
            target_meaning="0 = normal, 1 = bacterial pneumonia.",
            synthetic=False,
        ),
        images=np.stack([_squared(_read(file), 512) for file in files]),
        labels=np.array([classes.index(file.name.partition("_")[0]) for file in files]),
        target_names=classes,
        names=tuple(file.stem.partition("_")[2] for file in files),
        task="binary",
    )


def brain_mri() -> ImageDataset:
    """Slices of two brains on one grid: the same place has the same coordinates in both."""
    return ImageDataset(
        card=Card(
            name="brain_mri",
            title="Two brains, T1-weighted",
            description="21 axial slices of the average of 152 brains (ICBM 152) and of one person's (Colin27), on one "
            "grid of 1 mm: pictures 0..20 are the average's from below upwards, 21..41 the person's.",
            licence="free to use with its notice (Copyright 1993-2009 Louis Collins, McConnell Brain Imaging Centre, "
            "Montreal Neurological Institute, McGill University)",
            citation="Fonov V, Evans AC, Botteron K, Almli CR, McKinstry RC, Collins DL. Unbiased average "
            "age-appropriate atlases for pediatric studies. NeuroImage 54(1):313-327, 2011. Holmes CJ, Hoge R, Collins "
            "L, Woods R, Toga AW, Evans AC. Enhancement of MR images using registration for signal averaging. Journal "
            "of Computer Assisted Tomography 22(2):324-333, 1998.",
            source="Montreal Neurological Institute",
            traps=(
                "Two brains, one of them an average: there is nothing to classify here, only places to match.",
                (
                    "The grid is shared, but folds differ from person to person: a match within a few millimetres is "
                    "as good as it gets."
                ),
                "Grey values are scaled for viewing, not measured.",
            ),
            target_meaning="0 = average of 152 people, 1 = one person.",
            synthetic=False,
        ),
        images=np.concatenate([brain_slices(name) for name in BRAINS]),
        labels=np.repeat(np.arange(len(BRAINS)), SLICES),
        target_names=tuple(BRAINS.values()),
        names=tuple(f"{about}, slice {i + 1}" for about in BRAINS.values() for i in range(SLICES)),
        spacing_mm=(1.0, 1.0),
        task="binary",
    )


def brain_slices(name: str) -> np.ndarray:
    """``(21, 192, 176, 3)`` uint8 slices of one of :data:`BRAINS`, the lowest first."""
    sheet = _read(Path(resource("sample_data", "images", "brains", f"{name}_21slices.png")))[..., 0]
    height, width = sheet.shape[0] // _SHEET[0], sheet.shape[1] // _SHEET[1]
    tiles = sheet.reshape(_SHEET[0], height, _SHEET[1], width).transpose(0, 2, 1, 3).reshape(SLICES, height, width)
    return np.repeat(tiles[..., None], 3, axis=-1)


def _squared(picture: np.ndarray, size: int) -> np.ndarray:
    """A picture in the middle of a black square."""
    square = np.zeros((size, size, 3), dtype=np.uint8)
    height, width = picture.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = picture
    return square


def _read(file: Path) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))
