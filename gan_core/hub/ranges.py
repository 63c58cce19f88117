"""Some tensors of a safetensors file on the Hugging Face Hub, fetched by byte ranges and kept.

Such a file begins with the length of its header, 8 bytes, and the header: JSON that says where each
tensor lies (huggingface.co/docs/safetensors). So a few layers cost what they weigh.
"""

from __future__ import annotations

import concurrent.futures as futures
import hashlib
import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import prod
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias, TypeVar

import torch
from huggingface_hub import constants, errors, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
from safetensors.torch import save_file
from torch import Tensor

from gan_core.errors import BadWeights, HubUnreachable
from gan_core.files import explain_disk_errors, write_atomically
from gan_core.weights import read_metadata, read_tensors

_FOUND_S, _CONNECT_S, _READ_S = 6.0, 5.0, 15.0  # until found at all; one connection; one answer
_MAX_HEADER = 10_000_000  # bytes; ten thousand tensors need 1 MB
_GAP = 64 * 1024  # bytes between tensors that are sooner read than asked around
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

# httpx, or httpx2, whichever the client speaks: its own export of it is younger than 1.16.
_httpx: Any = import_module(errors.HfHubHTTPError.__mro__[1].__module__)
_CUT = (_httpx.RemoteProtocolError, _httpx.ReadError)
# ValueError: a name that no repository can have. Before Python 3.11 the third is no OSError.
_TROUBLE = (_httpx.HTTPError, _httpx.InvalidURL, futures.TimeoutError, OSError, ValueError)
_REASONS: tuple[tuple[Any, str, str], ...] = (  # the first that fits; gated is a kind of not found
    (errors.OfflineModeIsEnabled, "offline mode is on", "Unset HF_HUB_OFFLINE."),
    (errors.GatedRepoError, "its owner must grant access", "Ask on its page, and set HF_TOKEN."),
    (errors.RepositoryNotFoundError, "no such repository, or private", "Check name and HF_TOKEN."),
    (errors.RevisionNotFoundError, "no such revision", "Check the revision."),
    (errors.EntryNotFoundError, "no such file in the repository", "Check the file's name."),
    ((futures.TimeoutError, _httpx.TimeoutException), "no answer in time", "Check the connection."),
)
_T = TypeVar("_T")
_Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
_OnProgress: TypeAlias = Callable[[int, int], None]
_Place: TypeAlias = tuple[int, int, torch.dtype]  # a tensor's bytes [start, end) of the file


@dataclass(frozen=True)
class Fetched:
    """path: a safetensors file with exactly the wanted tensors; commit: 40 hex digits."""

    path: Path
    commit: str


@dataclass(frozen=True)
class _File:
    """A file on the Hub as it is at one commit."""

    label: str
    url: str
    commit: str
    size: int  # bytes


def fetch_tensors(
    repo: str,
    filename: str,
    wanted: Mapping[str, tuple[int, ...]],
    *,
    revision: str = "main",
    cache: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
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
    path = (cache or Path(constants.HF_HOME) / "gan-atelier") / f"{words}-{key}.safetensors"
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


def _extract(file: _File, wanted: _Shapes, on_progress: _OnProgress) -> dict[str, Tensor]:
    """Read the wanted tensors, and nothing else but small gaps. Raises: as `fetch_tensors`."""
    places = _places(file, wanted)
    spans = _spans(places)
    done, total = 0, sum(end - start for start, end in spans)
    tensors: dict[str, Tensor] = {}
    for first, last in spans:
        buffer = bytearray()
        with closing(_read(file, first, last)) as pieces:
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
            raise _bad(what, "Weights hold neither NaN nor infinities.")
    return tensors


def _places(file: _File, wanted: _Shapes) -> dict[str, _Place]:
    """Where each wanted tensor lies, after a look at nothing but the header. Raises: BadWeights."""
    length = int.from_bytes(b"".join(_read(file, 0, 8)), "little") if file.size > 8 else 0
    data = 8 + length  # where the tensors begin
    if not 2 <= length <= min(_MAX_HEADER, file.size - 8):
        what = f"{file.label} ({file.size} bytes) announces a header of {length} bytes."
        raise _bad(what, f"It must have 2 to {_MAX_HEADER} bytes, and lie in the file.")
    try:
        header = dict(json.loads(b"".join(_read(file, 8, data))))
    except (ValueError, TypeError, RecursionError) as error:
        what = f"The {length} bytes at the head of {file.label} are not a JSON object."
        raise _bad(what, "They must be the header of a safetensors file.") from error
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
                raise _bad(what, f"It must be {shape} in {', '.join(_DTYPES)}, inside the file.")
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


def _find(repo: str, filename: str, revision: str, endpoint: str | None) -> _File:
    """Ask the Hub which commit `revision` means now, and how long the file is there."""
    label = f"{filename} of {repo}"
    with _explained(label):
        url = hf_hub_url(repo, filename, revision=revision, endpoint=endpoint)
        found = _within(_FOUND_S, lambda: get_hf_file_metadata(url, timeout=_CONNECT_S))
        commit = found.commit_hash or ""
        if not re.fullmatch("[0-9a-f]{40}", commit) or found.size is None:
            raise errors.FileMetadataError("what answers is not the Hub; a login page perhaps")
        pinned = hf_hub_url(repo, filename, revision=commit, endpoint=endpoint)
    return _File(label, pinned, commit, found.size)


def _read(file: _File, start: int, end: int) -> Generator[bytes, None, None]:
    """Bytes [start, end) of the file, in pieces. Raises: HubUnreachable; BadWeights if cut short.

    A server that knows no ranges sends all from the first byte on: what is too early is passed by.
    """
    part, left = f"{start}-{end - 1}", end - start
    limits = (_CONNECT_S, _READ_S, _READ_S, _CONNECT_S)  # connect, read, write, pool
    with _explained(file.label):
        headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={part}"}
        request = get_session().build_request("GET", file.url, headers=headers, timeout=limits)
        # Large files lie on a CDN: the client goes there, and leaves the token behind.
        send = partial(get_session().send, request, stream=True, follow_redirects=True)
        # A body cut short may or may not be an error of the client's: `left` tells in any case.
        with closing(_within(_READ_S, send)) as answer, suppress(*_CUT):
            answer.raise_for_status()
            said = answer.headers.get("Content-Range", "none")
            skip = start if answer.status_code == 200 else 0
            if answer.status_code != 200 and said != f"bytes {part}/{file.size}":
                what = f"Asked for bytes {part} of {file.label}, the server sent {said}."
                raise _bad(what, f"It must send these, of {file.size}.")
            for piece in answer.iter_bytes():
                wanted = piece[skip : skip + left]
                skip, left = max(skip - len(piece), 0), left - len(wanted)
                yield wanted
                if not left:
                    return
    what = f"{file.label} was cut short: of bytes {part} the last {left} did not come."
    raise _bad(what, f"All {end - start} must come.")


def _within(seconds: float, task: Callable[[], _T]) -> _T:
    """What `task` returns or raises; a TimeoutError after so many seconds.

    The client's own limit counts anew for each address of a host, and not for its name server.
    """
    future: futures.Future[_T] = futures.Future()

    def run() -> None:
        try:
            future.set_result(task())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result(timeout=seconds)


@contextmanager
def _explained(label: str) -> Iterator[None]:
    """Turn whatever the client raises into HubUnreachable."""
    try:
        yield
    except _TROUBLE as error:
        text = str(error).partition("\n")[0] or type(error).__name__
        fits = (reason[1:] for reason in _REASONS if isinstance(error, reason[0]))
        reason, advice = next(fits, (text, "Check the connection, and try again later."))
        raise HubUnreachable(
            f"{label} cannot be fetched from the Hugging Face Hub: {reason}.",
            "It must be reachable there once; then it is kept on this machine.",
            advice,
        ) from error


def _bad(what: str, expected: str) -> BadWeights:
    return BadWeights(what, expected, "Try again later; if it stays so, choose another model.")
