"""Some tensors of a safetensors file on the Hugging Face Hub, fetched by byte ranges and kept.

Such a file begins with the length of its header, 8 bytes, and the header: JSON that says where each
tensor lies (huggingface.co/docs/safetensors). So a few layers cost what they weigh.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeAlias

import torch
from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url
from safetensors.torch import save_file
from torch import Tensor

from gan_core.errors import BadWeights
from gan_core.files import explain_disk_errors, write_atomically
from gan_core.hub.client import (
    CONNECT_S,
    FOUND_S,
    NO_HUB,
    OnProgress,
    RemoteFile,
    explained,
    own_cache,
    quietly,
    read,
    unsound,
    within,
)
from gan_core.weights import read_metadata, read_tensors

_MAX_HEADER = 10_000_000  # bytes; ten thousand tensors need 1 MB
_GAP = 64 * 1024  # bytes between tensors that are sooner read than asked around
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

_Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
_Place: TypeAlias = tuple[int, int, torch.dtype]  # a tensor's bytes [start, end) of the file


@dataclass(frozen=True)
class Fetched:
    """path: a safetensors file with exactly the wanted tensors; commit: 40 hex digits."""

    path: Path
    commit: str


def fetch_tensors(
    repo: str,
    filename: str,
    wanted: Mapping[str, tuple[int, ...]],
    *,
    revision: str = "main",
    cache: Path | None = None,
    on_progress: OnProgress = quietly,
    endpoint: str | None = None,
) -> Fetched:
    """Get the tensors `wanted`, {name: shape}, of a file on the Hub, in the dtype they have there.

    They are kept in `cache`, and asked for only once; what was kept and is damaged is fetched anew.

    on_progress: called with the bytes read and the bytes to read, without the header.
    Raises: HubUnreachable; BadWeights when the file is not what was expected; DiskFull.
    """
    asked = {"repo": repo, "filename": filename, "revision": revision}
    key = hashlib.sha256(json.dumps([asked, sorted(wanted.items())]).encode()).hexdigest()[:8]
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{repo}-{Path(filename).stem}-{revision}")[:120]
    path = (cache or own_cache()) / f"{words}-{key}.safetensors"
    if commit := _kept(path, asked, wanted):
        return Fetched(path, commit)
    file = _find(repo, filename, revision, endpoint)
    tensors = _extract(file, wanted, on_progress)
    about = {**asked, "commit": file.commit}
    with write_atomically(path) as temporary:
        save_file(tensors, temporary, {**about, "sha256": _digest(about, tensors)})
    return Fetched(path, file.commit)


def _kept(path: Path, asked: dict[str, str], wanted: _Shapes) -> str | None:
    """The commit of the undamaged file at `path`; a damaged one is deleted. Raises: DiskFull."""
    with explain_disk_errors(path):
        try:
            about, tensors = read_metadata(path), read_tensors(path)
        except BadWeights:  # damaged, or not there
            about, tensors = {}, {}
        sound = about.pop("sha256", "") == _digest(about, tensors)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if sound and shapes == dict(wanted) and asked.items() <= about.items():
            return about.get("commit")
        path.unlink(missing_ok=True)
        return None


def _digest(about: dict[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256, in hex, of all that a kept file says: origin, names, dtypes, shapes, values."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _extract(file: RemoteFile, wanted: _Shapes, on_progress: OnProgress) -> dict[str, Tensor]:
    """Read the wanted tensors, and nothing else but small gaps. Raises: as `fetch_tensors`."""
    places = _places(file, wanted)
    spans = _spans(places)
    done, total = 0, sum(end - start for start, end in spans)
    tensors: dict[str, Tensor] = {}
    for first, last in spans:
        buffer = bytearray()
        with closing(read(file, first, last)) as pieces:
            for piece in pieces:
                buffer += piece
                done += len(piece)
                on_progress(done, total)
        for name, (start, end, dtype) in places.items():
            if first <= start and end <= last:
                # A slice is a copy: the tensor is aligned, and the gaps do not stay in memory.
                data = buffer[start - first : end - first]
                tensors[name] = torch.frombuffer(data, dtype=dtype).reshape(wanted[name])
    for name, tensor in tensors.items():
        if bad := int((~tensor.isfinite()).sum()):
            what = f"{bad} of {tensor.numel()} values of {name} in {file.label} are not finite."
            raise unsound(what, "Weights hold neither NaN nor infinities.")
    return tensors


def _places(file: RemoteFile, wanted: _Shapes) -> dict[str, _Place]:
    """Where each wanted tensor lies, after a look at nothing but the header. Raises: BadWeights."""
    length = int.from_bytes(b"".join(read(file, 0, 8)), "little") if file.size > 8 else 0
    data = 8 + length  # where the tensors begin
    if not 2 <= length <= min(_MAX_HEADER, file.size - 8):
        what = f"{file.label} ({file.size} bytes) announces a header of {length} bytes."
        raise unsound(what, f"It must have 2 to {_MAX_HEADER} bytes, and lie in the file.")
    try:
        header = dict(json.loads(b"".join(read(file, 8, data))))
    except (ValueError, TypeError, RecursionError) as error:
        what = f"The {length} bytes at the head of {file.label} are not a JSON object."
        raise unsound(what, "They must be the header of a safetensors file.") from error
    places = {}
    for name, shape in wanted.items():
        match header.get(name, "missing"):
            case {"dtype": str(kind), "shape": [*dims], "data_offsets": [int(start), int(end)]} if (
                (kind in _DTYPES and tuple(dims) == shape)
                and end - start == prod(shape) * _DTYPES[kind].itemsize
                and 0 <= start <= end <= file.size - data
            ):
                places[name] = data + start, data + end, _DTYPES[kind]
            case entry:
                what = f"{name} in {file.label}, which has {file.size} bytes, is {entry!s:.200}."
                raise unsound(what, f"It must be {shape} in {', '.join(_DTYPES)}, inside the file.")
    return places


def _spans(places: Mapping[str, _Place]) -> list[tuple[int, int]]:
    """Few ranges [start, end) that cover all places: near ones become one."""
    spans: list[tuple[int, int]] = []
    for start, end, _ in sorted(places.values(), key=lambda place: place[0]):
        if spans and start - spans[-1][1] <= _GAP:
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((start, end))
    return spans


def _find(repo: str, filename: str, revision: str, endpoint: str | None) -> RemoteFile:
    """Ask the Hub which commit `revision` means now, and how long the file is there."""
    label = f"{filename} of {repo}"
    with explained(label):
        url = hf_hub_url(repo, filename, revision=revision, endpoint=endpoint)
        found = within(FOUND_S, lambda: get_hf_file_metadata(url, timeout=CONNECT_S))
        commit = found.commit_hash or ""
        if not re.fullmatch("[0-9a-f]{40}", commit) or found.size is None:
            raise errors.FileMetadataError(NO_HUB)
        pinned = hf_hub_url(repo, filename, revision=commit, endpoint=endpoint)
    return RemoteFile(label, pinned, commit, found.size)
