"""A folder, files or an archive become an audited training set: one line of report per file.

What is kept is a uint8 array of squares in memory. Reading files is `archive`, decoding them
`decode`, keeping them uncut `sheet`; batches, tensors and augmentation belong to training.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gan_core.errors import BadDataset
from gan_core.files import write_atomically
from gan_core.pictures.archive import Limits
from gan_core.pictures.crop import MIDDLE, Crop, crop_at
from gan_core.pictures.sheet import NOT_DRAWN, Entry, Sheet, read_sheet

LEFT_OUT: Literal["left out"] = "left out"
BY_HAND = "by hand"
_FORMAT = "gan-atelier-dataset-1"
_MOST_REASONS = 3  # named when there are too few pictures


@dataclass(frozen=True)
class FileReport:
    """What became of one file; `reason` is empty for a picture used as it is.

    A picture that is kept although it repeats another has that for its reason.
    """

    name: str
    verdict: Literal["kept", "mended", "left out"]
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Training pictures: uint8 [N, size, size, 3], and a report with a line for every file."""

    name: str
    images: NDArray[np.uint8]
    report: tuple[FileReport, ...]

    def __len__(self) -> int:
        return len(self.images)

    def places(self) -> list[int]:
        """For each picture the place of its line in the report; not after a part was taken."""
        return [place for place, line in enumerate(self.report) if line.verdict != LEFT_OUT]

    def names(self) -> list[str]:
        """The file of each picture; numbers for a part of a set, whose report is of the whole."""
        places = self.places()
        if len(places) != len(self.images):
            return [f"picture {number}" for number in range(1, len(self.images) + 1)]
        return [self.report[place].name for place in places]

    def summary(self) -> str:
        """Say in a sentence how many files are used, were mended, left out and not drawn."""
        count = Counter(line.verdict for line in self.report)
        noun = "file is" if len(self.report) == 1 else "files are"
        undrawn = sum(line.reason.startswith(NOT_DRAWN) for line in self.report)
        return (
            f"{len(self)} of {len(self.report)} {noun} used: {count['kept']} as they are,"
            f" {count['mended']} mended; {count['left out']} left out"
            + f", {undrawn:,} of these because only a random {len(self):,} are used" * bool(undrawn)
            + "."
        )


class UnusableDataset(BadDataset):
    """Files were read, but too few pictures can be used; `report` says why for each file."""

    def __init__(
        self, what: str, expected: str, advice: str, report: tuple[FileReport, ...] = ()
    ) -> None:
        super().__init__(what, expected, advice)
        self.report = report

    def __reduce__(self) -> Any:
        return type(self), (self.what, self.expected, self.advice, self.report)


@dataclass(frozen=True)
class Choices:
    """What a person decided about a sheet; files are named by their place on it.

    crop: of all pictures, "center" or "smart". positions: of single crops, along the longer side
    from 0 to 1. used: whether to use a file whatever was found about it.
    """

    crop: Crop = "center"
    positions: Mapping[int, float] = field(default_factory=dict)
    used: Mapping[int, bool] = field(default_factory=dict)

    def position(self, index: int, entry: Entry) -> float:
        """Give the place of a picture's crop."""
        return self.positions.get(index, entry.smart if self.crop == "smart" else MIDDLE)


def load_dataset(
    source: Path | Sequence[Path],
    size: int = 64,
    limits: Limits | None = None,
    seed: int = 0,
    crop: Crop = "center",
) -> Dataset:
    """Make squares of `size` pixels from a folder, files, a zip, a tar or a saved dataset.

    Pictures that repeat another are left out. Of more than `limits.max_images`, a sample drawn
    with `seed` is kept, in the order of the files. Same files, size, seed and crop: same result.
    A saved dataset is taken as it was cropped.

    Raises: BadDataset; as `UnusableDataset` with `.report` when files were read but fewer than
    `limits.min_images` can be used.
    """
    limits = limits or Limits()
    if isinstance(source, Path) and source.suffix == ".safetensors":
        return _check_saved(read_dataset(source), source, size)
    return compose(read_sheet(source, size, limits, seed), Choices(crop), limits.min_images)


def compose(
    sheet: Sheet, choices: Choices | None = None, needed: int = Limits.min_images
) -> Dataset:
    """Cut the squares of the pictures that are used. Raises: UnusableDataset with `.report`."""
    choices = choices or Choices()
    report = report_on(sheet, choices)
    used = [place for place, line in enumerate(report) if line.verdict != LEFT_OUT]
    _refuse_too_few(sheet.name, len(used), report, needed)
    return Dataset(sheet.name, cut(sheet, choices, used), report)


def cut(sheet: Sheet, choices: Choices, indices: Sequence[int]) -> NDArray[np.uint8]:
    """Cut the squares of some pictures, uint8 [N, size, size, 3]; each must have a strip."""
    squares = np.empty((len(indices), sheet.size, sheet.size, 3), np.uint8)
    for row, index in enumerate(indices):
        entry = sheet.entries[index]
        assert entry.strip is not None
        squares[row] = crop_at(entry.strip, choices.position(index, entry))
    return squares


def report_on(sheet: Sheet, choices: Choices) -> tuple[FileReport, ...]:
    """Say of every file on the sheet what becomes of it, and why."""
    return tuple(
        _line(sheet, entry, choices.used.get(index)) for index, entry in enumerate(sheet.entries)
    )


def _line(sheet: Sheet, entry: Entry, wanted: bool | None) -> FileReport:
    why, twin = entry.note, entry.twin
    if twin is not None:
        alike = "same picture as another" if twin.exact else "almost the same as another"
        why = f"{alike} ({sheet.entries[twin.of].name})"
    if entry.strip is None or (twin is not None and not wanted):
        return FileReport(entry.name, LEFT_OUT, why)
    if wanted is False:
        return FileReport(entry.name, LEFT_OUT, BY_HAND)
    if twin is not None:
        why = ", ".join(filter(None, (entry.note, f"{why}, used all the same")))
    return FileReport(entry.name, "mended" if entry.note else "kept", why)


def save_dataset(dataset: Dataset, path: Path) -> None:
    """Write pictures, name and report as one safetensors file, whole or not at all."""
    report = [[line.name, line.verdict, line.reason] for line in dataset.report]
    metadata = {"format": _FORMAT, "name": dataset.name, "report": json.dumps(report)}
    with write_atomically(path) as temporary:
        save_file({"images": np.ascontiguousarray(dataset.images)}, temporary, metadata)


def read_dataset(path: Path) -> Dataset:
    """Read what `save_dataset` wrote.

    Raises: BadDataset for a missing, damaged or foreign file.
    """
    try:
        with safe_open(path, framework="np") as stored:
            metadata = stored.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError("it holds something other than a dataset")
            images = stored.get_tensor("images")
            report = tuple(FileReport(*line) for line in json.loads(metadata["report"]))
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not len(images):
            raise ValueError(f"its pictures are {images.dtype} {list(images.shape)}")
        return Dataset(metadata["name"], images, report)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).replace(str(path), path.name) if path.exists() else "it is not there"
        raise BadDataset(
            f"{path.name} cannot be read as a dataset: {reason}.",
            "A file that was saved as a dataset by this program.",
            "Choose the folder or zip with the pictures instead.",
        ) from error


def _refuse_too_few(name: str, usable: int, report: tuple[FileReport, ...], needed: int) -> None:
    if usable >= max(needed, 1):
        return
    if not report:
        raise UnusableDataset(
            f"There are no files in {name}.",
            f"At least {needed} pictures are needed.",
            "Choose a folder, a zip or files with pictures in them.",
        )
    reasons = Counter(line.reason.split(" (")[0] for line in report if line.verdict == "left out")
    named = reasons.most_common(_MOST_REASONS)
    common = ", ".join(f"{reason} ({count})" for reason, count in named)
    if others := reasons.total() - sum(count for _, count in named):
        common += f", for other reasons ({others})"
    files = "1 file" if len(report) == 1 else f"{len(report)} files"
    if usable == len(report):
        found = f"There {'is' if usable == 1 else 'are'} only {files} in {name}."
    elif usable:
        found = f"Only {usable} of {files} in {name} can be used."
    else:
        found = f"Of {files} in {name}, none can be used."
    raise UnusableDataset(
        f"{found} Left out: {common}." if common else found,
        f"At least {needed} different pictures are needed.",
        "Add more pictures" + ", or mend those that were left out" * bool(common) + ".",
        report,
    )


def _check_saved(dataset: Dataset, path: Path, size: int) -> Dataset:
    if dataset.images.shape[1:3] != (size, size):
        raise BadDataset(
            f"{path.name} holds pictures of {dataset.images.shape[1]} px.",
            f"Pictures of {size} px are needed here.",
            "Load the original pictures again at this size.",
        )
    return dataset
