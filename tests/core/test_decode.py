"""Bytes become upright RGB over a background, or one clear refusal."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_core.errors import BadPicture
from gan_core.pictures.decode import decode, fit_square, reason_of

SIDE = 32
RED = (220, 40, 30)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def two_halves(left: object, right: object, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (2 * SIDE, SIDE), left)
    image.paste(right, (SIDE, 0, 2 * SIDE, SIDE))
    return image


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def refusal_of(data: bytes, name: str = "cat.png") -> str:
    with pytest.raises(BadPicture) as caught:
        decode(data, name)
    assert caught.value.what.startswith(name)
    return reason_of(caught.value, name)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_every_promised_format_keeps_its_colour(kind: str) -> None:
    picture = decode(encode(Image.new("RGB", (SIDE, 20), RED), kind), "a")
    assert picture.pixels.shape == (20, SIDE, 3)
    assert np.abs(picture.pixels.astype(int) - RED).max() <= 6


def test_a_plain_picture_needs_no_mending() -> None:
    assert decode(encode(Image.new("RGB", (SIDE, SIDE), RED)), "a").mends == ()


FLAT = two_halves(RED, (0, 0, 255))
INDEXED = FLAT.quantize(4)
HIDDEN = two_halves((*RED, 0), (0, 0, 255, 255), "RGBA")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode(HIDDEN), id="RGBA"),
        pytest.param(encode(HIDDEN, "WEBP", exact=True, lossless=True), id="RGBA, WebP"),
        pytest.param(encode(two_halves((50, 0), (99, 255), "LA")), id="LA"),
        pytest.param(encode(INDEXED, transparency=INDEXED.getpixel((0, 0))), id="P"),
        pytest.param(encode(INDEXED, "GIF", transparency=INDEXED.getpixel((0, 0))), id="P, GIF"),
        pytest.param(encode(FLAT, transparency=RED), id="RGB, one colour transparent"),
        pytest.param(encode(two_halves(7, 99, "L"), transparency=7), id="L, one grey transparent"),
        pytest.param(encode(two_halves(700, 9, "I;16"), transparency=700), id="16-bit grey"),
    ],
)
def test_hidden_colour_under_transparency_never_shows(data: bytes) -> None:
    picture = decode(data, "a")
    assert (picture.pixels[:, : SIDE - 1] == 255).all()
    assert "transparency laid on white" in picture.mends


def test_half_transparency_mixes_with_the_chosen_background() -> None:
    picture = decode(encode(Image.new("RGBA", (SIDE, SIDE), (255, 0, 0, 128))), "a", (0, 0, 0))
    assert np.abs(picture.pixels[0, 0].astype(int) - (128, 0, 0)).max() <= 1


def test_an_opaque_alpha_channel_is_no_mend() -> None:
    assert decode(encode(Image.new("RGBA", (SIDE, SIDE), (*RED, 255))), "a").mends == ()


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "mend", "expected"),
    [
        ("L", 90, "PNG", "grey turned into RGB", (90, 90, 90)),
        ("1", 1, "PNG", "grey turned into RGB", (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), "TIFF", "CMYK turned into RGB", (255, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "JPEG", "CMYK turned into RGB", (255, 0, 0)),
        ("I;16", 20_000, "PNG", "16-bit scaled to 8-bit", (78, 78, 78)),
        ("I;16", 20_000, "TIFF", "16-bit scaled to 8-bit", (78, 78, 78)),
        ("I", 20_000, "TIFF", "16-bit scaled to 8-bit", (78, 78, 78)),
        ("F", 0.5, "TIFF", "16-bit scaled to 8-bit", (128, 128, 128)),
    ],
)
def test_other_colour_modes_become_rgb(
    mode: str, colour: object, kind: str, mend: str, expected: tuple[int, int, int]
) -> None:
    picture = decode(encode(Image.new(mode, (SIDE, SIDE), colour), kind), "a")
    assert mend in picture.mends
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 3


def test_a_palette_becomes_rgb() -> None:
    picture = decode(encode(two_halves(RED, (0, 0, 255)).quantize(4)), "a")
    assert picture.mends == ("palette turned into RGB",)
    assert tuple(picture.pixels[0, 0]) == RED


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_sets_the_picture_upright(kind: str, orientation: int) -> None:
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :20] = 250  # a bright corner, top left
    undo = [lambda a: a, lambda a: a[:, ::-1], lambda a: a[::-1, ::-1], lambda a: a[::-1]]
    stored = undo[(orientation - 1) % 4](upright)
    if orientation >= 5:
        stored = stored.transpose(1, 0, 2)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
    assert np.abs(decode(data, "a").pixels.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (SIDE, SIDE), colour) for colour in (RED, (0, 0, 255), (0, 99, 0))]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    picture = decode(data, "a")
    assert np.abs(picture.pixels.astype(int) - RED).max() <= 6
    assert "first frame of an animation" in picture.mends


def test_a_phone_jpeg_with_a_second_picture_inside_is_ordinary() -> None:
    photo = Image.new("RGB", (SIDE, SIDE), RED)
    data = encode(photo, "MPO", save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE))])
    assert decode(data, "a.jpg").mends == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file (0 bytes)"),
        ("Just a note, žluťoučký kůň.\n".encode() * 9, "text"),
        (b"<?xml version='1.0'?><svg xmlns='x' width='9'></svg>", "SVG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64), "HEIC"),
        (b"PK\x03\x04" + bytes(64), "archive"),
        (b"%PDF-1.7\n\xff\xfe", "PDF"),
        (bytes(range(256)), "unknown format"),
        (encode(Image.new("RGB", (SIDE, 15))), "too small (32 × 15 px)"),
    ],
)
def test_what_is_no_usable_picture_is_called_by_its_name(data: bytes, words: str) -> None:
    assert words in refusal_of(data)


@pytest.mark.parametrize(
    ("side", "words"), [(20_000, "400,000,000 pixels"), (8_000, "8000 × 8000")]
)
def test_a_huge_picture_is_refused_before_it_is_unpacked(side: int, words: str) -> None:
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((side // 8 + 1) * 8))  # only its first lines: never reached
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body)
    assert words in refusal_of(data + png_chunk(b"IEND", b""))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF"])
def test_a_file_cut_in_the_middle_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind)
    refusal_of(data[: len(data) // 2])


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"]),
    where=st.floats(0, 0.999),
    junk=st.binary(min_size=1, max_size=8),
)
def test_damaged_bytes_give_a_picture_or_a_refusal_and_nothing_else(
    kind: str, where: float, junk: bytes
) -> None:
    data = bytearray(encode(two_halves(RED, (9, 9, 200)), kind))
    at = int(where * len(data))
    data[at : at + len(junk)] = junk
    try:
        assert decode(bytes(data), "a").pixels.shape[2] == 3
    except BadPicture as error:
        assert error.what.startswith("a: ")


def test_a_large_jpeg_may_come_out_smaller_but_never_below_what_was_asked() -> None:
    data = encode(Image.new("RGB", (1600, 1200), RED), "JPEG")
    assert decode(data, "a", at_least=64).pixels.shape == (150, 200, 3)
    assert decode(data, "a", at_least=128).pixels.shape == (300, 400, 3)


def test_fit_square_takes_the_centre() -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255
    assert (fit_square(pixels, 20) == 255).all()


@pytest.mark.parametrize("shape", [(20, 30), (64, 64), (301, 200)])
def test_fit_square_gives_the_size_asked_for(shape: tuple[int, int]) -> None:
    square = fit_square(np.full((*shape, 3), 77, np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert (square == 77).all()
