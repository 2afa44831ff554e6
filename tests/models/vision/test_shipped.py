"""Networks that come with the package or from its optional packages."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from xai.core.resources import resource  # noqa: E402
from xai.datasets.smears import CLASSES, generate  # noqa: E402
from xai.models.vision import demo_cnn, layers  # noqa: E402

UNSEEN = 20_260  # neither the training's seed (0), nor the recipe's own test (1), nor the page's (5)


def test_demo_network():
    model = demo_cnn()
    assert resource("sample_data", "models", "blood_smear-cnn.safetensors").stat().st_size < 500_000
    assert model.class_names == CLASSES
    assert {layer.name: layer.grid for layer in layers(model)} | {"map14": (14, 14), "map7": (7, 7)} == {
        layer.name: layer.grid for layer in layers(model)
    }
    cut = model.cut()
    assert cut.layer == "map7"
    assert cut.affine_head() is not None
    smears = generate(80, seed=UNSEEN)
    assert (cut.encode(smears.images[:4]) >= 0).all()
    assert (model.predict(smears.images).argmax(axis=1) == smears.labels).mean() >= 0.95


@pytest.mark.slow
def test_demo_network_knows_600_unseen_smears():
    smears = generate(600, seed=UNSEEN)
    assert (demo_cnn().predict(smears.images).argmax(axis=1) == smears.labels).mean() >= 0.99


def test_imagenet_network_is_the_packages_own():
    pytest.importorskip("efficientnet_lite_pytorch")
    from xai.models.vision import efficientnet_lite0
    from xai.models.vision.imagenet import PREPROCESS, chain, class_names

    names = class_names()
    assert len(set(names)) == 1000
    assert (names[0], names[207], names[999]) == ("tench", "golden retriever", "toilet tissue")
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    module = EfficientNet.from_name("efficientnet-lite0").eval()
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        np.testing.assert_allclose(chain(module)(x).numpy(), module(x).numpy(), atol=1e-5)
    model = efficientnet_lite0()
    assert model.preprocess == PREPROCESS
    cut = model.cut("head")
    assert (cut.grid, cut.depth) == ((7, 7), 1280)
    assert (cut.encode(np.full((1, 224, 224, 3), 90, np.uint8)) >= 0).all()
