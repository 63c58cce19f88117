"""A training on the Hub's machines: what is said of its cost, what goes there, what it runs."""

import io
import os
import shlex
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest
import typer
from loopback_hub import LoopbackHub

from gan_core.__main__ import app
from gan_core.errors import BadSetting, HubRefused, HubUnreachable
from gan_core.hub.following import Job, follow
from gan_core.hub.jobs import Order, hand_in, rescue_folder, script, submit
from gan_core.hub.prices import rate_of
from gan_core.pictures import read_dataset

REPO, DATA = "someone/flowers", "datasets/someone/flowers-training"
ORDER = Order(REPO, "dcgan-kaokore-64", 15, "cc-by-sa-4.0", "flowers & rm -rf $HOME 'mine'")
COMMIT = "0123456789" * 4


@pytest.fixture
def hub(publishing_hub: LoopbackHub) -> LoopbackHub:
    return publishing_hub


def posts(hub: LoopbackHub) -> list[str]:
    return [path for method, path, _ in hub.requests if method != "GET"]


@pytest.fixture
def words(picture_folder: Path) -> tuple[object, ...]:
    return ("jobs", "submit", picture_folder, "--repo", REPO, "--flavor", "t4-small")


def test_the_cost_is_said_and_without_a_yes_nothing_leaves_this_machine(hub, atelier, words):
    done = atelier(*words, "--minutes", "30")
    assert done.code == 0, done.err
    assert "0.0067 US dollars a minute" in done.out
    assert "at most 0.33 US dollars" in done.out  # 50 minutes
    assert "Nothing was uploaded, nothing started" in done.out
    assert posts(hub) == []


def test_with_a_yes_pictures_and_program_go_there_privately_and_the_job_starts(
    hub, atelier, words, tmp_path
):
    done = atelier(*words, "--minutes", "30", "--yes")
    assert done.code == 0, done.err
    assert DATA in hub.private
    names = {name for name in hub.files if name.startswith(DATA)}
    assert names == {
        f"{DATA}/{name}"
        for name in (".gitattributes", "README.md", "pictures.safetensors", "program.zip")
    }
    (tmp_path / "set.safetensors").write_bytes(hub.files[f"{DATA}/pictures.safetensors"])
    assert len(read_dataset(tmp_path / "set.safetensors")) == 24
    with zipfile.ZipFile(io.BytesIO(hub.files[f"{DATA}/program.zip"])) as program:
        assert {"gan_core/__main__.py", "requirements.txt"} <= set(program.namelist())
    (job,) = hub.jobs
    assert (job["for"], job["flavor"], job["timeoutSeconds"]) == ("someone", "t4-small", 3000)
    assert job["secrets"] == {"HF_TOKEN": "hf_write"}
    assert "hf_write" not in str(job["command"]) + done.out + done.err
    assert hub.commit in str(job["command"])
    assert f"{hub.url}/jobs/someone/687fb701029421ae5549d998" in done.out
    assert "until you delete them" in done.out


def test_what_the_job_runs_is_understood_by_the_command_line_and_quoted():
    words = shlex.split(script(ORDER, COMMIT).replace(";", " ; "))
    ends = [i for i, word in enumerate(words) if word in ("&&", "||", "{", "}", ";")]
    steps = [words[a + 1 : b] for a, b in zip([-1, *ends], [*ends, None], strict=True)]
    ours = [step[3:] for step in steps if step[:3] == ["python", "-m", "gan_core"]]
    assert [step[0] for step in ours] == ["train", "publish"]
    for name, *arguments in ours:
        command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
        parsed = command.make_context(name, arguments)
        assert not parsed.args
    assert parsed.params["kind"] == ORDER.kind
    assert parsed.params["private"]
    assert parsed.params["update"]


def test_a_machine_that_is_not_there_is_refused_with_those_that_are(hub):
    with pytest.raises(BadSetting, match=r"no machine 'h900' .*t4-small"):
        rate_of("h900", "jobs")


def test_pictures_never_go_where_everybody_sees_them(hub):
    hand_in(ORDER, b"pictures", {"app.py": b"program"})
    hub.private.clear()
    with pytest.raises(HubRefused, match="everybody sees it"):
        hand_in(ORDER, b"others", {"app.py": b"program"})
    assert hub.files[f"{DATA}/pictures.safetensors"] == b"pictures"


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [(402, HubRefused, "no credits"), (403, HubRefused, "may not"), (503, HubUnreachable, "own")],
)
def test_a_job_that_does_not_start_says_that_the_pictures_are_there(hub, status, kind, message):
    rate = rate_of("t4-small", "jobs")
    hub.refusals["start"] = status, "because"
    with pytest.raises(kind, match=f"{message}.*are in {ORDER.dataset}, which is private; no job"):
        submit(ORDER, rate, COMMIT)


def test_without_a_price_nothing_is_submitted(hub, atelier, words):
    hub.refusals["say_prices"] = 503, "down"
    done = atelier(*words, "--yes")
    assert (done.code, "Nothing was uploaded" in done.err) == (2, True)
    assert posts(hub) == []


def test_from_scratch_a_licence_must_be_chosen_first(hub, atelier, words):
    done = atelier(*words, "--scratch", "--yes")
    assert (done.code, "No licence was given" in done.err) == (2, True)
    assert not hub.requests


# --- what a job can come back to ------------------------------------------------------------------


def test_the_models_repository_is_reserved_before_anything_is_paid_for(hub, atelier, words):
    done = atelier(*words, "--yes", "--detach")
    assert done.code == 0, done.err
    assert [(made["name"], made["visibility"]) for made in hub.made] == [
        ("flowers", "private"),
        ("flowers-training", "private"),
    ]


@pytest.mark.parametrize("is_private", [True, False])
@pytest.mark.parametrize("yes", [["--yes"], []])
def test_a_name_to_which_the_model_cannot_come_back_is_refused_before_anything_is_paid_for(
    hub, atelier, words, yes, is_private
):
    mark = "pytorch_model.bin" if is_private else "events.jsonl"
    hub.files[f"{REPO}/{mark}"] = b"x"
    hub.private = {REPO} if is_private else set()
    done = atelier(*words, *yes)
    reason = "holds something else" if is_private else "everybody sees it"
    assert (done.code, reason in done.err) == (2, True)
    assert (posts(hub), hub.jobs) == ([], [])


def test_a_second_training_to_one_name_is_said_to_take_the_place_of_the_first(hub, atelier, words):
    hub.files[f"{REPO}/events.jsonl"] = b"{}"
    hub.private = {REPO}
    done = atelier(*words, "--yes", "--detach")
    assert done.code == 0, done.err
    assert "takes the place of the one in someone/flowers, whose history stays" in done.out
    assert len(hub.jobs) == 1


def test_a_licence_that_the_hub_does_not_know_is_refused_before_anything_is_paid_for(
    hub, atelier, words
):
    done = atelier(*words, "--scratch", "--license", "mine-alone", "--yes")
    assert (done.code, "must be one of" in done.err) == (2, True)
    assert (hub.made, hub.jobs) == ([], [])


@pytest.mark.parametrize(
    ("failing", "is_well", "told"),
    [
        ("", True, ["pip", "hf download", "python", "pip", "python train", "python publish"]),
        ("publish", False, ["python publish", "hf upload"]),
        ("train", False, ["python train", "hf upload"]),
        ("download", False, ["pip", "hf download"]),
    ],
)
def test_what_was_trained_goes_into_the_dataset_when_it_cannot_be_published(
    tmp_path, failing, is_well, told
):
    """The shell runs it, with programs in the place of Python's and the Hub's that take notes."""
    place = tmp_path / "job"
    notes = f"""#!/bin/sh
case "$*" in *publish*) w=" publish";; *train*) w=" train";; esac
case "$1" in download|upload) w=" $1";; esac
echo "$(basename $0)$w" >> {tmp_path}/notes
mkdir -p {place}/program
case "$w" in " {failing or "-"}") exit 3;; esac
"""
    for name in ("pip", "hf", "python"):
        (tmp_path / name).write_text(notes)
        (tmp_path / name).chmod(0o755)
    order = Order("someone/x", "dcgan-kaokore-64", 15, "mit", "it's")
    done = subprocess.run(
        ["bash", "-c", script(order, COMMIT, str(place))],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=tmp_path,
    )
    assert (done.returncode == 0) == is_well
    assert (tmp_path / "notes").read_text().splitlines()[-len(told) :] == told


# --- how it goes and ends -------------------------------------------------------------------------

JOB = Job(
    "687fb701029421ae5549d998", "someone", "https://hub/jobs/someone/687fb701029421ae5549d998"
)


def followed(job: Job = JOB) -> list[str]:
    return [*follow(job, wait=lambda seconds: None)]


def test_what_a_job_prints_is_told_once_and_its_state_when_it_changes(hub):
    hub.stages, hub.log = ["SCHEDULING", "SCHEDULING", "RUNNING", "COMPLETED"], ["one", "", "[two]"]
    told = ["The job waits for a machine.", "The job runs.", "one", "", "[two]"]
    assert followed() == [*told, "The job has done all."]


def test_what_a_job_printed_is_told_also_if_it_was_over_before_anybody_looked(hub):
    hub.stages, hub.log = ["SCHEDULING", "ERROR"], ["no such thing"]
    assert followed() == ["The job waits for a machine.", "The job has failed.", "no such thing"]


def test_a_hub_that_is_away_for_a_moment_does_not_end_the_following(hub):
    hub.stages = ["RUNNING", "COMPLETED"]
    hub.refusals["say_state"] = 503, "down"

    def wait(seconds: float) -> None:
        hub.refusals.clear()

    assert [*follow(JOB, wait)][-1] == "The job has done all."


def test_a_hub_that_stays_away_ends_it_and_says_that_the_job_may_go_on(hub):
    hub.refusals["say_state"] = 503, "down"
    with pytest.raises(HubUnreachable, match=f"cannot be followed.*may go on: see {JOB.url}"):
        followed()


def test_a_job_that_is_over_ends_the_following_also_without_its_last_lines(hub):
    hub.stages = ["DELETED"]
    hub.refusals["say_log"] = 410, "gone"
    assert followed() == ["The job was deleted."]


def test_a_job_that_may_not_be_looked_at_is_not_asked_after_again(hub):
    hub.refusals["say_state"] = 403, "not yours"
    with pytest.raises(HubRefused, match="may not do that there"):
        followed()
    assert len(hub.requests) == 1


def test_submit_follows_a_job_to_its_end_and_says_where_the_model_is(hub, atelier, words):
    hub.log = ["Step 1", "Published"]
    done = atelier(*words, "--yes")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-4:-1] == ["The job has done all.", "Step 1", "Published"]
    assert f"The model is in {REPO}, private. To use it: python -m" in done.out


def test_detached_it_is_started_and_not_asked_how_it_goes(hub, atelier, words):
    hub.log = ["Step 1"]
    done = atelier(*words, "--yes", "--detach")
    assert (done.code, len(hub.jobs), "Step 1" in done.out) == (0, 1, False)
    assert not [path for _, path, _ in hub.requests if path.startswith("/api/jobs/someone/")]


def test_a_job_that_fails_ends_with_what_it_said_and_that_no_model_came(hub, atelier, words):
    hub.stages, hub.ending, hub.log = ["ERROR"], "Job failed with exit code: 1", ["No room"]
    done = atelier(*words, "--yes")
    assert (done.code, "No room" in done.out) == (2, True)
    assert "has failed: Job failed with exit code: 1. No model came back" in done.err


def test_what_a_failed_job_has_put_into_the_dataset_is_named_and_how_to_fetch_it(
    hub, atelier, words
):
    hub.on_state = lambda: put_run(hub)
    hub.stages, hub.ending = ["ERROR"], "Job failed"
    done = atelier(*words, "--yes")
    assert done.code == 2
    folder = rescue_folder(hub.commit)
    assert f"had trained is in {hub.url}/{DATA}, in the folder {folder}" in done.err
    assert f"hf download {REPO}-training --repo-type dataset --include '{folder}/*'" in done.err


def put_run(hub: LoopbackHub) -> None:
    """As the job does that cannot publish."""
    hub.files[f"{DATA}/{rescue_folder(hub.commit)}/best/model.safetensors"] = b"weights"


def test_an_interrupt_leaves_the_job_running_and_says_so(hub, atelier, words):
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    hub.on_state = interrupt
    hub.stages = ["SCHEDULING"]
    # A shell lets what it starts in the background ignore Ctrl-C, and so perhaps these tests.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = atelier(*words, "--yes")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == 130
    assert "The job goes on, and is paid for: " in done.out
    assert len(hub.jobs) == 1
    assert not [path for path in posts(hub) if path.endswith("/cancel")]
