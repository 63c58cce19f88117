"""The one door where untrusted bytes become pixels.

Every picture a user brings passes here: it is opened by a short list of formats, checked for
size before it is unpacked, and comes out as plain upright RGB. Files are not read here.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from gan_core.errors import BadPicture

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
MAX_PIXELS = 50_000_000  # width x height; 150 MB once unpacked to RGB
MIN_SIDE = 16  # pixels
WHITE = (255, 255, 255)

_EXPECTED = "A picture is a JPEG, PNG, WebP, AVIF, BMP, GIF or TIFF file."
_ADVICE = "Save it again as PNG or JPEG, or leave it out."
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> what sets it upright
_MODE_MENDS = {
    "1": "grey turned into RGB",
    "L": "grey turned into RGB",
    "LA": "grey turned into RGB",
    "La": "grey turned into RGB",
    "P": "palette turned into RGB",
    "PA": "palette turned into RGB",
    "CMYK": "CMYK turned into RGB",
}
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")


@dataclass(frozen=True)
class Picture:
    """A decoded picture: uint8 [H, W, 3], and in plain words what had to be changed."""

    pixels: NDArray[np.uint8]
    mends: tuple[str, ...]


def decode(
    data: bytes,
    name: str,
    background: tuple[int, int, int] = WHITE,
    at_least: int | None = None,
) -> Picture:
    """Decode one picture file to upright RGB over `background`; of an animation, the first frame.

    at_least: when given, a large JPEG may come out at 1/2, 1/4 or 1/8 of its size, as long as
    both sides stay at least twice this many pixels. That is several times faster.

    Raises: BadPicture, whose `what` is "name: reason." (see `reason_of`).
    """
    _refuse_what_is_no_picture(data, name)
    try:
        # Above 89 million pixels Pillow warns, and twice that raises. Both end as a refusal, so
        # the warning filters, which all threads share, need not be touched.
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(*image.size, name)
            if at_least is not None:
                image.draft(None, (2 * at_least, 2 * at_least))
            image.load()
            return _to_picture(image, data, background)
    except BadPicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = re.search(r"\d+", str(error))
        raise _too_large(name, f"{int(found.group()):,} pixels" if found else "") from error
    except UnidentifiedImageError as error:
        raise refusal(name, "not a picture (unknown format)", _EXPECTED, _ADVICE) from error
    except Exception as error:  # the decoders let out struct.error, SyntaxError, OverflowError ...
        reason = f"damaged or cut short ({_first_line(error)})"
        raise refusal(name, reason, "The whole file must be readable.", _ADVICE) from error


def fit_square(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Crop the centre square of uint8 [H, W, 3] and resize it by Lanczos to [size, size, 3]."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    if side == size:
        return square.copy()
    resized = Image.fromarray(square).resize((size, size), Image.Resampling.LANCZOS)
    return np.array(resized, dtype=np.uint8)


def refusal(name: str, reason: str, expected: str, advice: str) -> BadPicture:
    """Make the error for one file. In `reason` the details stand in brackets at the end."""
    return BadPicture(f"{name}: {reason}.", expected, advice)


def reason_of(error: BadPicture, name: str) -> str:
    """Give the reason alone, for a list in which the file's name stands beside it."""
    return error.what.removeprefix(f"{name}: ").removesuffix(".")


def _refuse_what_is_no_picture(data: bytes, name: str) -> None:
    """Name the common strangers, so that the user hears more than "unknown format"."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        reason, advice = "empty file (0 bytes)", "Copy the file again, or leave it out."
    elif b"<svg" in start:
        reason, advice = "not a picture (an SVG drawing)", "Export it as PNG."
    elif data[4:8] == b"ftyp" and b"hei" in data[8:32] and b"avif" not in data[8:32]:
        reason, advice = "not a readable picture (HEIC)", "Export it from the phone as JPEG."
    elif start.startswith((b"pk\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"rar!")):
        reason, advice = "not a picture (an archive)", "Unpack it, and give the pictures inside."
    elif start.startswith(b"%pdf"):
        reason, advice = "not a picture (a PDF document)", "Export its pages as PNG."
    elif _is_text(data[:512]):
        reason, advice = "not a picture (text)", "Leave it out."
    else:
        return
    raise refusal(name, reason, _EXPECTED, advice)


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        # A letter cut by the end of the sample is still text.
        if error.start < len(start) - 3:
            return False
        text = start[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} × {height} px")
    if min(width, height) < MIN_SIDE:
        raise refusal(
            name,
            f"too small ({width} × {height} px)",
            f"Both sides must be at least {MIN_SIDE} px.",
            "Use a larger copy, or leave it out.",
        )


def _too_large(name: str, found: str) -> BadPicture:
    return refusal(
        name,
        f"too large ({found})" if found else "too large",
        f"At most {MAX_PIXELS:,} pixels are unpacked.",
        "Make it smaller, and try again.",
    )


def _to_picture(image: Image.Image, data: bytes, background: tuple[int, int, int]) -> Picture:
    mends = []
    if _has_more_frames(image, data):
        mends.append("first frame of an animation")
    turn = _TURNS.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    if turn is not None:
        mends.append("turned upright (EXIF)")
    if upright.mode in _DEEP_MODES:
        upright = _scale_to_8_bit(upright)
        mends.append("16-bit scaled to 8-bit")
    if mend := _MODE_MENDS.get(upright.mode):
        mends.append(mend)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        if rgba.getchannel("A").getextrema() != (255, 255):
            colour = "white" if background == WHITE else "the background"
            mends.append(f"transparency laid on {colour}")
        canvas = Image.new("RGBA", rgba.size, (*background, 255))
        upright = Image.alpha_composite(canvas, rgba)
    return Picture(np.array(upright.convert("RGB"), dtype=np.uint8), tuple(mends))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a picture with damaged EXIF is still a picture; take it as it lies
        return 1


def _has_more_frames(image: Image.Image, data: bytes) -> bool:
    """Tell from the header; for a GIF Pillow would have to seek through the frames to know."""
    if image.format == "GIF":
        return data.count(b"\x00\x21\xf9\x04") > 1  # one such block announces each frame
    return image.format in ("PNG", "WEBP", "AVIF") and bool(getattr(image, "is_animated", False))


def _scale_to_8_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit or float grey to L, or LA when one value means transparent.

    16-bit modes span 0..65535. The others say nothing of their range, so it is taken from the
    values: 0..1 (float), 0..255, 0..65535, else darkest to brightest.
    """
    values = np.nan_to_num(np.array(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    black, white = 0.0, 65535.0
    if not image.mode.startswith("I;16"):
        if image.mode == "F" and low >= 0 and high <= 1:
            white = 1.0
        elif low >= 0 and high <= 255:
            white = 255.0
        elif low < 0 or high > 65535:
            black, white = low, max(high, low + 1)
    grey = ((values - black) * (255 / (white - black))).round().clip(0, 255).astype(np.uint8)
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return Image.fromarray(grey)
    alpha = np.where(values == key, 0, 255).astype(np.uint8)
    return Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
