"""A folder, files or an archive become an audited training set: one line of report per file.

What is kept is a uint8 array of squares in memory. Reading files is `archive`, decoding them
`decode`; batches, tensors and augmentation belong to training.
"""

from __future__ import annotations

import heapq
import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from gan_core.errors import BadDataset, BadPicture
from gan_core.files import write_atomically
from gan_core.pictures.archive import Found, Limits, read_files
from gan_core.pictures.decode import decode, fit_square, reason_of
from gan_core.pictures.twins import Twins

_WORKERS = min(4, os.cpu_count() or 1)
_WINDOW = 16  # files in memory at once, so that a folder of large ones does not fill it
_FORMAT = "gan-atelier-dataset-1"
_NOT_DRAWN = "not drawn"


@dataclass(frozen=True)
class FileReport:
    """What became of one file; `reason` is empty for a picture used as it is."""

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

    def summary(self) -> str:
        """Say in a sentence how many files are used, were mended, left out and not drawn."""
        count = Counter(line.verdict for line in self.report)
        noun = "file is" if len(self.report) == 1 else "files are"
        undrawn = sum(line.reason.startswith(_NOT_DRAWN) for line in self.report)
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


def load_dataset(
    source: Path | Sequence[Path], size: int = 64, limits: Limits | None = None, seed: int = 0
) -> Dataset:
    """Make squares of `size` pixels from a folder, files, a zip, a tar or a saved dataset.

    Pictures that repeat another are left out. Of more than `limits.max_images`, a sample drawn
    with `seed` is kept, in the order of the files. Same files, size and seed: same result.

    Raises: BadDataset; as `UnusableDataset` with `.report` when files were read but fewer than
    `limits.min_images` can be used.
    """
    limits = limits or Limits()
    if isinstance(source, Path) and source.suffix == ".safetensors":
        return _check_saved(read_dataset(source), source, size)
    name = _name_of(source)
    report: list[FileReport] = []
    twins = Twins(limits.drop_near_duplicates)
    sample = _Sample(limits.max_images, seed)
    for line, square in _squares(read_files(source, limits), size):
        if square is not None and (reason := twins.reason_to_drop(line.name, square)):
            line = replace(line, verdict="left out", reason=reason)
        elif square is not None:
            sample.add(len(report), square)
        report.append(line)
    for index in sample.dropped:
        reason = (
            f"{_NOT_DRAWN} (a random {limits.max_images:,} of {sample.seen:,} pictures are used)"
        )
        report[index] = replace(report[index], verdict="left out", reason=reason)
    _refuse_too_few(name, len(sample.squares), tuple(report), limits.min_images)
    images = np.stack([square for _, square in sorted(sample.squares.items())])
    return Dataset(name, images, tuple(report))


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
        raise BadDataset(
            f"{path.name} cannot be read as a dataset: {error}.",
            "A file that was saved as a dataset by this program.",
            "Choose the folder or zip with the pictures instead.",
        ) from error


def _squares(
    files: Iterator[Found], size: int
) -> Iterator[tuple[FileReport, NDArray[np.uint8] | None]]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        while window := list(islice(files, _WINDOW)):
            yield from pool.map(lambda found: _to_square(found, size), window)


def _to_square(found: Found, size: int) -> tuple[FileReport, NDArray[np.uint8] | None]:
    name, content = found
    if isinstance(content, BadPicture):
        return FileReport(name, "left out", reason_of(content, name)), None
    try:
        picture = decode(content, name, at_least=size)
    except BadPicture as error:
        return FileReport(name, "left out", reason_of(error, name)), None
    mends = picture.mends
    if (short := min(picture.pixels.shape[:2])) < size:
        mends += (f"enlarged ({short} to {size} px)",)
    line = FileReport(name, "mended" if mends else "kept", ", ".join(mends))
    return line, fit_square(picture.pixels, size)


class _Sample:
    """Keeps a uniform sample of at most `most` squares without holding the others."""

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self.random = random.Random(seed)
        self.squares: dict[int, NDArray[np.uint8]] = {}
        self.dropped: list[int] = []
        self.seen = 0
        self.lots: list[tuple[float, int]] = []

    def add(self, index: int, square: NDArray[np.uint8]) -> None:
        """Draw a lot for the picture; above `most`, the picture with the lowest lot goes."""
        self.seen += 1
        self.squares[index] = square
        heapq.heappush(self.lots, (self.random.random(), index))
        if len(self.lots) > self.most:
            _, loser = heapq.heappop(self.lots)
            del self.squares[loser]
            self.dropped.append(loser)


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
    common = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
    files = "1 file" if len(report) == 1 else f"{len(report)} files"
    found = (
        f"Only {usable} of {files} in {name} can be used."
        if usable
        else (f"Of {files} in {name}, none can be used.")
    )
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


def _name_of(source: Path | Sequence[Path]) -> str:
    if isinstance(source, Path):
        return source.name if source.is_file() else source.resolve().name
    return source[0].name if len(source) == 1 else "the selection"
