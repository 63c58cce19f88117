"""What the Hub says when it does not take something, so that who publishes can mend it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from huggingface_hub import errors, get_session

from gan_core.errors import AtelierError, HubRefused, HubUnreachable
from gan_core.hub.reasons import TROUBLE, httpx, lacks_right, reason_of, status_of

NOTHING = "Nothing was published."
# Of one connection, one answer and one piece, in seconds; the client itself waits for ever.
_LIMITS = {"connect": 10.0, "read": 120.0, "write": 60.0, "pool": 10.0}
_lock, _before = Lock(), list[Any]()  # the limits that the client had, once for each that sends
# The client wraps what goes wrong in its threads, and trusts what answers to be the Hub.
_WRAPPED = (RuntimeError, TypeError, KeyError, AttributeError)
_CLIENT = {"huggingface_hub", "hf_xet", httpx.__name__}


@contextmanager
def sending(what: str, left: str = NOTHING) -> Iterator[None]:
    """Turn whatever the client raises into HubRefused or HubUnreachable, and wait for no dead line.

    What did not come out of the client is ours, a bug or a disk, and passes as it is.

    what: what fails then, as the beginning of a sentence. left: in which state all is if it fails
    here, as a sentence.
    """
    try:
        with _limited():
            yield
    except (*TROUBLE, *_WRAPPED) as error:
        if not _is_the_clients(error):
            raise
        raise _explain(_root(error), what, left) from error


def _is_the_clients(error: BaseException) -> bool:
    """Whether an error is of a kind of the client's, or was raised in it or beneath it."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = [type(error).__module__, *(str(f.f_globals.get("__name__")) for f, _ in frames)]
    return any(name.partition(".")[0] in _CLIENT for name in modules)


@contextmanager
def _limited() -> Iterator[None]:
    """Bound the client, which all share, in time, until the last of those who send has done so."""
    session: Any = get_session()
    with _lock:
        _before.append(_before[0] if _before else session.timeout)
        session.timeout = httpx.Timeout(**_LIMITS)
    try:
        yield
    finally:
        with _lock:
            before = _before.pop()
            if not _before:
                session.timeout = before


def _root(error: BaseException) -> BaseException:
    """What went wrong in a thread of the client's, which says only for which file."""
    cause = error.__cause__
    return cause if isinstance(error, RuntimeError) and isinstance(cause, TROUBLE) else error


def _explain(error: BaseException, what: str, left: str) -> AtelierError:
    is_denied = isinstance(error, PermissionError)  # of Xet, where the client keeps large files
    reason = lacks_right(str(error)) if is_denied else reason_of(error, writing=True)
    if reason is None:
        text = str(error).strip().partition("\n")[0] or type(error).__name__
        return HubUnreachable(
            f"{what}: the Hugging Face Hub does not answer as it should ({text:.200}). {left}",
            "It must be reachable from beginning to end.",
            "Check the connection, and try again.",
        )
    status = status_of(error)
    is_refused = is_denied or isinstance(error, errors.LocalTokenNotFoundError)
    is_refused |= status is not None and status < 500 and status != 429
    kind = HubRefused if is_refused else HubUnreachable
    return kind(f"{what}: {reason.says}. {left}", reason.expected, reason.advice)
