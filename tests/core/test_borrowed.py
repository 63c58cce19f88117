"""What visitors had fetched stays within its bound, and nothing else of the cache is touched."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import scan_cache_dir
from loopback_hub import LoopbackHub
from others_networks import punks_G

from gan_core.errors import HubUnreachable
from gan_core.gan.snapshot import load_snapshot
from gan_core.hub.borrowed import Borrowed
from gan_core.hub.client import own_cache
from gan_core.hub.repository import fetch_model, kept_model
from gan_core.models import find_on_hub

A, B, C = "someone/a", "someone/b", "another/c"
MODEL = b"weights" * 50_000  # 0.35 MB
EACH = 0.37  # MB, with its configuration


@pytest.fixture
def hub(hub_client: object) -> Iterator[LoopbackHub]:
    files = {f"{repo}/model.safetensors": repo.encode() + MODEL for repo in (A, B, C)}
    with LoopbackHub(files | {f"{repo}/config.json": b"{}" for repo in (A, B, C)}) as hub:
        yield hub


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


class Visit:
    """Fetches as a visitor does, in an order that its lists know, whatever the clock says."""

    def __init__(self, hub: LoopbackHub, cache: Path, models: float) -> None:
        self.hub, self.cache, self.seconds = hub, cache, 0
        self.borrowed = Borrowed(models * EACH, cache.parent / "lists")

    def fetch(self, repo: str, revision: str = "main") -> None:
        where: dict[str, Any] = {"cache": self.cache, "endpoint": self.hub.url}
        fetch_model(repo, revision, **where, borrowed=self.borrowed)
        self.tick()

    def tick(self) -> None:
        """Let everything be older by a second."""
        for file in self.borrowed.folder.glob("*"):
            seconds = file.stat().st_mtime - 1
            os.utime(file, (seconds, seconds))

    def here(self) -> set[str]:
        repos = scan_cache_dir(self.cache).repos  # the client's own look at it
        whole = {repo.repo_id for repo in repos if kept_model(repo.repo_id, cache=self.cache)}
        assert whole == {repo.repo_id for repo in repos}
        return whole


def test_the_longest_unused_goes_when_there_is_no_room_for_another(hub, cache):
    visit = Visit(hub, cache, models=2.5)
    visit.fetch(A)
    visit.fetch(B)
    assert visit.here() == {A, B}
    visit.borrowed.use(A)
    visit.tick()
    visit.fetch(C)
    assert visit.here() == {A, C}
    assert not list(cache.glob("*someone--b*"))


def test_what_was_deleted_comes_again(hub, cache):
    visit = Visit(hub, cache, models=1.5)
    for repo in (A, B, A):
        visit.fetch(repo)
        assert visit.here() == {repo}


def test_what_somebody_else_has_in_the_cache_stays_also_in_a_repository_of_a_visitors(hub, cache):
    visit = Visit(hub, cache, models=0.5)
    fetch_model(A, cache=cache, endpoint=hub.url)
    visit.fetch(A)  # is here already
    hub.commit = "f" * 40
    hub.files[f"{A}/model.safetensors"] = b"newer" + MODEL
    visit.fetch(A, "newer")  # of which the configuration is here already
    visit.fetch(B)
    assert kept_model(A, cache=cache)
    assert kept_model(A, "newer", cache=cache) is None
    assert not any(path.is_symlink() and not path.exists() for path in cache.rglob("*"))
    assert {path.stat().st_size for path in (cache / "models--someone--a/blobs").iterdir()} == {
        2,
        len(A) + len(MODEL),
    }


def test_nothing_is_deleted_for_what_does_not_come(hub, cache):
    visit = Visit(hub, cache, models=1.5)
    visit.fetch(A)
    hub.error = 503, ""
    with pytest.raises(HubUnreachable):
        visit.fetch(B)
    assert visit.here() == {A}


def test_what_is_being_fetched_is_never_deleted_for_another(hub, cache):
    visit = Visit(hub, cache, models=1.5)
    visit.fetch(A)
    with visit.borrowed.fetching(A, 0):
        visit.fetch(B)
        assert visit.here() == {A, B}
    visit.fetch(C)
    assert visit.here() == {C}


def test_a_damaged_list_neither_stops_a_fetch_nor_deletes_anything(hub, cache):
    visit = Visit(hub, cache, models=0.5)
    visit.fetch(A)
    for file in visit.borrowed.folder.iterdir():
        file.write_text('{"[')
    visit.fetch(B)
    assert visit.here() == {A, B}


def test_what_a_pickle_was_converted_to_counts_and_goes_with_it(hub, hub_client, tmp_path):
    hub_client(hub.url)
    torch.save(punks_G().eval().state_dict(), tmp_path / "generator.pth")
    hub.files |= {"x/punks/generator.pth": (tmp_path / "generator.pth").read_bytes()}
    borrowed = Borrowed(len(hub.files["x/punks/generator.pth"]) * 2.5 / 1e6)
    model = find_on_hub("x/punks", borrowed=borrowed)
    assert load_snapshot(model.folder).network.kind == "layers"
    assert model.folder.parent == own_cache() / "converted"
    assert find_on_hub("x/punks").folder == model.folder
    with borrowed.fetching(A, borrowed.most_mb / 10):
        assert model.folder.exists()
    with borrowed.fetching(A, borrowed.most_mb / 2):
        assert not model.folder.exists()
    assert find_on_hub("x/punks", borrowed=borrowed).folder.exists()
