"""The program as on a Space with ZeroGPU: under the real `spaces`, which forks for every call.

Its scheduler is `loopback_gpu`; there is no GPU, so what is computed is computed on the CPU of the
forked process (`lent_app` says what is left out).
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from loopback_gpu import LoopbackGpu
from PIL import Image
from serving import ROOT, serve
from tiny_runs import noise, tiny_model, wait_until

from gan_core.events import Finished, Started
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.latents import generate
from gan_core.gan.run import read_events
from gan_core.gan.snapshot import G_FILE, load_snapshot
from gan_core.style.recipe import read_recipe
from ui import turn

TURN = 2.0  # seconds of training
READY = 15  # seconds, asked for on top


def _part(values: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


TOKEN = f"{_part({})}.{_part({'user': 'a visitor'})}.unsigned"


@dataclass
class Space:
    """The running program, its scheduler, a visitor's client, and the folders."""

    gpu: LoopbackGpu
    client: Client
    models: Path
    runs: Path
    pictures: list[Any]

    def train(self, minutes: float) -> str:
        return str(self.client.predict(self.pictures, minutes, "tiny", 0, api_name="/train"))

    def status(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.predict(run_id, api_name="/train_status")
        return found

    def lending(self) -> list[dict[str, Any]]:
        """The page's events that let a run train."""
        events = self.client.config["dependencies"]
        return [each for each in events if str(each["api_name"]).startswith("train_here")]

    @contextmanager
    def page(self, run_id: str) -> Iterator[None]:
        """Send what an open page sends once a run was asked for, and listen as long as it does."""
        queue = f"{self.client.src.rstrip('/')}/gradio_api/queue"
        event = {"data": [{"run": run_id}], "fn_index": self.lending()[0]["id"]}
        hash_ = {"session_hash": f"page-{run_id}"}
        joined = httpx.post(f"{queue}/join", json=event | hash_, headers={"x-ip-token": TOKEN})
        assert joined.status_code == 200, joined.text
        with httpx.stream("GET", f"{queue}/data", params=hash_, timeout=None) as answer:
            assert answer.status_code == 200
            yield

    def asked(self) -> list[dict[str, str]]:
        """What the scheduler was asked since this was last called."""
        found = self.gpu.calls("schedule")
        self.gpu.asked = [each for each in self.gpu.asked if each[0] != "schedule"]
        return found


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("space")
    models = folder / "models"
    tiny_model(models / "tiny")
    shutil.copytree(models / "tiny", models / "torn")
    with (models / "torn" / G_FILE).open("r+b") as weights:
        weights.truncate(1000)
    pictures = []
    for index, pixels in enumerate(noise().images):
        path = folder / f"{index:02}.png"
        Image.fromarray(pixels).save(path)
        pictures.append(handle_file(str(path)))
    with LoopbackGpu() as gpu:
        zero = {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": gpu.url}
        program = (str(Path(__file__).with_name("lent_app.py")), str(models), str(TURN))
        with serve(folder, program, PYTHONPATH=str(ROOT), HF_HUB_OFFLINE="1", **zero) as url:
            client = Client(
                url,
                verbose=False,
                analytics_enabled=False,
                headers={"x-ip-token": TOKEN},
                download_files=folder / "downloads",
            )
            yield Space(gpu, client, models, folder / "runs", pictures)
            client.close()


def test_it_reports_to_the_scheduler_and_opens_without_asking_for_a_gpu(space: Space) -> None:
    assert len(space.gpu.calls("startup-report")) == 1
    assert space.asked() == []


def test_pictures_are_made_in_a_process_of_their_own_in_the_visitors_name(space: Space) -> None:
    shown = [space.client.predict("tiny", 4, 7, 1, api_name="/generate") for _ in range(2)]
    asked = space.asked()
    assert [each["token"] for each in asked] == [TOKEN, TOKEN]
    assert all(READY < int(each["durationSeconds"]) < READY + 5 for each in asked)
    pids = [each["pid"] for each in space.gpu.calls("allow")]
    assert len(set(pids)) == 2
    expected = generate(load_snapshot(space.models / "tiny"), 4, 7)
    for gallery in shown:
        made = np.stack([np.asarray(Image.open(each["image"])) for each in gallery])
        assert np.array_equal(made[:, ::16, ::16], expected)


def test_what_a_user_can_mend_is_said_in_the_same_words(space: Space) -> None:
    with pytest.raises(AppError, match=r"model\.safetensors"):
        space.client.predict("torn", 4, 7, 1, api_name="/generate")


def test_a_pastiche_is_one_call_for_the_seconds_that_were_asked_for(space: Space) -> None:
    space.asked()
    content, style = space.pictures[0], space.pictures[1:2]
    made = space.client.predict(
        content=content, styles=style, seconds=2, size=64, api_name="/stylize"
    )
    (asked,) = space.asked()
    assert (asked["token"], asked["durationSeconds"]) == (TOKEN, str(READY + 2))
    assert read_recipe(Path(made)).config.seconds == 2


def test_a_run_takes_turns_pauses_without_quota_and_goes_on_where_it_was(space: Space) -> None:
    run_id = space.train(5)
    folder = space.runs / run_id
    assert space.status(run_id)["state"] == "queued"
    assert space.asked() == []  # nobody has lent it anything

    space.gpu.turns_left = 2
    job = space.client.submit(run_id, api_name="/drive")
    wait_until(job.done)
    assert "quota" in str(job.exception())
    space.gpu.turns_left = None
    paused, saved = space.status(run_id), find_checkpoint(folder)
    assert (paused["state"], paused["has_model"]) == ("paused", True)
    assert "ZeroGPU quota exceeded" in paused["message"]
    assert "is saved" in paused["message"]
    assert paused["kimg"] == saved.nimg / 1000 > 0
    asked = space.asked()
    assert len(asked) == 3  # two, and the one that was refused
    assert {each["token"] for each in asked} == {TOKEN}
    assert asked[0]["durationSeconds"] == str(READY + int(TURN))

    assert space.client.predict(run_id, 0, api_name="/resume")["state"] == "queued"
    job = space.client.submit(run_id, api_name="/drive")
    wait_until(lambda: len(space.gpu.calls("schedule")) >= 2)
    space.client.predict(run_id, api_name="/stop")
    wait_until(job.done)
    assert space.status(run_id)["state"] == "stopped"
    ended, events = find_checkpoint(folder), read_events(folder)
    assert ended.nimg > saved.nimg
    assert ended.seconds > saved.seconds
    assert [event.kimg for event in events if isinstance(event, Started)] == [
        0.0,
        saved.nimg / 1000,
    ]
    assert isinstance(events[-1], Finished)


def test_a_closed_page_pauses_its_run_which_then_goes_on_and_can_be_deleted_in_mid_turn(
    space: Space,
) -> None:
    space.gpu.is_kept = True  # the process that has the GPU lives on from turn to turn
    run_id = space.train(5)
    space.asked()
    with space.page(run_id):
        wait_until(lambda: space.status(run_id)["state"] == "running")
    wait_until(lambda: space.status(run_id)["state"] == "paused")
    assert find_checkpoint(space.runs / run_id).nimg > 0
    assert {each["token"] for each in space.asked()} == {TOKEN}

    job = space.client.submit(run_id, api_name="/drive")
    wait_until(lambda: space.status(run_id)["state"] == "running")
    assert space.client.predict(run_id, api_name="/delete") == "deleted"
    wait_until(job.done)
    assert not (space.runs / run_id).exists()
    assert space.client.predict("tiny", 1, 0, 1, api_name="/generate")


def test_whatever_may_ask_for_a_run_on_the_page_is_followed_by_the_event_that_lends(
    space: Space,
) -> None:
    by_id = {each["id"]: each for each in space.client.config["dependencies"]}
    after = [by_id[each["trigger_after"]]["api_name"].split("_")[0] for each in space.lending()]
    assert {"start", "reattach", "handler", "settle"} == set(after)
    assert after.count("handler") >= 9  # one for each order


# What is lent for so many seconds of work, under the names of GPUs; at last under a version of
# `spaces` that knows of no factor.
_LENT_FOR = """
import gradio, ui.gpu
from spaces.zero import client, config

def ask(*work):
    for seconds in work:
        try: ui.gpu.lend(lambda it: it)(lambda it: it)(seconds)
        except gradio.Error as error: assert error.title == "ZeroGPU quota exceeded"

for model in ("NVIDIA H200", "NVIDIA RTX PRO 6000 Blackwell Server Edition"):
    config._read_gpu_information = lambda: f"Model: {model}"
    config.get_config.cache_clear()
    print(config.get_config()["duration_factor"])
    ask(0.2, 60, 600, TURN, LAST)
known = dict(config.get_config())
del known["duration_factor"]
config.get_config = lambda: known
client.get_duration_seconds = lambda duration, gpu_size: duration.seconds
ask(60, 600)
"""


def test_what_is_lent_is_what_was_meant_whatever_spaces_multiplies_it_by() -> None:
    last = turn.SECONDS + turn.TO_THE_END
    program = _LENT_FOR.replace("TURN", str(turn.SECONDS)).replace("LAST", str(last))
    with LoopbackGpu() as gpu:
        gpu.turns_left = 0
        zero = {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": gpu.url}
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, **zero},
            capture_output=True,
            text=True,
        )
    assert done.stdout.split() == ["1.0", "1.5"], done.stderr
    lent = [int(each["durationSeconds"]) for each in gpu.calls("schedule")]
    for few, minute, many, a_turn, last_turn in (lent[:5], lent[5:10]):
        assert (few, minute, many) == (16, 75, 120)  # no more than anybody may have
        assert 50 <= a_turn < last_turn < 60
    assert lent[10:] == [75, 120]
