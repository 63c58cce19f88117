"""What all tests share: one thread each, order and parts, small pictures, the Hub's client."""

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from huggingface_hub import close_session, constants
from huggingface_hub.utils import _http
from loopback_hub import LoopbackHub
from PIL import Image
from xdist.scheduler import LoadFileScheduling

# Also for what the program decides by itself, here and in the processes that it starts. Threads
# that share their core with others wait for each other by spinning, and tiny networks do little
# else: with two threads on two busy cores, some tests took twenty times as long.
os.environ["CPU_CORES"] = "1"
torch.set_num_threads(1)

LONGEST_FIRST = ("browser", "tests/ui/test_jobs.py")  # of the parts, so that none is waited for


def part(nodeid: str) -> str:
    """What one process runs from end to end: a file, or all that shares a server and a browser."""
    file = nodeid.split("::")[0]
    return "browser" if "/test_browser" in file else file


class Parts(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return part(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Parts:
    return Parts(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: part(item.nodeid) not in LONGEST_FIRST)


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """24 small PNGs, no two alike: each a patchwork of 16 random colours."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(24):
        patches = rng.integers(0, 256, (4, 4, 3), np.uint8)
        pixels = patches.repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(pixels).save(folder / f"picture_{index:02d}.png")
    return folder


@pytest.fixture
def hub_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """The real client of the Hub, which here asks nobody by itself and has a folder of its own.

    Call it with the address of a `LoopbackHub` to make that one the Hub.
    """

    def ask(url: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    ask("http://127.0.0.1:9")  # where nobody listens
    harnesses = tmp_path / "harnesses.json"  # else the client asks for it, once a day
    harnesses.write_text('{"standardEnvVars": [], "harnesses": {}}')
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(harnesses), raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its protocol is not spoken here
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield ask
    close_session()


@pytest.fixture
def publishing_hub(
    hub_client: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopbackHub]:
    """A Hub without repositories, and a client that may write and retries without waiting."""
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    with LoopbackHub({}) as hub, warnings.catch_warnings():
        # So the client hands files to its own HTTP library.
        warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)
        hub_client(hub.url)
        yield hub
