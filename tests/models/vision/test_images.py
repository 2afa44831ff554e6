"""Pictures of every usual kind, and those that are none."""

from __future__ import annotations

import io

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from xai.core.errors import InputError  # noqa: E402
from xai.models.vision import Preprocess, as_image, as_images, enlarge, from_hub, read_image, sort_out  # noqa: E402


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_depths_and_channels(picture):
    grey = picture[:, :, 0]
    np.testing.assert_array_equal(as_image(grey), np.dstack([grey] * 3))
    np.testing.assert_array_equal(as_image(grey[:, :, None]), np.dstack([grey] * 3))
    np.testing.assert_array_equal(as_image(picture.astype(np.uint16) * 257), picture)
    np.testing.assert_array_equal(as_image(picture / 255.0), picture)
    np.testing.assert_array_equal(as_image(picture.astype(np.int64)), picture)
    np.testing.assert_array_equal(as_image(grey > 127), np.where(np.dstack([grey] * 3) > 127, 255, 0))
    alpha = np.full((20, 30, 1), 255, np.uint8)
    alpha[:10] = 0
    clear = as_image(np.concatenate([picture, alpha], axis=2))
    np.testing.assert_array_equal(clear[10:], picture[10:])
    assert (clear[:10] == 255).all()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((4, 4, 2)), "its shape is"),
        (np.zeros(7), "its shape is"),
        (np.zeros((1, 9, 3), np.uint8), "only 9 x 1 pixels"),
        (np.full((4, 4, 3), np.nan), "48 of its values are NaN"),
        (np.full((4, 4, 3), 7.5), "from 7.5 to 7.5, not within 0 to 1"),
        (np.full((4, 4, 3), 300), "run from 300 to 300"),
        (np.full((4, 4, 3), "a"), "no pixel values|holds <U1"),
    ],
)
def test_what_is_no_picture(bad, words, picture):
    with pytest.raises(InputError, match=words):
        as_image(bad)
    found = sort_out([picture, bad, picture])
    assert list(found.problems) == [1]
    assert found.positions.tolist() == [0, 2]
    with pytest.raises(InputError, match="image 1: "):
        as_images([picture, bad])


def saved(picture, kind, mode=None, **options):
    stream = io.BytesIO()
    image = Image.fromarray(picture)
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def test_files(picture, tmp_path):
    np.testing.assert_array_equal(read_image(saved(picture, "PNG")), picture)
    assert np.abs(read_image(saved(picture, "PNG", "P")).astype(int) - picture).mean() < 60  # few colours
    assert read_image(saved(picture, "JPEG", "CMYK")).shape == (20, 30, 3)
    deep = (picture[:, :, 0].astype(np.uint16) * 257).astype(np.uint16)
    np.testing.assert_array_equal(read_image(saved(deep, "PNG"))[:, :, 0], picture[:, :, 0])
    turned = Image.Exif()
    turned[274] = 6  # taken with the camera on its side
    assert read_image(saved(picture, "JPEG", exif=turned)).shape == (30, 20, 3)
    (tmp_path / "broken.png").write_bytes(saved(picture, "PNG")[:60])
    for source in (tmp_path / "broken.png", tmp_path / "nothing.png", b"GIF89a", saved(picture, "BMP")):
        with pytest.raises(InputError, match="cannot be read"):
            read_image(source)
    with pytest.raises(InputError, match="30 x 20 pixels; at most 100 are read"):
        read_image(saved(picture, "PNG"), max_pixels=100)


def test_preprocessing_is_the_formula(picture):
    preprocess = Preprocess(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1.0))
    expected = (picture / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 1.0]
    np.testing.assert_allclose(preprocess.normalise(picture[None])[0], expected.transpose(2, 0, 1), atol=1e-6)
    turned = Preprocess(channel_order="BGR").normalise(picture[None])[0]
    np.testing.assert_allclose(turned, picture[:, :, ::-1].transpose(2, 0, 1) / 255, atol=1e-6)
    grey = Preprocess(channel_order="L").normalise(picture[None])
    assert grey.shape == (1, 1, 20, 30)
    np.testing.assert_allclose(grey[0, 0], picture.mean(axis=2) / 255, atol=1e-6)
    with pytest.raises(InputError, match="std must be positive"):
        Preprocess(std=(0, 1, 1))


def test_sizes(picture):
    assert Preprocess(size=(40, 24)).view([picture]).shape == (1, 40, 24, 3)
    middle = Preprocess(size=(20, 20), shortest_edge=20).view([picture])
    np.testing.assert_array_equal(middle[0], picture[:, 5:25])
    with pytest.raises(InputError, match="needs a size that fits"):
        Preprocess(size=(20, 20), shortest_edge=10)


def test_enlarging_is_torchs_bilinear():
    torch = pytest.importorskip("torch")
    maps = np.random.default_rng(1).random((2, 5, 7, 3)).astype(np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(maps).permute(0, 3, 1, 2), size=(33, 20), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(enlarge(maps, (33, 20)), theirs.permute(0, 2, 3, 1).numpy(), atol=1e-6)


def test_what_hub_files_say():
    found = from_hub(
        {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True,
         "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3}
    )  # fmt: skip
    assert (found.size, found.shortest_edge, found.bicubic) == ((224, 224), 256, True)
    assert found.mean == pytest.approx((0.485, 0.456, 0.406))
    raw = from_hub({"size": {"height": 32, "width": 48}, "do_rescale": False, "image_mean": [127.5] * 3,
                    "image_std": [127.5] * 3})  # fmt: skip
    assert raw.size == (32, 48)
    assert raw.mean == pytest.approx((0.5,) * 3)
    with pytest.raises(InputError, match="cannot be read as a preprocessor_config"):
        from_hub("/nowhere")
    for factor in (0, -1, "much", float("inf")):
        with pytest.raises(InputError, match=r"rescale_factor is .*: it must be a positive number"):
            from_hub({"rescale_factor": factor})
