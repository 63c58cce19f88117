"""The page as a Space: what goes there and what never does, made and updated, on which hardware.

That it is enough to start the page, `tests/ui/test_as_space.py` shows.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from huggingface_hub import RepoCard
from loopback_hub import LoopbackHub

from gan_core.errors import BadSetting, HubRefused
from gan_core.hub.space import ROOT, deploy, needs, space_files

SPACE = "someone/atelier"


@pytest.fixture
def hub(publishing_hub: LoopbackHub) -> LoopbackHub:
    return publishing_hub


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program, as small as it can be to be one."""
    root = tmp_path_factory.mktemp("program")
    for name in (
        "app.py", "requirements.txt", "gan_core/__main__.py", "ui/__init__.py", "ui/page.py",
        "weights/dcgan/model.safetensors", "weights/dcgan/config.json", "docs/shown.png",
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    (root / "README.md").write_text(
        "---\ntitle: Atelier\nsdk: gradio\nlicense: mit\n---\n# Atelier\n![x](docs/shown.png)\n"
    )
    return root


# --- what goes there --------------------------------------------------------------------------


def test_everything_that_is_listed_belongs_to_the_repository():
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the project has no git history to look at")
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    known = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert space_files().keys() <= set(known.split("\0"))


@pytest.mark.parametrize(
    "name",
    [
        "runs/mine/best/model.safetensors", "my_pictures/me.jpg", "me.jpg", "ui/me.jpg",
        "docs/me.png", "weights/dcgan/me.png", "gan_core/pictures/me.png", "tests/test_x.py",
        ".env", ".venv/lib/x.py", "gan_core/.hidden/x.py", "gan_core/__pycache__/x.pyc",
        "weights/dcgan/checkpoint/model.safetensors", "ui/examples/.me.jpg", "secrets.py",
    ],
)  # fmt: skip
def test_nothing_of_a_user_goes_along_wherever_it_lies(program, tmp_path, name):
    root = shutil.copytree(program, tmp_path / "program")
    before = space_files(root).keys()
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("private")
    assert space_files(root).keys() == before


def test_no_link_is_followed(program, tmp_path):
    root = shutil.copytree(program, tmp_path / "program")
    before = space_files(root).keys()
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "model.safetensors").write_text("private")
    (root / "weights" / "linked").symlink_to(tmp_path / "private")
    (root / "ui" / "linked.py").symlink_to(tmp_path / "private" / "model.safetensors")
    assert space_files(root).keys() == before


def test_a_model_of_ones_own_in_weights_and_a_picture_of_the_readme_go_along(program, tmp_path):
    root = shutil.copytree(program, tmp_path / "program")
    (root / "weights" / "own").mkdir()
    (root / "weights" / "own" / "model.safetensors").write_text("own")
    assert {"weights/own/model.safetensors", "docs/shown.png"} <= space_files(root).keys()


def test_a_program_without_its_page_cannot_become_a_space(tmp_path):
    with pytest.raises(BadSetting, match=r"^app.py is not there"):
        space_files(tmp_path)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "hf_oauth: true\nhf_oauth_scopes:\n  - contribute-repos\n",
        "hf_oauth: true\nhf_oauth_scopes:\n- write-repos\n- jobs\nhf_oauth_expiration_minutes: 9\n",
    ],
)
def test_visitors_may_sign_in_unless_that_was_not_wanted_and_only_to_contribute(
    program, tmp_path, before
):
    root = shutil.copytree(program, tmp_path / "program")
    text = (root / "README.md").read_text()
    (root / "README.md").write_text(text.replace("sdk: gradio\n", f"{before}sdk: gradio\n"))

    def head(oauth: bool) -> dict[str, object]:
        card = space_files(root, oauth)["README.md"]
        assert isinstance(card, bytes)
        return RepoCard(card.decode()).data.to_dict()

    plain = {"title": "Atelier", "sdk": "gradio", "license": "mit"}
    assert head(False) == plain
    assert head(True) == {**plain, "hf_oauth": True, "hf_oauth_scopes": ["contribute-repos"]}


def test_the_repository_itself_pushed_to_a_space_lets_visitors_sign_in_as_deploy_does():
    own = RepoCard.load(ROOT / "README.md").data.to_dict()
    sent = space_files()["README.md"]
    assert isinstance(sent, bytes)
    assert own["hf_oauth"] is True
    assert own == RepoCard(sent.decode()).data.to_dict()


# --- made and updated -------------------------------------------------------------------------


def test_a_space_is_made_in_one_commit_with_all_that_is_listed(hub, program):
    sent = deploy(SPACE, files := space_files(program), private=True)
    assert (sent.is_new, sent.url) == (True, f"{hub.url}/spaces/{SPACE}")
    asked = {"type": "space", "sdk": "gradio", "hardware": "cpu-basic", "visibility": "private"}
    assert asked.items() <= hub.made[0].items()
    there = {name.removeprefix(f"spaces/{SPACE}/") for name in hub.files} - {".gitattributes"}
    assert there == files.keys()
    assert len(hub.commits) == 1


def test_an_update_removes_old_code_and_leaves_what_somebody_added(hub, program, tmp_path):
    deploy(SPACE, space_files(program))
    added = f"spaces/{SPACE}/weights/own/model.safetensors"
    hub.files[added] = b"own"
    root = shutil.copytree(program, tmp_path / "program")
    (root / "ui" / "page.py").unlink()
    (root / "app.py").write_text("# newer\n")
    sent = deploy(SPACE, space_files(root), "t4-small")
    assert not sent.is_new
    assert hub.files[f"spaces/{SPACE}/app.py"] == b"# newer\n"
    assert f"spaces/{SPACE}/ui/page.py" not in hub.files
    assert hub.files[added] == b"own"
    assert hub.hardware == [{"flavor": "t4-small"}]


def test_hardware_is_left_alone_unless_it_was_named(hub, program):
    for _ in range(2):
        deploy(SPACE, space_files(program))
    assert hub.hardware == []


def test_hardware_that_is_refused_leaves_the_files_and_says_so(hub, program):
    deploy(SPACE, space_files(program))
    hub.refusals["set_hardware"] = 402, "Payment required"
    with pytest.raises(
        HubRefused, match=r"^The hardware of someone/atelier .*no credits.*The files are there"
    ):
        deploy(SPACE, space_files(program), "a100-large")


def test_a_space_that_is_something_else_is_not_written_over(hub, program):
    hub.files = {f"spaces/{SPACE}/app.py": b"another page"}
    with pytest.raises(HubRefused, match="holds something else"):
        deploy(SPACE, space_files(program))
    assert hub.files == {f"spaces/{SPACE}/app.py": b"another page"}


def test_an_account_without_a_plan_is_told_which_it_needs(hub, program):
    hub.refusals["create"] = 402, "Payment required"
    with pytest.raises(HubRefused, match="Gradio Spaces need a paid plan.*pricing"):
        deploy(SPACE, space_files(program))
    assert "paid plan" in needs(None).replace("\n", " ")
    assert "by the hour" in needs("t4-small")
    assert "ZeroGPU" in needs("zero-a10g")


# --- on the command line ------------------------------------------------------------------------


def test_a_dry_run_lists_files_and_sizes_and_asks_nobody(hub, atelier, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    done = atelier("deploy", "--space", SPACE, "--dry-run")
    assert done.code == 0, done.err
    files = space_files()
    size = (ROOT / "app.py").stat().st_size
    assert f"{size:,}  app.py" in done.out
    assert f"bytes in {len(files)} files" in done.out
    assert "Nothing was uploaded" in done.out
    assert not hub.requests


def test_deploy_says_what_it_needs_and_where_it_is(hub, atelier):
    done = atelier("deploy", "--space", SPACE)
    assert done.code == 0, done.err
    assert "paid plan" in done.out
    assert f"Made: {hub.url}/spaces/{SPACE}" in done.out
    assert f"spaces/{SPACE}/weights/stylenet/features.safetensors" in hub.files


@pytest.mark.parametrize("exists", [False, True])
def test_hardware_that_costs_is_priced_and_only_taken_with_a_yes(hub, atelier, exists):
    if exists:
        assert atelier("deploy", "--space", SPACE).code == 0
    before = len(hub.commits)
    words = ("deploy", "--space", SPACE, "--hardware", "t4-small")
    done = atelier(*words)
    assert done.code == 0, done.err
    assert "T4) costs 0.40 US dollars an hour" in done.out
    assert "Nothing was uploaded" in done.out
    assert (len(hub.commits), hub.hardware) == (before, [])
    assert atelier(*words, "--yes").code == 0
    assert len(hub.commits) == before + 1
    if exists:
        assert [each["flavor"] for each in hub.hardware] == ["t4-small"]
    else:
        assert hub.made[-1]["hardware"] == "t4-small"


def test_hardware_without_a_price_is_not_taken_and_what_costs_nothing_needs_no_yes(hub, atelier):
    words = ("deploy", "--space", SPACE, "--hardware")
    done = atelier(*words, "h900", "--yes")
    assert (done.code, "no machine 'h900' for Spaces" in done.err) == (2, True)
    assert not hub.made
    assert atelier(*words, "cpu-upgrade").code == 0  # of no price in this Hub
    assert hub.made[-1]["hardware"] == "cpu-upgrade"
