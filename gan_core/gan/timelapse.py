"""A run's fixed latents over time: as frames, as a film, and before beside after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadPicture, BadRun
from gan_core.gan.run import SAMPLES_FOLDER, kept_measurement, read_events
from gan_core.pictures.decode import decode
from gan_core.pictures.film import MOST_FRAMES, save_film, thin

_SAMPLE = re.compile(r"\d{9,}\.png")  # pictures shown, as `run.record` names it
_GAP = 8  # pixels between before and after; those of the grid's own pictures are 2
_WHITE = 255


@dataclass(frozen=True)
class Frame:
    """What G_ema made of the fixed latents at `kimg`: uint8 [H, W, 3], one grid."""

    kimg: float
    image: NDArray[np.uint8]


def timelapse_frames(folder: Path, most: int = MOST_FRAMES) -> list[Frame]:
    """Read a run's previews in order, thinned evenly to `most`, the first and the last kept.

    One that cannot be read, or is of another size than the last, is passed over, so a run that
    trains or was damaged gives what it has: an empty list, if that is nothing.
    """
    frames = [frame for path in thin(_samples(folder), most) if (frame := _read(path))]
    return [frame for frame in frames if frame.image.shape == frames[-1].image.shape]


def save_timelapse(folder: Path, target: Path, most: int = MOST_FRAMES) -> Path:
    """Write a run's previews as a film, MP4 or GIF by the suffix of `target`.

    Raises: BadRun without previews or a run, BadSetting for another suffix, DiskFull.
    """
    frames = timelapse_frames(folder, most)
    if not frames:
        read_events(folder)  # says so when that is no run at all
        raise _no_previews(folder, 0, "A film needs one at least.")
    save_film(target, [frame.image for frame in frames])
    return target


def before_after(folder: Path) -> NDArray[np.uint8]:
    """Show the fixed latents through the start, left, and through the model kept, right.

    Left is the first preview, right the one nearest to the kept model in kimg (the last, before
    one was measured). uint8 [H, 2 W + 8, 3].

    Raises: BadRun with fewer than two previews of one size, or without a log.
    """
    first, after = _start_and_kept(folder)
    gap = np.full((first.image.shape[0], _GAP, 3), _WHITE, np.uint8)
    return np.concatenate([first.image, gap, after.image], axis=1)


def _start_and_kept(folder: Path) -> tuple[Frame, Frame]:
    kept = kept_measurement(read_events(folder))
    samples = _samples(folder)
    first = next((frame for path in samples if (frame := _read(path))), None)
    if first is None:
        raise _no_previews(folder, 0, "Before and after are two.")
    wanted = kept.kimg if kept is not None else _kimg(samples[-1])
    later = [path for path in samples if _kimg(path) > first.kimg]
    for path in sorted(later, key=lambda path: abs(_kimg(path) - wanted)):
        after = _read(path)
        if after is not None and after.image.shape == first.image.shape:
            return first, after
    raise _no_previews(folder, 1, "Before and after are two, of one size.")


def _samples(folder: Path) -> list[Path]:
    found = (folder / SAMPLES_FOLDER).glob("*.png")
    return sorted((path for path in found if _SAMPLE.fullmatch(path.name)), key=_kimg)


def _kimg(path: Path) -> float:
    return int(path.stem) / 1000


def _read(path: Path) -> Frame | None:
    try:
        return Frame(_kimg(path), decode(path.read_bytes(), path.name).pixels)
    except (BadPicture, OSError):  # damaged, or deleted meanwhile with its run
        return None


def _no_previews(folder: Path, count: int, needed: str) -> BadRun:
    return BadRun(
        f"The run {folder.name} has {count} usable previews.",
        needed,
        "Let it train a little longer; it saves one every few seconds.",
    )
