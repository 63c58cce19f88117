"""What the tests of the core share: a command run in this process, a Hub to publish on."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from huggingface_hub.utils import _http
from loopback_hub import LoopbackHub

from gan_core.__main__ import main


@dataclass
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def atelier(capsys, monkeypatch):
    """Run one command in this process: importing torch for each would take most of the time."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err)

    return run


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
