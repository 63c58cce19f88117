"""GAN_ATELIER_REPO: newer models under the names of the bundled ones, or else the bundled ones."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from loopback_hub import COMMIT, LoopbackHub
from safetensors.torch import save

from gan_core import models
from gan_core.commands.start import start_from
from gan_core.errors import BadSetting
from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks import build
from gan_core.gan.run import read_events
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.hub.resolve import BUNDLED, DEFAULT_MODEL
from gan_core.models import Model, find_model
from gan_core.publish import release_for

REPO, OTHER_COMMIT = "someone/gan", "f" * 40
NEWER = f"{DEFAULT_MODEL} of {REPO}"
WEIGHTS = f"{REPO}/{DEFAULT_MODEL}/model.safetensors"
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_snapshot(Snapshot(TINY, *build(TINY)), folder)
    return folder


@pytest.fixture
def hub(
    model: Path, hub_client: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopbackHub]:
    """A repository with another model under the name of the bundled one, which is set."""
    start_anew(monkeypatch)
    monkeypatch.setenv("GAN_ATELIER_REPO", REPO)
    files = {f"{REPO}/{DEFAULT_MODEL}/{path.name}": path.read_bytes() for path in model.iterdir()}
    with LoopbackHub(files) as hub:
        hub_client(hub.url)
        yield hub


def start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another process, which has looked at nothing yet."""
    monkeypatch.setattr(models, "_looked", {})


def is_bundled(found: Model) -> bool:
    return (found.folder, found.name) == (BUNDLED / DEFAULT_MODEL, DEFAULT_MODEL)


def test_without_the_setting_the_bundled_model_is_taken_and_nobody_asked(hub, monkeypatch):
    monkeypatch.setenv("GAN_ATELIER_REPO", " ")
    assert is_bundled(find_model(DEFAULT_MODEL))
    assert not hub.requests


def test_a_newer_model_is_taken_under_the_same_name_and_says_its_commit(hub, monkeypatch):
    for commit in (COMMIT, OTHER_COMMIT):
        start_anew(monkeypatch)
        hub.commit = commit
        found = find_model(DEFAULT_MODEL)
        assert load_snapshot(found.folder).network == TINY
        assert found.name == f"{NEWER}@{commit}"
        assert found.said == f"{DEFAULT_MODEL} is that of {REPO}@{commit}."


def test_the_setting_may_name_a_revision(hub, monkeypatch):
    hub.revisions = {"v1"}
    monkeypatch.setenv("GAN_ATELIER_REPO", f"{REPO}@v1")
    assert find_model(DEFAULT_MODEL).name == f"{NEWER}@{COMMIT}"


def test_the_name_that_stands_in_a_record_finds_the_same_model_without_asking(hub, monkeypatch):
    found = find_model(DEFAULT_MODEL)
    monkeypatch.delenv("GAN_ATELIER_REPO")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert found.name is not None
    again = find_model(found.name)
    assert (again.folder, again.name) == (found.folder, found.name)
    start, network, _ = start_from(found.name)
    assert (start.name, network) == (found.name, TINY)
    assert release_for("me/mine", start.name).base == REPO


def test_it_is_looked_for_once_and_stays_what_it_was(hub):
    first = find_model(DEFAULT_MODEL)
    asked = len(hub.requests)
    hub.commit = OTHER_COMMIT
    assert find_model(DEFAULT_MODEL) == first
    assert len(hub.requests) == asked


def test_a_silent_hub_is_waited_for_once_and_the_bundled_model_says_why(hub):
    hub.silent = True
    first = find_model(DEFAULT_MODEL)
    assert is_bundled(first)
    assert f"{DEFAULT_MODEL} is the one that comes with the program" in first.said
    assert "no answer in time" in first.said
    began = time.monotonic()
    assert find_model(DEFAULT_MODEL) == first
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda hub: hub.files.update({WEIGHTS: b"x" * 3000}),
        lambda hub: hub.files.update({WEIGHTS: save({"a": torch.zeros(2)})}),
        lambda hub: hub.files.update({WEIGHTS: hub.files[WEIGHTS][:-400]}),
        lambda hub: hub.files.pop(WEIGHTS),
        lambda hub: setattr(hub, "cut", 1000),
        lambda hub: setattr(hub, "error", (503, "")),
        lambda hub: setattr(hub, "library", "diffusers"),
    ],
    ids=["no safetensors", "unknown layout", "cut", "not there", "breaks off", "503", "library"],
)
def test_whatever_is_wrong_with_the_newer_model_the_bundled_one_is_taken(hub, damage):
    damage(hub)
    found = find_model(DEFAULT_MODEL)
    assert is_bundled(found)
    assert "comes with the program" in found.said


@pytest.mark.parametrize(
    "damage",
    [
        lambda hub: setattr(hub, "error", (503, "")),
        lambda hub: (hub.files.update({WEIGHTS: b"newer" * 999}), setattr(hub, "cut", 1000)),
        lambda hub: hub.files.pop(WEIGHTS),
    ],
    ids=["503", "breaks off", "not there"],
)
def test_what_it_had_last_is_taken_where_the_newest_cannot_be_had(hub, monkeypatch, damage):
    last = find_model(DEFAULT_MODEL)
    start_anew(monkeypatch)
    hub.commit = OTHER_COMMIT
    damage(hub)
    assert find_model(DEFAULT_MODEL) == last
    assert not is_bundled(last)


@pytest.mark.parametrize("value", ["nonsense", "a--b/c", "a/b@", "https://huggingface.co/a/b"])
def test_a_value_that_names_no_repository_says_what_one_looks_like(hub, monkeypatch, value):
    monkeypatch.setenv("GAN_ATELIER_REPO", value)
    with pytest.raises(BadSetting, match=f"GAN_ATELIER_REPO is {value}.*owner/repo or"):
        find_model(DEFAULT_MODEL)
    assert not hub.requests


def test_a_run_may_ask_for_the_very_model_that_comes_with_the_program(hub):
    start, network, _ = start_from(DEFAULT_MODEL, is_very=True)
    assert start.name == DEFAULT_MODEL
    assert network == load_snapshot(BUNDLED / DEFAULT_MODEL).network != TINY
    assert not hub.requests


def test_train_says_which_model_it_takes_and_records_it(hub, atelier, picture_folder, tmp_path):
    run = tmp_path / "run"
    words = ("--kimg", "0.02", "--batch-size", "8", "--out", run)
    done = atelier("train", picture_folder, *words)
    assert done.code == 0, done.err
    assert f"{DEFAULT_MODEL} is that of {REPO}@{COMMIT}." in " ".join(done.out.split())
    assert read_events(run)[0].start == f"{NEWER}@{COMMIT}"
