"""DICOM pictures as 8-bit grey or colour; of everything else in the file nothing is kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, MissingExtraError
from ..base import library_text

_PREAMBLE = 128
_SHARE = (0.5, 99.5)


def is_dicom(head: bytes) -> bool:
    """Whether a file's first bytes are those of DICOM: a preamble, then four letters."""
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def read_dicom(source: str | Path | bytes, max_pixels: int, name: str = "the image") -> tuple[np.ndarray, list[str]]:
    """One DICOM picture as ``(H, W, 3)`` uint8, and what was done to it.

    Stored numbers become what the device measured (rescale slope and intercept), then grey by the window the file asks
    for, or between the 0.5 and 99.5 percent quantiles if it asks for none; MONOCHROME1 is inverted, so bright is high.

    Raises
    ------
    InputError
        If the file is damaged, holds several frames or no picture, has more than ``max_pixels`` pixels, or is packed in
        a way that needs a library of its own.
    MissingExtraError
        If pydicom is not installed.
    """
    try:
        import pydicom
        from pydicom.pixels import apply_modality_lut, convert_color_space
    except ImportError as error:
        raise MissingExtraError("pydicom", "formats") from error
    try:
        data = pydicom.dcmread(io.BytesIO(source) if isinstance(source, bytes) else source)
        size = _size(data, max_pixels, name)
        pixels = np.asarray(data.pixel_array)
        kind = str(data.PhotometricInterpretation)
        notes: list[str] = []
        if int(data.get("SamplesPerPixel", 1)) == 3:
            if kind.startswith("YBR") and data.file_meta.TransferSyntaxUID.is_compressed is False:
                pixels = convert_color_space(pixels, kind, "RGB")
            return _colour(pixels, size, name), [f"DICOM in colour ({kind})."]
        if kind not in {"MONOCHROME1", "MONOCHROME2"}:
            raise InputError(f"{name} is a DICOM picture with {kind} colours: grey and RGB are read.")  # noqa: TRY301 - passed on below
        values = np.asarray(apply_modality_lut(pixels, data), dtype=float)
        if "RescaleSlope" in data:
            notes.append(f"rescaled by {float(data.RescaleSlope):g} and {float(data.RescaleIntercept):+g}")
        grey, how = _grey(values, pixels, data)
    except InputError:
        raise
    except Exception as error:
        # pydicom and its decoders raise whatever the damage leads to; the cause is chained.
        raise InputError(f"{name} cannot be read as DICOM: {library_text(error)}") from error
    notes.append(how)
    grey = np.clip(np.nan_to_num(grey), 0.0, 1.0)
    if kind == "MONOCHROME1":
        grey = 1.0 - grey
        notes.append("inverted (MONOCHROME1)")
    eight = np.rint(grey * 255).astype(np.uint8)
    return np.repeat(eight[:, :, None], 3, axis=2), [f"DICOM, {int(data.BitsStored)} bits: {', '.join(notes)}."]


def _size(data: Any, max_pixels: int, name: str) -> tuple[int, int]:
    if "PixelData" not in data or "Rows" not in data or "Columns" not in data:
        raise InputError(f"{name} is a DICOM file without a picture.")
    rows, columns, frames = int(data.Rows), int(data.Columns), int(data.get("NumberOfFrames", 1) or 1)
    if frames != 1:
        raise InputError(f"{name} holds {frames} DICOM frames: save the one that is meant as a file of its own.")
    if rows * columns > max_pixels:
        raise InputError(f"{name} has {columns} x {rows} pixels; at most {max_pixels:,} are read: shrink it.")
    if int(data.BitsAllocated) not in {8, 16}:
        raise InputError(f"{name} has {data.BitsAllocated} bits a pixel: 8 and 16 are read.")
    return rows, columns


def _colour(pixels: np.ndarray, size: tuple[int, int], name: str) -> np.ndarray:
    if pixels.shape != (*size, 3) or pixels.dtype != np.uint8:
        raise InputError(f"{name} is a DICOM picture in colour of {pixels.dtype} and shape {pixels.shape}: 8 bits are.")
    return np.ascontiguousarray(pixels)


def _grey(values: np.ndarray, pixels: np.ndarray, data: Any) -> tuple[np.ndarray, str]:
    """Values as 0 (black) to 1 (white), and how."""
    from pydicom.pixels import apply_voi

    if "WindowCenter" in data and "WindowWidth" in data:
        return _window(values, data)
    if data.get("VOILUTSequence"):
        bits = int(data.VOILUTSequence[0].LUTDescriptor[2])
        return np.asarray(apply_voi(pixels, data), dtype=float) / (2**bits - 1), "the file's own table of grey"
    return _spread(values)


def _window(values: np.ndarray, data: Any) -> tuple[np.ndarray, str]:
    """Values within the file's first window as 0 to 1, by the formulas of the standard (PS3.3 C.11.2.1)."""
    centre, width = (float(np.atleast_1d(data[key].value)[0]) for key in ("WindowCenter", "WindowWidth"))
    kind = str(data.get("VOILUTFunction", "LINEAR")).upper()
    if (width < 1 and kind == "LINEAR") or width <= 0:
        raise InputError(f"its window is {width:g} wide, which no picture can be shown with.")
    if kind == "SIGMOID":
        grey = 1.0 / (1.0 + np.exp(-4.0 * (values - centre) / width))
    elif kind == "LINEAR_EXACT":
        grey = (values - centre) / width + 0.5
    else:
        # A window of width w covers w values, the first of them black and the last white.
        grey = (values - (centre - 0.5)) / (width - 1) + 0.5 if width > 1 else (values > centre - 0.5).astype(float)
    return grey, f"window {centre:g}, {width:g} wide"


def _spread(values: np.ndarray) -> tuple[np.ndarray, str]:
    low, high = (float(value) for value in np.percentile(values, _SHARE))
    grey = (values - low) / max(high - low, 1e-12)
    return grey, f"values from {low:g} to {high:g} spread over grey (the file names no window)"
