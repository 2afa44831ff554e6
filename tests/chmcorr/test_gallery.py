"""Galleries: neighbours against brute force, files, folders, and everything that can be wrong with them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from xai.chmcorr import CorrespondenceClassifier, Gallery, Options, neighbours
from xai.core.errors import InputError, ModelError

from .pictures import Squares, picture, random_codes

IMAGES = [picture(random_codes(seed)) for seed in range(12)]
LABELS = ["a", "b", "c"] * 4


def build(images=IMAGES, labels=LABELS, encoder=None, **options):
    return Gallery.build(images, labels, encoder or Squares(), **options)


def classifier(gallery, **options):
    return CorrespondenceClassifier(gallery, Options(**({"n_candidates": 10, "k": 5} | options)))


@pytest.mark.parametrize("block", [3, 1000])
def test_neighbours_are_those_of_a_full_sort(monkeypatch, block):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 8)).astype(np.float32)
    rows[50] = rows[20]  # a tie: the earlier row comes first
    query, left_out = rows[20], np.array([3, 77])
    order, similarity = neighbours.nearest(rows, query, 30, left_out)
    full = rows @ query
    full[left_out] = -np.inf
    expected = np.argsort(-full, kind="stable")[:30]
    assert np.array_equal(order, expected)
    assert similarity == pytest.approx(full[expected])


def test_a_gallery_on_disk_answers_as_the_one_in_memory(tmp_path):
    memory = build()
    built = build(path=tmp_path / "built")
    memory.save(tmp_path / "saved")
    query = picture(random_codes(99))
    expected = classifier(memory).explain(query)
    for gallery in (built, *(Gallery.open(tmp_path / name, Squares()) for name in ("built", "saved"))):
        assert isinstance(gallery.maps, np.memmap)
        assert gallery.maps.dtype == np.float16
        found = classifier(gallery).explain(query)
        assert np.array_equal(found.scores.values, expected.scores.values)
        assert found.votes == expected.votes
        assert gallery.names == memory.names


def test_a_folder_of_pictures(tmp_path):
    from PIL import Image

    for i, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / label / f"{i}.png")
    gallery = Gallery.from_folder(tmp_path, Squares())
    assert gallery.class_names == ("a", "b", "c")
    assert len(gallery) == 12
    assert gallery.names[0] == "a/0.png"
    (tmp_path / "a" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a/broken\.png"):
        Gallery.from_folder(tmp_path, Squares())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="one subfolder a class"):
        Gallery.from_folder(tmp_path / "empty", Squares())
    with pytest.raises(InputError, match="is no folder"):
        Gallery.from_folder(tmp_path / "nowhere", Squares())


class TestBadInput:
    def test_another_backbone_than_encoded_it(self, tmp_path):
        build(path=tmp_path / "g")
        with pytest.raises(InputError, match="build the gallery again"):
            Gallery.open(tmp_path / "g", Squares(salt=1))

    @pytest.mark.parametrize("name", ["maps.npy", "gallery.json"])
    def test_a_damaged_folder(self, tmp_path, name):
        build(path=tmp_path / "g")
        (tmp_path / "g" / name).write_bytes(b"\x93NUMPY garbage")
        with pytest.raises(InputError, match=r"damaged|no gallery"):
            Gallery.open(tmp_path / "g", Squares())

    def test_a_folder_that_lost_pictures(self, tmp_path):
        build(path=tmp_path / "g")
        head = json.loads((tmp_path / "g" / "gallery.json").read_text())
        head["names"] = head["names"][:-1]
        (tmp_path / "g" / "gallery.json").write_text(json.dumps(head))
        with pytest.raises(InputError, match="different numbers"):
            Gallery.open(tmp_path / "g", Squares())

    def test_a_folder_that_is_none_or_not_empty(self, tmp_path):
        with pytest.raises(InputError, match="holds no gallery"):
            Gallery.open(tmp_path, Squares())
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="not empty"):
            build(path=tmp_path)

    def test_a_build_that_was_cut_off_leaves_no_gallery(self, tmp_path):
        class Breaks(Squares):
            def encode(self, images):
                maps = super().encode(images)
                return maps * np.nan if self.calls > 1 else maps

        images = [picture(random_codes(seed)) for seed in range(40)]
        with pytest.raises(ModelError, match="NaN"):
            build(images, ["a", "b"] * 20, Breaks(), path=tmp_path / "g")
        with pytest.raises(InputError, match="holds no gallery"):
            Gallery.open(tmp_path / "g", Squares())

    def test_pictures_of_other_sizes(self):
        small = picture(random_codes(1, (5, 5)))
        with pytest.raises(InputError, match="resizes nothing"):
            build([*IMAGES[:11], small])
        with pytest.raises(InputError, match="bring it to the size"):
            classifier(build([picture(random_codes(i, (14, 14))) for i in range(12)])).explain(IMAGES[0])

    def test_labels(self):
        with pytest.raises(InputError, match="12 pictures, but 11 labels"):
            build(labels=LABELS[:-1])
        with pytest.raises(InputError, match="have no label, number 2 first"):
            build(labels=["a", "b", float("nan"), *LABELS[3:]])
        with pytest.raises(InputError, match="nothing to tell apart"):
            build(labels=["a"] * 12)
        with pytest.raises(InputError, match="no pictures"):
            build([], [])

    def test_duplicates(self):
        twice = [*IMAGES[:11], IMAGES[0]]
        same_class = ["a", "b", "c"] * 3 + ["b", "c", "a"]
        with pytest.raises(InputError, match="'0' and '11' are equal"):
            build(twice, same_class)
        with pytest.raises(InputError, match="mend the labels"):
            build(twice, LABELS)
        assert len(build(twice, same_class, duplicates="drop")) == 11
        assert len(build(twice, same_class, duplicates="keep")) == 12
        with pytest.raises(InputError, match="unknown choice"):
            build(duplicates="perhaps")

    def test_one_picture_a_class(self):
        gallery = build(IMAGES[:6], list("abcdef"))
        with pytest.raises(InputError, match="always a tie"):
            classifier(gallery)
        assert classifier(gallery, n_candidates=6, k=1).explain(picture(random_codes(50))).n_voters == 1

    def test_too_few_to_vote(self):
        with pytest.raises(InputError, match="only 12 pictures"):
            classifier(build(), n_candidates=50, k=20)
        with pytest.raises(InputError, match="only 11 pictures"):
            classifier(build(), n_candidates=12, k=12).explain(IMAGES[0])

    @pytest.mark.parametrize(
        ("mask", "text"),
        [
            (np.zeros((7, 7)), "ignores all 49 patches"),
            (np.full((7, 7), np.nan), "nan for 'row 1 column 1'"),
            (-np.ones(49), "finite weight"),
            (np.ones((6, 7)), r"shape \(6, 7\)"),
        ],
    )
    def test_masks(self, mask, text):
        with pytest.raises(InputError, match=text):
            classifier(build()).explain(picture(random_codes(51))).edit(mask)

    def test_a_class_outside_the_shortlist(self):
        near, far = random_codes(1, low=0, high=100), random_codes(2, low=150, high=250)
        mixed = [np.random.default_rng(i).permuted(near.ravel()).reshape(7, 7) for i in range(9)]
        images = [picture(codes) for codes in (*mixed[:8], *(np.roll(far, i) for i in range(4)))]
        gallery = build(images, ["near", "near", "close", "close"] * 2 + ["far"] * 4)
        e = classifier(gallery, n_candidates=8).explain(picture(mixed[8]))
        assert e.shortlist == ("close", "near")
        with pytest.raises(InputError, match="no edit can make it win"):
            e.exemplars_of("far")
        with pytest.raises(InputError, match="Did you mean 'near'"):
            e.exemplars_of("neer")
        assert any("1 of 3 classes" in notice for notice in e.notices)
        assert e.votes["far"] == 0

    def test_pictures_and_options(self):
        with pytest.raises(InputError, match="one picture, not 2"):
            classifier(build()).explain(IMAGES[:2])
        with pytest.raises(InputError, match="NaN or infinite"):
            classifier(build()).explain(np.full((56, 56, 3), np.nan))
        with pytest.raises(InputError, match="from 1 to 300"):
            Options(n_candidates=301)
        with pytest.raises(InputError, match="k is 21"):
            Options(n_candidates=20, k=21)
        with pytest.raises(InputError, match="unknown matcher"):
            Options(matcher="best")
        with pytest.raises(InputError, match="grid is"):
            build(grid=(0, 7))
        with pytest.raises(InputError, match="unknown backbone"):
            Gallery.build(IMAGES, LABELS, "efficient")

    def test_values_that_do_not_fit_into_sixteen_bits(self):
        class Loud(Squares):
            def encode(self, images):
                return super().encode(images) * 1e6

        with pytest.raises(ModelError, match="65,504"):
            build(encoder=Loud())

    def test_a_picture_that_resembles_nothing(self):
        class Silent(Squares):
            def encode(self, images):
                return super().encode(images) * 0

        with pytest.raises(ModelError, match="image 0 an embedding of zeros"):
            build(encoder=Silent())
