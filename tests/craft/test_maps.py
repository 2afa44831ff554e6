"""Concept maps against autograd, completeness, brute force, and the places that are known."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.craft import networks  # noqa: E402
from xai.core.errors import InputError, ModelError  # noqa: E402
from xai.craft import Craft, MapConfig  # noqa: E402
from xai.craft.implicit import coefficients  # noqa: E402
from xai.models.vision import ImageModel, Preprocess, enlarge  # noqa: E402

SIZE = Preprocess(size=(48, 48))
METHODS = ("coefficients", "gradcam", "smoothgrad", "integrated_gradients", "occlusion")


@pytest.fixture(scope="module")
def data():
    return networks.squares(16)


@pytest.fixture(scope="module")
def fitted(data):
    return Craft(ImageModel(networks.colour_net(), SIZE), 3).fit(data[0])


def mean_coefficients(craft, images):
    return craft.transform(images).mean(axis=(1, 2))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_squares(fitted, data, method):
    images, masks = data[0][:4], data[1][:4]
    maps = fitted.concept_maps(images, method, MapConfig(n_steps=8, n_samples=4, window=12, stride=6))
    assert maps.shape == (4, 3, 48, 48)
    assert maps.dtype == np.float32
    # The colour of a concept is the one whose squares hold most of its coefficients.
    own = fitted.concept_maps(images)
    colour = np.einsum("nrhw,nchw->rc", own, masks).argmax(axis=1)
    for i, c in enumerate(colour):
        inside, outside = maps[:, i][masks[:, c]].mean(), maps[:, i][~masks[:, c]].mean()
        # Noise makes the gradient of this nearly linear network alive on black ground too.
        assert inside > (1 if method == "smoothgrad" else 3) * abs(outside), (method, i)


def test_coefficients_are_enlarged_between_centres(fitted, data):
    maps = fitted.concept_maps(data[0][:2])
    U = torch.tensor(fitted.transform(data[0][:2])).permute(0, 3, 1, 2)
    torch_way = torch.nn.functional.interpolate(U, size=48, mode="bilinear", align_corners=False)
    # transform keeps activations in half precision
    np.testing.assert_allclose(maps, torch_way.numpy(), rtol=2e-3, atol=2e-3)


def test_gradcam_is_what_autograd_finds(fitted, data):
    images = data[0][:3]
    A = torch.tensor(fitted.cut.encode(images), dtype=torch.float64)
    W = torch.tensor(fitted.W)
    expected = []
    for k in range(3):
        leaf = A.clone().requires_grad_()
        coefficients(leaf, W)[..., k].mean(dim=(1, 2)).sum().backward()
        weights = leaf.grad.mean(dim=(1, 2))  # one a channel
        expected.append(torch.relu((A * weights[:, None, None]).sum(dim=-1)))
    expected = enlarge(torch.stack(expected, dim=-1).numpy(), (48, 48)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(fitted.concept_maps(images, "gradcam"), expected, rtol=1e-3, atol=1e-5)


def test_integrated_gradients_add_up_to_the_coefficient(fitted, data):
    images = data[0][:3]
    maps = fitted.concept_maps(images, "integrated_gradients", MapConfig(n_steps=64))
    black = mean_coefficients(fitted, np.zeros_like(images[:1]))
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), mean_coefficients(fitted, images) - black, rtol=0.02, atol=1e-3)


def test_smoothgrad_without_noise_is_the_gradient(fitted, data):
    image = data[0][:1]
    plain = fitted.concept_maps(image, "smoothgrad", MapConfig(noise=0.0, n_samples=1))
    inputs = fitted.model.tensor(image).requires_grad_()
    maps, _ = fitted.cut.encode_torch(inputs)
    coefficients(maps, maps.new_tensor(fitted.W))[..., 1].mean().backward()
    np.testing.assert_allclose(plain[0, 1], inputs.grad[0].abs().sum(dim=0).numpy(), rtol=1e-4, atol=1e-9)
    noisy = MapConfig(n_samples=3, seed=4)
    np.testing.assert_array_equal(
        fitted.concept_maps(image, "smoothgrad", noisy), fitted.concept_maps(image, "smoothgrad", noisy)
    )


def test_occlusion_is_the_mean_fall_of_the_windows_over_a_pixel(fitted, data):
    image = data[0][0]
    found = fitted.concept_maps(image[None], "occlusion", MapConfig(window=24, stride=24))
    whole = mean_coefficients(fitted, image[None])[0]
    grey = np.rint(image.mean(axis=(0, 1))).astype(np.uint8)
    for top, left in [(0, 0), (0, 24), (24, 0), (24, 24)]:
        covered = image.copy()
        covered[top : top + 24, left : left + 24] = grey
        fall = whole - mean_coefficients(fitted, covered[None])[0]
        np.testing.assert_allclose(found[0, :, top + 3, left + 20], fall, rtol=2e-3, atol=1e-4)


def test_occlusion_takes_all_concepts_from_one_pass(data):
    passes = []
    module = networks.colour_net()
    model = ImageModel(module, SIZE)
    for r in (1, 3):
        craft = Craft(model, r).fit(data[0])
        count = []
        handle = module[0].register_forward_hook(lambda _m, x, _y, count=count: count.append(len(x[0])))
        craft.concept_maps(data[0][:1], "occlusion", MapConfig(window=24, stride=24))
        handle.remove()
        passes.append(sum(count))
    assert passes == [5, 5]  # the picture and four windows


def test_windows_reach_the_border(fitted, data):
    found = fitted.concept_maps(data[0][:1], "occlusion", MapConfig(window=20, stride=20))
    assert np.isfinite(found).all()


def test_onnx_has_maps_without_gradients(fitted, data, tmp_path):
    pytest.importorskip("onnx")
    file = networks.as_onnx(networks.colour_net(), tmp_path / "net.onnx")
    craft = Craft(file, 3, preprocess=SIZE).fit(data[0])
    for method in ("coefficients", "gradcam", "occlusion"):
        # Banks of one model in two formats are the same, so their maps are.
        np.testing.assert_allclose(
            craft.concept_maps(data[0][:1], method), fitted.concept_maps(data[0][:1], method), rtol=0.01, atol=1e-3
        )
    with pytest.raises(ModelError, match="no"):
        craft.concept_maps(data[0][:1], "smoothgrad")


def test_wrong_options(fitted, data):
    with pytest.raises(InputError, match=r"unknown map method: 'gradcamm'.*Did you mean 'gradcam'"):
        fitted.concept_maps(data[0][:1], "gradcamm")
    with pytest.raises(InputError, match="at least 1"):
        MapConfig(n_steps=0)
