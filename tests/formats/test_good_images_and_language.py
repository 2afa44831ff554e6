"""Image and language models from files answer as the network in memory does."""

from __future__ import annotations

import json
import shutil
import zipfile

import good
import numpy as np
import pytest

from xai.core.errors import InputError, ModelError
from xai.models import open_image_model, open_language_model, open_model, recognise
from xai.models.vision import Preprocess

OURS = Preprocess(size=(32, 32), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))


def expected(network: object, inputs: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        answer = network(torch.from_numpy(inputs))
    return getattr(answer, "logits", answer).numpy()


@pytest.mark.parametrize("name", ["demo_cnn", "efficientnet", "resnet", "convnext", "vit"])
def test_same_logits(name, tmp_path):
    one = good.IMAGES[name](tmp_path)
    model = open_image_model(one.path)
    found = model.predict(one.rows)
    assert np.allclose(found, expected(one.native, model.inputs(one.rows)), atol=1e-5)
    known = recognise(one.path)
    assert (known.modality, known.n_classes) == ("image", 3)
    assert (known.size, known.mean, known.std) == (model.preprocess.size, model.preprocess.mean, model.preprocess.std)
    if name == "demo_cnn":
        assert known.classes is None
        assert known.asked == ("classes",)
    else:
        assert known.classes == ("cyst", "mole", "scar") == model.class_names
        assert known.asked == ()
    with pytest.raises(ModelError, match="open_image_model"):
        open_model(one.path)


@pytest.mark.parametrize("last", [False, True])
def test_onnx_pictures_in_both_layouts(last, tmp_path):
    one = good.image_onnx(tmp_path, last=last)
    known = recognise(one.path)
    assert (known.modality, known.size, known.n_classes) == ("image", (32, 32), 3)
    assert known.asked == ("mean_std", "channel_order", "classes")
    model = open_image_model(one.path, OURS, ["a", "b", "c"])
    # By hand: a convolution of blocks of 4 pixels, the positive part, its mean, a matrix.
    from onnx import numpy_helper

    weights, matrix = (numpy_helper.to_array(tensor) for tensor in one.native)
    blocks = model.inputs(one.rows).reshape(2, 3, 8, 4, 8, 4)
    maps = np.maximum(np.einsum("nchiwj,ocij->nohw", blocks, weights), 0)
    assert np.allclose(model.predict(one.rows), maps.mean((2, 3)) @ matrix, atol=1e-4)
    assert model.class_names == ("a", "b", "c")


def test_preprocessing_is_asked_for_where_the_folder_does_not_say(tmp_path):
    one = good.hub_image(tmp_path, "resnet")
    (tmp_path / "resnet" / "preprocessor_config.json").unlink()
    bare = good.pack(tmp_path / "resnet", tmp_path / "bare.zip")
    assert recognise(bare).asked == ("size", "mean_std")
    with pytest.raises(InputError, match=r"no preprocessor_config\.json: say the size"):
        open_image_model(bare)
    model = open_image_model(bare, OURS)
    assert np.allclose(model.predict(one.rows), expected(one.native, model.inputs(one.rows)), atol=1e-5)


def test_code_named_in_a_folder_is_not_looked_for(tmp_path):
    one = good.hub_image(tmp_path, "vit")
    marker = tmp_path / "ran"
    folder = tmp_path / "vit"
    code = f"open({str(marker)!r}, 'w')\n"
    (folder / "modeling_mine.py").write_text(code)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForImageClassification": "modeling_mine.Mine"}
    config["attn_implementation"] = "somebody/kernel"
    (folder / "config.json").write_text(json.dumps(config))
    path = good.pack(folder, tmp_path / "code.zip")
    model = open_image_model(path)
    assert np.allclose(model.predict(one.rows), open_image_model(one.path).predict(one.rows), atol=1e-6)
    assert not marker.exists()


def _recognised_and_opened(path):
    recognise(path)
    open_image_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pickled weights", "a pickle, which can run code"),
        ("no weights", r"holds no model\.safetensors"),
        ("shards", "several files"),
        ("another family", "ResNet, ConvNeXt and ViT of transformers are opened|causal ones are opened"),
        ("other sizes", "could not be opened by transformers|lacks weights"),
        ("no config", "holds no model that is known here"),
        ("config is a list", "must be a JSON object"),
    ],
)
def test_folders_that_cannot_be_opened(change, message, tmp_path):
    good.hub_image(tmp_path, "resnet")
    folder = tmp_path / "resnet"
    config = json.loads((folder / "config.json").read_text())
    weights = folder / "model.safetensors"
    if change == "pickled weights":
        weights.rename(folder / "pytorch_model.bin")
    elif change == "no weights":
        weights.unlink()
    elif change == "shards":
        weights.rename(folder / "model-00001-of-00001.safetensors")
        (folder / "model.safetensors.index.json").write_text("{}")
    elif change == "another family":
        (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    elif change == "other sizes":
        (folder / "config.json").write_text(json.dumps({**config, "embedding_size": 12}))
    elif change == "no config":
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_text("[]")
    path = good.pack(folder, tmp_path / "bad.zip")
    with pytest.raises(ModelError, match=message):
        _recognised_and_opened(path)


def test_language_model(tmp_path):
    from xai.models.text import open_huggingface

    one = good.language(tmp_path)
    known = recognise(one.path)
    assert (known.modality, known.architecture) == ("text", "RobertaPreLayerNormForCausalLM")
    found, reference = open_language_model(one.path), open_huggingface(one.native)
    a, b = found.encode(one.rows), reference.encode(one.rows)
    assert np.array_equal(a.ids, b.ids)
    assert np.array_equal(a.spans, b.spans)
    assert np.array_equal(a.protected, b.protected)
    assert (found.context, found.vocabulary, found.special) == (
        reference.context,
        reference.vocabulary,
        reference.special,
    )
    assert np.allclose(found.next_tokens(a.ids[None]), reference.next_tokens(b.ids[None]))
    assert list(found.generate(a.ids, 4)) == list(reference.generate(b.ids, 4))
    with pytest.raises(ModelError, match="no language model"):
        open_language_model(good.demo_cnn(tmp_path).path)


def test_language_model_needs_its_tokenizer(tmp_path):
    source = tmp_path / "model"
    shutil.copytree(good.language(tmp_path).native, source)
    (source / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        recognise(good.pack(source, tmp_path / "bare.zip"))


def test_pictures_are_no_model(tmp_path):
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("a/1.png", b"x")
    with pytest.raises(ModelError, match="a zip file of pictures"):
        recognise(tmp_path / "pictures.zip")
