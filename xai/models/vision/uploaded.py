"""Image models from files: weights of the networks that are known here, zipped Hugging Face folders, ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import InputError, MissingExtraError, ModelError, listing
from ..base import library_text
from ..hub_zip import HubFolder, look_into, unpacked
from ..onnx_check import read_onnx
from ..weights import Weights
from . import demo
from .model import ImageModel
from .preprocess import Preprocess, from_hub

FAMILIES = {"resnet": "ResNet", "convnext": "ConvNext", "vit": "ViT"}
"""Families of transformers' image classifiers that are rebuilt from a folder: ``model_type`` to how classes begin."""
EFFICIENTNET = Preprocess(size=(224, 224), mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
"""What EfficientNet-Lite0's published weights expect: TF-Lite scales pixels to (x - 127) / 128."""
_HELP = (
    "known are plain networks of linear layers, the demo network of this package, and EfficientNet-Lite0. Save a "
    "transformers model as its whole folder (save_pretrained) and zip that; export any other network with "
    "torch.onnx.export"
)


def architecture_of(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """``"demo_cnn"`` or ``"efficientnet_lite0"`` by the names and shapes of the weights, else ``None``."""
    if shapes.get("map56.0.weight") == (16, 3, 3, 3) and len(shapes.get("head.weight", ())) == 2:
        return "demo_cnn"
    if shapes.get("_conv_stem.weight") == (32, 3, 3, 3) and len(shapes.get("_fc.weight", ())) == 2:
        return "efficientnet_lite0"
    return None


def n_classes_of(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Number of classes of a network of :func:`architecture_of`."""
    return (shapes.get("head.weight") or shapes["_fc.weight"])[0]


def open_weights(
    weights: Weights, name: str, preprocess: Preprocess | None = None, class_names: Sequence[str] | None = None
) -> ImageModel:
    """A known network with the weights of a file.

    Parameters
    ----------
    weights
        Its tensors.
    name
        Of the file, for messages.
    preprocess
        By default that of the network's own training.
    class_names
        By default those the file carries (``classes`` in a safetensors file's metadata, separated by commas).

    Raises
    ------
    ModelError
        If the network is not known, or its weights do not fit it.
    """
    kind = architecture_of(weights.shapes)
    if kind is None:
        shown = sorted(weights.shapes)
        raise ModelError(
            f"{name} holds the weights of a network that is not known here ({listing(shown, 3)}): {_HELP}."
        )
    n_classes = n_classes_of(weights.shapes)
    module = _efficientnet(n_classes) if kind == "efficientnet_lite0" else demo.network(n_classes)
    try:
        module.load_state_dict(dict(weights.tensors))
    except RuntimeError as error:
        raise ModelError(f"{name} is damaged: its weights do not fit {kind}: {library_text(error)}") from error
    known = EFFICIENTNET if kind == "efficientnet_lite0" else demo.PREPROCESS
    return ImageModel(module.eval(), preprocess or known, _classes(class_names, card_classes(weights.card), n_classes))


def card_classes(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Class names in a file's metadata; empty if there are none."""
    stated = card.get("classes", ())
    if isinstance(stated, str):
        stated = [part.strip() for part in stated.split(",") if part.strip()]
    return tuple(str(label) for label in stated) if isinstance(stated, list | tuple) else ()


def open_folder(
    path: Path, preprocess: Preprocess | None = None, class_names: Sequence[str] | None = None
) -> ImageModel:
    """An image classifier of transformers from a zipped folder.

    Parameters
    ----------
    path
        The zip file.
    preprocess
        By default what ``preprocessor_config.json`` says.
    class_names
        By default ``id2label`` of ``config.json``.

    Raises
    ------
    ModelError
        If the model is of another family, or its weights do not fit its configuration.
    InputError
        If the folder does not say how pictures are prepared, and nothing was given.
    """
    folder = look_into(path)
    check_family(folder, path.name)
    if preprocess is None:
        if folder.preprocessor is None:
            raise InputError(
                f"{path.name} holds no preprocessor_config.json: say the size of the pictures, and mean and standard "
                "deviation of the channels, as they were in training."
            )
        preprocess = preprocess_of(folder, path.name)
    from ..text.huggingface import import_transformers

    transformers = import_transformers()
    with unpacked(path, folder) as place:
        try:
            model, report = getattr(transformers, folder.architecture).from_pretrained(
                place,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except Exception as error:
            # A wrong configuration can make any part of transformers fail; the cause is chained.
            raise ModelError(f"{path.name} could not be opened by transformers: {library_text(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(f"{path.name} lacks weights of its network: {listing(missing, 4)}.")
    n_classes = int(model.config.num_labels)
    stated = model.config.id2label
    names = tuple(str(stated[i]) for i in sorted(stated)) if stated and len(stated) == n_classes else ()
    return ImageModel(model.float().eval(), preprocess, _classes(class_names, names, n_classes))


def check_family(folder: HubFolder, name: str) -> None:
    """Whether a folder's model is one of :data:`FAMILIES`.

    Raises
    ------
    ModelError
        If not.
    """
    family = FAMILIES.get(folder.model_type)
    if family is None or folder.architecture != f"{family}ForImageClassification":
        what = folder.architecture or folder.model_type or "a model that its config.json does not name"
        raise ModelError(
            f"{name} holds {what}: of image classifiers, ResNet, ConvNeXt and ViT of transformers are opened "
            "(...ForImageClassification). Export any other network with torch.onnx.export."
        )


def preprocess_of(folder: HubFolder, name: str) -> Preprocess:
    """What a folder's ``preprocessor_config.json`` says.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    try:
        return from_hub(folder.preprocessor or {})
    except InputError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"'preprocessor_config.json' in {name} cannot be used ({error}).") from error


def open_graph(
    path: Path, preprocess: Preprocess | None = None, class_names: Sequence[str] | None = None
) -> ImageModel:
    """An ONNX image classifier, channels first or last.

    Parameters
    ----------
    path
        The file.
    preprocess
        An ONNX file says no more than the size; by default then ``x / 255``.
    class_names
        By default ``"0"``, ``"1"``, ...

    Raises
    ------
    ModelError
        If the file is damaged, or its graph does not take pictures.
    """
    return ImageModel(read_onnx(path), preprocess, class_names)


def _classes(given: Sequence[str] | None, known: Sequence[str], n_classes: int) -> tuple[str, ...]:
    names = tuple(given or known)
    if names and len(names) != n_classes:
        raise InputError(f"{len(names)} class names were given, but the network has {n_classes} outputs.")
    return names or tuple(str(i) for i in range(n_classes))


def _efficientnet(n_classes: int) -> Any:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise MissingExtraError("efficientnet-lite-pytorch", "chmcorr") from error
    return EfficientNet.from_name("efficientnet-lite0", num_classes=n_classes)
