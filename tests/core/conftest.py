"""What the tests of the core share: a command run in this process."""

from dataclasses import dataclass

import pytest

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
