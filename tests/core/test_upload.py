"""Files to the Hub in one commit: whose token, what is there already, and all that goes wrong."""

from typing import Any

import pytest
from hf_xet import XetAuthenticationError
from huggingface_hub import constants, get_session
from loopback_hub import LoopbackHub

from gan_core.errors import AlreadyThere, AtelierError, BadSetting, HubRefused, HubUnreachable
from gan_core.hub.account import require_name, require_writer
from gan_core.hub.refusals import sending
from gan_core.hub.upload import Parcel, Sent, send

REPO = "someone/gan"
CARD = b"---\nlicense: mit\n---\n# A model"
FILES: dict[str, bytes] = {
    "README.md": CARD, "log.json": b"{}", "model.safetensors": bytes(5000), "samples/1.png": b"1",
}  # fmt: skip


@pytest.fixture
def hub(publishing_hub: LoopbackHub) -> LoopbackHub:
    return publishing_hub


def put(files: dict[str, bytes] = FILES, **options: Any) -> Sent:
    parcel = Parcel(REPO, files, mark="log.json", message="Publish", owned=("samples/",))
    return send(parcel, **options)


def steps(hub: LoopbackHub) -> list[str]:
    return [path for method, path, _ in hub.requests if method != "GET"]


# --- what is there already --------------------------------------------------------------------


def test_what_is_there_is_replaced_only_when_that_was_asked_for(hub):
    first = put()
    hub.files[f"{REPO}/notes.txt"] = b"by its owner"
    with pytest.raises(AlreadyThere, match=r"is there already, with \d+ files. Nothing.*--update"):
        put()
    assert len(hub.commits) == 1
    kept = {name: data for name, data in FILES.items() if name != "samples/1.png"}
    second = put({**kept, "samples/2.png": b"2"}, update=True)
    assert (second.is_new, second.commit != first.commit) == (False, True)
    samples = [name for name in hub.files if "/samples/" in name]
    assert samples == [f"{REPO}/samples/2.png"]
    assert hub.files[f"{REPO}/notes.txt"] == b"by its owner"


def test_whoever_publishes_for_somebody_does_so_with_that_ones_token_alone(hub):
    hub.tokens = {"hf_theirs": "write"}  # and not that of this machine
    assert require_writer(REPO, "hf_theirs") == "someone"
    put(token="hf_theirs")
    sent = {headers.get("authorization") for _, _, headers in hub.requests}
    assert "Bearer hf_theirs" in sent
    assert "Bearer hf_write" not in sent


def test_progress_reaches_all_of_it_before_the_one_commit_that_shows_it(hub):
    told: list[tuple[int, int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total, len(hub.commits)))

    large = {f"{n}.safetensors": bytes([n]) * 1_000_000 for n in range(3)}
    put({**FILES, **large}, on_progress=tell)
    whole = sum(map(len, (*FILES.values(), *large.values())))
    done = [done for done, *_ in told]
    assert done == sorted(done)
    assert len(done) > 3
    assert (done[0], done[-1]) == (0, whole)
    assert {(total, commits) for _, total, commits in told} == {(whole, 0)}
    assert len(hub.commits) == 1


def test_two_that_send_at_once_leave_the_client_its_own_patience(hub):
    session: Any = get_session()
    own = session.timeout
    with sending("It fails"):
        with sending("It fails"):
            pass
        assert session.timeout != own
    assert session.timeout == own
    first, second = sending("It fails"), sending("It fails")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)  # the first to come is the first to go
    assert session.timeout != own
    second.__exit__(None, None, None)
    assert session.timeout == own


def test_something_else_of_that_name_is_never_written_over(hub):
    hub.files = {f"{REPO}/pytorch_model.bin": b"dear to somebody"}
    for update in (False, True):
        with pytest.raises(HubRefused, match="holds something else"):
            put(update=update)
    assert hub.files == {f"{REPO}/pytorch_model.bin": b"dear to somebody"}


def test_a_name_that_is_taken_by_what_we_may_not_see_is_said_to_be_taken(hub):
    hub.refusals["say_what_there_is"] = 404, "Repository not found"
    hub.refusals["create"] = 409, "You already created this model repo"
    with pytest.raises(HubRefused, match="something by this name already"):
        put()


def test_a_change_by_somebody_else_meanwhile_is_not_undone(hub):
    put()
    hub.refusals["commit"] = 412, "A commit has happened since"
    with pytest.raises(HubRefused, match="somebody else changed it meanwhile"):
        put(update=True)
    assert len(hub.commits) == 1
    hub.refusals.clear()
    put(update=True)
    assert hub.commits[1][0]["value"]["parentCommit"]


# --- whose token ------------------------------------------------------------------------------


def test_without_a_token_nothing_is_asked_and_the_way_to_one_is_told(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubRefused, match=r"no token .*hf auth login.*HF_TOKEN"):
        require_writer(REPO)
    assert not hub.requests


@pytest.mark.parametrize(
    ("token", "repo", "message"),
    [
        ("hf_false", REPO, r"the token is not valid \(401"),
        ("hf_read", REPO, "the token of someone may only read"),
        ("hf_write", "stranger/gan", "that of someone, not of stranger.*someone, org"),
    ],
)
def test_a_token_that_cannot_do_it_is_refused_before_anything_is_made(
    hub, monkeypatch, token, repo, message
):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubRefused, match=message):
        require_writer(repo)
    assert not steps(hub)


def test_an_organisations_name_and_one_in_other_letters_are_the_tokens_own(hub):
    assert require_writer("Org/gan") == "someone"


@pytest.mark.parametrize("name", ["gan", "a/b/c", "so me/gan", "some--one/gan", "", "a/b@main"])
def test_a_name_that_no_repository_can_have_is_refused_without_asking(hub, name):
    with pytest.raises(BadSetting, match=f"^“{name}” is no name .*It is owner/name"):
        require_name(name)
    assert not hub.requests


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", ["check_card", "create", "say_how", "say_where", "take", "commit"]
)
@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, HubRefused, "token is not valid"),
        (403, HubRefused, r"may not do that there \(403, because\)"),
        (429, HubUnreachable, "too many requests"),
        (503, HubUnreachable, "trouble of its own"),
    ],
)
def test_whatever_is_refused_on_the_way_is_explained_and_nothing_is_half_published(
    hub, where, status, kind, message
):
    hub.refusals[where] = status, "because"
    with pytest.raises(kind, match=message) as refused:
        put()
    assert hub.commits == []
    if where in ("check_card", "create"):
        assert hub.files == {}
        assert "Nothing was published." in str(refused.value)
    else:
        assert hub.files.keys() == {f"{REPO}/.gitattributes"}
        assert "is there, and empty or whole" in str(refused.value)
    hub.refusals.clear()
    put()  # without --update, as it is empty
    assert f"{REPO}/model.safetensors" in hub.files


def test_a_plan_that_is_needed_is_named(hub):
    hub.refusals["create"] = 402, "Payment required"
    with pytest.raises(HubRefused, match="no plan or no credits"):
        put()


@pytest.mark.parametrize("where", ["say_who", "check_card", "create", "say_how", "take", "commit"])
def test_a_line_that_is_cut_leaves_all_or_nothing(hub, where):
    hub.cuts.add(where)
    with pytest.raises(HubUnreachable, match="does not answer as it should"):
        require_writer(REPO)
        put()
    assert not hub.commits
    assert hub.files.keys() <= {f"{REPO}/.gitattributes"}


def test_when_only_the_answer_is_lost_that_is_said_and_all_is_there(hub):
    hub.lost.add("commit")
    with pytest.raises(HubUnreachable, match="empty or whole"):
        put()
    hub.lost.clear()
    assert hub.files[f"{REPO}/model.safetensors"] == FILES["model.safetensors"]
    put(update=True)


def test_an_update_that_fails_leaves_what_was_there(hub):
    put()
    before = dict(hub.files)
    hub.cuts.add("commit")
    with pytest.raises(HubUnreachable, match="what it held, or all of the new"):
        put({**FILES, "model.safetensors": bytes(7000)}, update=True)
    assert hub.files == before


def test_without_a_network_or_in_offline_mode_it_says_so(hub_client, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    with pytest.raises(HubUnreachable, match=r"Nothing was published\..*Check the connection"):
        require_writer(REPO)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachable, match="Unset HF_HUB_OFFLINE"):
        require_writer(REPO)


def test_rights_that_the_storage_of_large_files_denies_are_said_to_be_missing():
    with pytest.raises(HubRefused, match=r"may not do that there \(expired\)"), sending("It fails"):
        raise XetAuthenticationError("expired")


def test_what_answers_and_is_no_hub_is_not_believed(hub):
    hub.answer = b"<html>Please log in</html>"
    with pytest.raises(AtelierError, match="does not answer as it should"):
        put()
