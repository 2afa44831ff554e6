"""Pictures of every accepted kind, against numbers worked out by hand."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from xai.core.errors import InputError
from xai.models.vision.picture_files import read_picture, read_picture_zip


def dicom(pixels: np.ndarray, kind: str = "MONOCHROME2", frames: int = 1, **tags: object) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName, data.PatientID = "Doe^Jane", "4711"
    data.Rows, data.Columns = pixels.shape[-3:-1] if kind == "RGB" else pixels.shape[-2:]
    data.SamplesPerPixel = 3 if kind == "RGB" else 1
    if kind == "RGB":
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.PhotometricInterpretation = kind
    data.BitsAllocated = pixels.dtype.itemsize * 8
    data.BitsStored, data.HighBit = data.BitsAllocated, data.BitsAllocated - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for tag, value in tags.items():
        setattr(data, tag, value)
    data.PixelData = pixels.tobytes()
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 100


def test_window_after_rescaling():
    # Stored 0..6300 become -1000..5300; a window of 401 around 0.5 runs from -200 (black) to 200 (white).
    content = dicom(RAMP, RescaleSlope=1, RescaleIntercept=-1000, WindowCenter=0.5, WindowWidth=401)
    picture = read_picture(content)
    expected = np.rint(np.clip((RAMP.astype(float) - 1000) / 400 + 0.5, 0, 1) * 255)
    assert picture.format == "DICOM"
    assert np.array_equal(picture.image[:, :, 0], expected)
    assert picture.image.shape == (8, 8, 3)
    assert "window 0.5, 401 wide" in picture.notes[0]
    assert "rescaled by 1 and -1000" in picture.notes[0]


def test_inverted_grey_and_no_window():
    plain, inverted = (read_picture(dicom(RAMP, kind)).image for kind in ("MONOCHROME2", "MONOCHROME1"))
    assert np.array_equal(inverted, 255 - plain)
    assert plain[0, 0, 0] == 0
    assert plain[-1, -1, 0] == 255
    low, high = np.percentile(RAMP, (0.5, 99.5))
    assert plain[4, 4, 0] == np.rint((RAMP[4, 4] - low) / (high - low) * 255)


def test_signed_and_colour():
    signed = dicom((RAMP.astype(np.int16) - 3000), WindowCenter=0.5, WindowWidth=2, VOILUTFunction="LINEAR_EXACT")
    image = read_picture(signed).image[:, :, 0]
    assert set(np.unique(image)) == {0, 64, 255}
    assert image[3, 6] == 64  # stored 0: a quarter of the window
    colour = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    assert np.array_equal(read_picture(dicom(colour, "RGB")).image, colour)


def test_nothing_of_the_patient_is_kept():
    picture = read_picture(dicom(RAMP))
    assert "Doe" not in repr(picture)
    assert "4711" not in repr(picture)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dicom(np.stack([RAMP] * 2), frames=2), "holds 2 DICOM frames"),
        (dicom(RAMP)[:-40], "cannot be read as DICOM"),
        (dicom(RAMP)[:140], "without a picture|cannot be read"),
        (dicom(RAMP, Rows=60000, Columns=60000), "60000 x 60000 pixels; at most"),
        (dicom(RAMP, WindowCenter=1, WindowWidth=0), "window is 0 wide"),
        (b"GIF89a", "a GIF: save it as PNG"),
        (b"\x80\x04\x95", "a pickle"),
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\nrest", "cannot be read as PNG or JPEG"),
    ],
    # Not from the bytes, which hold numbers drawn anew each time.
    ids=["frames", "cut short", "no picture", "vast", "no window", "GIF", "pickle", "empty", "no PNG"],
)
def test_what_cannot_be_read(content, message):
    with pytest.raises(InputError, match=message):
        read_picture(content, "scan.dcm")


def png(value: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((9, 8, 3), value, dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_folders_are_labels(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("set/cyst/1.png", "set/cyst/2.png", "set/mole/1.png"):
            archive.writestr(name, png(len(name)))
        archive.writestr("set/mole/2.dcm", dicom(RAMP))
        archive.writestr("set/mole/bad.png", b"\x89PNG no")
        archive.writestr("__MACOSX/set/._1.png", b"x")
        archive.writestr("set/.DS_Store", b"x")
    found = read_picture_zip(path)
    assert found.labels == ("cyst", "cyst", "mole", "mole")
    assert found.names[-1] == "set/mole/2.dcm"
    assert list(found.problems) == ["set/mole/bad.png"]
    assert "1 of 5 files" in found.notes[-1]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", png(3))
    assert read_picture_zip(path).labels is None
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"nothing")
    with pytest.raises(InputError, match="holds no picture that could be read"):
        read_picture_zip(path)


def test_notes_on_what_was_changed():
    out = io.BytesIO()
    Image.fromarray((RAMP * 10).astype(np.uint16)).save(out, "PNG")
    picture = read_picture(out.getvalue())
    assert "16-bit" in picture.notes[0]
    assert np.array_equal(picture.image[:, :, 1], np.rint(RAMP.astype(float) * 10 / 257))
