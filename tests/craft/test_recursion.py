"""What concepts consist of: pieces, earlier layers, trees; and concepts on disk."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import xai  # noqa: E402
from tests.craft import networks  # noqa: E402
from xai.core.errors import InputError, ModelError  # noqa: E402
from xai.craft import Craft, Tree, load, sheet  # noqa: E402
from xai.craft.members import Members, coherence, overlaps, position_boxes  # noqa: E402
from xai.craft.recursion import least_coherent, pieces  # noqa: E402
from xai.models.vision import ImageModel, Preprocess  # noqa: E402

SIZE = Preprocess(size=(48, 48))
CLASSES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def images():
    return networks.squares(24)[0]


@pytest.fixture(scope="module")
def model():
    return ImageModel(networks.colour_net(), SIZE, CLASSES)


@pytest.fixture
def craft(model, images):
    return Craft(model, 3, patch_size=24).fit(images)


def test_pieces_are_those_above_the_percentile(craft):
    members = craft.members
    values = members.U[:, 1]
    threshold = np.percentile(values, 90)
    taken = members.of(1, per_image=100)
    assert min(crop.coefficient for crop in taken) >= threshold
    assert max(values[values >= threshold]) == taken[0].coefficient


def test_a_concept_is_split_at_an_earlier_layer(craft, images, model):
    child = craft.recurse(1, n_concepts=2)
    assert craft.layer == "5"
    assert child.layer in [layer.name for layer in xai.models.vision.layers(model)]
    assert child.cut.grid[0] > craft.cut.grid[0]  # the nearest finer map
    assert child.n_concepts == 2
    assert craft.children == {(1, child.layer): child}
    # It was learned from the pieces, enlarged to the model's input.
    crops = child.origin
    assert child.view.shape == (len(crops), 48, 48, 3)
    first = crops[0].cut_out(craft.view)
    assert first.shape == (24, 24, 3)
    assert np.abs(child.view[0].mean(axis=(0, 1)) - first.mean(axis=(0, 1))).max() < 5
    with pytest.raises(InputError, match=r"unknown layer before '5': '8'.*'2'"):
        craft.recurse(1, layer="8")
    with pytest.raises(InputError, match="there is no concept 7"):
        craft.recurse(7)


def test_a_split_concept_can_be_split_again_up_to_the_first_layer(craft):
    here, seen = craft, [craft.layer]
    while here.layer != "0":
        here = here.recurse(0, n_concepts=2)
        seen.append(here.layer)
    with pytest.raises(InputError, match="no layer before '0'"):
        here.recurse(0)
    assert len(seen) >= 3
    assert [int(name) for name in seen] == sorted(map(int, seen), reverse=True)


def test_crops_mode_takes_each_crop_as_one_row_again(model, images):
    craft = Craft(model, 3, mode="crops", patch_size=24).fit(images)
    child = craft.recurse(0, n_concepts=2)
    assert len(child.members.U) == len(child.view)


def test_tree_holds_importance_at_each_node(craft, images):
    child = craft.recurse("concept 2", n_concepts=2)
    tree = craft.tree("green")
    assert tree.class_name == "green"
    assert [node.name for node in tree.walk()] == [
        "concept 1", "concept 2", "concept 1", "concept 2", "concept 3",
    ]  # fmt: skip
    parent = tree.nodes[1]
    assert [node.path for node in parent.children] == [("concept 2", "concept 1"), ("concept 2", "concept 2")]
    assert {node.layer for node in parent.children} == {child.layer}
    own = sheet(child, "green").importance  # the page shows the same numbers
    np.testing.assert_allclose([node.sobol for node in parent.children], own.sobol)
    np.testing.assert_allclose([node.signed for node in tree.nodes], craft.importance(None, "green").signed)
    assert any(node.worth_splitting for node in tree.nodes)
    assert Tree.from_json(tree.to_json()) == tree
    for text in ("{", "[]", '{"format": 9}', '{"format": 1, "class_name": "x", "nodes": [{"name": 1}]}'):
        with pytest.raises(InputError, match=r"tree|format"):
            Tree.from_json(text)


def test_too_few_pieces_are_told(model, images):
    craft = Craft(model, 3, patch_size=48).fit(images[:2])
    with pytest.raises(InputError, match=r"pieces; splitting it needs at least 5"):
        craft.recurse(0)
    with pytest.raises(InputError, match="has 0 pieces"):
        pieces(craft.view, ())


def test_coherence_is_the_mean_cosine_of_pairs():
    rng = np.random.default_rng(0)
    rows, U = rng.normal(size=(200, 6)), rng.random((200, 2))
    found = coherence(rows, U)
    for i in range(2):
        mine = rows[U[:, i] >= np.percentile(U[:, i], 90)] - rows.mean(axis=0)
        unit = mine / np.linalg.norm(mine, axis=1, keepdims=True)
        cosines = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
        assert found[i] == pytest.approx(cosines.mean())
    assert np.isnan(coherence(rows, np.zeros((200, 1)))).all()


def test_the_least_coherent_quarter_with_enough_pieces_is_suggested():
    values = np.array([0.9, 0.1, 0.5, np.nan, 0.2, 0.7, 0.8, 0.6])
    many = np.array([9, 3, 9, 9, 9, 9, 9, 9])  # the loosest has too few pieces
    assert np.flatnonzero(least_coherent(values, many)).tolist() == [2, 4]


def test_boxes_of_positions_lie_inside_and_around_their_centres():
    boxes = position_boxes((3, 4), (60, 100), 24)
    assert boxes.shape == (12, 4)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= 60).all()
    assert (boxes[:, 3] <= 100).all()
    assert (boxes[:, 2] - boxes[:, 0] == 24).all()
    middle = (boxes[5, :2] + boxes[5, 2:]) / 2
    np.testing.assert_allclose(middle, [30, 37.5], atol=0.5)
    others = np.array([[1, 1, 3, 3], [2, 0, 4, 2], [3, 3, 5, 5], [0, 0, 2, 2]])
    np.testing.assert_allclose(overlaps(others, np.array([0, 0, 2, 2])), [1 / 7, 0, 0, 1])


def test_best_pieces_are_at_most_two_of_a_picture_and_never_the_same_place():
    U = np.array([[5.0], [4.9], [4.8], [4.0], [0.0]])
    boxes = np.array([[0, 0, 10, 10], [0, 1, 10, 11], [20, 20, 30, 30], [40, 40, 50, 50], [0, 0, 10, 10]])
    members = Members(U, np.array([0, 0, 0, 0, 1]), boxes, np.ones(1))
    best = members.best(0)
    # The second lies on the first; the fourth would be the third of its picture; the fifth holds nothing.
    assert [crop.coefficient for crop in best] == [5.0, 4.8]


def test_saved_concepts_come_back_with_names_and_children(craft, images, model, tmp_path):
    craft.rename({0: "ruby"}).recurse(0, n_concepts=2)
    file = tmp_path / "colours.npz"
    craft.save(file)
    again = load(file, model)
    np.testing.assert_array_equal(again.W, craft.W)
    np.testing.assert_array_equal(again.transform(images[:2]), craft.transform(images[:2]))
    assert again.names == craft.names
    assert repr(again) == repr(craft)
    with pytest.raises(InputError, match=r"call \.attach"):
        _ = again.view
    again.attach(images)
    assert again.tree("red") == craft.tree("red")
    for mine, theirs in zip(again.best_crops(1), craft.best_crops(1), strict=True):
        assert (mine.image, mine.box) == (theirs.image, theirs.box)
    # Children of children are kept too, and what was loaded can be split further.
    grandchild = again.children[next(iter(again.children))].recurse(1, n_concepts=2)
    again.save(file)
    (child,) = load(file, model).children.values()
    np.testing.assert_array_equal(child.children[1, grandchild.layer].W, grandchild.W)
    with pytest.raises(InputError, match="learned from at least 24 pictures, but 3 came"):
        again.attach(images[:3])


def test_saved_concepts_hold_no_pickle(craft, tmp_path):
    craft.save(tmp_path / "bank.npz")
    with zipfile.ZipFile(tmp_path / "bank.npz") as archive:
        for name in archive.namelist():
            np.lib.format.read_magic(stream := io.BytesIO(archive.read(name)))
            _, _, dtype = np.lib.format.read_array_header_1_0(stream)
            assert not dtype.hasobject


def test_another_model_is_refused(craft, images, tmp_path):
    craft.save(tmp_path / "bank.npz")
    other = networks.colour_net()
    other[0].weight.data *= 1.01
    with pytest.raises(ModelError, match="another model or another preprocessing"):
        load(tmp_path / "bank.npz", other)
    with pytest.raises(ModelError, match="another model or another preprocessing"):
        load(tmp_path / "bank.npz", ImageModel(networks.colour_net(), Preprocess(size=(48, 48), std=(0.5,) * 3)))
    same = load(tmp_path / "bank.npz", networks.colour_net())  # a plain module gets the saved preprocessing
    np.testing.assert_array_equal(same.transform(images[:1]), craft.transform(images[:1]))


def test_files_that_hold_no_concepts(craft, model, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "nothing.npz", model)
    (tmp_path / "text.npz").write_text("concepts")
    np.savez(tmp_path / "other.npz", W=np.eye(3))
    craft.save(tmp_path / "bank.npz")
    whole = (tmp_path / "bank.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    header = json.dumps({"kind": "gallery", "format": 1}).encode()
    np.savez(tmp_path / "gallery.npz", header=np.frombuffer(header, np.uint8))
    for name in ("text", "other", "cut", "gallery"):
        with pytest.raises(InputError, match="concepts"):
            load(tmp_path / f"{name}.npz", model)


def test_importance_makes_the_round_trip(craft, images, tmp_path):
    found = craft.importance(images, "blue").attribution
    found.to_json(tmp_path / "a.json")
    again = xai.Attribution.from_json(tmp_path / "a.json")
    np.testing.assert_array_equal(again.values, found.values)
    assert again.units.kind == "concept"
    seats = xai.elect(again.for_output("blue"), seats=20).seats
    assert seats == xai.elect(found.for_output("blue"), seats=20).seats
