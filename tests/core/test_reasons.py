"""What goes wrong with the Hub is explained by its cause, and what is ours is not laid on it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub

from gan_core.errors import BadSetting, HubUnreachable
from gan_core.hub.refusals import sending
from gan_core.hub.repository import fetch_model
from gan_core.hub.upload import Parcel, send

REPO = "someone/gan"


@pytest.fixture
def hub(publishing_hub: LoopbackHub) -> LoopbackHub:
    publishing_hub.files = {f"{REPO}/model.safetensors": b"x" * 5000}
    return publishing_hub


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (401, "Invalid credentials in Authorization header", "the token is not valid .*HF_TOKEN"),
        (403, "No right to read this", "this token may not do that there .*No right to read"),
        (429, "Slow down", "too many requests .*in some minutes"),
        (503, "down", "the Hub has trouble of its own"),
    ],
)
def test_what_cannot_be_fetched_is_not_laid_on_the_connection_when_the_hub_has_answered(
    hub: LoopbackHub, tmp_path: Path, status: int, said: str, told: str
) -> None:
    hub.refusals["say_what_there_is"] = status, said
    with pytest.raises(HubUnreachable, match=told) as refused:
        fetch_model(REPO, cache=tmp_path)
    assert "connection" not in str(refused.value)


def own_bug() -> None:
    _ = {}["own bug"]  # type: ignore[var-annotated]


def own_disk() -> None:
    Path("/nowhere/at/all").read_bytes()


@pytest.mark.parametrize(("do", "kind"), [(own_bug, KeyError), (own_disk, FileNotFoundError)])
def test_a_bug_or_a_disk_of_ours_is_not_laid_on_the_hub(
    do: Callable[[], None], kind: type[Exception]
) -> None:
    with pytest.raises(kind), sending("It fails"):
        do()


def test_a_file_that_vanished_is_named_before_any_repository_is_made(
    publishing_hub: LoopbackHub, tmp_path: Path
) -> None:
    files = {"README.md": b"---\nlicense: mit\n---\n", "a.bin": tmp_path / "gone"}
    with pytest.raises(BadSetting, match=r"a\.bin cannot be read: No such file.*Nothing was pub"):
        send(Parcel(REPO, files, "a.bin", "Publish"))
    assert not publishing_hub.requests


def test_an_answer_that_is_no_hubs_is_not_taken_for_a_bug(hub: LoopbackHub) -> None:
    hub.answer = b'{"id": "a/b"}'
    parcel = Parcel(REPO, {"README.md": b"---\nlicense: mit\n---\n"}, "README.md", "Publish")
    with pytest.raises(HubUnreachable, match="does not answer as it should"):
        send(parcel)
