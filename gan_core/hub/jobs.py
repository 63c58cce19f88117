"""A training on a machine of the Hub's (HF Jobs): what it costs, what goes there, what is run.

The pictures and this program go into a private dataset; the job takes them from there, trains, and
publishes what came of it, private too, or else puts it into the dataset. Whoever submits pays by
the minute.
"""

from __future__ import annotations

import io
import shlex
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub

from gan_core.hub.following import Job
from gan_core.hub.prices import Rate
from gan_core.hub.refusals import sending
from gan_core.hub.upload import CARD, Parcel, Sent, holds, send

PICTURES, PROGRAM = "pictures.safetensors", "program.zip"
SET_UP_MINUTES = 20  # to install PyTorch, fetch and publish: at most, so that it ends in any case
_IMAGE = "python:3.12"
_CARD = """---
license: other
viewer: false
---
# Training pictures for a job of GAN Atelier

Private. Not needed any more when the job has ended: delete it under Settings.
"""


@dataclass(frozen=True)
class Order:
    """What is to be trained. repo: where the model goes; start: of a name that the Hub or the
    program knows; licence, kind: for its card."""

    repo: str
    start: str
    minutes: float
    licence: str
    kind: str = ""

    @property
    def dataset(self) -> str:
        """The private repository of the pictures."""
        return f"{self.repo}-training"


def most(rate: Rate, minutes: float) -> float:
    """What a training of so many minutes can cost, in US dollars, with all around it."""
    return rate.usd_a_minute * (minutes + SET_UP_MINUTES)


def hand_in(order: Order, pictures: bytes, program: Mapping[str, bytes | Path]) -> Sent:
    """Put pictures and program into the private dataset of an order, in one commit.

    Raises: HubRefused also where the dataset is there and is not private; as `hub.upload.send`.
    """
    files: dict[str, bytes | Path] = {
        CARD: _CARD.encode(),
        PICTURES: pictures,
        PROGRAM: _zipped(program),
    }
    return send(_parcel(order, files), private=True, update=True)


def submit(order: Order, rate: Rate, commit: str) -> Job:
    """Start the job. commit: of the dataset. It ends by itself, in any case.

    The token goes along as a secret, which the job needs to read the dataset and to publish.

    Raises: HubRefused, HubUnreachable.
    """
    left = f"The pictures are in {order.dataset}, which is private; no job was started."
    owner = order.repo.partition("/")[0]
    with sending(f"No job can be started for {order.repo}", left):
        job: Any = huggingface_hub.HfApi().run_job(
            image=_IMAGE,
            command=["bash", "-c", script(order, commit)],
            secrets={"HF_TOKEN": huggingface_hub.get_token()},
            flavor=rate.flavor,
            timeout=int(60 * (order.minutes + SET_UP_MINUTES)),
            namespace=owner,
        )
    return Job(str(job.id), owner, str(job.url))


def rescue_folder(commit: str) -> str:
    """Where in the dataset a job puts its run if it cannot publish it; another for every job."""
    return f"run-{commit[:8]}"


def was_rescued(order: Order, commit: str) -> bool:
    """Whether a job has put its run there. Raises: HubRefused, HubUnreachable."""
    return holds(_parcel(order, {}), rescue_folder(commit))


def script(order: Order, commit: str, place: str = "/tmp/job") -> str:
    """What the job runs, in a shell. place: a folder there, for all of it.

    It ends at the first thing that fails; what was trained until then goes into the dataset.
    """
    fetch = ["hf", "download", order.dataset, PICTURES, PROGRAM, "--repo-type", "dataset"]
    train = ["train", f"../{PICTURES}", "--minutes", f"{order.minutes:g}", "--start", order.start]
    publish = ["publish", "../run", "--repo", order.repo, "--license", order.licence]
    # Its owner looks at it first. The repository was found to be theirs, and may hold a model.
    publish += ["--private", "--anyway", "--update"]
    set_up = [
        ["pip", "install", "--quiet", "huggingface_hub"],
        [*fetch, "--revision", commit, "--local-dir", place],
        ["cd", place],
        ["python", "-m", "zipfile", "-e", PROGRAM, "program"],
        ["cd", "program"],
        ["pip", "install", "--quiet", "-r", "requirements.txt"],
    ]
    work = [
        ["python", "-m", "gan_core", *train, "--out", "../run"],
        ["python", "-m", "gan_core", *publish, *(["--kind", order.kind] if order.kind else [])],
    ]
    rescue = ["hf", "upload", order.dataset, "../run", rescue_folder(commit)]
    saved = shlex.join([*rescue, "--repo-type", "dataset"])
    return f"{_all(set_up)} && {{ {_all(work)} || {{ {saved}; exit 1; }}; }}"


def _all(commands: Iterable[Sequence[str]]) -> str:
    """One after the other, as long as they succeed."""
    return " && ".join(map(shlex.join, commands))


def _parcel(order: Order, files: Mapping[str, bytes | Path]) -> Parcel:
    return Parcel(order.dataset, files, PICTURES, "Training pictures", kind="dataset")


def _zipped(files: Mapping[str, bytes | Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            data = file if isinstance(file, bytes) else file.read_bytes()
            archive.writestr(zipfile.ZipInfo(name), data)  # without times: the same twice
    return packed.getvalue()
