"""Why the Hub's client did not do what was asked: whatever it raises, as what a user can mend."""

from __future__ import annotations

import concurrent.futures as futures
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from huggingface_hub import errors

TOKENS = "https://huggingface.co/settings/tokens"

# httpx, or httpx2, whichever the client speaks: its own export of it is younger than 1.16.
httpx: Any = import_module(errors.HfHubHTTPError.__mro__[1].__module__)
# ValueError: a name that no repository can have. Before Python 3.11 the third is no OSError.
TROUBLE = (httpx.HTTPError, httpx.InvalidURL, futures.TimeoutError, OSError, ValueError)
_LOGIN = f"Run `hf auth login`, or set HF_TOKEN; tokens are made at {TOKENS}."
_LATER = "Try again in some minutes."


@dataclass(frozen=True)
class Reason:
    """What happened, as the end of a sentence; what was expected, and what to do, as sentences."""

    says: str
    expected: str
    advice: str


_KINDS: tuple[tuple[Any, Reason], ...] = (  # the first that fits; gated is a kind of not found
    (
        errors.LocalTokenNotFoundError,
        Reason(
            "there is no token for the Hugging Face Hub on this machine",
            "This needs one, of an account there.",
            _LOGIN,
        ),
    ),
    (
        errors.OfflineModeIsEnabled,
        Reason("offline mode is on", "This needs the network.", "Unset HF_HUB_OFFLINE."),
    ),
    (
        errors.GatedRepoError,
        Reason(
            "its owner must grant access",
            "It is open to whom they let in.",
            "Ask on its page, and set HF_TOKEN.",
        ),
    ),
    (
        errors.RepositoryNotFoundError,
        Reason(
            "no such repository, or private",
            "It must be there, and open to whoever asks.",
            "Check name and HF_TOKEN.",
        ),
    ),
    (
        errors.RevisionNotFoundError,
        Reason("no such revision", "It must be there.", "Check the revision."),
    ),
    (
        errors.EntryNotFoundError,
        Reason("no such file in the repository", "It must be there.", "Check the file's name."),
    ),
    (
        (futures.TimeoutError, httpx.TimeoutException),
        Reason("no answer in time", "It must be reachable.", "Check the connection."),
    ),
)
_STATUS = {
    400: Reason("it is refused as malformed", "It must be well-formed.", "Mend what it names."),
    401: Reason("the token is not valid", "It must be one that the Hub knows.", _LOGIN),
    402: Reason(
        "the account has no plan or no credits for it",
        "Gradio Spaces need a paid plan; other hardware than the free one needs credits.",
        "See https://huggingface.co/pricing, or publish under an account that has them.",
    ),
    403: Reason(
        "this token may not do that there",
        "To read and to write it needs the right to do so, in repositories of that owner.",
        f"Make one with that right at {TOKENS}; in an organisation, ask for the role of a writer.",
    ),
    404: Reason("it is not there, or not to be seen", "It must be there.", "Check name and token."),
    409: Reason(
        "there is something by this name already", "The name must be free.", "Choose another."
    ),
    412: Reason(
        "somebody else changed it meanwhile",
        "It must be as it was when it was looked at.",
        "Look at it, and try again.",
    ),
    413: Reason("it is too large", "The Hub has limits of its own.", "Publish less, or ask it."),
    429: Reason("too many requests in a short time", "The Hub takes only so many.", _LATER),
}
_OWN_TROUBLE = Reason("the Hub has trouble of its own", "It must work.", _LATER)


def reason_of(error: BaseException, *, writing: bool = False) -> Reason | None:
    """Why the client raised this; None where only its own text says so.

    writing: something was sent. Who asks for what may not be seen is answered as if their token
    were none; who sends has said before whose it is, so there the status means what it says.
    """
    status = status_of(error)
    if not (writing and status):
        for kind, reason in _KINDS:
            if isinstance(error, kind):
                return reason
    if status is None:
        return None
    found = _STATUS.get(status, _OWN_TROUBLE)
    said = " ".join((getattr(error, "server_message", None) or "").split())
    words = f"{status}" + f", {said:.200}" * bool(said)
    return Reason(f"{found.says} ({words})", found.expected, found.advice)


def status_of(error: BaseException) -> int | None:
    """With which status the Hub answered; None if it is no answer that went wrong."""
    answered = isinstance(error, (errors.HfHubHTTPError, httpx.HTTPStatusError))
    response: Any = getattr(error, "response", None) if answered else None
    return None if response is None else int(response.status_code)


def lacks_right(error: str) -> Reason:
    """As for an answer of 403, in the words of whoever keeps large files."""
    found = _STATUS[403]
    return Reason(f"{found.says} ({error})", found.expected, found.advice)
