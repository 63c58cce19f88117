"""Under which licence a model on the Hub stands, as its own card there says."""

from __future__ import annotations

import re
from typing import Any

import huggingface_hub
from huggingface_hub import errors

from gan_core.hub.refusals import sending

LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")  # the form of the Hub's names for them
_NONE = ("unknown", "")


def listed_licence(repo: str, commit: str, token: str | None = None) -> str | None:
    """The Hub's name for the licence of a model at a commit; None where none is known.

    None too where the model is gone, or not to be seen. A stranger wrote it: anything that cannot
    be a name is none. Raises: HubRefused, HubUnreachable.
    """
    with sending(f"The licence of {repo} cannot be looked up"):
        try:
            info: Any = huggingface_hub.HfApi(token=token).model_info(repo, revision=commit)
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
            return None
    said = info.card_data.get("license") if info.card_data is not None else None
    is_name = isinstance(said, str) and said not in _NONE and LICENCE.fullmatch(said)
    return str(said) if is_name else None
