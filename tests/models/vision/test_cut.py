"""Models of many kinds split in two: both halves together are the whole, and what the head is like is known."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.craft.networks import as_onnx, colour_net  # noqa: E402
from tests.models.vision import networks  # noqa: E402
from xai.core.errors import InputError, ModelError  # noqa: E402
from xai.craft import Craft, SobolConfig  # noqa: E402
from xai.models.vision import CropGrid, ImageModel, Preprocess, activations, layers  # noqa: E402


def pictures(n=4, size=(64, 64), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *size, 3), dtype=np.uint8)


MODELS = {
    "resnet": (networks.resnet, Preprocess(size=(64, 64)), 0),
    "convnext": (networks.convnext, Preprocess(size=(64, 64), mean=(0.5,) * 3, std=(0.25,) * 3), 0),
    "vit": (networks.vit, Preprocess(size=(48, 48)), 1),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_listed_layer_splits_the_model(name):
    make, preprocess, _ = MODELS[name]
    module = make()
    model = ImageModel(module, preprocess)
    images = pictures(3, preprocess.size)
    whole = model.predict(images)
    with torch.no_grad():
        direct = module(torch.from_numpy(preprocess.normalise(images))).logits.double().numpy()
    np.testing.assert_allclose(whole, direct, atol=1e-5)
    found = layers(model)
    assert len(found) >= 3
    for layer in found:
        cut = model.cut(layer.name)
        maps, prefix = cut.encode_with_prefix(images)
        assert maps.shape == (3, *layer.grid, layer.depth)
        assert (0 if prefix is None else prefix.shape[1]) == layer.prefix
        np.testing.assert_allclose(cut.decode(maps, prefix), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_concepts_of_hugging_face_classifiers(name):
    make, preprocess, n_prefix = MODELS[name]
    module = make()
    craft = Craft(module, 4, preprocess=preprocess).fit(pictures(6, preprocess.size))
    assert craft.cut.n_prefix == n_prefix
    found = craft.importance(None, 1, config=SobolConfig(16, 2))
    assert np.isfinite(found.sobol).all()
    assert found.names == craft.names
    maps = craft.concept_maps(pictures(1, preprocess.size), "gradcam")
    assert maps.shape == (1, 4, *preprocess.size)
    # What was learned is what the layer says: ReLU maps have only non-negative parts, others need signs.
    signed = (craft.cut.encode(pictures(2, preprocess.size)) < -1e-3).any()
    assert craft.factors.kind == ("semi-nmf" if signed else "nmf")


def test_the_proposed_layer_is_the_last_map_before_pooling():
    model = ImageModel(networks.resnet(), Preprocess(size=(64, 64)))
    cut = model.cut()
    assert cut.layer == layers(model)[-1].name
    assert cut.layer.startswith("resnet.encoder")
    assert cut.pools()
    head = cut.affine_head()
    np.testing.assert_allclose(head.weight, model.network.native.classifier[1].weight.detach(), atol=1e-4)
    np.testing.assert_allclose(head.bias, model.network.native.classifier[1].bias.detach(), atol=1e-4)
    assert model.class_names == ("cat", "dog", "emu")


def test_a_layer_norm_behind_the_pooling_is_no_affine_head():
    cut = ImageModel(networks.convnext(), Preprocess(size=(64, 64))).cut()
    assert cut.pools()
    assert cut.affine_head() is None
    means = cut.encode(pictures(2)).mean(axis=(1, 2))
    np.testing.assert_allclose(cut.decode_pooled(means), cut.model.predict(pictures(2)), atol=1e-4)


def test_the_cls_token_stays_and_the_last_block_is_never_proposed():
    module = networks.vit()
    model = ImageModel(module, Preprocess(size=(48, 48)))
    names = [layer.name for layer in layers(model)]
    cut = model.cut()
    assert cut.layer == names[-1]
    assert (cut.n_prefix, cut.grid) == (1, (6, 6))
    assert not cut.pools()
    assert cut.affine_head() is None
    images = pictures(2, (48, 48))
    maps, prefix = cut.encode_with_prefix(images)
    with pytest.raises(InputError, match=r"1 tokens beside the patches.*prefix=cut\.prefix"):
        cut.decode(maps)
    moved = cut.decode(maps * np.linspace(-1, 1, 16, dtype=np.float32), prefix)
    assert np.abs(moved - cut.decode(maps, prefix)).max() > 1e-4
    # Behind the last block only CLS is read: its patches decide nothing.
    last = next(name for name, _ in module.named_modules() if name.endswith(("layer.2", "layers.2")))
    assert last not in names
    with pytest.raises(ModelError, match=r"does not reach the logits.*Layers that can be cut"):
        model.cut(last)


def test_registers_and_oblong_pictures():
    module = networks.vit(image_size=(48, 80))
    model = ImageModel(module, Preprocess(size=(48, 80)))
    cut = model.cut()
    assert cut.grid == (6, 10)
    images = pictures(5, (48, 80))
    craft = Craft(model, 3, patch_size=16).fit(images)
    assert craft.transform(images).shape == (5, 6, 10, 3)
    assert craft.importance(images, 0, config=SobolConfig(16, 2)).sobol.shape == (3,)


def test_fully_convolutional_models_take_any_size():
    model = ImageModel(networks.resnet())  # no size is set: the pictures' own
    craft = Craft(model, 3, patch_size=32).fit(pictures(4, (64, 96)))
    assert craft.transform(pictures(2, (64, 96))).shape == (2, *craft.cut.grid_at((64, 96)), 3)
    with pytest.raises(InputError, match=r"image 1 is 80 x 64 pixels, image 0 is 64 x 64 pixels: give a Preprocess"):
        craft.transform([pictures(1)[0], pictures(1, (64, 80))[0]])


def test_onnx_is_cut_at_a_named_tensor(tmp_path):
    pytest.importorskip("onnxruntime")
    net = colour_net()
    file = as_onnx(net, tmp_path / "net.onnx")
    model, twin = (ImageModel(one, Preprocess(size=(48, 48))) for one in (file, net))
    images = pictures(3, (48, 48))
    np.testing.assert_allclose(model.predict(images), twin.predict(images), atol=1e-5)
    cut = model.cut()
    assert cut.layer == "n5"
    np.testing.assert_allclose(cut.encode(images), twin.cut("5").encode(images), atol=1e-5)
    np.testing.assert_allclose(cut.affine_head().weight, net[-1].weight.detach(), atol=1e-4)
    assert model.cut("n2").grid == (16, 16)
    with pytest.raises(InputError, match=r"unknown tensor: 'conv'.*'n5'"):
        model.cut("conv")
    with pytest.raises(ModelError):
        cut.encode_torch(images)


def test_activations_are_kept_and_found_again(tmp_path):
    model = ImageModel(networks.resnet(), Preprocess(size=(64, 64)))
    cut, images = model.cut(), pictures(5)
    first = activations(cut, images, cache=tmp_path)
    assert first.maps.dtype == np.float16
    np.testing.assert_allclose(first.maps, cut.encode(images), rtol=2e-3, atol=1e-3)
    (file,) = tmp_path.glob("*.npy")
    shares = []
    again = activations(cut, images, cache=tmp_path, progress=shares.append)
    np.testing.assert_array_equal(first.maps, again.maps)
    assert shares == [1.0]  # nothing was computed
    # Other pictures, crops, layers and weights have files of their own.
    activations(cut, images[:3], cache=tmp_path)
    activations(cut, images, cache=tmp_path, crops=CropGrid(32))
    activations(model.cut(layers(model)[0].name), images, cache=tmp_path)
    weights = next(model.network.native.parameters())
    before = weights.detach().clone()
    with torch.no_grad():
        weights.mul_(1.1)
    activations(model.cut(), images, cache=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 5
    with torch.no_grad():
        weights.copy_(before)
    file.write_bytes(b"damaged")
    with pytest.raises(InputError, match="is damaged"):
        activations(cut, images, cache=tmp_path)


def test_crops_are_what_torch_would_cut_and_resize():
    model = ImageModel(networks.resnet(), Preprocess(size=(64, 64)))
    cut, images = model.cut(), pictures(2)
    found = activations(cut, images, crops=CropGrid(24))
    starts = range(0, 64 - 24 + 1, int(0.8 * 24))
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    crops = torch.stack([x[n, :, i : i + 24, j : j + 24] for n in range(2) for i in starts for j in starts])
    resized = torch.nn.functional.interpolate(crops, size=64, mode="bilinear", align_corners=False)
    with torch.no_grad():
        encoder = model.network.native.resnet
        expected = encoder(resized).last_hidden_state.mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(found.maps[:, 0, 0], expected, rtol=1e-3, atol=1e-4)
    assert found.boxes[1].tolist() == [0, 19, 24, 43]
    assert found.sources.tolist() == [0] * 9 + [1] * 9
    with pytest.raises(InputError, match="do not fit into"):
        activations(cut, images, crops=CropGrid(90))


def test_values_too_large_for_half_precision_are_kept_in_single():
    net = colour_net()
    with torch.no_grad():
        net[3].weight.mul_(1e7)
    cut = ImageModel(net, Preprocess(size=(48, 48))).cut("5")
    found = activations(cut, pictures(2, (48, 48)))
    assert found.maps.dtype == np.float32
    assert np.isfinite(found.maps).all()
    assert found.maps.max() > 65504


def test_hooks_are_gone_and_train_mode_is_put_back():
    module = networks.resnet().train()
    model = ImageModel(module, Preprocess(size=(64, 64)))
    cut = model.cut()
    first = cut.encode(pictures(2))
    np.testing.assert_array_equal(first, cut.encode(pictures(2)))  # batch norms use their statistics
    assert module.training
    assert all(not part._forward_hooks for part in module.modules())
    assert all(p.grad is None for p in module.parameters())


class Around(torch.nn.Module):
    """A skip from the pixels to the logits."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.last = torch.nn.Conv2d(4, 4, 3)
        self.head = torch.nn.Linear(7, 2)

    def forward(self, x):
        maps = self.last(torch.relu(self.conv(x)))
        return self.head(torch.cat([maps.mean(dim=(2, 3)), x.mean(dim=(2, 3))], dim=1))


def test_layers_that_the_picture_passes_by_are_refused():
    model = ImageModel(Around().eval(), Preprocess(size=(16, 16)))
    assert layers(model) == ()
    with pytest.raises(ModelError, match="passes around that layer"):
        model.cut("last")
    with pytest.raises(ModelError, match="no layer of this model holds a map"):
        model.cut()
