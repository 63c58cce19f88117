"""The Hugging Face Hub's client, with the bounds on time and the messages that it lacks."""

from __future__ import annotations

import concurrent.futures as futures
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeAlias, TypeVar

from huggingface_hub import constants, get_session
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from gan_core.errors import BadWeights, HubUnreachable
from gan_core.hub.reasons import TROUBLE, Reason, httpx, reason_of

FOUND_S, CONNECT_S, READ_S = 6.0, 5.0, 15.0  # until found at all; one connection; one answer
NO_HUB = "what answers is not the Hub; a login page perhaps"
OnProgress: TypeAlias = Callable[[int, int], None]  # bytes that have come, bytes that will

_CUT = (httpx.RemoteProtocolError, httpx.ReadError)
_T = TypeVar("_T")


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub as it is at one commit."""

    label: str
    url: str
    commit: str
    size: int  # bytes


def be_anonymous() -> None:
    """From now on send nobody this machine's token, here and in the processes started from here."""
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    constants.HF_HUB_DISABLE_IMPLICIT_TOKEN = True  # read already


def own_cache() -> Path:
    """Where what we make of the Hub's files is kept, beside the client's own cache."""
    return Path(constants.HF_HOME) / "gan-atelier"


def quietly(done: int, total: int) -> None:
    """Tell nobody how far it is: the `OnProgress` of those who do not ask."""


def read(file: RemoteFile, start: int, end: int) -> Generator[bytes, None, None]:
    """Bytes [start, end) of the file, in pieces. Raises: HubUnreachable; BadWeights if cut short.

    A server that knows no ranges sends all from the first byte on: what is too early is passed by.
    """
    part, left = f"{start}-{end - 1}", end - start
    limits = (CONNECT_S, READ_S, READ_S, CONNECT_S)  # connect, read, write, pool
    with explained(file.label):
        headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={part}"}
        request = get_session().build_request("GET", file.url, headers=headers, timeout=limits)
        # Large files lie on a CDN: the client goes there, and leaves the token behind.
        send = partial(get_session().send, request, stream=True, follow_redirects=True)
        # A body cut short may or may not be an error of the client's: `left` tells in any case.
        with closing(within(READ_S, send)) as answer, suppress(*_CUT):
            answer.raise_for_status()
            said = answer.headers.get("Content-Range", "none")
            skip = start if answer.status_code == 200 else 0
            if answer.status_code != 200 and said != f"bytes {part}/{file.size}":
                what = f"Asked for bytes {part} of {file.label}, the server sent {said}."
                raise unsound(what, f"It must send these, of {file.size}.")
            for piece in answer.iter_bytes():
                wanted = piece[skip : skip + left]
                skip, left = max(skip - len(piece), 0), left - len(wanted)
                yield wanted
                if not left:
                    return
    what = f"{file.label} was cut short: of bytes {part} the last {left} did not come."
    raise unsound(what, f"All {end - start} must come.")


def within(seconds: float, task: Callable[[], _T]) -> _T:
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
def explained(label: str) -> Iterator[None]:
    """Turn whatever the client raises into HubUnreachable."""
    try:
        yield
    except TROUBLE as error:
        text = str(error).partition("\n")[0] or type(error).__name__
        reason = reason_of(error) or Reason(
            text,
            "It must be reachable there once; then it is kept on this machine.",
            "Check the connection, and try again later.",
        )
        advice = reason.advice
        if "HF_TOKEN" in advice and constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
            advice = "Check its name; here, only what is public can be fetched."
        raise HubUnreachable(
            f"{label} cannot be fetched from the Hugging Face Hub: {reason.says}.",
            reason.expected,
            advice,
        ) from error


def unsound(what: str, expected: str) -> BadWeights:
    return BadWeights(what, expected, "Try again later; if it stays so, choose another model.")
