"""A training on a machine of the Hub's (HF Jobs): what it costs, what goes there, what is run.

The pictures and this program go into a private dataset; the job takes them from there, trains, and
publishes what came of it, private too. Whoever submits pays by the minute.
"""

from __future__ import annotations

import io
import shlex
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub

from gan_core.errors import BadSetting
from gan_core.hub.refusals import sending
from gan_core.hub.upload import CARD, Parcel, Sent, send

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
class Rate:
    """What a machine is and costs. flavor: the Hub's name for it."""

    flavor: str
    says: str
    usd_a_minute: float

    def most(self, minutes: float) -> float:
        """What a training of so many minutes can cost, in US dollars, with all around it."""
        return self.usd_a_minute * (minutes + SET_UP_MINUTES)


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


def rate_of(flavor: str) -> Rate:
    """Ask the Hub what a machine costs. Raises: BadSetting for one it has not; HubUnreachable."""
    with sending("No job can be submitted", "Nothing was uploaded."):
        offered = {each.name: each for each in huggingface_hub.HfApi().list_jobs_hardware()}
        if flavor in offered:
            it = offered[flavor]
            a_minute = it.unit_cost_usd / {"minute": 1, "hour": 60}[it.unit_label]
            gpu = f", {it.accelerator.model}" if it.accelerator else ""
            return Rate(flavor, f"{it.pretty_name}: {it.cpu}, {it.ram}{gpu}", a_minute)
    raise BadSetting(
        f"There is no machine {flavor!r} for jobs.",
        f"The Hub has {', '.join(offered)}.",
        "Choose one of these with --flavor.",
    )


def hand_in(order: Order, pictures: bytes, program: Mapping[str, bytes | Path]) -> Sent:
    """Put pictures and program into the private dataset of an order, in one commit.

    Raises: HubRefused also where the dataset is there and is not private; as `hub.upload.send`.
    """
    files: dict[str, bytes | Path] = {
        CARD: _CARD.encode(),
        PICTURES: pictures,
        PROGRAM: _zipped(program),
    }
    parcel = Parcel(order.dataset, files, PICTURES, "Training pictures", kind="dataset")
    return send(parcel, private=True, update=True)


def submit(order: Order, rate: Rate, commit: str) -> str:
    """Start the job. commit: of the dataset. Returns its page. It ends by itself, in any case.

    The token goes along as a secret, which the job needs to read the dataset and to publish.

    Raises: HubRefused, HubUnreachable.
    """
    left = f"The pictures are in {order.dataset}, which is private; no job was started."
    with sending(f"No job can be started for {order.repo}", left):
        job: Any = huggingface_hub.HfApi().run_job(
            image=_IMAGE,
            command=["bash", "-c", script(order, commit)],
            secrets={"HF_TOKEN": huggingface_hub.get_token()},
            flavor=rate.flavor,
            timeout=int(60 * (order.minutes + SET_UP_MINUTES)),
            namespace=order.repo.partition("/")[0],
        )
        return str(job.url)


def script(order: Order, commit: str) -> str:
    """What the job runs, in a shell; it ends at the first thing that fails."""
    fetch = ["hf", "download", order.dataset, "--repo-type", "dataset", "--revision", commit]
    train = ["train", f"../{PICTURES}", "--minutes", f"{order.minutes:g}", "--start", order.start]
    publish = ["publish", "../run", "--repo", order.repo, "--license", order.licence]
    publish += ["--private", "--anyway"]  # its owner looks at it first
    commands = [
        ["pip", "install", "--quiet", "huggingface_hub"],
        [*fetch, "--local-dir", "/tmp/job"],
        ["cd", "/tmp/job"],
        ["python", "-m", "zipfile", "-e", PROGRAM, "program"],
        ["cd", "program"],
        ["pip", "install", "--quiet", "-r", "requirements.txt"],
        ["python", "-m", "gan_core", *train, "--out", "../run"],
        ["python", "-m", "gan_core", *publish, *(["--kind", order.kind] if order.kind else [])],
    ]
    return " && ".join(shlex.join(command) for command in commands)


def _zipped(files: Mapping[str, bytes | Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            data = file if isinstance(file, bytes) else file.read_bytes()
            archive.writestr(zipfile.ZipInfo(name), data)  # without times: the same twice
    return packed.getvalue()
