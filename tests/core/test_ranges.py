"""Fetching some tensors of a file on the Hub: only their bytes, only once, and nothing unsound."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from loopback_hub import COMMIT, LoopbackHub
from safetensors.torch import load_file, save
from torch import Tensor

from gan_core.errors import BadWeights, DiskFull, HubUnreachable
from gan_core.hub.ranges import Fetched, fetch_tensors

REPO, FILE = "someone/network", "model.safetensors"
WANTED = {"features.0.weight": (8, 3, 3, 3), "features.0.bias": (8,), "norm": (5,)}


def network() -> dict[str, Tensor]:
    """A file of 4 MB of which little is wanted: in three dtypes, far apart and side by side."""
    torch.manual_seed(0)
    return {
        "classifier.weight": torch.randn(1000, 500),
        "features.0.bias": torch.randn(8).bfloat16(),
        "features.0.weight": torch.randn(8, 3, 3, 3),
        "head": torch.randn(1000, 1000).bfloat16(),
        "indices": torch.arange(3),
        "norm": torch.randn(5).half(),
    }


def packed(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with any header, true or not."""
    text = json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


pytestmark = pytest.mark.usefixtures("hub_client")


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with LoopbackHub({f"{REPO}/{FILE}": save(network())}) as hub:
        yield hub


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def fetch(hub: LoopbackHub, cache: Path, **changes: Any) -> Fetched:
    arguments = {"wanted": WANTED, "cache": cache, "endpoint": hub.url, **changes}
    return fetch_tensors(REPO, FILE, **arguments)


def assert_as_in_the_whole_file(fetched: Fetched) -> None:
    kept, original = load_file(fetched.path), network()
    assert kept.keys() == WANTED.keys()
    for name, tensor in kept.items():
        assert tensor.dtype == original[name].dtype
        assert torch.equal(tensor, original[name])


def test_tensors_fetched_by_ranges_equal_those_of_the_whole_file(hub, cache):
    assert_as_in_the_whole_file(fetch(hub, cache))


def test_only_the_bytes_that_are_needed_are_asked_for(hub, cache):
    fetch(hub, cache)
    assert 0 < hub.served < len(hub.files[f"{REPO}/{FILE}"]) / 100


def test_near_tensors_come_in_one_request_and_far_ones_in_two(hub, cache):
    near = {name: WANTED[name] for name in ("features.0.weight", "features.0.bias")}
    fetch(hub, cache, wanted=near)
    length_header_and_data = 3
    assert len(hub.ranges) == length_header_and_data
    fetch(hub, cache)
    assert len(hub.ranges) == 2 * length_header_and_data + 1


def test_the_second_time_nobody_is_asked(hub, cache):
    first = fetch(hub, cache)
    hub.__exit__()
    try:
        assert fetch(hub, cache) == first
    finally:
        hub.__enter__()


def test_the_commit_that_the_revision_meant_is_told_and_every_range_is_of_it(hub, cache):
    assert fetch(hub, cache).commit == COMMIT
    asked = [path for method, path, _ in hub.requests if method == "GET"]
    assert set(asked) == {f"/{REPO}/resolve/{COMMIT}/{FILE}"}
    assert fetch(hub, cache).commit == COMMIT  # also when it was kept


def test_another_revision_or_another_set_of_tensors_is_another_file(hub, cache):
    paths = {
        fetch(hub, cache).path,
        fetch(hub, cache, revision="refs/pr/1").path,
        fetch(hub, cache, wanted={"norm": (5,)}).path,
    }
    assert len(paths) == 3
    assert {path.parent for path in paths} == {cache}
    assert all("someone-network-model" in path.name for path in paths)


def test_progress_counts_up_to_the_bytes_announced(hub, cache):
    seen: list[tuple[int, int]] = []
    fetch(hub, cache, on_progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    (total,) = {total for _, total in seen}
    assert seen[-1] == (total, total)


def damage(path: Path, what: str) -> None:
    content = bytearray(path.read_bytes())
    if what == "a flipped bit":
        content[-1] ^= 1
    elif what == "half a file":
        del content[len(content) // 2 :]
    elif what == "another commit":
        content = content.replace(COMMIT.encode(), COMMIT[::-1].encode())
    path.write_bytes(content)


@pytest.mark.parametrize("what", ["a flipped bit", "half a file", "another commit"])
def test_a_kept_file_that_is_damaged_is_fetched_again(hub, cache, what):
    fetched = fetch(hub, cache)
    sound = load_file(fetched.path)
    damage(fetched.path, what)
    asked = len(hub.ranges)
    again = fetch(hub, cache)
    assert len(hub.ranges) > asked
    assert again == fetched
    assert_as_in_the_whole_file(again)
    assert sound.keys() == load_file(again.path).keys()


def test_a_body_cut_short_is_said_and_nothing_is_kept(hub, cache):
    hub.cut = 700  # the length and the header pass
    with pytest.raises(BadWeights, match="cut short"):
        fetch(hub, cache)
    assert not cache.exists() or not list(cache.iterdir())


def test_another_range_than_asked_for_is_refused(hub, cache):
    hub.wrong_range = True
    with pytest.raises(BadWeights, match="Asked for bytes 0-7"):
        fetch(hub, cache)


def test_a_server_without_ranges_works_too(hub, cache):
    hub.ignores_ranges = True
    assert_as_in_the_whole_file(fetch(hub, cache))


def test_a_whole_file_cut_short_is_said_as_well(hub, cache):
    hub.ignores_ranges, hub.cut = True, 1_000_000
    with pytest.raises(BadWeights, match="cut short"):
        fetch(hub, cache)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_token_goes_to_the_hub_and_not_on_to_where_the_file_lies(hub, cache, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with LoopbackHub(hub.files) as cdn:
        hub.cdn = cdn.url
        assert_as_in_the_whole_file(fetch(hub, cache))
        assert hub.served == 0 < cdn.served
        assert all(headers["authorization"] for *_, headers in hub.requests)
        assert not [headers for *_, headers in cdn.requests if "authorization" in headers]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (
            {**WANTED, "features.2.weight": (8, 8, 3, 3)},
            r"features.2.weight .* is missing\. It must be \(8, 8, 3, 3\)",
        ),
        ({**WANTED, "features.0.weight": (8, 3, 9)}, r"must be \(8, 3, 9\)"),
        ({**WANTED, "indices": (3,)}, "I64"),
    ],
    ids=["names", "shapes", "dtypes"],
)
def test_other_tensors_than_wanted_are_refused_before_any_is_fetched(hub, cache, wanted, says):
    with pytest.raises(BadWeights, match=says):
        fetch(hub, cache, wanted=wanted)
    length_and_header = 2
    assert len(hub.ranges) == length_and_header


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (packed({}, length=2**62), "announces a header of 46"),
        (
            packed({"a": entry()}, bytes(10_000_100), length=10_000_001),
            "announces a header of 10000001",
        ),
        (packed({"a": entry()}, length=5000), "announces a header of 5000"),
        (b"GIF89a", r"\(6 bytes\)"),
        (b"\x04" + bytes(7) + b"nope" + bytes(9), "not a JSON object"),
        (packed(["a"]), "not a JSON object"),
        (packed({"b": entry()}, bytes(8)), "is missing"),
        (packed({"a": 7}), "is 7"),
        (packed({"a": entry()}, bytes(7)), "inside the file"),
        (packed({"a": entry(data_offsets=[0, 4])}, bytes(8)), "0, 4"),
        (packed({"a": entry(data_offsets=[-8, 0])}, bytes(8)), "-8, 0"),
        (packed({"a": entry(shape="2")}, bytes(8)), "'shape': '2'"),
    ],
)
def test_a_file_that_is_no_sound_safetensors_file_is_refused(hub, cache, content, says):
    hub.files[f"{REPO}/{FILE}"] = content
    with pytest.raises(BadWeights, match=says):
        fetch(hub, cache, wanted={"a": (2,)})
    assert hub.served < 200


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_values_that_are_not_finite_are_refused(hub, cache, value, dtype):
    hub.files[f"{REPO}/{FILE}"] = save({"a": torch.tensor([1, value], dtype=dtype)})
    with pytest.raises(BadWeights, match="1 of 2 values of a"):
        fetch(hub, cache, wanted={"a": (2,)})
    assert not cache.exists()


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "RepoNotFound", "no such repository"),
        (404, "RevisionNotFound", "no such revision"),
        (404, "EntryNotFound", "no such file"),
        (403, "GatedRepo", "its owner must grant access"),
        (500, "", "500"),
        (503, "", "503"),
    ],
)
def test_what_the_hub_answers_instead_of_the_file_is_explained(hub, cache, status, code, says):
    hub.error = status, code
    with pytest.raises(HubUnreachable, match=says):
        fetch(hub, cache)
    assert len(hub.requests) == 1  # no retries to wait for


def test_a_hub_that_fails_after_it_was_found_is_explained(hub, cache):
    with LoopbackHub(hub.files) as cdn:
        hub.cdn, cdn.error = cdn.url, (502, "")
        with pytest.raises(HubUnreachable, match="502"):
            fetch(hub, cache)


def test_a_login_page_is_not_taken_for_the_hub(hub, cache):
    hub.anonymous = True
    with pytest.raises(HubUnreachable, match="not the Hub"):
        fetch(hub, cache)


def test_a_closed_port_is_explained(hub, cache):
    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(HubUnreachable, match="refused"):
            fetch(hub, cache, endpoint=f"http://127.0.0.1:{reserved.getsockname()[1]}")


def test_offline_mode_is_obeyed_at_once_and_named(hub, cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        fetch(hub, cache)
    assert not hub.requests


def test_offline_mode_does_not_matter_for_what_was_kept(hub, cache, monkeypatch):
    fetched = fetch(hub, cache)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(hub, cache) == fetched


@pytest.mark.parametrize("endpoint", ["http://[", "http://host:port", "nowhere"])
def test_an_address_that_is_none_is_explained(hub, cache, endpoint):
    with pytest.raises(HubUnreachable):
        fetch(hub, cache, endpoint=endpoint)


def test_a_name_that_no_repository_can_have_is_explained(cache):
    with pytest.raises(HubUnreachable, match="Repo id"):
        fetch_tensors("../network", FILE, WANTED, cache=cache)


def test_a_cache_that_cannot_be_written_is_explained(hub, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(DiskFull):
        fetch(hub, cache)
