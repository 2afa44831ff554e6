"""Image models on the page Your model: what the file does not say is asked for, and a picture shows the answer."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from xai.core.resources import resource
from xai.dashboard import limits, sessions
from xai.models import open_image_model
from xai.models.vision import Preprocess

torch = pytest.importorskip("torch")


@pytest.fixture
def page(app, monkeypatch, tmp_path):
    monkeypatch.setenv(sessions.UPLOADS, str(tmp_path / "uploads"))
    for cached in (sessions.sessions, limits.limits):
        cached.cache_clear()
    yield app().open("your_model")
    sessions.sessions().close()
    for cached in (sessions.sessions, limits.limits):
        cached.cache_clear()


def drop(page, **files):
    page.at.file_uploader[0].set_value([(name.replace("__", "."), content, "") for name, content in files.items()])
    return page.run()


def box(page, label):
    return next(box for box in page.at.selectbox if box.label == label)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, size=(4, 40, 40, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def archive(pictures):
    """Four pictures in two folders, and what file managers and mistakes add."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as stream:
        for i, picture in enumerate(pictures):
            content = io.BytesIO()
            Image.fromarray(picture).save(content, "PNG")
            stream.writestr(f"cells/{'dark' if i % 2 else 'bright'}/{i}.png", content.getvalue())
        stream.writestr("__MACOSX/._0.png", b"junk")
        stream.writestr("cells/bright/broken.png", b"\x89PNG\r\n\x1a\nnothing")
    return packed.getvalue()


def test_weights_of_the_demo_network_answer_as_in_this_process(page, archive, pictures):
    path = resource("sample_data/models/blood_smear-cnn.safetensors")
    drop(page, cnn__safetensors=path.read_bytes(), cells__zip=archive)
    assert page.errors == []
    assert "4 pictures" in page.text
    assert "bright, dark" in page.text
    assert "broken" in page.text
    box(page, "Picture").set_value("cells/dark/1.png")
    page.run()
    model = open_image_model(path)
    logits = model.predict([pictures[1]])[0]
    order = np.argsort(-logits)
    answers = next(frame.value for frame in page.at.dataframe if "probability" in frame.value)
    assert answers["class"].tolist() == [model.class_names[i] for i in order]
    shares = np.exp(logits - logits.max())
    np.testing.assert_allclose(answers["probability"], (shares / shares.sum())[order], atol=1e-6)
    next(button for button in page.at.button if button.label == "Use this network").click()
    page.run()
    (kept,) = sessions.sessions().get("test session id").kept["image models"].values()
    assert kept.title == "cnn.safetensors"
    assert kept.identity.startswith("test session id:")
    assert kept.preprocess is None


def test_a_graph_is_asked_how_pictures_are_prepared(page, archive, pictures):
    pytest.importorskip("onnx")
    onnx = _graph()
    drop(page, net__onnx=onnx, cells__zip=archive)
    assert page.errors == []
    scale = box(page, "Pixel values run")
    scale.set_value("-1 to 1")
    page.run()
    box(page, "Channels").set_value("BGR")
    page.run()
    names = next(area for area in page.at.text_area if area.label.startswith("Class names"))
    names.set_value("one\ntwo")
    page.run()
    assert any("3 classes, but 2 names" in error for error in page.errors)
    next(area for area in page.at.text_area if area.label.startswith("Class names")).set_value("red\ngreen\nblue")
    page.run()
    assert page.errors == []
    answers = next(frame.value for frame in page.at.dataframe if "probability" in frame.value)
    # The network answers with the mean of each of its channels, which are blue, green and red here.
    view = Preprocess(size=(8, 8)).view([pictures[0]])[0]
    means = (view.astype(float) / 255 * 2 - 1).mean(axis=(0, 1))[::-1]
    assert answers["class"].tolist() == [("red", "green", "blue")[i] for i in np.argsort(-means)]


def _graph():
    """An ONNX network over 8 x 8 pictures whose three answers are the means of its channels."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["y"], axis=1),
        ],
        "means",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def test_pictures_alone_say_what_is_missing(page, archive):
    drop(page, cells__zip=archive)
    assert any("no image model" in info.value for info in page.at.info)
