"""Whose account on the Hub it is, and what may be written there.

Whose token: by default that of this machine, which the client finds as it always does, in HF_TOKEN
or in what `hf auth login` has kept. Who publishes for somebody else must name that one's.
"""

from __future__ import annotations

from typing import Any

import huggingface_hub
from huggingface_hub import errors
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from gan_core.errors import BadSetting, HubRefused
from gan_core.hub.client import NO_HUB
from gan_core.hub.reasons import TOKENS
from gan_core.hub.refusals import NOTHING, sending


def require_name(repo: str) -> None:
    """Raise BadSetting unless a repository can be called so: owner/name."""
    is_whole = repo.count("/") == 1
    try:
        validate_repo_id(repo)
    except errors.HFValidationError:  # its text is for programmers
        is_whole = False
    if not is_whole:
        raise BadSetting(
            f"“{repo:.100}” is no name that a repository on the Hugging Face Hub can have.",
            "It is owner/name: letters, digits, and single - _ . between them, 96 at most.",
            "Give it as owner/name, with your user name on the Hub, or an organisation's.",
        )


def user_of(token: str | None = None) -> str:
    """The name of the user whose token this is. Raises: HubRefused, HubUnreachable."""
    with sending("Whose name it is cannot be told"):
        return str(_who(token)["name"])


def require_writer(repo: str, token: str | None = None) -> str:
    """Ask the Hub whose token this is, before anything long begins. Returns the user's name.

    Raises: BadSetting for a name that cannot be; HubRefused without a token, or with one that
    surely may not write there; HubUnreachable.
    """
    require_name(repo)
    with sending(f"{repo} cannot be published"):
        who = _who(token)
    name = str(who["name"])
    names = [name, *(str(org["name"]) for org in who.get("orgs", []))]
    role = who.get("auth", {}).get("accessToken", {}).get("role")
    owner = repo.partition("/")[0]
    if role == "read":
        raise HubRefused(
            f"{repo} cannot be published: the token of {name} may only read. {NOTHING}",
            "Publishing needs one that may write.",
            f"Make one with the role write at {TOKENS}.",
        )
    # Only such a token tells of all organisations that it reaches.
    if role == "write" and owner.lower() not in [each.lower() for each in names]:
        raise HubRefused(
            f"{repo} cannot be published: the token is that of {name}, not of {owner}. {NOTHING}",
            f"It may write to repositories of {', '.join(names)}.",
            "Choose a name under one of these, or use another token.",
        )
    return name


def _who(token: str | None) -> dict[str, Any]:
    """What the Hub says of whose token it is."""
    who: Any = huggingface_hub.HfApi(token=token).whoami()
    if not isinstance(who, dict) or "name" not in who:
        raise errors.FileMetadataError(NO_HUB)
    return who
