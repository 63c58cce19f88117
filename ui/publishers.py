"""Who may publish from this page, and with whose token.

On a Space whoever signs in publishes in their own name, with a token that can make repositories and
reach those alone. Elsewhere there is one token, that of whoever runs the page, and no visitor can
prove to be that one: a tunnel (`share=True`, `ssh -R`, a proxy) reaches the page from the loopback
address too, and so does every other user of the same machine. So the page offers it only where its
owner has said, by a setting, that nobody else gets there; and even then no request is served that
shows a trace of having come from elsewhere, or from a page of another address in their browser.
Gradio's sign-in is not used off a Space: there it is a mock, which lends everybody one account.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

import gradio as gr

from gan_core.errors import AlreadyThere, HubRefused
from gan_core.hub.account import user_of
from ui import run_texts as texts

SETTING = "GAN_ATELIER_PUBLISH"  # "1": the page is reached by its owner alone, who may publish
_OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
_OFF = ("", "0", "false")
# What a proxy adds, or a tunnel, as they all begin.
_FORWARDED = ("forwarded", "x-forwarded", "x-real-ip", "x-original", "via", "cf-", "true-client-ip")

Who = Literal["visitors", "owner"]


@dataclass(frozen=True)
class Publisher:
    """In whose name something is published.

    token: theirs; None: that of this machine. advice: what they can do when the Hub refuses it, if
    that is something else than for whoever makes tokens.
    """

    name: str
    token: str | None = field(default=None, repr=False)
    advice: str = ""

    @contextmanager
    def advising(self) -> Iterator[None]:
        """Let what the Hub refuses come with advice that this publisher can follow."""
        try:
            yield
        except AlreadyThere:
            raise
        except HubRefused as error:
            raise HubRefused(error.what, error.expected, self.advice or error.advice) from error


def who_may_publish(environment: Mapping[str, str] = os.environ) -> Who | None:
    """Every visitor who signs in, or the owner of this machine, or nobody."""
    is_space = environment.get("SYSTEM") == "spaces"  # as Gradio tells; else it would mock
    if is_space or "SPACE_ID" in environment:
        is_set = all(environment.get(name) for name in ("SPACE_ID", *_OAUTH))
        return "visitors" if is_space and is_set and find_spec("authlib") else None
    is_shared = environment.get("GRADIO_SHARE", "").lower() not in _OFF
    return "owner" if environment.get(SETTING) == "1" and not is_shared else None


def visitor(profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> Publisher:
    """Whoever has signed in. Raises: HubRefused when nobody has; never the Space's own token."""
    if profile is None or token is None or not token.token:
        raise HubRefused(texts.SIGNED_OUT, texts.SIGNED_OUT_EXPECTED, texts.SIGNED_OUT_ADVICE)
    return Publisher(profile.username, token.token, texts.VISITOR_ADVICE)


def owner(request: gr.Request | None) -> Publisher:
    """The owner of this machine, if it is that one who asks; asks the Hub for the name.

    Raises: HubRefused for anybody else, and without a token; HubUnreachable.
    """
    if not is_owner(request):
        raise HubRefused(texts.NOT_OWNER, texts.NOT_OWNER_EXPECTED, texts.NOT_OWNER_ADVICE)
    return Publisher(user_of())


def is_owner(request: gr.Request | None) -> bool:
    """Whether a request comes from this machine, to an address of it, and through no proxy; in a
    browser from the very page that is served there, for another port is another program's."""
    if request is None or request.client is None:
        return False
    headers: dict[str, Any] = {name.lower(): value for name, value in request.headers.items()}
    if any(name.startswith(_FORWARDED) for name in headers):
        return False
    host = str(headers.get("host", "")).lower()
    origin = str(headers.get("origin", f"http://{host}")).lower()
    if origin not in (f"http://{host}", f"https://{host}"):
        return False
    return _is_loopback(request.client.host) and _is_loopback(_host_of(f"//{host}"))


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # half a bracket
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
