"""Files that `torch.save` wrote, read without PyTorch's reader: a pickle, and numbers beside it.

Since PyTorch 1.6 (2020) that is a zip; before, pickles in a row and then the numbers. Nothing is
made for what a file claims: a tensor is a view of numbers that are in the file.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from gan_core.errors import BadWeights
from gan_core.gan.plain import MAX_BYTES, Plain, Stored, View, read_plain

_ZIP, _ZIP_ENTRY = b"PK\3\4", b"PK\1\2"  # how it begins, and each line of its table of contents
_OLD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the number that torch.save began with
_MOST_ENTRIES = 10_000  # one for each tensor; a table of contents takes ten times its bytes
_LONGEST_NAME = 200  # of a tensor; that tutorial's have 15, and one of any length costs few bytes
_MOST_RECORDS = 200  # with tensors; a checkpoint has a dozen

Read = Callable[[str], bytes]  # the bytes under a storage's key


def read_pickle(path: Path) -> Mapping[str, Tensor | Mapping[str, Tensor]]:
    """Read tensors by name, and records of such; what else a file holds, or deeper, is left out.

    It is read whole, so look at its size before. The tensors may share their numbers.

    Raises: BadWeights when it asks for anything but plain data, or is damaged.
    """
    data = path.read_bytes()
    if not data.startswith((_ZIP, _OLD)):
        raise BadWeights(
            f"{path.name} ({len(data)} bytes) is not what torch.save writes.",
            "That is a zip with a file for each tensor or, before 2020, several pickles in a row.",
            "Read it with the program that wrote it, and save it with a newer PyTorch.",
        )
    try:
        return _tensors(*(_zipped(data) if data.startswith(_ZIP) else _in_a_row(data)))
    except Exception as error:  # whatever a file made by anybody can bring about
        said = str(error).partition("\n")[0] or type(error).__name__
        raise BadWeights(
            f"{path.name} holds more than tensors, or is damaged: {said:.120}.",
            "Nothing else is read from a pickle, for it could run as a program.",
            "Where you trust it, save it anew: torch.save(model.state_dict(), ...).",
        ) from error


def _zipped(data: bytes) -> tuple[Plain, Read]:
    if data.count(_ZIP_ENTRY) > _MOST_ENTRIES:
        raise ValueError(f"its zip has more than {_MOST_ENTRIES} files")
    archive = zipfile.ZipFile(BytesIO(data))
    files = archive.infolist()
    claimed = sum(each.file_size for each in files)
    if claimed > len(data) or any(each.compress_type != zipfile.ZIP_STORED for each in files):
        raise ValueError(f"its zip is packed; it claims {claimed} bytes in {len(data)}")
    pickles = [each for each in files if each.filename.endswith("/data.pkl")]
    if len(pickles) != 1 or pickles[0].file_size > MAX_BYTES:
        raise ValueError(f"its zip must have one data.pkl, of at most {MAX_BYTES} bytes")
    folder = pickles[0].filename.removesuffix("/data.pkl")
    order = f"{folder}/byteorder"
    if order in archive.namelist() and archive.read(order) != b"little":
        raise ValueError("its numbers are not little-endian")
    plain = read_plain(BytesIO(archive.read(pickles[0])))
    return plain, lambda key: archive.read(f"{folder}/data/{key}")


def _in_a_row(data: bytes) -> tuple[Plain, Read]:
    at = len(_OLD)
    pickles = []
    for _ in ("version", "machine", "content", "keys"):
        file = BytesIO(data[at : at + MAX_BYTES])
        pickles.append(read_plain(file))
        at += file.tell()
    _, machine, plain, keys = pickles
    if not isinstance(machine.content, dict) or machine.content.get("little_endian") is not True:
        raise ValueError("its numbers are not little-endian")
    if not isinstance(keys.content, list):
        raise ValueError("it has no list of what is stored")
    places = {}
    for key in keys.content:  # of each: how many numbers, and these
        if not isinstance(key, str):  # before it is hashed
            raise ValueError("its list of what is stored has no keys")
        stored = plain.stored[key]
        (count,) = struct.unpack_from("<q", data, at)
        start, at = at + 8, at + 8 + stored.count * stored.dtype.itemsize
        if count != stored.count or at > len(data):
            raise ValueError(f"it claims {stored.count} numbers, and has {count} or fewer")
        places[stored.key] = slice(start, at)
    return plain, lambda key: data[places[key]]


def _tensors(plain: Plain, read: Read) -> dict[str, Tensor | Mapping[str, Tensor]]:
    """The tensors by name, and the records with tensors by name; each record once."""

    @cache
    def numbers(key: str) -> Tensor:
        return _numbers(plain.stored[key], read(key))

    def tensors_of(record: dict[str, View]) -> dict[str, Tensor]:
        return {
            name: numbers(each.stored.key).as_strided(each.shape, each.stride, each.offset)
            for name, each in record.items()
        }

    content = plain.content
    if not isinstance(content, dict):
        raise ValueError("it holds no tensors by name")
    own = _views(content)
    once = {id(each): name for name, each in content.items() if isinstance(each, dict)}
    records = {name: _views(content[name]) for name in once.values()}
    count = sum(map(bool, records.values()))
    if count > _MOST_RECORDS:
        raise ValueError(f"it has {count} records with tensors, of {_MOST_RECORDS} at most")
    found: dict[str, Tensor | Mapping[str, Tensor]] = dict(tensors_of(own))
    return found | {name: tensors_of(views) for name, views in records.items()}


def _views(record: dict[str, object]) -> dict[str, View]:
    """The tensors in a record. Raises: ValueError for names that nobody would read."""
    views = {name: each for name, each in record.items() if isinstance(each, View)}
    longest = max(map(len, views), default=0)
    if longest > _LONGEST_NAME:
        raise ValueError(f"a tensor's name has {longest} characters, of {_LONGEST_NAME} at most")
    return views


def _numbers(stored: Stored, held: bytes) -> Tensor:
    """What is stored, [count]: always in memory, dense, of a plain kind."""
    if len(held) != stored.count * stored.dtype.itemsize:
        raise ValueError(f"it claims {stored.count} numbers in {len(held)} bytes")
    if not held:
        return torch.empty(0, dtype=stored.dtype)
    # An own copy, for PyTorch wants memory that can be written to.
    return torch.frombuffer(bytearray(held), dtype=stored.dtype)
