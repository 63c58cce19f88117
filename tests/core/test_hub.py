"""Models by name: bundled, at a path, kept from the Hub, or there; bounded, verified, whole."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants, hf_hub_download
from loopback_hub import COMMIT, LoopbackHub
from others_networks import punks_G
from PIL import Image

from gan_core.errors import BadSetting, BadWeights, DiskFull, HubUnreachable
from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import sample
from gan_core.gan.networks import build
from gan_core.gan.run import read_events
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.start import Start
from gan_core.hub.client import be_anonymous
from gan_core.hub.names import pick
from gan_core.hub.ranges import fetch_tensors
from gan_core.hub.repository import Repository, fetch_model, kept_model
from gan_core.hub.resolve import DEFAULT_MODEL, Found, find, find_kept, find_on_hub, pinned
from gan_core.models import find_model, resolve
from gan_core.weights import MAX_MB

pytestmark = pytest.mark.usefixtures("hub_client")
ROOT = Path(__file__).resolve().parents[2]
REPO, OTHER_COMMIT = "someone/gan", "f" * 40
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_snapshot(Snapshot(TINY, *build(TINY), {"kimg": 1.5}), folder)
    return folder


@pytest.fixture
def hub(model: Path) -> Iterator[LoopbackHub]:
    """A repository with a model, a card, and much else that nobody asked for."""
    files = {f"{REPO}/{path.name}": path.read_bytes() for path in model.iterdir()}
    files |= {f"{REPO}/README.md": b"# A model", f"{REPO}/optimizer.pt": bytes(2_000_000)}
    with LoopbackHub(files) as hub:
        yield hub


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def fetch(hub: LoopbackHub, cache: Path, **changes: object) -> Repository:
    return fetch_model(REPO, **{"cache": cache, "endpoint": hub.url, **changes})  # type: ignore[arg-type]


def found(hub: LoopbackHub, cache: Path, name: str = REPO) -> Found:
    return find(name, cache=cache, endpoint=hub.url)


def leftovers(cache: Path) -> list[Path]:
    """Files in the cache that are no whole blob, link or ref: none, whatever happens."""
    return [path for path in cache.rglob("*") if path.name.endswith((".tmp", ".incomplete"))]


# --- what a name means --------------------------------------------------------------------


def test_a_bundled_name_comes_first_and_asks_nobody(hub, cache):
    assert found(hub, cache, DEFAULT_MODEL).name == DEFAULT_MODEL
    assert not hub.requests


def test_a_path_comes_before_a_repository_of_its_name(hub, cache, model, tmp_path, monkeypatch):
    shutil.copytree(model, tmp_path / REPO)
    monkeypatch.chdir(tmp_path)
    here = found(hub, cache)
    assert here == Found(Path(REPO) / "model.safetensors", Path(REPO) / "discriminator.safetensors")
    assert not hub.requests


def test_a_folder_without_a_model_is_not_looked_for_on_the_hub(hub, cache, tmp_path, monkeypatch):
    (tmp_path / REPO).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadWeights, match=f"The folder {REPO} holds no model"):
        found(hub, cache)
    assert not hub.requests


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "../a/b", "~/a", "/a/b", "a/b@", "a/b@../c"])
def test_what_is_neither_is_no_name_of_a_model(hub, cache, name):
    with pytest.raises(BadWeights, match="There is no model"):
        found(hub, cache, name)
    assert not hub.requests


@pytest.mark.parametrize(
    "name",
    ["some--one/gan", "a/b.", "a/-b", "a/b.git", "a/b..c", "a-/b", f"a/{'b' * 97}", f"{'a' * 97}/b",
     f"a/b@{'c' * 300}", "~nosuchuser/x", "x" * 300, f"{'x' * 300}/y", "a/b\0"],
)  # fmt: skip
def test_a_name_that_nothing_can_have_is_told_what_names_look_like(hub, cache, name):
    with pytest.raises(BadWeights, match=r"There is no model.*owner/repo or .*single - \. or _"):
        found(hub, cache, name)
    with pytest.raises(BadWeights, match=r"no name on the .*single - \. or _"):
        find_on_hub(name, cache=cache, endpoint=hub.url)
    assert pinned(name, cache=cache) is None
    assert find_kept(name, cache=cache) is None
    assert not hub.requests


def test_a_repositorys_model_is_as_its_owner_saved_it(hub, cache, model):
    there = load_snapshot(found(hub, cache).G.parent)
    here = load_snapshot(model)
    assert (there.network, there.training) == (here.network, here.training)
    for name, tensor in here.D.state_dict().items():
        assert tensor.equal(there.D.state_dict()[name])


def test_another_commit_than_the_one_asked_for_is_not_taken(hub, cache):
    with pytest.raises(HubUnreachable, match="not the Hub"):
        fetch(hub, cache, revision=OTHER_COMMIT)


def test_it_is_named_with_the_commit_that_it_was_then(hub, cache):
    assert found(hub, cache).name == f"{REPO}@{COMMIT}"
    hub.commit = OTHER_COMMIT  # its owner goes on, and what was fetched stays
    assert found(hub, cache).name == f"{REPO}@{COMMIT}"
    assert found(hub, cache, f"{REPO}@{OTHER_COMMIT}").name == f"{REPO}@{OTHER_COMMIT}"


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/1", COMMIT])
def test_a_revision_is_asked_for_by_its_name(hub, cache, revision):
    hub.revisions = {revision}
    assert found(hub, cache, f"{REPO}@{revision}").name == f"{REPO}@{COMMIT}"


def test_the_newest_is_asked_for_and_what_was_kept_does_where_nobody_answers(hub, cache):
    fetch(hub, cache)
    hub.commit = OTHER_COMMIT
    assert fetch(hub, cache, newest=True).commit == OTHER_COMMIT
    hub.error = 503, ""
    assert fetch(hub, cache, newest=True).commit == OTHER_COMMIT


# --- what is fetched, and how it is kept ----------------------------------------------------


def test_only_the_models_files_are_fetched(hub, cache):
    folder = fetch(hub, cache).folder
    names = {"model.safetensors", "discriminator.safetensors", "config.json"}
    assert {path.name for path in folder.iterdir()} == names
    asked = {path.rpartition("/")[2] for _, path, _ in hub.requests if "/resolve/" in path}
    assert asked == names


def test_every_file_is_of_the_commit_that_was_listed(hub, cache):
    fetch(hub, cache)
    asked = [path for _, path, _ in hub.requests if "/resolve/" in path]
    assert asked
    assert all(path.startswith(f"/{REPO}/resolve/{COMMIT}/") for path in asked)


def test_the_second_time_nobody_is_asked(hub, cache):
    first = fetch(hub, cache)
    hub.requests.clear()
    assert fetch(hub, cache) == first
    assert fetch(hub, cache, revision=COMMIT) == first
    assert not hub.requests


def test_a_file_that_another_commit_has_too_is_not_fetched_again(hub, cache):
    first = fetch(hub, cache)
    hub.commit = OTHER_COMMIT
    hub.requests.clear()
    second = fetch(hub, cache, newest=True)
    assert len(hub.requests) == 1
    assert second.folder != first.folder
    assert load_snapshot(second.folder).network == load_snapshot(first.folder).network


def test_what_is_kept_the_client_finds_and_the_other_way_round(hub, cache, tmp_path):
    fetch(hub, cache)
    theirs = hf_hub_download(REPO, "model.safetensors", cache_dir=cache, local_files_only=True)
    assert Path(theirs).read_bytes() == hub.files[f"{REPO}/model.safetensors"]
    for name in ("model.safetensors", "discriminator.safetensors", "config.json"):
        hf_hub_download(REPO, name, cache_dir=tmp_path / "theirs", endpoint=hub.url)
    hub.requests.clear()
    assert fetch(hub, tmp_path / "theirs").commit == COMMIT
    assert len(hub.requests) == 1, "it is asked what there is, and nothing is fetched again"


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_what_another_program_fetched_of_a_repository_is_not_taken_for_all_of_it(hub, cache, name):
    hf_hub_download(REPO, name, cache_dir=cache, endpoint=hub.url)
    hub.error = 503, ""
    with pytest.raises(HubUnreachable):
        found(hub, cache)
    hub.error = None
    assert found(hub, cache).D is not None
    hub.requests.clear()
    assert found(hub, cache).D is not None
    assert not hub.requests


def test_a_kept_model_stays_when_another_program_moves_the_branch(hub, cache, monkeypatch):
    kept = found(hub, cache)
    hub.commit = OTHER_COMMIT
    hf_hub_download(REPO, "README.md", cache_dir=cache, endpoint=hub.url)
    (ref,) = cache.glob("models--*/refs/main")
    assert ref.read_text() == OTHER_COMMIT
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert found(hub, cache) == kept


def test_gigabytes_of_another_program_are_not_read(hub, cache):
    commit, key = OTHER_COMMIT, "0" * 64
    place = cache / f"models--{REPO.replace('/', '--')}"
    for folder in ("blobs", "refs", f"snapshots/{commit}"):
        (place / folder).mkdir(parents=True)
    with (place / "blobs" / key).open("wb") as blob:
        blob.truncate(20_000_000_000)  # takes no room, and a minute to hash
    (place / "refs" / "main").write_text(commit)
    (place / "snapshots" / commit / "model.safetensors").symlink_to(place / "blobs" / key)
    hub.key = lambda name: key  # the same as theirs
    began = time.monotonic()
    assert kept_model(REPO, cache=cache) is None
    with pytest.raises(BadWeights, match="came with the hash"):
        fetch(hub, cache)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("damage", ["", "[]", '{"model.safetensors": 3}', "{"])
def test_a_damaged_record_is_as_none(hub, cache, damage):
    kept = found(hub, cache)
    (record,) = cache.rglob("files.json")
    record.write_text(damage)
    assert kept_model(REPO, cache=cache) is None
    assert found(hub, cache) == kept


def test_progress_counts_all_files_up_to_the_bytes_announced(hub, cache):
    seen: list[tuple[int, int]] = []
    fetch(hub, cache, on_progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    (total,) = {total for _, total in seen}
    files = ("model.safetensors", "discriminator.safetensors", "config.json")
    assert seen[-1] == (total, total) == (*[sum(hub.size(f"{REPO}/{f}") for f in files)] * 2,)


@pytest.mark.parametrize("name", ["model.safetensors", "discriminator.safetensors", "config.json"])
def test_a_kept_file_that_is_damaged_is_fetched_again(hub, cache, name):
    path = fetch(hub, cache).folder / name
    content = path.read_bytes()
    path.resolve().write_bytes(content[:-1] + b"!")
    assert (fetch(hub, cache).folder / name).read_bytes() == content


def test_a_file_of_the_wrong_hash_is_refused_and_nothing_is_kept(hub, cache):
    hub.wrong_hash = True
    with pytest.raises(BadWeights, match="came with the hash"):
        fetch(hub, cache)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_download_cut_short_leaves_no_part_and_goes_on_with_the_missing_files(hub, cache):
    hub.cut = 1000  # the configuration passes
    with pytest.raises(BadWeights, match="cut short"):
        fetch(hub, cache)
    assert not leftovers(cache)
    assert not list(cache.rglob("refs/*"))
    hub.cut = None
    hub.requests.clear()
    assert load_snapshot(fetch(hub, cache).folder).D is not None
    assert not [path for _, path, _ in hub.requests if path.endswith("config.json")]


def test_who_asks_can_stop_it_by_an_exception_and_nothing_half_is_left(hub, cache):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(hub, cache, on_progress=stop)
    assert not leftovers(cache)


def test_what_a_killed_download_left_is_swept(hub, cache):
    fetch(hub, cache)
    left = next(cache.rglob("blobs")) / ".blob.0123.tmp"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    fetch(hub, cache, newest=True)
    assert not leftovers(cache)


def test_a_token_goes_to_the_hub_and_not_on_to_where_the_file_lies(hub, cache, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with LoopbackHub(hub.files) as cdn:
        hub.cdn = cdn.url
        fetch(hub, cache)
        assert all(headers["authorization"] for *_, headers in hub.requests)
        assert cdn.requests
        assert not [headers for *_, headers in cdn.requests if "authorization" in headers]


def test_a_space_sends_nobody_its_token_and_does_not_advise_to_set_one(hub, cache, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    be_anonymous()
    fetch(hub, cache)
    fetch_tensors(REPO, "model.safetensors", {}, cache=cache, endpoint=hub.url)
    assert hub.requests
    assert not [headers for *_, headers in hub.requests if "authorization" in headers]
    assert os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] == "1", "for the runs that are started"
    hub.error = 401, "RepoNotFound"
    with pytest.raises(HubUnreachable, match="only what is public"):
        fetch(hub, cache, revision="other")


# --- what is refused ----------------------------------------------------------------------


def test_ten_gigabytes_are_refused_before_a_byte_is_asked_for(hub, cache):
    hub.sizes[f"{REPO}/model.safetensors"] = 10_000_000_000
    with pytest.raises(BadWeights, match=rf"10,000 MB.* {MAX_MB} MB; nothing was fetched"):
        fetch(hub, cache)
    assert len(hub.requests) == 1
    assert not cache.exists()


def test_more_bytes_than_announced_are_not_taken(hub, cache):
    name = f"{REPO}/model.safetensors"
    hub.sizes[name] = 5000
    hub.ignores_ranges = True
    with pytest.raises(BadWeights, match="came with the hash"):
        fetch(hub, cache)
    assert hub.served < 1_000_000


def test_a_repository_without_a_model_says_what_it_holds(hub, cache):
    hub.files = {f"{REPO}/README.md": b"text", f"{REPO}/data/train.csv": b"1,2"}
    with pytest.raises(BadWeights, match=r"holds no GAN.*README.md, data/train.csv"):
        fetch(hub, cache)


def test_a_model_of_another_library_is_not_fetched(hub, cache):
    hub.library = "transformers"
    with pytest.raises(BadWeights, match="its library is transformers"):
        fetch(hub, cache)
    assert len(hub.requests) == 1


def test_names_that_lead_out_of_the_cache_are_not_looked_at(hub, cache):
    hub.files = {f"{REPO}/../../generator.pth": bytes(10), f"{REPO}//G.pth": bytes(10)}
    with pytest.raises(BadWeights, match="holds no GAN"):
        fetch(hub, cache)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "RepoNotFound", "no such repository, or private"),
        (404, "RepoNotFound", "no such repository"),
        (404, "RevisionNotFound", "no such revision"),
        (403, "GatedRepo", "its owner must grant access"),
        (429, "", "429"),
        (500, "", "500"),
        (503, "", "503"),
    ],
)
def test_what_the_hub_answers_instead_is_explained_at_once(hub, cache, status, code, says):
    hub.error = status, code
    with pytest.raises(HubUnreachable, match=f"{REPO}, neither a bundled .*{says}"):
        found(hub, cache)
    assert len(hub.requests) == 1  # no retries to wait for


def test_files_that_fail_after_they_were_listed_are_explained(hub, cache):
    with LoopbackHub(hub.files) as cdn:
        hub.cdn, cdn.error = cdn.url, (502, "")
        with pytest.raises(HubUnreachable, match="502"):
            fetch(hub, cache)
    assert not leftovers(cache)


@pytest.mark.parametrize("answer", [b"<html>Sign in</html>", b"[]", b"{}", b'{"id": "a/b"}'])
def test_a_login_page_is_not_taken_for_the_hub(hub, cache, answer):
    hub.answer = answer
    with pytest.raises(HubUnreachable):
        fetch(hub, cache)


def test_a_hub_that_does_not_answer_is_not_waited_for(hub, cache):
    hub.silent = True
    with pytest.raises(HubUnreachable, match="no answer in time"):
        fetch(hub, cache, patience=0.1)


@pytest.mark.slow
def test_a_file_that_stops_coming_is_not_waited_for_and_leaves_no_part(hub, cache):
    hub.stalls = True
    with pytest.raises(HubUnreachable, match="no answer in time"):
        fetch(hub, cache)
    assert not leftovers(cache)


def test_a_closed_port_is_explained(cache):
    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(HubUnreachable, match="refused"):
            fetch_model(REPO, cache=cache, endpoint=url)


def test_offline_mode_is_obeyed_at_once_and_does_not_matter_for_what_was_kept(
    hub, cache, monkeypatch
):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        fetch(hub, cache)
    assert not hub.requests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    fetched = fetch(hub, cache)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(hub, cache) == fetched


def test_a_cache_that_cannot_be_written_is_explained(hub, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(DiskFull):
        fetch(hub, cache)


# --- which files are a GAN's ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "G", "D"),
    [
        (["README.md", "model.safetensors", "generator.pth"], "model.safetensors", None),
        (["generator.pth", "discriminator.pth"], "generator.pth", "discriminator.pth"),
        (["netG_epoch_9.pth", "netG_epoch_24.pth", "netD.pth"], "netG_epoch_24.pth", "netD.pth"),
        (["G.pth", "G.safetensors"], "G.safetensors", None),
        (["old/generator.pt", "generator.pt"], "generator.pt", None),
        (["celeba-dcgan-G.bin", "celeba-dcgan-D.bin"], "celeba-dcgan-G.bin", "celeba-dcgan-D.bin"),
        (["pytorch_model.bin", "config.json"], "pytorch_model.bin", None),
    ],
)
def test_the_generator_is_told_by_its_name(names, G, D):
    picked = pick(names)
    assert (picked.G, picked.D) == (G, D)


@pytest.mark.parametrize(
    "names", [[], ["a.pth", "b.pth"], ["vgg.safetensors"], ["dataset.safetensors"], ["G.h5"]]
)
def test_files_that_do_not_say_what_they_are_are_not_guessed_at(names):
    assert pick(names) is None


# --- through the command line -----------------------------------------------------------------


@pytest.fixture
def here(hub: LoopbackHub, hub_client: Callable[[str], None]) -> LoopbackHub:
    """The loopback Hub as the one that the client asks when nobody says which."""
    hub_client(hub.url)
    return hub


def test_train_starts_from_a_repository_and_records_its_commit(
    here, atelier, picture_folder, tmp_path
):
    words = ("--start", REPO, "--kimg", "0.02", "--batch-size", "8", "--out", tmp_path / "run")
    done = atelier("train", picture_folder, *words)
    assert done.code == 0, done.err
    assert f"Start: {REPO}@{COMMIT}." in done.out
    assert read_events(tmp_path / "run")[0].start == f"{REPO}@{COMMIT}"
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert settings["start"] == f"{REPO}@{COMMIT}"


def test_train_refuses_a_start_without_a_discriminator(here, atelier, picture_folder, tmp_path):
    del here.files[f"{REPO}/discriminator.safetensors"]
    done = atelier("train", picture_folder, "--start", REPO, "--out", tmp_path / "run")
    assert done.code == 2
    assert f"{REPO}@{COMMIT} can only make pictures: it has no discriminator." in done.err
    assert not (tmp_path / "run").exists()


def test_a_start_in_python_has_a_discriminator_too(model):
    snapshot = load_snapshot(model)
    with pytest.raises(BadSetting, match="mine can only make pictures"):
        Start(replace(snapshot, D=None), "mine")
    assert Start(snapshot, "mine").snapshot is snapshot


def test_measure_takes_a_repository(here, atelier, picture_folder):
    done = atelier("measure", picture_folder, "--model", REPO, "--count", "16")
    assert done.code == 0, done.err
    assert "KID" in done.out


def test_a_generator_of_others_is_converted_and_keeps_the_name_of_its_commit(here, monkeypatch):
    file = io.BytesIO()
    torch.save(punks_G().state_dict(), file)
    here.files = {f"{REPO}/generator.pth": file.getvalue()}
    model = find_model(REPO)
    assert model.name == f"{REPO}@{COMMIT}"
    assert load_snapshot(model.folder).network.resolution == 24
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert find_model(REPO) == model


@pytest.mark.network
def test_the_punks_are_on_the_hub(hub_client):
    hub_client("https://huggingface.co")
    made = sample(load_snapshot(resolve("nateraw/cryptopunks-gan")), 4, seed=0)
    assert made.shape == (4, 3, 24, 24)


def test_the_environment_alone_leads_the_program_to_another_hub(hub, tmp_path):
    """As people have it: HF_ENDPOINT and HF_HOME, a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name[:3] != "HF_"}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    command = [sys.executable, "-m", "gan_core", "generate", "--model", REPO, "--count", "1"]
    done = subprocess.run(
        [*command, "--out", tmp_path], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "0000.png") as picture:
        assert picture.info["model"] == f"{REPO}@{COMMIT}"
    assert list((tmp_path / "hf" / "hub").rglob("model.safetensors"))
