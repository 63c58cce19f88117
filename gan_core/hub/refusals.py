"""What the Hub says when it does not take something, so that who publishes can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from huggingface_hub import errors, get_session

from gan_core.errors import AtelierError, HubRefused, HubUnreachable
from gan_core.hub.client import TROUBLE, httpx

TOKENS = "https://huggingface.co/settings/tokens"
NOTHING = "Nothing was published."
# Of one connection, one answer and one piece, in seconds; the client itself waits for ever.
_LIMITS = {"connect": 10.0, "read": 120.0, "write": 60.0, "pool": 10.0}
_lock, _before = Lock(), list[Any]()  # the limits that the client had, once for each that sends
# The client wraps what goes wrong in its threads, and trusts what answers to be the Hub.
_WRAPPED = (RuntimeError, TypeError, KeyError, AttributeError)
_LOGIN = f"Run `hf auth login`, or set HF_TOKEN; tokens are made at {TOKENS}."
_LATER = "Try again in some minutes."
# Status -> what happened, what was expected, what to do.
_STATUS = {
    400: ("it is refused as malformed", "It must be well-formed.", "Mend what it names."),
    401: ("the token is not valid", "It must be one that the Hub knows.", _LOGIN),
    402: (
        "the account has no plan or no credits for it",
        "Gradio Spaces need a paid plan; other hardware than the free one needs credits.",
        "See https://huggingface.co/pricing, or publish under an account that has them.",
    ),
    403: (
        "this token may not do that there",
        "It needs the right to write to repositories of that owner.",
        f"Make one with that right at {TOKENS}; in an organisation, ask for the role of a writer.",
    ),
    404: ("it is not there, or not to be seen", "It must be there.", "Check name and token."),
    409: ("there is something by this name already", "The name must be free.", "Choose another."),
    412: (
        "somebody else changed it meanwhile",
        "It must be as it was when it was looked at.",
        "Look at it, and try again.",
    ),
    413: ("it is too large", "The Hub has limits of its own.", "Publish less, or ask the Hub."),
    429: ("too many requests in a short time", "The Hub takes only so many.", _LATER),
}  # fmt: skip


@contextmanager
def sending(what: str, left: str = NOTHING) -> Iterator[None]:
    """Turn whatever the client raises into HubRefused or HubUnreachable, and wait for no dead line.

    what: what fails then, as the beginning of a sentence. left: in which state all is if it fails
    here, as a sentence.
    """
    try:
        with _limited():
            yield
    except (*TROUBLE, *_WRAPPED) as error:
        raise _explain(_root(error), what, left) from error


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
    match error:
        case errors.LocalTokenNotFoundError():
            return HubRefused(
                f"{what}: there is no token for the Hugging Face Hub on this machine. {left}",
                "Publishing needs one that may write.",
                _LOGIN,
            )
        case errors.OfflineModeIsEnabled():
            where = f"{what}: offline mode is on. {left}"
            return HubUnreachable(where, "Publishing needs the network.", "Unset HF_HUB_OFFLINE.")
        case errors.HfHubHTTPError():
            return _answered(error, what, left)
        case PermissionError():  # of Xet, where the client keeps large files
            reason, expected, advice = _STATUS[403]
            return HubRefused(f"{what}: {reason} ({error}). {left}", expected, advice)
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return HubUnreachable(
        f"{what}: the Hugging Face Hub does not answer as it should ({text:.200}). {left}",
        "It must be reachable from beginning to end.",
        "Check the connection, and try again.",
    )


def _answered(error: errors.HfHubHTTPError, what: str, left: str) -> AtelierError:
    status = error.response.status_code
    said = " ".join((error.server_message or "").split())
    words = f"{status}" + f", {said:.200}" * bool(said)
    trouble = "the Hub has trouble of its own", "It must work.", _LATER
    reason, expected, advice = _STATUS.get(status, trouble)
    kind = HubUnreachable if status == 429 or status >= 500 else HubRefused
    return kind(f"{what}: {reason} ({words}). {left}", expected, advice)
