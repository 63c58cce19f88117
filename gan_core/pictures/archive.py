"""The files of a folder, a list, a zip or a tar, one after the other, as bytes or as a refusal.

Nothing is ever unpacked to disk and no name from an archive is used as a path. Sizes written
in headers are not believed: what counts is the bytes read. Pictures are not decoded here.
"""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from gan_core.errors import BadDataset, BadPicture
from gan_core.pictures.decode import refusal

_MB = 1_000_000
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_JUNK = {"__macosx", "thumbs.db", "desktop.ini"}
_CHUNK = 1 << 20

Found: TypeAlias = tuple[str, bytes | BadPicture]


@dataclass(frozen=True)
class Limits:
    """How much a dataset may bring. What is above is refused; of more pictures, some are drawn."""

    min_images: int = 20  # usable pictures
    max_images: int = 2000  # pictures; of more, a random sample is used
    max_files: int = 20_000  # files and archive members of any kind
    max_file_bytes: int = 64 * _MB  # bytes of one file, unpacked
    max_total_bytes: int = 2000 * _MB  # bytes of all files, unpacked
    max_ratio: int = 200  # unpacked : packed, for members of a zip larger than 1 MB
    drop_near_duplicates: bool = True


def read_files(source: Path | Sequence[Path], limits: Limits) -> Iterator[Found]:
    """Yield (name, bytes) or (name, refusal) for every file, in a fixed order.

    A folder is read recursively, sorted by name; a zip or tar in its own order. Hidden files
    and what macOS and Windows leave behind are passed over in silence.

    Raises: BadDataset for a missing path, a damaged archive or too many files.
    """
    budget = _Budget(limits)
    if isinstance(source, Path):
        yield from _read_path(source, budget)
        return
    for path in source:
        if path.exists():
            yield from _read_path(path, budget)
        else:
            budget.count_file()
            yield _shown(path.name), _refuse(path.name, "missing file", "Add it again.")


class _Budget:
    """Counts files and bytes over the whole source."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.files = 0
        self.bytes = 0

    def count_file(self, n: int = 1) -> None:
        self.files += n
        if self.files > self.limits.max_files:
            raise BadDataset(
                f"There are at least {self.files:,} files.",
                f"At most {self.limits.max_files:,} are read.",
                "Choose a smaller folder, or a part of the pictures.",
            )

    def read(self, stream: IO[bytes], name: str, packed: int | None = None) -> bytes | BadPicture:
        """Read to the end, but never past a limit; `packed` is the member's size in the zip."""
        cap, total = self.limits.max_file_bytes, self.limits.max_total_bytes
        data = bytearray()
        while self.bytes <= total:
            chunk = stream.read(min(_CHUNK, cap + 1 - len(data)))
            if not chunk:
                return bytes(data)
            data += chunk
            self.bytes += len(chunk)
            if len(data) > cap:
                reason = f"file too large (more than {cap // _MB:,} MB)"
                return _refuse(name, reason, "Use a smaller picture.")
            if packed is not None and len(data) > max(_MB, self.limits.max_ratio * packed):
                reason = f"suspiciously compressed (more than {self.limits.max_ratio}:1)"
                return _refuse(name, reason, "Put the picture itself into the archive.")
        reason = f"over the total size (more than {total // _MB:,} MB in all)"
        return _refuse(name, reason, "Use fewer or smaller pictures.")


def _read_path(path: Path, budget: _Budget) -> Iterator[Found]:
    if not path.exists():
        raise BadDataset(
            f"{path} does not exist.", "A folder, pictures or a zip.", "Check the path."
        )
    if path.is_dir():
        yield from _read_folder(path, budget)
    elif path.suffix.lower() == ".zip":
        yield from _read_zip(path, budget)
    elif path.suffix.lower() == ".tar":
        yield from _read_tar(path, budget)
    else:
        budget.count_file()
        yield _shown(path.name), _read_file(path, path.name, budget)


def _read_folder(root: Path, budget: _Budget) -> Iterator[Found]:
    inside = root.resolve()
    for path in sorted(_walk(root, budget), key=lambda path: path.relative_to(root).parts):
        name = path.relative_to(root).as_posix()
        if not path.resolve().is_relative_to(inside):
            yield _shown(name), _refuse(name, "link out of the folder", "Copy the picture in.")
        elif path.is_file():
            yield _shown(name), _read_file(path, name, budget)


def _walk(root: Path, budget: _Budget) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):  # does not follow links to folders
        folders[:] = [name for name in folders if not _is_junk(name)]
        for name in files:
            if not _is_junk(name):
                budget.count_file()
                yield Path(folder, name)


def _read_file(path: Path, name: str, budget: _Budget) -> bytes | BadPicture:
    if path.suffix.lower() in _ARCHIVES:
        return _refuse(name, "archive among the pictures", "Unpack it, or choose it alone as zip.")
    try:
        with path.open("rb") as stream:
            return budget.read(stream, name)
    except OSError as error:
        return _refuse(name, f"unreadable file ({error.strerror})", "Check its rights.")


def _read_zip(path: Path, budget: _Budget) -> Iterator[Found]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, error) from error
    with archive:
        members = archive.infolist()
        budget.count_file(len(members))
        for member in members:
            if member.is_dir() or _is_junk(member.filename):
                continue
            is_link = stat.S_ISLNK(member.external_attr >> 16)
            refused = _refuse_member(member.filename, is_link)
            if refused is None and member.flag_bits & 1:
                refused = _refuse(member.filename, "encrypted", "Make a zip without a password.")
            yield _shown(member.filename), refused or _read_member(archive, member, budget)


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget
) -> bytes | BadPicture:
    try:
        with archive.open(member) as stream:
            return budget.read(stream, member.filename, packed=member.compress_size)
    except Exception as error:  # zlib.error, BadZipFile, EOFError, NotImplementedError ...
        reason = f"damaged in the archive ({error or type(error).__name__})"
        return _refuse(member.filename, reason, "Make the zip again.")


def _read_tar(path: Path, budget: _Budget) -> Iterator[Found]:
    try:
        # Plain tar only: through a compressed one the whole stream would have to be unpacked.
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                budget.count_file()
                if member.isdir() or _is_junk(member.name):
                    continue
                refused = _refuse_member(member.name, is_link=not member.isreg())
                stream = None if refused else archive.extractfile(member)
                data = refused if stream is None else budget.read(stream, member.name)
                if data is not None:
                    yield _shown(member.name), data
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise _damaged(path, error) from error


def _refuse_member(name: str, is_link: bool) -> BadPicture | None:
    if _is_unsafe(name):
        return _refuse(name, "unsafe name", "Make the archive again from within the folder.")
    if is_link:
        return _refuse(name, "link inside the archive", "Put the picture itself in.")
    if PurePosixPath(name.lower()).suffix in _ARCHIVES:
        return _refuse(name, "archive inside the archive", "Unpack it first.")
    return None


def _is_unsafe(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0][1:2] == ":"


def _is_junk(name: str) -> bool:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in (".", "..")]
    return any(part.startswith(".") or part.lower() in _JUNK for part in parts)


def _shown(name: str) -> str:
    """Make a name that can be shown and saved: undecodable and control characters become "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _refuse(name: str, reason: str, advice: str) -> BadPicture:
    return refusal(_shown(name), reason, "A readable picture file was expected.", advice)


def _damaged(path: Path, error: Exception) -> BadDataset:
    return BadDataset(
        f"{path.name} cannot be opened as an archive: {error}.",
        "A whole zip, or a tar without compression.",
        "Make the archive again, or choose the folder itself.",
    )
