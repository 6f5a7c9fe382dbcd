"""A picture becomes a row as the data set's own are: grey, light on dark, of the right size, the digit in its place."""

import contextlib
import os
import tracemalloc

import numpy as np
import pytest

import xpnet
from xpnet.data import load, load_picture
from xpnet.errors import DataError, InputError

image = pytest.importorskip("PIL.Image", reason="needs Pillow")

HALF = 0.5 + 1e-6
"""How far a pixel of 16 steps may be off after it was a byte."""


def saved(folder, array, mode="L"):
    """A picture's file."""
    image.fromarray(array).convert(mode).save(folder / "p.png")
    return folder / "p.png"


def drawn(n):
    """The digits' test images, from black to white in bytes."""
    x = load("digits").x_test[:n].reshape(-1, 8, 8)
    return np.rint(x * (255 / 16)).astype(np.uint8)


def enlarged(digit, margins=((60, 90), (40, 20))):
    """A digit ten times as large, black on a white page."""
    return 255 - np.pad(np.kron(digit, np.ones((10, 10), np.uint8)), margins)


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path):
    """Its bytes are the row, or the other way round where the background is light."""
    pixels = np.random.default_rng(0).integers(256, size=(28, 28)).astype(np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = 7
    for array in (pixels, 255 - pixels):
        row = load_picture(saved(tmp_path, array), 784, 255.0, "mnist")
        assert row.dtype == np.uint8
        np.testing.assert_array_equal(row, pixels.reshape(1, 784))


@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_white_is_the_scale(tmp_path, scale):
    """Where data are not bytes, the row is of numbers from 0 to what white is there."""
    digit = drawn(3)[2]
    row = load_picture(saved(tmp_path, digit), 64, scale, "digits")
    assert row.dtype == np.float32
    np.testing.assert_allclose(row[0], digit.reshape(-1) / 255 * scale, rtol=1e-6)


def transparent(ink):
    """How a picture of that ink on nothing is made of its opacity."""

    def made(grey):
        colour = np.full_like(grey, ink)
        return image.fromarray(np.stack([colour, colour, colour, grey], axis=-1))

    return made


@pytest.mark.parametrize(
    "made",
    [
        lambda grey: image.fromarray(grey).convert("RGB"),
        lambda grey: image.fromarray(grey).convert("P"),
        lambda grey: image.fromarray(grey.astype(np.uint16) * 257),
        transparent(255),
        transparent(0),
    ],
    ids=["colours", "palette", "16 bits", "white on nothing", "black on nothing"],
)
def test_every_kind_of_picture(tmp_path, made):
    """Colours, a palette, two bytes a pixel or nothing behind the digit make no difference."""
    digit = drawn(1)[0]
    made(digit).save(tmp_path / "p.png")
    row = load_picture(tmp_path / "p.png", 64, 255.0, "digits")
    np.testing.assert_allclose(row[0].astype(float), digit.reshape(-1).astype(float), atol=1)


def test_a_digit_anywhere_on_a_page_is_found(tmp_path):
    """Nine in ten large digits, black on white and not in the middle, are taken for what they are in the data set."""
    data = load("digits")
    network = xpnet.Network([64, 64, 10], input_scale=16.0)
    *_, epoch = xpnet.epochs(network, data, xpnet.adam(0.003), batch_size=32, epochs=10)
    rows = [load_picture(saved(tmp_path, enlarged(digit)), 64, 16.0, "digits") for digit in drawn(100)]
    found = network.classify(epoch.params, np.concatenate(rows))
    assert np.mean(found == network.classify(epoch.params, data.x_test[:100])) >= 0.9


@pytest.mark.parametrize(("side", "data", "longest"), [(28, "mnist", 20), (8, "digits", 8)])
def test_a_digit_is_framed_as_in_its_data_set(tmp_path, side, data, longest):
    """Its longer side has the data set's length, its ink is white, and its centre of mass is in the middle."""
    for digit in drawn(20):
        placed = load_picture(saved(tmp_path, enlarged(digit)), side * side, 255.0, data).reshape(side, side) / 255
        assert placed.max() == 1
        lengths = [np.ptp(np.flatnonzero(placed.any(axis=axis))) + 1 for axis in (0, 1)]
        assert longest - 1 <= max(lengths) <= longest
        for axis in (0, 1) if longest < side else (1,):
            assert np.average(np.arange(side) + 0.5, weights=placed.sum(axis=1 - axis)) == pytest.approx(
                side / 2, abs=1
            )


def test_of_other_data_the_whole_picture_is_taken(tmp_path):
    """It is resized with its margins, each pixel the mean of what it covers."""
    digit = drawn(1)[0]
    page = enlarged(digit, ((0, 0), (0, 0)))
    row = load_picture(saved(tmp_path, page), 16, 1.0, "own.npz")
    blocks = digit.reshape(4, 2, 4, 2).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(row.reshape(4, 4), blocks, rtol=1e-5)


def test_a_blank_page_is_black(tmp_path):
    """Where there is no ink, there is nothing to frame."""
    for colour in (0, 255):
        assert not load_picture(saved(tmp_path, np.full((50, 40), colour, np.uint8)), 784, 255.0, "mnist").any()


def test_what_is_no_picture_is_told(tmp_path):
    """Text, half a picture and no file at all have their sentences, and so has a model that takes no square."""
    whole = saved(tmp_path, np.random.default_rng(0).integers(256, size=(99, 99)).astype(np.uint8)).read_bytes()
    for content, message in (
        (b"no picture", r"p\.png: not a picture; those of PNG, JPEG, .* are read"),
        (b"", r"p\.png: not a picture; those of PNG, JPEG, .* are read"),
        (whole[: len(whole) // 2], r"p\.png: image file is truncated"),
        (whole[:60], r"p\.png: image file is truncated"),
        (whole[:200] + b"\0" * 50 + whole[250:], r"p\.png: broken data stream"),
    ):
        (tmp_path / "p.png").write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_picture(tmp_path / "p.png", 784, 255.0)
    with pytest.raises(DataError, match=r"none\.png: no such file"):
        load_picture(tmp_path / "none.png", 784, 255.0)
    with pytest.raises(InputError, match="the model takes 20 inputs, which make no square picture"):
        load_picture(tmp_path / "p.png", 20, 255.0)


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    """Pillow's limit to a picture's size, however small its file, is told as what is wrong with it."""
    path = saved(tmp_path, np.zeros((40, 40), np.uint8))
    monkeypatch.setattr(image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"p\.png: cannot be read, Image size \(1600 pixels\) exceeds limit"):
        load_picture(path, 784, 255.0)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    """A file of some hundred bytes that announces 7 by 8 388 617 pixels takes neither memory nor time."""
    image.new("1", (7, 8_388_617)).save(tmp_path / "p.tiff", compression="group4")
    tracemalloc.start()
    with pytest.raises(DataError, match=r"p\.tiff: has 7 × 8388617 pixels, more than 40,000,000; make it smaller"):
        load_picture(tmp_path / "p.tiff", 784, 255.0)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Ghostscript is a shell script")
def test_no_other_program_is_started(tmp_path, monkeypatch):
    """A file called seven.png whose content is for Ghostscript is no picture, and nothing runs."""
    script = tmp_path / "gs"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    content = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n0 0 8 8 rectfill\n%%EOF\n"
    (tmp_path / "seven.png").write_text(content)
    with pytest.raises(
        DataError, match=r"seven\.png: not a picture; those of PNG, JPEG, BMP, GIF, TIFF, WEBP, PPM are"
    ):
        load_picture(tmp_path / "seven.png", 64, 16.0)
    assert not (tmp_path / "started").exists()
    with image.open(tmp_path / "seven.png") as opened, contextlib.suppress(OSError):
        opened.load()
    assert (tmp_path / "started").exists(), "the stand-in would have been started"
