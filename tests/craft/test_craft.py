"""The whole method on networks that see colours by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc

torch = pytest.importorskip("torch")

import xai  # noqa: E402
from tests.craft import networks  # noqa: E402
from xai.core.errors import InputError, ModelError  # noqa: E402
from xai.craft import Craft, FactorConfig, match  # noqa: E402
from xai.models.vision import ImageModel, Preprocess  # noqa: E402

N = 24


@pytest.fixture(scope="module")
def data():
    return networks.squares(N)


@pytest.fixture(scope="module")
def model():
    return ImageModel(networks.colour_net(), Preprocess(size=(48, 48)), class_names=("red", "green", "blue"))


@pytest.fixture(scope="module")
def fitted(model, data):
    return Craft(model, 3).fit(data[0])


def of_colours(craft, images, masks):
    """Concept of each colour: whose coefficients lie in its squares."""
    maps = craft.concept_maps(images)
    mass = np.einsum("nrhw,nchw->cr", maps, masks) / maps.sum(axis=(0, 2, 3))
    return mass.argmax(axis=1), mass


def test_concepts_are_the_colours(fitted, data):
    images, masks = data
    concepts, mass = of_colours(fitted, images, masks)
    assert sorted(concepts) == [0, 1, 2]
    assert mass.max(axis=1).min() > 0.6  # bilinear maps blur over the borders of the squares
    assert fitted.factors.error < 0.05
    assert fitted.layer == "5"


def test_coefficients_rebuild_the_activations(fitted, data):
    U = fitted.transform(data[0])
    assert U.shape == (N, 4, 4, 3)
    assert (U >= 0).all()
    maps = fitted.cut.encode(data[0])
    assert np.linalg.norm(U @ fitted.W - maps) / np.linalg.norm(maps) == pytest.approx(fitted.factors.error, abs=1e-3)


def test_importance_is_exact_for_the_linear_head(fitted, data, model):
    found = fitted.importance(data[0], "green")
    assert found.estimator == "closed_form"
    assert found.sobol.sum() == pytest.approx(1)
    # Nearly everything of these activations is in the concepts, so contributions add up to the model's answers.
    gap = np.abs(found.attribution.additivity_gap).max()
    assert gap < 0.05 * np.ptp(model.predict(data[0]))
    assert fitted.importance(data[0], 1, "sobol").sobol == pytest.approx(found.sobol, abs=0.01)
    assert sum(xai.elect(found.attribution.for_output("green"), seats=9).seats.values()) == 9


def test_crops_mode_is_the_published_method(model, data):
    """Grid crops at full size, mean activations, NMF; then Halton design, masked maps, Jansen: written out plainly."""
    images = data[0][:8]
    found = Craft(model, 3, mode="crops", patch_size=24, factor=FactorConfig(n_rows=0)).fit(images)
    stride, net = int(0.8 * 24), model.network.native
    starts = range(0, 48 - 24 + 1, stride)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    patches = torch.cat([x[:, :, i : i + 24, j : j + 24] for i in starts for j in starts])
    resized = torch.nn.functional.interpolate(patches, size=48, mode="bilinear", align_corners=False)
    with torch.no_grad():
        A = net[:6](resized).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(
        found.factors.error, np.linalg.norm(A - best_fit(A, found.W) @ found.W) / np.linalg.norm(A), rtol=1e-3
    )
    U = found.transform(images)
    points = qmc.Halton(6, scramble=False).random(32)
    a, b = points[:, :3], points[:, 3:]
    indices = []
    for u in U:
        y = []
        for masks in (a, *(np.where(np.arange(3) == i, b, a) for i in range(3))):
            maps = torch.tensor((u * masks[:, None, None]) @ found.W, dtype=torch.float32).permute(0, 3, 1, 2)
            with torch.no_grad():
                y.append(net[6:](maps)[:, 2].double().numpy())
        indices.append([((y[0] - c) ** 2).mean() / (2 * y[0].var(ddof=1)) for c in y[1:]])
    published = found.importance(images, "blue", "published")
    np.testing.assert_allclose(published.sobol, np.mean(indices, axis=0), atol=1e-4)
    boxes = {crop.box for i in range(3) for crop in found.best_crops(i)}
    assert boxes <= {(i, j, i + 24, j + 24) for i in starts for j in starts}


def best_fit(A, W):
    from scipy.optimize import nnls

    return np.array([nnls(W.T, row)[0] for row in A])


def test_a_head_with_a_hidden_layer_is_sampled(data):
    craft = Craft(networks.colour_net(hidden=True), 3, preprocess=Preprocess(size=(48, 48))).fit(data[0])
    found = craft.importance(data[0][:5], 0)
    assert found.estimator == "sobol"
    assert (found.standard_error > 0).any()
    assert found.attribution.output_names == ("0", "1", "2")


def test_best_crops_come_from_many_pictures(fitted, data):
    images, masks = data
    concepts, _ = of_colours(fitted, images, masks)
    crops = Craft(fitted.model, 3, patch_size=12).fit(images).best_crops(int(concepts[0]), n=10)
    assert len(crops) == 10
    of_image = [crop.image for crop in crops]
    assert max(of_image.count(i) for i in of_image) <= 2
    assert list(np.diff([crop.coefficient for crop in crops]) <= 0) == [True] * 9
    for crop in crops:
        top, left, bottom, right = crop.box
        assert (bottom - top, right - left) == (12, 12)
        assert masks[crop.image, 0, top:bottom, left:right].mean() == 1
        assert crop.cut_out(fitted.view).shape == (12, 12, 3)


def test_seeds_cache_and_banks(model, data, tmp_path):
    first = Craft(model, 3, cache=tmp_path).fit(data[0])
    again = Craft(model, 3, cache=tmp_path).fit(data[0])
    np.testing.assert_array_equal(first.W, again.W)
    assert list(tmp_path.iterdir())
    assert match(first.W, Craft(model, 3, seed=4).fit(data[0]).W).mean > 0.99


def test_game_over_concepts(fitted, data):
    image = data[0][3]
    game = fitted.game(image, "red")
    attribution = fitted.importance(data[0][3:4], "red").attribution.for_output("red")
    masks = np.array([[0, 0, 0], [1, 1, 1], [2.5, 0, 1]])
    expected = attribution.base_values[0] + masks @ attribution.values[0, :, 0]
    np.testing.assert_allclose(game(masks)[:, 0], expected, atol=1e-5)
    curve = xai.faithfulness.curve(game, attribution.values[0, :, 0], n_random=20)
    assert curve.y[0] == pytest.approx(attribution.base_values[0, 0])
    assert curve.auc >= curve.random_auc
    assert fitted.game(image).output_names == ("red", "green", "blue")
    with pytest.raises(InputError, match="finite weight >= 0"):
        game(-masks)


def test_curves_in_concept_space(fitted, data):
    found = fitted.fidelity(data[0], "red")
    for name in ("sobol", "tcav", "random"):  # the signed order is optimal for affine heads
        assert (found.insertion["signed"] >= found.insertion[name] - 1e-9).all()
        assert (found.deletion["signed"] <= found.deletion[name] + 1e-9).all()
    for curves in (found.insertion, found.deletion):
        ends = np.array([[curve[0], curve[-1]] for curve in curves.values()])
        np.testing.assert_allclose(ends, np.repeat(ends[:1], 4, axis=0), atol=1e-6)
    assert found.insertion_auc["signed"] == pytest.approx(np.trapezoid(found.insertion["signed"], found.x))
    assert found.carried.r2 > 0.99
    assert found.carried.warning is None
    assert list(found.to_frame().index) == ["signed", "sobol", "tcav", "random"]


def test_concepts_that_carry_too_little_are_told(model, data):
    # Which colour a single concept is depends on the solver.
    craft = Craft(model, 1, factor=FactorConfig(solver="sklearn")).fit(data[0])
    carried = craft.fidelity(data[0], "red").carried
    assert carried.r2 < 0.7
    assert carried.warning
    assert "do not carry the decision" in carried.warning


def test_sweep_finds_the_three_colours(fitted, data):
    found = fitted.sweep(data[0], ranks=(1, 2, 3, 4, 6), n_seeds=2)
    assert found.suggested == 3
    assert (np.diff(found.error) < 1e-6).all()
    assert found.agreement[2] == 1
    assert found.stability[2] > 0.99
    assert found.to_frame().loc[3, "suggested"]
    with pytest.raises(InputError, match="from 1"):
        fitted.sweep(ranks=(0, 2))
    with pytest.raises(InputError, match="at least 2 to compare"):
        fitted.sweep(n_seeds=1)


def test_tokens_beside_the_patches_stay(data):
    module = networks.Tokens().eval()
    craft = Craft(module, 4, layer="mix", preprocess=Preprocess(size=(48, 48))).fit(data[0])
    assert craft.factors.kind == "semi-nmf"
    found = craft.importance(data[0][:6], 1)
    assert found.estimator == "sobol"
    game = craft.game(data[0][0], 1)
    coded, _ = craft.code(data[0][:1])
    rebuilt = craft.cut.decode(coded.U @ craft.W, coded.prefix)
    np.testing.assert_allclose(game(np.ones((1, 4)))[0, 0], rebuilt[0, 1], rtol=1e-5)
    assert found.attribution.base_values[0, 1] == pytest.approx(game(np.zeros((1, 4)))[0, 0], rel=1e-5)


def test_pictures_that_are_not_square():
    images, _ = networks.squares(8, side=(36, 60))
    craft = Craft(networks.colour_net(), 3, preprocess=Preprocess(size=(36, 60)), patch_size=24).fit(images)
    assert craft.transform(images).shape == (8, 3, 5, 3)
    assert craft.concept_maps(images, "gradcam").shape == (8, 3, 36, 60)
    assert all(crop.box[2] <= 36 and crop.box[3] <= 60 for crop in craft.best_crops(0))


def test_a_model_in_train_mode_is_put_back(data):
    module = torch.nn.Sequential(*networks.colour_net(), torch.nn.Dropout(0.5)).train()
    craft = Craft(module, 3, preprocess=Preprocess(size=(48, 48))).fit(data[0])
    np.testing.assert_array_equal(craft.transform(data[0]), craft.transform(data[0]))
    assert module.training


class Divides(torch.nn.Module):
    """NaN for a black picture, as an instance normalisation without an epsilon."""

    def forward(self, x):
        return x / x.mean(dim=(1, 2, 3), keepdim=True)


def test_one_bad_picture_spoils_no_other(model, data):
    images = list(data[0])
    good = Craft(model, 3).fit(images)
    mixed = Craft(model, 3).fit([*images, np.zeros((48, 48, 5)), "no picture"])
    np.testing.assert_array_equal(good.W, mixed.W)
    assert any(note.startswith("image 24 was left out: its shape") for note in mixed.notes)
    found = mixed.importance([images[0], None, images[1]], 0)
    np.testing.assert_allclose(found.sobol, good.importance(images[:2], 0).sobol)
    assert found.notes[0].startswith("image 1 was left out")
    assert np.isnan(mixed.transform([images[0], None])[1]).all()


def test_activations_that_are_not_finite(data):
    module = torch.nn.Sequential(Divides(), *networks.colour_net())
    images = data[0].copy()
    images[5] = 0
    craft = Craft(module, 3, preprocess=Preprocess(size=(48, 48))).fit(images)
    assert craft.notes == ("image 5 was left out: its activations are NaN or infinite.",)
    assert set(craft.members.images) == set(range(N)) - {5}
    U = craft.transform(images)
    assert np.isnan(U[5]).all()
    assert np.isfinite(np.delete(U, 5, axis=0)).all()
    found = craft.importance(images, 0)
    assert found.attribution.rows == tuple(i for i in range(N) if i != 5)
    assert np.isfinite(found.sobol).all()
    assert craft.fidelity(images, 0).n_images == N - 1
    with pytest.raises(InputError, match="none of the 2 images can be used"):
        craft.fit(np.zeros((2, 48, 48, 3), np.uint8))


def test_a_black_picture_is_left_out_of_the_mean(fitted, data):
    images = data[0][:4].copy()
    images[2] = 0
    found = fitted.importance(images, 0)
    np.testing.assert_allclose(found.sobol, fitted.importance(images[[0, 1, 3]], 0).sobol)
    assert "image 2: left out of the mean" in found.notes[0]
    assert np.isfinite(found.signed).all()


def test_few_pictures_are_enough_and_told(model, data):
    craft = Craft(model, 3).fit(data[0][:3])
    assert "3 pictures only" in craft.notes[0]
    with pytest.raises(InputError, match="20 concepts were asked for, but there are only 12 rows of 8"):
        Craft(model, 20, mode="crops", patch_size=24).fit(data[0][:3])


def test_pictures_of_other_kinds(fitted, data):
    image = data[0][0]
    assert fitted.transform([image[:, :, 0]]).shape == (1, 4, 4, 3)  # greyscale
    rgba = np.dstack([image, np.full((48, 48), 255, np.uint8)])
    np.testing.assert_array_equal(fitted.transform([rgba]), fitted.transform([image]))
    np.testing.assert_array_equal(fitted.transform([image.astype(np.uint16) * 257]), fitted.transform([image]))
    assert fitted.transform([image, np.zeros((60, 80, 3), np.uint8)]).shape == (2, 4, 4, 3)


def test_wrong_names_and_options(model, fitted, data):
    with pytest.raises(InputError, match=r"unknown layer: 'conv9'.*'5'"):
        Craft(model, 3, layer="conv9")
    with pytest.raises(InputError, match="unknown mode"):
        Craft(model, mode="patches")
    with pytest.raises(InputError, match="n_concepts"):
        Craft(model, 0)
    with pytest.raises(ModelError, match="has its preprocessing already"):
        Craft(model, preprocess=Preprocess())
    with pytest.raises(InputError, match=r"call \.fit"):
        Craft(model, 3).transform(data[0])
    with pytest.raises(InputError, match="unknown class: 'rot'"):
        fitted.importance(data[0], "rot")
    with pytest.raises(InputError, match="there is no class 3"):
        fitted.importance(data[0], 3)
    with pytest.raises(InputError, match=r"can be used\. Image 0: its shape"):
        fitted.game(np.zeros((3, 3, 7)))
    with pytest.raises(InputError, match="there are no images"):
        fitted.transform([])


def test_concepts_get_names(model, data):
    craft = Craft(model, 3).fit(data[0]).rename({0: "ruby", "concept 2": "emerald"})
    assert craft.names == ("ruby", "emerald", "concept 3")
    assert craft.importance(data[0], 0).names == craft.names
    assert craft.game(data[0][0]).units.names == craft.names
    with pytest.raises(InputError, match="a name of its own"):
        craft.rename({1: "ruby"})
    with pytest.raises(InputError, match="unknown concept"):
        craft.rename({"saphire": "x"})


def test_names_come_back_from_their_file(model, data, tmp_path):
    craft = Craft(model, 3).fit(data[0]).rename({0: "ruby", "concept 2": "emerald"})
    craft.names_to_json(tmp_path / "names.json")
    again = Craft(model, 3).fit(data[0]).names_from_json(tmp_path / "names.json")
    assert again.names == craft.names
    other = Craft(model, 3, seed=7).fit(data[0][::-1]).names_from_json(tmp_path / "names.json")
    assert set(other.names) == set(craft.names)
    assert match(other.W[[other.position("ruby")]], craft.W[[0]]).mean > 0.99
