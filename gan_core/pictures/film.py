"""Frames in a row as a film: MP4 through PyAV (FFmpeg), and GIF through Pillow.

Small pictures are enlarged without blur, so that they can be watched, and large ones reduced. A
film lasts ten seconds at most, whatever the number of frames, and holds the last one. Both kinds
are made in memory, as they are a few megabytes: FFmpeg would take a name with a colon for an
address, and a full disk shows where the file is written.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias, TypeVar

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import BadSetting
from gan_core.files import write_atomically
from gan_core.pictures.canvas import enlarge

Picture: TypeAlias = NDArray[np.uint8]  # [H, W, 3]
_T = TypeVar("_T")

MOST_FRAMES = 96
MOST_SECONDS = 10.0
ENCODERS = ("libx264", "mpeg4")  # by preference; every wheel of PyAV has the second
_HELD = 2.0  # seconds that the last frame stays
_SLOWEST = 2  # frames a second
_PALETTE_FROM = 32  # frames from which a GIF's colours are chosen
_BT709 = 1  # in FFmpeg's numbering of primaries, transfer curve and matrix
_LIMITED = 1  # luma from 16 to 235, what players expect


def thin(items: Sequence[_T], most: int) -> list[_T]:
    """Take `most` items at even distances, the first and the last among them; the last, if one."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[-1]]
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def save_film(path: Path, frames: Sequence[Picture]) -> None:
    """Write uint8 frames of one size, as MP4 or GIF by the suffix, whole or not at all.

    Raises: BadSetting for another suffix, DiskFull; ValueError without frames.
    """
    suffix = path.suffix.lower()
    if suffix not in (".mp4", ".gif"):
        raise BadSetting(
            f"The film's name is {path.name}.",
            "It is written as MP4 or as GIF.",
            "Let it end in .mp4 or .gif.",
        )
    film = encode_mp4(frames) if suffix == ".mp4" else encode_gif(frames)
    with write_atomically(path) as temporary:
        temporary.write_bytes(film)


def encode_mp4(
    frames: Sequence[Picture],
    most_side: int = 800,
    most_bits: int = 6_000_000,
    encoders: Sequence[str] = ENCODERS,
) -> bytes:
    """Encode uint8 frames of one size as a film of at most ten seconds and `most_side` pixels.

    H.264 where the encoder is there, in 4:2:0 and BT.709 colours, as every player reads it; the
    index stands before the pictures, so that a browser starts at once. The last frame is repeated
    for as long as it is held. most_bits: a second, so that a film has 7.5 MB at most.

    Raises: ValueError without frames.
    """
    frames = _sized(frames, most_side)
    rate = _rate(len(frames))
    held = round(_HELD * rate)
    height, width = (side + side % 2 for side in frames[0].shape[:2])
    buffer = io.BytesIO()
    room = 8192 + 64 * (len(frames) + held)  # bytes kept at the beginning for the index
    with av.open(buffer, "w", format="mp4", options={"moov_size": str(room)}) as film:
        stream = _add_stream(film, encoders, rate, most_bits)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(len(frames) + held):
            pixels = _even(frames[min(index, len(frames) - 1)])
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            film.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        film.mux(stream.encode(None))
    return buffer.getvalue()


def encode_gif(
    frames: Sequence[Picture], most_side: int = 400, most_bytes: int = 8_000_000
) -> bytes:
    """Encode uint8 frames of one size as an endless GIF with one palette for all.

    One that would be larger than `most_bytes` gets every second frame, and so on; a single frame
    is written whatever it takes.

    Raises: ValueError without frames.
    """
    kept = _sized(frames, most_side)
    film = _with_one_palette(kept)
    while len(film) > most_bytes and len(kept) > 1:
        kept = thin(kept, len(kept) // 2)
        film = _with_one_palette(kept)
    return film


def _with_one_palette(frames: Sequence[Picture]) -> bytes:
    # With a palette for each, what stands still would flicker.
    sample = np.concatenate(thin(frames, _PALETTE_FROM))
    palette = Image.fromarray(sample).quantize(256, Image.Quantize.MEDIANCUT)
    first, *others = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    )
    each = round(1000 / float(_rate(len(frames))))  # milliseconds
    duration = [each] * len(others) + [each + round(_HELD * 1000)]
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=duration,
        loop=0,
    )
    return buffer.getvalue()


def _rate(frames: int) -> Fraction:
    """Frames a second: so many that all are shown in time for the last one to be held."""
    return max(Fraction(_SLOWEST), Fraction(frames) / Fraction(MOST_SECONDS - _HELD))


def _sized(frames: Sequence[Picture], most_side: int) -> list[Picture]:
    """All enlarged or reduced by one whole number, to a longer side of at most `most_side`."""
    if not frames:
        raise ValueError("a film needs a frame")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("the frames of a film are of one size")
    side = max(frames[0].shape[:2])
    if side <= most_side:
        return [enlarge(frame, most_side // side) for frame in frames]
    factor = -(-side // most_side)
    return [np.asarray(Image.fromarray(frame).reduce(factor)) for frame in frames]


def _even(frame: Picture) -> Picture:
    """With an odd last row or column twice: in 4:2:0 four pixels share their colour."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _add_stream(
    film: av.container.OutputContainer, encoders: Sequence[str], rate: Fraction, bits: int
) -> VideoStream:
    """The first encoder that is there, of limited bit rate, and labelled with its colours."""
    name = next(name for name in encoders if _is_there(name))
    options = {"threads": "1", "maxrate": str(bits), "bufsize": str(bits)}
    if name == "libx264":
        options |= {"preset": "veryfast", "crf": "18"}
    else:
        options |= {"b": str(bits)}
    stream = film.add_stream(name, rate=rate, options=options)
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _is_there(encoder: str) -> bool:
    try:
        av.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True
