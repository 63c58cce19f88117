"""This program as a Gradio Space on the Hub: which of its files go there, and on what it runs.

Only what is named here goes: no run, no picture of a user, no test, no cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub

from gan_core.errors import BadSetting
from gan_core.hub.refusals import sending
from gan_core.hub.resolve import BUNDLED
from gan_core.hub.upload import CARD, Parcel, Sent, send

ROOT = BUNDLED.parent
USUAL_HARDWARE, ZERO_GPU = "cpu-basic", "zero-a10g"
_NEEDED = ("app.py", "requirements.txt", CARD, "gan_core/__main__.py", "ui/__init__.py")
_LISTED = (
    *_NEEDED, "LICENSE", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md",
    "gan_core/**/*.py", "ui/**/*.py", "ui/examples/*.jpg",
    "weights/*/*.safetensors", "weights/*/*.json", "weights/*/*.jsonl", f"weights/*/{CARD}",
)  # fmt: skip
_OWNED = ("gan_core/", "ui/")
_SHOWN = re.compile(r"!\[[^\]]*\]\(([\w./-]+)\)")  # the pictures in the README
# Whoever signs in lets the page make repositories, and reach those that it made; no others.
_OAUTH = "hf_oauth: true\nhf_oauth_scopes:\n  - contribute-repos\n"
_ANY_OAUTH = re.compile(r"^hf_oauth\w*:.*\n(?:[ -].*\n)*", re.MULTILINE)


def space_files(root: Path = ROOT, oauth: bool = True) -> dict[str, bytes | Path]:
    """What of this program a Space needs, by name: the page, the core, the weights, the texts.

    Links and hidden files are left out, whatever they are called. oauth: let visitors sign in, so
    that the page may make repositories for them, and reach none but those.

    Raises: BadSetting where the program lies without its page, as when it was installed.
    """
    names = sorted({path.relative_to(root).as_posix() for path in _there(root)})
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise BadSetting(
            f"{missing[0]} is not there.",
            "A Space is made of the program's whole source: page, core and weights.",
            "Run this in a copy of the repository.",
        )
    files: dict[str, bytes | Path] = {name: root / name for name in names}
    files[CARD] = _with_oauth((root / CARD).read_text(encoding="utf-8"), oauth).encode()
    return files


def deploy(
    repo: str,
    files: dict[str, bytes | Path],
    hardware: str | None = None,
    *,
    private: bool = False,
) -> Sent:
    """Make or update a Space, in one commit. hardware: the Hub's name; by default what it has.

    A Space that is no GAN Atelier is not written over. What code of an older version is in ours
    goes; models and files that somebody added stay.

    Raises: BadSetting, HubRefused, HubUnreachable; each says in which state the Space is.
    """
    parcel = Parcel(
        repo,
        files,
        mark="gan_core/__main__.py",
        message="Update GAN Atelier",
        kind="space",
        owned=_OWNED,
    )
    making: dict[str, Any] = {"space_sdk": "gradio", "space_hardware": hardware or USUAL_HARDWARE}
    sent = send(parcel, private=private, update=True, **making)
    if hardware is not None and not sent.is_new:
        with sending(
            f"The hardware of {repo} cannot be changed",
            "The files are there; its hardware is what it was.",
        ):
            huggingface_hub.HfApi().request_space_hardware(repo, hardware)  # type: ignore[arg-type]
    return sent


def is_free(hardware: str | None) -> bool:
    """Whether such hardware surely costs nothing by the hour; None: what a Space has already."""
    return hardware in (None, USUAL_HARDWARE, ZERO_GPU)


def needs(hardware: str | None) -> str:
    """What an account needs for a Space on such hardware, in a sentence or two."""
    if hardware in (None, USUAL_HARDWARE):
        return (
            "A Gradio Space on cpu-basic costs nothing by the hour, but only an account with a paid"
            " plan (PRO, Team, Enterprise) can make one. Free accounts can have two, on"
            f" {ZERO_GPU} only."
        )
    if hardware == ZERO_GPU:
        return (
            "ZeroGPU is open to personal accounts with a confirmed address that are older than 30"
            " days. Its GPU is lent for a call at a time, of which every visitor has some minutes a"
            " day. A run trains there while its page is open, and otherwise waits."
        )
    return (
        f"The Hub bills {hardware} by the hour, from when it starts until it is paused:"
        " https://huggingface.co/pricing."
    )


def _there(root: Path) -> Iterator[Path]:
    readme = root / CARD
    shown = _SHOWN.findall(readme.read_text(encoding="utf-8")) if readme.is_file() else []
    wanted = [*_LISTED, *(name for name in shown if name.startswith("docs/"))]
    for path in (path for pattern in wanted for path in root.glob(pattern)):
        inside = path.relative_to(root)
        steps = [path, *(root / parent for parent in inside.parents if parent.name)]
        is_hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not is_hidden and not any(step.is_symlink() for step in steps):
            yield path


def _with_oauth(readme: str, oauth: bool) -> str:
    """The same text; its head lets visitors sign in, or does not, whatever it did before."""
    head, end, rest = readme.removeprefix("---\n").partition("\n---\n")
    head = _ANY_OAUTH.sub("", f"{head}\n") + _OAUTH * oauth
    return f"---\n{head}---\n{rest}" if end else readme
