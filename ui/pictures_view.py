"""From a sheet, what was decided and what was found, to what the page shows: pure functions."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_core.gan.dataset_doctor import Findings
from gan_core.pictures import Choices, FileReport, Sheet, cut, enlarge
from gan_core.pictures.crop import corner
from ui import texts

MOST_SHOWN = 100  # in the gallery
_MOST_NAMED = 5  # odd ones in a sentence
_MOST_PICTURED = 500  # rows of the table with a picture: 1 KB each
_THUMB = 28  # pixels
_ENLARGED = 3
_PAPER, _FADED = 240, 0.75  # what is left out is this far on the way to paper

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """All that the page needs to know of a draft at one moment.

    is_looking: the pictures are being compared, and more will be known soon. is_new: just dropped.
    """

    sheet: Sheet
    choices: Choices
    report: Sequence[FileReport]
    summary: str
    findings: Findings | None = None
    is_looking: bool = False
    is_new: bool = False

    @property
    def odd(self) -> dict[int, float]:
        """How odd each odd picture is, by its place on the sheet."""
        return {odd.index: odd.times for odd in self.findings.odd} if self.findings else {}


def order(shown: Shown) -> list[int]:
    """Places of the pictures in the order of the gallery: groups, odd ones, mended, the others.

    What a person leaves out stays where it is.
    """
    entries = shown.sheet.entries
    repeated = {entry.twin.of for entry in entries if entry.twin is not None}

    def key(place: int) -> tuple[int, int, int]:
        twin = entries[place].twin
        if twin is not None or place in repeated:
            return 0, twin.of if twin is not None else place, place
        if place in shown.odd:
            return 1, 0, place
        return 2 if entries[place].note else 3, 0, place

    return sorted((i for i, entry in enumerate(entries) if entry.strip is not None), key=key)


def gallery(shown: Shown, places: Sequence[int]) -> list[tuple[Pixels, str]]:
    """The squares at `places` with captions; those that are left out are faded."""
    groups = group_sizes(shown.sheet)
    squares = cut(shown.sheet, shown.choices, places)
    return [
        (
            fade(square) if shown.report[place].verdict == "left out" else square,
            f"{mark(shown, place, groups)}\n{_short(shown.sheet.entries[place].name)}",
        )
        for place, square in zip(places, squares, strict=True)
    ]


def mark(shown: Shown, place: int, groups: Counter[int]) -> str:
    """What a picture is, in a word or two."""
    line, twin = shown.report[place], shown.sheet.entries[place].twin
    if twin is not None:
        text = texts.MARK_SAME if twin.exact else texts.MARK_TWIN
        alike = text.format(name=_short(shown.sheet.entries[twin.of].name))
        return alike if line.verdict == "left out" else f"{texts.MARKS['kept']}, {alike}"
    if line.verdict == "left out":
        return texts.MARKS["left out"]
    if place in shown.odd:
        return texts.MARK_ODD
    if groups[place]:
        return texts.MARK_HEAD.format(n=groups[place] + 1)
    return texts.MARKS[line.verdict]


def group_sizes(sheet: Sheet) -> Counter[int]:
    """How often each picture is repeated, by its place."""
    return Counter(entry.twin.of for entry in sheet.entries if entry.twin is not None)


def summary_html(shown: Shown) -> str:
    """What became of the files, what to expect of them, which are alike and which odd."""
    lines = [shown.summary]
    if shown.findings is not None:
        lines.append(shown.findings.expectation())
    if groups := len(group_sizes(shown.sheet)):
        are = "is 1 group" if groups == 1 else f"are {groups:,} groups"
        lines.append(texts.GROUPS.format(are=are))
    if shown.odd:
        lines.append(texts.ODD.format(names=_name_odd(shown)))
    if shown.is_looking:
        lines.append(texts.LOOKING)
    first, *others = (html.escape(line) for line in lines)
    told = "".join(f'<p class="note">{line}</p>' for line in others)
    return f'<p aria-live="polite">{first}</p>{told}'


def _name_odd(shown: Shown) -> str:
    named = [
        (texts.ODD_OTHER if row else texts.ODD_FIRST).format(
            name=_short(shown.sheet.entries[place].name), times=times
        )
        for row, (place, times) in enumerate(list(shown.odd.items())[:_MOST_NAMED])
    ]
    more = len(shown.odd) - len(named)
    return ", ".join(named) + (texts.ODD_MORE.format(n=more) if more else "")


def rows(shown: Shown) -> list[list[str | int]]:
    """The table: number, small picture, file, result, why; what was left out comes first."""
    rank = {"left out": 0, "mended": 1, "kept": 2}
    places = sorted(range(len(shown.report)), key=lambda i: (rank[shown.report[i].verdict], i))
    pictured = [i for i in places if shown.sheet.entries[i].strip is not None][:_MOST_PICTURED]
    squares = cut(shown.sheet, shown.choices, pictured)
    thumbs = {place: _thumb(square) for place, square in zip(pictured, squares, strict=True)}
    return [
        [place + 1, thumbs.get(place, ""), line.name, texts.VERDICTS[line.verdict], line.reason]
        for place in places
        for line in [shown.report[place]]
    ]


def title(shown: Shown, place: int) -> str:
    """Name and state of the chosen picture, as HTML."""
    line = shown.report[place]
    said = ": ".join(filter(None, (texts.VERDICTS[line.verdict], line.reason)))
    if place in shown.odd and line.verdict != "left out":
        said += f"; {texts.MARK_ODD}"
    lines = [said]
    if shown.sheet.entries[place].strip is not None and not can_move(shown, [place]):
        lines.append(texts.SQUARE)
    told = "".join(f"<p class='note'>{html.escape(line)}</p>" for line in lines)
    return f"<p><b>{html.escape(line.name)}</b></p>{told}"


def framed(shown: Shown, place: int) -> Pixels | None:
    """The whole strip of a picture, enlarged, with all but its square faded; None without strip."""
    entry = shown.sheet.entries[place]
    if entry.strip is None:
        return None
    top, left = corner(entry.strip, shown.choices.position(place, entry))
    size = shown.sheet.size
    picture = fade(entry.strip)
    inside = (slice(top, top + size), slice(left, left + size))
    picture[inside] = entry.strip[inside]
    return enlarge(picture, _ENLARGED)


def can_move(shown: Shown, places: Collection[int]) -> bool:
    """Whether any of the pictures is longer than wide or wider than long."""
    strips = (shown.sheet.entries[place].strip for place in places)
    return any(strip is not None and strip.shape[0] != strip.shape[1] for strip in strips)


def fade(pixels: Pixels) -> Pixels:
    """Grey and pale, as a sign that it is not used."""
    grey = pixels.mean(axis=2, keepdims=True) * (1 - _FADED) + _PAPER * _FADED
    return np.broadcast_to(grey, pixels.shape).round().astype(np.uint8)


def _thumb(square: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(square).resize((_THUMB, _THUMB), Image.Resampling.BOX).save(
        file, "JPEG", quality=60
    )
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}" alt="">'


def _short(name: str) -> str:
    return PurePosixPath(name).name
