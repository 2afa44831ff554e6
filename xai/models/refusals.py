"""Files that are never opened, because opening them can run code: what each is, and what to save instead."""

from __future__ import annotations

from collections.abc import Sequence

PICKLE = (
    "a pickle file. Such files can run code when they are opened, so they are never opened here. Save the model in its "
    "own format instead: XGBoost, LightGBM and CatBoost with save_model, scikit-learn with "
    "skops.io.dump(model, 'model.skops'), torch with safetensors.torch.save_file(model.state_dict(), "
    "'model.safetensors'), anything else as ONNX"
)
JOBLIB = (
    "a joblib or another packed pickle file. Such files can run code when they are opened, so they are never opened "
    "here. Save a scikit-learn model with skops.io.dump(model, 'model.skops') instead"
)
TORCHSCRIPT = (
    "a TorchScript file: a program, which would run when it is opened, so it is never opened here. Save the weights "
    "with safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), or export the model with "
    "torch.onnx.export"
)
EXPORTED = (
    "a torch.export (.pt2) file. Its loader can be made to run code, so it is never opened here. Save the weights with "
    "safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), or export the model with torch.onnx.export"
)
MODULE = (
    "a whole torch module, saved as a pickle. Such files can run code when they are opened, so they are never opened "
    "here. Save its weights alone: safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), or "
    "torch.save(model.state_dict(), 'model.pt')"
)
LEGACY_TORCH = (
    "a torch file of the old kind, a pickle. Such files can run code when they are opened, so they are never opened "
    "here. Save the weights again: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
)
KERAS = (
    "a Keras or HDF5 file. Its layers can carry code, so it is never opened here. Export the model as ONNX "
    "(model.export('model.onnx', format='onnx'))"
)
NUMPY = (
    "a numpy file, not a model. Tables are read as CSV or Parquet; weights of a network as safetensors "
    "(safetensors.numpy.save_file)"
)
GGUF = "a GGUF file. Language models are opened as a zipped Hugging Face folder with model.safetensors"
TENSORFLOW = "a TensorFlow SavedModel, whose graph can read and write files. Export the model as ONNX (tf2onnx)"
OFFICE = "a document of an office program. Tables are read as CSV or Parquet: save the sheet as CSV (UTF-8)"
PARQUET = "a Parquet table, not a model"
PDF = "a PDF document, not a model"

MAGICS: tuple[tuple[bytes, str], ...] = (
    # Pickle: protocols 2 to 5 say so first; 0 and 1 begin with an import, a mark or a container.
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", LEGACY_TORCH),
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
    (b"cposix\n", PICKLE),
    (b"cos\n", PICKLE),
    (b"cnt\n", PICKLE),
    (b"c__builtin__\n", PICKLE),
    (b"cbuiltins\n", PICKLE),
    (b"ccopy_reg\n", PICKLE),
    (b"(lp", PICKLE),
    (b"(dp", PICKLE),
    (b"(i", PICKLE),
    (b"\x1f\x8b", JOBLIB),
    (b"\x78\x01", JOBLIB),
    (b"\x78\x5e", JOBLIB),
    (b"\x78\x9c", JOBLIB),
    (b"\x78\xda", JOBLIB),
    (b"BZh", JOBLIB),
    (b"\xfd7zXZ\x00", JOBLIB),
    (b"\x5d\x00\x00", JOBLIB),
    (b"\x04\x22\x4d\x18", JOBLIB),
    (b"\x89HDF\r\n\x1a\n", KERAS),
    (b"\x93NUMPY", NUMPY),
    (b"GGUF", GGUF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OFFICE),
    (b"PAR1", PARQUET),
    (b"%PDF-", PDF),
)


def by_head(head: bytes) -> str | None:
    """Why a file that begins with ``head`` is not opened, ``None`` if nothing speaks against it."""
    return next((reason for magic, reason in MAGICS if head.startswith(magic)), None)


def by_names(names: Sequence[str]) -> str | None:
    """Why a zip file with entries of these names is not opened, ``None`` if nothing speaks against it."""
    inner = {name.partition("/")[2] for name in names} | set(names)
    last = {name.rsplit("/", 1)[-1] for name in names}
    exported = {"models/model.json", "serialized_exported_program.json", "archive_format", "archive_version"}
    signs = (
        (bool(exported & inner), EXPORTED),
        ("constants.pkl" in inner or any(name.startswith("code/") for name in inner), TORCHSCRIPT),
        ("[Content_Types].xml" in names or "mimetype" in names, OFFICE),
        ("saved_model.pb" in last, TENSORFLOW),
        (any(name.endswith((".h5", ".keras")) for name in last), KERAS),
        (bool(names) and all(name.endswith(".npy") for name in names), NUMPY),
    )
    return next((reason for holds, reason in signs if holds), None)
