"""A contact sheet: every file of a source, with its picture as a strip, before any is chosen.

Files are read and decoded once. Which squares become a training set, and how they are cut, is
decided from the sheet, in `dataset`, as often as one likes.
"""

from __future__ import annotations

import heapq
import json
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gan_core.errors import BadDataset, BadPicture
from gan_core.files import write_atomically
from gan_core.pictures.archive import Found, Limits, read_files
from gan_core.pictures.crop import MIDDLE, crop_at, fit_strip, smart_position
from gan_core.pictures.decode import decode, reason_of
from gan_core.pictures.twins import Twin, Twins

Strip = NDArray[np.uint8]  # [H, W, 3], the shorter side that of the squares

NOT_DRAWN = "not drawn"
_WORKERS = min(4, os.cpu_count() or 1)
_WINDOW = 16  # files in memory at once, so that a folder of large ones does not fill it
_MOST_TWINS = 200  # repetitions whose strips are kept, so that they can be used after all
_FLAT = 3  # levels of 255, between the darkest and the brightest: nothing is to be seen in it
_FORMAT = "gan-atelier-sheet-1"


@dataclass(frozen=True)
class Entry:
    """One file. strip: None for what is no picture and for what was not kept; `note` says why.

    Of a picture, `note` says what had to be mended. smart: where a smart crop lies. twin: the
    picture that it repeats, by its place on the sheet.
    """

    name: str
    note: str = ""
    strip: Strip | None = None
    smart: float = MIDDLE
    twin: Twin | None = None


@dataclass(frozen=True)
class Sheet:
    """All files of a source in order; their squares have `size` pixels a side."""

    name: str
    size: int
    entries: tuple[Entry, ...]


def read_sheet(
    source: Path | Sequence[Path], size: int = 64, limits: Limits | None = None, seed: int = 0
) -> Sheet:
    """Read a folder, files, a zip or a tar, and find the pictures that are there twice.

    Of more than `limits.max_images` different ones, a sample drawn with `seed` keeps its strips,
    so that memory stays bounded: a strip takes at most 9 * size * size bytes.

    Raises: BadDataset.
    """
    limits = limits or Limits()
    entries: list[Entry] = []
    twins = Twins(limits.drop_near_duplicates)
    sample, repeated = _Sample(limits.max_images, seed), 0
    for entry in _entries(read_files(source, limits), size):
        if entry.strip is not None:
            # Always by the middle, so that a crop moved later does not change what is a twin.
            twin = twins.find(len(entries), crop_at(entry.strip, MIDDLE))
            if twin is None:
                sample.add(len(entries))
            else:
                repeated += 1
                strip = entry.strip if repeated <= _MOST_TWINS else None
                entry = replace(entry, twin=twin, strip=strip)
        entries.append(entry)
        while sample.dropped:
            loser = sample.dropped.pop()
            entries[loser] = replace(entries[loser], note=NOT_DRAWN, strip=None)
    drawn = f"{NOT_DRAWN} (a random {limits.max_images:,} of {sample.seen:,} pictures are used)"
    said = (replace(e, note=drawn) if e.note == NOT_DRAWN else e for e in entries)
    return Sheet(_name_of(source), size, tuple(said))


def save_sheet(sheet: Sheet, path: Path) -> None:
    """Write a sheet as one safetensors file, whole or not at all. Raises: DiskFull."""
    rows = [
        [e.name, e.note, list(e.strip.shape[:2]) if e.strip is not None else None, e.smart,
         [e.twin.of, e.twin.exact] if e.twin is not None else None]
        for e in sheet.entries
    ]  # fmt: skip
    metadata = {"format": _FORMAT, "name": sheet.name, "size": str(sheet.size)}
    metadata["entries"] = json.dumps(rows)
    flat = [entry.strip.reshape(-1) for entry in sheet.entries if entry.strip is not None]
    pixels = np.concatenate([np.empty(0, np.uint8), *flat])
    with write_atomically(path) as temporary:
        save_file({"pixels": pixels}, temporary, metadata)


def load_sheet(path: Path) -> Sheet:
    """Read what `save_sheet` wrote. Raises: BadDataset when it is gone or damaged."""
    try:
        with safe_open(path, framework="np") as stored:
            metadata = stored.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError("it holds something other than a sheet")
            pixels = stored.get_tensor("pixels")
        entries, start = [], 0
        for name, note, shape, smart, twin in json.loads(metadata["entries"]):
            strip = None
            if shape is not None:
                end = start + 3 * shape[0] * shape[1]
                strip, start = pixels[start:end].reshape(*shape, 3), end
            entries.append(Entry(name, note, strip, smart, Twin(*twin) if twin else None))
        return Sheet(metadata["name"], int(metadata["size"]), tuple(entries))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataset(
            "The pictures that were read before are no longer here.",
            "They are kept for some hours, and until a run begins.",
            "Drop them again.",
        ) from error


def _entries(files: Iterator[Found], size: int) -> Iterator[Entry]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        while window := list(islice(files, _WINDOW)):
            yield from pool.map(lambda found: _to_entry(found, size), window)


def _to_entry(found: Found, size: int) -> Entry:
    name, content = found
    if isinstance(content, BadPicture):
        return Entry(name, reason_of(content, name))
    try:
        picture = decode(content, name, at_least=size)
    except BadPicture as error:
        return Entry(name, reason_of(error, name))
    mends = picture.mends
    if (short := min(picture.pixels.shape[:2])) < size:
        mends += (f"enlarged ({short} to {size} px)",)
    strip = fit_strip(picture.pixels, size)
    if np.ptp(strip.reshape(-1, 3), axis=0).max() <= _FLAT:
        return Entry(name, "one colour all over")
    return Entry(name, ", ".join(mends), strip, smart_position(strip))


class _Sample:
    """Chooses a uniform sample of at most `most` places, as they come."""

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self.random = random.Random(seed)
        self.dropped: list[int] = []
        self.seen = 0
        self.lots: list[tuple[float, int]] = []

    def add(self, index: int) -> None:
        """Draw a lot for the picture; above `most`, the picture with the lowest lot goes."""
        self.seen += 1
        heapq.heappush(self.lots, (self.random.random(), index))
        if len(self.lots) > self.most:
            self.dropped.append(heapq.heappop(self.lots)[1])


def _name_of(source: Path | Sequence[Path]) -> str:
    if isinstance(source, Path):
        return source.name if source.is_file() else source.resolve().name
    return source[0].name if len(source) == 1 else "the selection"
