"""The page as a Space runs it: only what `deploy` uploads, a Space's variables, and no network.

python -m benchmarks.space            # with this Python, as it is
python -m benchmarks.space --fresh    # with the oldest and the newest here, and requirements.txt
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gradio_client import Client

from gan_core.hub.space import ROOT, space_files

PATIENCE = 180.0  # seconds for the page to answer, on a busy machine
_VERSIONS = ("3.10", "3.11", "3.12", "3.13")
_TROUBLE = re.compile(r"^.*(?:Error|Traceback|WARNING).*$", re.MULTILINE)  # in its log
# Not ours: Gradio leaves event loops to the garbage collector, in which CPython stumbles over their
# sockets; and it looks for `spaces`, which the Hub installs beside what requirements.txt names.
_NOT_OURS = re.compile(
    r"^Exception ignored in: .*__del__.*\nTraceback.*\n(?: .*\n)+.*\n"
    r"|^Exception in thread .*\nTraceback.*\n(?: .*\n)+RuntimeError: `spaces` package.*\n",
    re.MULTILINE,
)
# What the Hub sets, and what its image of a Gradio Space does; the token is a secret of the owner.
VARIABLES = {
    "SYSTEM": "spaces", "SPACE_ID": "someone/atelier", "SPACE_HOST": "someone-atelier.hf.space",
    "SPACE_AUTHOR_NAME": "someone", "SPACE_REPO_NAME": "atelier", "SPACE_TITLE": "GAN Atelier",
    "ACCELERATOR": "none", "CPU_CORES": "2", "MEMORY": "16Gi", "HF_TOKEN": "hf_secret",
    "GRADIO_ALLOW_FLAGGING": "never", "GRADIO_NUM_PORTS": "1", "GRADIO_THEME": "huggingface",
    "GRADIO_SERVER_NAME": "127.0.0.1",  # there 0.0.0.0, but nobody else shall look in here
    "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1",
}  # fmt: skip
# Runs in the page's process before anything else does: whoever is not on this machine is not there.
_ALONE = """
import os, sys
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        host = args[1][0] if event == "socket.connect" else args[0]
        if isinstance(host, bytes): host = host.decode()
        if isinstance(host, str) and not host.startswith(("127.", "localhost", "::1", "0.0.0.0")):
            with open(os.environ["ASKED"], "a") as asked: print(event, host, file=asked)
            raise OSError(f"there is no network, so no {host}")
sys.addaudithook(refuse)
"""


@dataclass(frozen=True)
class Space:
    """A page that runs. folder: it has in `app` its program, in `home` all else; `log`, `asked`."""

    address: str
    process: subprocess.Popen[bytes]
    folder: Path
    seconds: float  # from the start of the process until the page answered

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def trouble(self) -> list[str]:
        """Lines of its log that tell of something that went wrong."""
        return [str(line) for line in _TROUBLE.findall(_NOT_OURS.sub("", self.log()))]

    def asked(self) -> str:
        """Whom it wanted to ask outside this machine, a line for each time."""
        asked = self.folder / "asked"
        return asked.read_text(encoding="utf-8") if asked.exists() else ""

    def config(self) -> dict[str, object]:
        """What Gradio tells a browser of the page."""
        with urllib.request.urlopen(f"{self.address}/config", timeout=30) as answer:
            return dict(json.load(answer))

    def stop(self) -> int:
        """Stop it as a container is stopped. Returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def lay_out(folder: Path) -> None:
    """Put into `folder` what a Space has before it starts: the program, and an empty home."""
    for name, source in space_files().items():
        target = folder / "app" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        else:
            shutil.copyfile(source, target)
    (folder / "home").mkdir()
    (folder / "first").mkdir()
    (folder / "first" / "sitecustomize.py").write_text(_ALONE)


@contextmanager
def running(
    folder: Path, python: str = sys.executable, settings: Mapping[str, str] | None = None
) -> Iterator[Space]:
    """Start what `lay_out` made, wait until it answers, and end it. settings: more variables."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = {
        **VARIABLES, "PATH": os.environ["PATH"], "HOME": str(folder / "home"),
        "PYTHONPATH": str(folder / "first"), "ASKED": str(folder / "asked"),
        "GRADIO_SERVER_PORT": port, **(settings or {}),
    }  # fmt: skip
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "app.py"], cwd=folder / "app", env=environment, stdout=log, stderr=log
        )
    try:
        while not answers(f"http://127.0.0.1:{port}/config"):
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                raise SystemExit(f"The page did not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.05)
        seconds = time.monotonic() - began
        yield Space(f"http://127.0.0.1:{port}", process, folder, seconds)
    finally:
        process.kill()
        process.wait()


def pictures(space: Space, count: int = 4) -> list[str]:
    """Have it make pictures, as a program asks for them. Returns where they were put."""
    client = Client(
        space.address, verbose=False, analytics_enabled=False, download_files=space.folder
    )
    try:
        made = client.predict(count=count, seed=7, api_name="/generate")
    finally:
        client.close()
    return [each["image"] for each in made]


def answers(address: str) -> bool:
    """Whether a page is served there by now."""
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True


def fresh_environments(folder: Path) -> list[str]:
    """For the oldest and the newest Python here a new environment with only requirements.txt.

    Returns their Pythons. pyenv's are found too; its stand-ins on the PATH may stand for nothing.
    """
    pyenv = sorted(str(each) for each in Path("~/.pyenv/versions").expanduser().glob("*/bin"))
    found = [
        path
        for version in _VERSIONS
        if (
            path := shutil.which(
                f"python{version}", path=os.pathsep.join([*pyenv, os.environ["PATH"]])
            )
        )
    ]
    made = []
    for number, path in enumerate([found[0], found[-1]] if len(found) > 1 else found):
        python = folder / f"environment{number}" / "bin" / "python"
        subprocess.run([path, "-m", "venv", python.parents[1]], check=True)
        needed = str(ROOT / "requirements.txt")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", needed], check=True)
        made.append(str(python))
    return made


def main() -> None:
    """Start the page, have it make pictures, stop it; say what went wrong, and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--fresh", action="store_true", help="in new environments")
    fresh = parser.parse_args().fresh
    with tempfile.TemporaryDirectory() as name:
        pythons = fresh_environments(Path(name)) if fresh else [sys.executable]
        for number, python in enumerate(pythons):
            lay_out(folder := Path(name) / str(number))
            with running(folder, python) as space:
                made, code = len(pictures(space)), space.stop()
            print(f"{python}: after {space.seconds:.1f} s; {made} pictures; exit {code}")
            if code or made != 4 or space.asked() or space.trouble():
                raise SystemExit(f"{space.asked()}\n{space.log()}")


if __name__ == "__main__":
    main()
