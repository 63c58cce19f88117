"""A training on the Hub's machines: what is said of its cost, what goes there, what it runs."""

import io
import shlex
import zipfile
from pathlib import Path

import pytest
import typer
from loopback_hub import LoopbackHub

from gan_core.__main__ import app
from gan_core.errors import BadSetting, HubRefused, HubUnreachable
from gan_core.hub.jobs import Order, hand_in, rate_of, script, submit
from gan_core.pictures import read_dataset

REPO, DATA = "someone/flowers", "datasets/someone/flowers-training"
ORDER = Order(REPO, "dcgan-kaokore-64", 15, "cc-by-sa-4.0", "flowers; rm -rf $HOME 'mine'")
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
    steps = [shlex.split(step) for step in script(ORDER, COMMIT).split(" && ")]
    ours = [step[3:] for step in steps if step[:3] == ["python", "-m", "gan_core"]]
    assert [step[0] for step in ours] == ["train", "publish"]
    for name, *arguments in ours:
        command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
        parsed = command.make_context(name, arguments)
        assert not parsed.args
    assert parsed.params["kind"] == ORDER.kind
    assert parsed.params["private"]


def test_a_machine_that_is_not_there_is_refused_with_those_that_are(hub):
    with pytest.raises(BadSetting, match=r"no machine 'h900' .*t4-small"):
        rate_of("h900")


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
    rate = rate_of("t4-small")
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
