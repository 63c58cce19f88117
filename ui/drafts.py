"""Pictures that were dropped and wait for Start: their sheet, what was decided, what was seen.

Each draft is a folder, named only in the server's memory of one tab, and in the tab itself: the run
that it becomes has the same name. Uploads themselves are not
kept for it: the sheet's strips are enough to crop anew.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gan_core.files import write_atomically
from gan_core.gan.dataset_doctor import (
    Features,
    Findings,
    Odd,
    Sides,
    compare_sides,
    features_of,
    find_odd,
    find_variety,
)
from gan_core.pictures import Choices, Dataset, Sheet, compose, cut, load_sheet, save_sheet

FOLDER = "drafts"  # beside the runs; no run is called so
KEEP_HOURS = 6.0  # without being touched
_SHEET, _CHOICES, _LOOK = "sheet.safetensors", "choices.json", "look.safetensors"
_MOVED_SO_MUCH = 0.25  # of the crops: then left and right are compared anew


@dataclass(frozen=True)
class Look:
    """What StyleNet saw: features [N, F] of each strip's square, cut at positions [N]."""

    features: Features
    positions: NDArray[np.float64]
    sides: Sides | None


@dataclass(frozen=True)
class Drafts:
    """All drafts of this server, in folders below `root`; swept by age from outside."""

    root: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, sheet: Sheet) -> str:
        """Keep a sheet. Raises: DiskFull."""
        draft = secrets.token_urlsafe(16)
        folder = self.root / draft
        folder.mkdir(mode=0o700, parents=True)
        try:
            save_sheet(sheet, folder / _SHEET)
        except BaseException:
            self.forget(draft)
            raise
        return draft

    def replace(self, draft: str, sheet: Sheet) -> None:
        """Put another sheet of the same pictures in a draft's place; what was decided is kept.

        Raises: BadDataset when the draft is gone, DiskFull.
        """
        self.sheet(draft)
        save_sheet(sheet, self.root / draft / _SHEET)
        (self.root / draft / _LOOK).unlink(missing_ok=True)

    def sheet(self, draft: str) -> Sheet:
        """Read a draft's sheet; it counts as used now. Raises: BadDataset when it is gone."""
        folder = self.root / draft
        sheet = load_sheet(folder / _SHEET)
        with suppress(OSError):  # just swept away, or started by another click
            for path in folder.iterdir():
                os.utime(path)
        return sheet

    def choices(self, draft: str) -> Choices:
        """What was decided so far."""
        try:
            text = (self.root / draft / _CHOICES).read_text(encoding="utf-8")
        except FileNotFoundError:
            return Choices()
        found = json.loads(text)
        return Choices(
            found["crop"],
            {int(index): position for index, position in found["positions"].items()},
            {int(index): used for index, used in found["used"].items()},
        )

    def decide(self, draft: str, change: Callable[[Choices], Choices]) -> Choices:
        """Change what was decided, whatever else happens at the same time. Raises: BadDataset."""
        with self.lock:
            choices = change(self.choices(draft))
            path = self.root / draft / _CHOICES
            if not path.parent.is_dir():
                self.sheet(draft)  # says that it is gone
            with write_atomically(path) as temporary:
                temporary.write_text(json.dumps(asdict(choices)), encoding="utf-8")
        return choices

    def dataset(self, draft: str) -> Dataset:
        """Cut the chosen squares. Raises: BadDataset."""
        return compose(self.sheet(draft), self.choices(draft))

    def look(self, draft: str) -> Look | None:
        """What was seen the last time; None before the first."""
        path = self.root / draft / _LOOK
        try:
            with safe_open(path, framework="np") as stored:
                sides = json.loads((stored.metadata() or {})["sides"])
                features, positions = stored.get_tensor("features"), stored.get_tensor("positions")
        except (OSError, SafetensorError, KeyError, ValueError):
            return None
        return Look(features, positions, Sides(**sides) if sides is not None else None)

    def look_again(self, draft: str) -> Look:
        """See those crops that are new or were moved. Raises: BadDataset, BadWeights, DiskFull."""
        sheet, choices = self.sheet(draft), self.choices(draft)
        look = see(sheet, choices, self.look(draft))
        metadata = {"sides": json.dumps(asdict(look.sides) if look.sides is not None else None)}
        folder = self.root / draft
        if folder.is_dir():
            with write_atomically(folder / _LOOK) as path:
                tensors: dict[str, Any] = {"features": look.features, "positions": look.positions}
                save_file(tensors, path, metadata)
        return look

    def forget(self, draft: str | None) -> None:
        """Delete a draft with its pictures."""
        if draft is not None:
            shutil.rmtree(self.root / draft, ignore_errors=True)


def strips_of(sheet: Sheet) -> list[int]:
    """The places of the pictures that can be seen, in the order of a look's rows."""
    return [index for index, entry in enumerate(sheet.entries) if entry.strip is not None]


def see(sheet: Sheet, choices: Choices, before: Look | None) -> Look:
    """Look at every crop that `before` has not seen where it lies now."""
    there = strips_of(sheet)
    positions = np.array([choices.position(i, sheet.entries[i]) for i in there], dtype=np.float64)
    if before is None or len(before.positions) != len(there):
        squares = cut(sheet, choices, there)
        return Look(features_of(squares), positions, compare_sides(squares)) if there else _NOTHING
    moved = np.flatnonzero(before.positions != positions)
    if not len(moved):
        return before
    features, sides = before.features.copy(), before.sides
    features[moved] = features_of(cut(sheet, choices, [there[row] for row in moved]))
    if len(moved) > _MOVED_SO_MUCH * len(there):
        sides = compare_sides(cut(sheet, choices, there))
    return Look(features, positions, sides)


def find(sheet: Sheet, dataset: Dataset | None, look: Look | None) -> Findings | None:
    """What the look says of the pictures that are used; odd ones by their place on the sheet.

    Odd is what is so among all different pictures, used or not: so that one which is left out by
    hand does not turn another into an odd one.
    """
    if dataset is None or look is None:
        return None
    places = strips_of(sheet)
    used = set(dataset.places())
    different = [row for row, i in enumerate(places) if sheet.entries[i].twin is None]
    there = [(places[different[odd.index]], odd) for odd in find_odd(look.features[different])]
    rows = [row for row, i in enumerate(places) if i in used]
    variety = find_variety(look.features[rows])
    odd = tuple(Odd(i, odd.times) for i, odd in there if i in used)
    return Findings(len(rows), variety, odd, look.sides)


_NOTHING = Look(np.empty((0, 1), np.float32), np.empty(0), None)
