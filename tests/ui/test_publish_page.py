"""Publishing from the page: who may, with whose token, on which terms, and back again."""

import hashlib
import json
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio import oauth
from itsdangerous import TimestampSigner
from loopback_hub import LoopbackHub
from starlette.requests import Request
from tiny_runs import TINY, noise, pretend, tiny_model, tiny_settings, without_worker

from gan_core.errors import BadRun, HubRefused
from gan_core.events import Finished, Started
from gan_core.gan.latents import sample
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE
from gan_core.gan.snapshot import load_snapshot
from gan_core.pictures import Dataset, save_dataset, to_uint8
from ui import run_texts as texts
from ui.jobs import Runs
from ui.look import Look, Mark
from ui.mine import Mine, Store
from ui.models import Models
from ui.publish import Publish
from ui.publishers import Publisher, is_owner, owner, visitor, who_may_publish
from ui.publishing import Order, Publishing
from ui.recipe import Recipe, make_pictures

REPO = "someone/gan"
ON_A_SPACE = {
    "SYSTEM": "spaces", "SPACE_ID": "org/atelier", "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret", "OAUTH_SCOPES": "openid profile contribute-repos",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}  # fmt: skip
STARTED = Started("5 minutes on 24 pictures.", 24, TINY.resolution, 8, 0, "a/b", 5.0, None)
HERE = {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"}


def profile(name: str = "visitor") -> gr.OAuthProfile:
    return gr.OAuthProfile(
        {"name": "A Visitor", "preferred_username": name, "profile": "", "picture": ""}
    )


def token(text: str = "hf_theirs") -> gr.OAuthToken:
    return gr.OAuthToken(token=text, scope="openid contribute-repos", expires_at=2**33)


def request(client: str = "127.0.0.1", **headers: str) -> gr.Request:
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in {**HERE, **headers}.items()]
    return gr.Request(Request({"type": "http", "client": (client, 5), "headers": pairs}))


@pytest.fixture
def hub(publishing_hub: LoopbackHub) -> LoopbackHub:
    publishing_hub.tokens["hf_theirs"] = "write"
    return publishing_hub


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return without_worker(tmp_path / "runs")


@pytest.fixture
def run(runs: Runs, tmp_path: Path) -> str:
    """An ended run that began with a model of the Hub, whose licence nobody knows."""
    settings = replace(tiny_settings(tiny_model(tmp_path / "model")), kind="noise, in grey")
    run_id = runs.create(noise(), settings)
    tiny_model(pretend(runs, run_id, [STARTED, Finished(0.8, 60.0, False, None)]) / BEST_FOLDER)
    return run_id


def laid_out(runs: Runs, who: Any) -> tuple[gr.Blocks, Publish]:
    with gr.Blocks(analytics_enabled=False) as demo:
        part = Publish(runs, Store(), who)
        part.wire(demo, gr.Textbox())
    return demo, part


def on_the_page(runs: Runs) -> Publish:
    """Its handlers for visitors are the same; only their button needs what signing in needs."""
    return laid_out(runs, "owner")[1]


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's sign-in is the real one, as on a Space where visitors can sign in."""
    pytest.importorskip("authlib")
    monkeypatch.setattr(oauth, "get_space", lambda: ON_A_SPACE["SPACE_ID"])
    for name in ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"):
        monkeypatch.setattr(oauth, name, ON_A_SPACE[name])  # it read them when it was imported


def stored(run: str) -> dict[str, Any]:
    return Mine().with_run(run).to_browser()


def asked(run: str, **changed: Any) -> list[Any]:
    values = {
        "stored": stored(run), "repo": REPO, "private": False, "licence": "cc-by-4.0",
        "kind": "noise", "anyway": False, "update": False,
    }  # fmt: skip
    return [*(values | changed).values()]


def put(part: Publish, run: str, by: gr.Request | None = None, **changed: Any) -> tuple[str, Any]:
    """What is said at last, and what became of the box for replacing."""
    said, update = [*part.send_as_owner(by or request(), *asked(run, **changed))][-1]
    return said, update


def put_as_visitor(part: Publish, run: str, by: gr.OAuthToken | None, **changed: Any) -> str:
    who = profile() if by is not None else None
    return str([*part.send_as_visitor(who, by, *asked(run, **changed))][-1][0])


def repeating(folder: Path) -> None:
    """Let a run have learned from the very pictures that its model makes."""
    made = to_uint8(sample(load_snapshot(folder / BEST_FOLDER), 64, 0))
    save_dataset(Dataset("mine", made, ()), folder / DATASET_FILE)


# --- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({}, None),
        ({"GAN_ATELIER_PUBLISH": "0"}, None),
        ({"GAN_ATELIER_PUBLISH": "1"}, "owner"),
        ({"GAN_ATELIER_PUBLISH": "1", "GRADIO_SHARE": "True"}, None),
        ({"SYSTEM": "spaces", "SPACE_ID": "org/atelier"}, None),
        # On a Space its own token is nobody's to use, whatever is set.
        ({"SYSTEM": "spaces", "SPACE_ID": "org/a", "GAN_ATELIER_PUBLISH": "1"}, None),
        ({**ON_A_SPACE, "OAUTH_CLIENT_SECRET": ""}, None),
        ({**ON_A_SPACE, "SYSTEM": ""}, None),  # Gradio would mock the sign-in
        ({**ON_A_SPACE, "SPACE_ID": "", "GAN_ATELIER_PUBLISH": "1"}, None),
    ],
)
def test_nobody_may_publish_unless_visitors_can_sign_in_or_the_owner_is_alone(
    environment: dict[str, str], who: str | None
) -> None:
    assert who_may_publish(environment) == who


def test_visitors_may_where_gradio_has_all_that_signing_in_needs() -> None:
    pytest.importorskip("authlib")
    assert who_may_publish(ON_A_SPACE) == "visitors"
    assert who_may_publish({**ON_A_SPACE, "GAN_ATELIER_PUBLISH": "1"}) == "visitors"


@pytest.mark.parametrize(
    "elsewhere",
    [
        request("203.0.113.5"),
        request("10.0.0.2"),
        request(x_forwarded_for="127.0.0.1"),
        request(X_Forwarded_Host="localhost"),
        request(forwarded="for=127.0.0.1"),
        request(x_real_ip="127.0.0.1"),
        request(via="1.1 proxy"),
        request(cf_connecting_ip="127.0.0.1"),
        request(origin="https://elsewhere.example"),
        request(origin="null"),
        request(origin="http://127.0.0.1.elsewhere.example"),
        request(origin="http://127.0.0.1:8888"),
        request(origin="http://127.0.0.1"),
        request(origin="http://localhost:7860"),
        request(origin="http://[half"),
        None,
    ],
)
def test_whoever_comes_from_elsewhere_is_not_the_owner(elsewhere: gr.Request | None) -> None:
    assert not is_owner(elsewhere)
    with pytest.raises(HubRefused, match="does not come from the machine"):
        owner(elsewhere)


def test_the_owner_comes_from_this_machine_under_its_own_address() -> None:
    assert is_owner(request())
    assert is_owner(request("::1", host="localhost:7860", origin="http://localhost:7860"))
    assert is_owner(request("127.0.0.2"))


def test_a_page_asked_under_anothers_name_is_not_asked_by_its_owner() -> None:
    """As when a name of somebody else's is made to mean this machine, or a tunnel ends here."""
    scope = {"type": "http", "client": ("127.0.0.1", 5)}
    for host in (b"elsewhere.example", b"abc.gradio.live", b"192.168.0.7:7860", b"", b"[x"):
        assert not is_owner(gr.Request(Request({**scope, "headers": [(b"host", host)]})))
    assert is_owner(gr.Request(Request({**scope, "headers": [(b"host", b"localhost:7860")]})))


@pytest.fixture
def probe() -> Iterator[Callable[..., bool]]:
    """Ask a page that is really served whether it takes who asks for its owner."""

    def ask(request: gr.Request) -> bool:
        return is_owner(request)

    with gr.Blocks(analytics_enabled=False) as demo:
        gr.api(ask, api_name="ask")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)

    def post(**headers: str) -> bool:
        about = {"Content-Type": "application/json"}
        about |= {name.replace("_", "-"): value for name, value in headers.items()}
        call = f"{url}gradio_api/call/ask"
        with urllib.request.urlopen(urllib.request.Request(call, b'{"data": []}', about)) as said:
            event = json.load(said)["event_id"]
        with urllib.request.urlopen(f"{call}/{event}") as said:
            return "[true]" in said.read().decode()

    yield post
    demo.close()


def test_a_server_knows_its_owner_from_who_comes_by_a_proxy(probe: Callable[..., bool]) -> None:
    assert probe()
    assert not probe(X_Forwarded_For="203.0.113.5")
    assert not probe(X_Forwarded_For="127.0.0.1")
    assert not probe(Host="elsewhere.example")


def kinds(runs: Runs, who: Any) -> set[str]:
    return {type(each).__name__ for each in laid_out(runs, who)[0].blocks.values()}


def test_where_nobody_may_publish_there_is_no_such_part_and_no_sign_in(runs: Runs) -> None:
    assert not {"Accordion", "LoginButton"} & kinds(runs, None)
    assert "Accordion" in kinds(runs, "owner")
    assert "LoginButton" not in kinds(runs, "owner"), "off a Space it lends everybody one account"


def test_on_a_space_there_is_a_sign_in(runs: Runs, space: None) -> None:
    assert {"Accordion", "LoginButton"} <= kinds(runs, who_may_publish(ON_A_SPACE))


# --- with whose token -----------------------------------------------------------------------------


def test_a_visitor_publishes_in_their_own_name_and_never_with_the_spaces_token(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part = on_the_page(runs)
    shown = [*part.look_as_visitor(stored(run), profile(), token())][-1]
    assert shown[3] == "visitor/gan-atelier-noise-in-grey"
    assert "You publish as visitor." in shown[0]
    said = put_as_visitor(part, run, token())
    assert f"{REPO}@{hub.commit}" in said
    used = {headers.get("authorization") for _, _, headers in hub.requests} - {None}
    assert used == {"Bearer hf_theirs"}


def test_who_has_not_signed_in_publishes_nothing_though_the_space_has_a_token(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part = on_the_page(runs)
    assert "You are not signed in" in put_as_visitor(part, run, None)
    assert "You are not signed in" in put_as_visitor(part, run, token(""))
    found, form, *_ = [*part.look_as_visitor(stored(run), None, None)][-1]
    assert ("You are not signed in" in found, form["visible"]) == (True, False)
    assert hub.requests == []


def test_a_stranger_publishes_nothing_with_the_owners_token(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part, stranger = on_the_page(runs), request("203.0.113.5")
    assert "does not come from the machine" in put(part, run, stranger)[0]
    found, form, *_ = [*part.look_as_owner(stored(run), stranger)][-1]
    assert ("does not come from the machine" in found, form["visible"]) == (True, False)
    assert hub.requests == []


def test_a_token_is_not_told_by_whoever_shows_a_publisher() -> None:
    assert "hf_theirs" not in repr(visitor(profile(), token()))


@pytest.fixture
def press(space: None, hub: LoopbackHub, runs: Runs) -> Iterator[Callable[..., str]]:
    """Press the button of a page that is really served on a Space, as a browser does."""
    demo, part = laid_out(runs, who_may_publish(ON_A_SPACE))
    (fn,) = (fn for fn in demo.fns.values() if (part.button._id, "click") in fn.targets)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)

    def post(run: str, cookie: str = "") -> str:
        about = {"Content-Type": "application/json", "Cookie": cookie}
        join = {"data": asked(run), "fn_index": fn._id, "session_hash": "browser"}
        queue = f"{url}gradio_api/queue"
        sent = urllib.request.Request(f"{queue}/join", json.dumps(join).encode(), about)
        urllib.request.urlopen(sent).close()
        with urllib.request.urlopen(f"{queue}/data?session_hash=browser") as said:
            return str(said.read().decode())

    yield post
    demo.close()


def signed_in(token: str) -> str:
    """The cookie of who has signed in, as Gradio makes it."""
    about = {"name": "A", "preferred_username": "visitor", "profile": "", "picture": ""}
    known = {"access_token": token, "scope": "openid", "expires_at": 2**33, "userinfo": about}
    key = hashlib.sha256(f"{ON_A_SPACE['OAUTH_CLIENT_SECRET']}-v4".encode()).hexdigest()
    content = b64encode(json.dumps({"oauth_info": known}).encode())
    return f"session={TimestampSigner(key).sign(content).decode()}"


def test_on_a_served_space_the_token_is_that_of_who_has_signed_in_or_nothing_happens(
    press: Callable[..., str], hub: LoopbackHub, run: str
) -> None:
    assert "You are not signed in" in press(run)
    assert "You are not signed in" in press(run, signed_in("hf_theirs") + "forged")
    assert not [path for _, path, _ in hub.requests if "agent-harnesses" not in path]
    assert "Published" in press(run, signed_in("hf_theirs"))
    used = {headers.get("authorization") for _, _, headers in hub.requests} - {None}
    assert used == {"Bearer hf_theirs"}


# --- what goes there ------------------------------------------------------------------------------


def test_what_the_page_published_makes_the_same_pictures_when_it_is_fetched(
    hub: LoopbackHub, runs: Runs, run: str, tmp_path: Path
) -> None:
    said, _ = put(on_the_page(runs), run)
    assert said.startswith('<p class="note">Published: <a href="')
    models = Models(tmp_path / "none", runs)
    came = models.hub.fetch(REPO).outcome.result(60)
    assert came == f"{REPO}@{hub.commit}"
    there, here = (make_pictures(models, Recipe(name, 8, 3, 1.0)) for name in (came, run))
    assert np.array_equal(there, here)


def test_the_card_has_what_was_typed_and_private_is_what_is_not_surely_meant_for_all(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    put(on_the_page(runs), run, kind=" noise \n in rows ", private=None)
    card = hub.files[f"{REPO}/README.md"].decode()
    assert "who trained it: noise in rows." in card
    assert "license: cc-by-4.0" in card
    assert hub.made[0]["visibility"] == "private"


def test_a_licence_is_asked_for_only_where_the_start_leaves_the_choice(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part = on_the_page(runs)

    def asks() -> tuple[str, bool]:
        found, _, _, _, licence, _ = [*part.look_as_owner(stored(run), request())][-1]
        return found, bool(licence["visible"])

    assert asks()[1]
    assert "No licence was chosen" in put(part, run, licence=None)[0]
    assert hub.commits == []
    bundled = replace(STARTED, start="dcgan-kaokore-64")
    pretend(runs, run, [bundled, Finished(0.8, 60.0, False, None)])
    found, is_asked = asks()
    assert ("is cc-by-sa-4.0" in found, is_asked) == (True, False)
    put(part, run, licence="mit")  # as of a field that is not shown
    assert b"license: cc-by-sa-4.0" in hub.files[f"{REPO}/README.md"]


def test_a_model_that_repeats_its_pictures_is_warned_of_first_and_needs_a_second_word(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part = on_the_page(runs)
    found, _, anyway, *_ = [*part.look_as_owner(stored(run), request())][-1]
    assert ("warning" in found, anyway["visible"]) == (False, False)
    repeating(runs.folder(run))
    found, _, anyway, *_ = [*part.look_as_owner(stored(run), request())][-1]
    assert found.startswith('<p class="warning">64 of 64 pictures made')
    assert (anyway["visible"], anyway["value"]) == (True, False)
    assert "seems to repeat pictures" in put(part, run)[0]
    assert (hub.commits, hub.made) == ([], [])
    assert "Published" in put(part, run, anyway=True)[0]


def test_a_model_that_cannot_be_checked_for_copies_needs_a_second_word_too(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part = on_the_page(runs)
    (runs.folder(run) / DATASET_FILE).unlink()
    found, _, anyway, *_ = [*part.look_as_owner(stored(run), request())][-1]
    assert "Not checked for copies" in found
    assert (anyway["visible"], anyway["label"]) == (True, texts.ANYWAY_UNCHECKED)
    said = put(part, run)[0]
    assert "not checked for copies" in said and "Tick that your pictures may be seen" in said
    assert (hub.commits, hub.made) == ([], [])
    assert "Published" in put(part, run, anyway=True)[0]


def test_what_is_there_is_replaced_only_when_the_box_is_ticked_that_is_shown_then(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part = on_the_page(runs)
    put(part, run)
    said, update = put(part, run)
    assert "is there already" in said and "tick below" in said
    assert "--update" not in said
    assert (update["visible"], update["value"], len(hub.commits)) == (True, False, 1)
    said, update = put(part, run, update=True)
    assert ("Updated" in said, update["visible"], len(hub.commits)) == (True, False, 2)


# --- what goes wrong ------------------------------------------------------------------------------


def test_every_trouble_is_said_in_its_place_and_the_page_goes_on(
    hub: LoopbackHub, runs: Runs, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = on_the_page(runs)

    def says(what: str, **changed: Any) -> None:
        said, _ = put(part, run, **changed)
        assert said.startswith('<p class="warning">')
        assert what in said
        assert hub.commits == []

    says("owner/name", repo="gan")
    assert "<b>" not in put(part, run, repo="someone/<b>")[0]
    says("must be one of https://huggingface.co/docs/hub/repositories-licenses", licence="zlib-x")
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    says("may only read")
    monkeypatch.delenv("HF_TOKEN")
    says("hf auth login")
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    for method in ("take", "commit"):
        hub.cuts.add(method)
        says("does not answer as it should")
        hub.cuts.clear()
    hub.files = {f"{REPO}/pytorch_model.bin": b"dear to somebody"}
    says("holds something else", update=True)
    hub.files = {}
    assert "Published" in put(part, run)[0]


def test_without_a_network_it_says_so(
    hub_client: Callable[[str], None], runs: Runs, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    part = on_the_page(runs)
    assert "Check the connection" in put(part, run)[0]
    found, form, *_ = [*part.look_as_owner(stored(run), request())][-1]
    assert ("Check the connection" in found, form["visible"]) == (True, False)


def test_a_visitor_is_told_what_a_visitor_can_do(hub: LoopbackHub, runs: Runs, run: str) -> None:
    hub.tokens["hf_theirs"] = "none"
    said = put_as_visitor(on_the_page(runs), run, token())
    assert "may not do that there" in said and "change those alone that it has made" in said
    assert "settings/tokens" not in said


def test_a_visitor_is_told_so_too_where_the_licence_of_a_start_is_asked_for(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    started = replace(STARTED, start=f"someone/base@{'0' * 40}")
    pretend(runs, run, [started, Finished(0.8, 60.0, False, None)])
    hub.error = (403, "")
    part = on_the_page(runs)
    found = [*part.look_as_visitor(stored(run), profile(), token())][-1][0]
    for said in (found, put_as_visitor(part, run, token())):
        assert "licence of someone/base cannot be looked up" in said
        assert "sign out and in again" in said and "settings/tokens" not in said


def test_one_run_is_published_once_at_a_time(hub: LoopbackHub, runs: Runs, run: str) -> None:
    publishing, folder = Publishing(), runs.folder(run)
    order = Order(REPO, Publisher("someone"), "mit")
    hub.silent = True
    going = publishing.begin(folder, order)
    with pytest.raises(BadRun, match="is being published just now"):
        publishing.begin(folder, order)
    hub.closed.set()  # now it answers
    assert going.outcome.result(60).is_new
    assert not publishing.begin(folder, replace(order, update=True)).outcome.result(60).is_new


def test_a_run_that_is_deleted_meanwhile_is_said_to_be_gone(
    hub: LoopbackHub, runs: Runs, run: str
) -> None:
    part, deleted = on_the_page(runs), Event()
    steps = part.send_as_owner(request(), *asked(run))
    for values in steps:
        if not deleted.is_set() and texts.ASKING_HUB in str(values[0]):
            runs.delete(run)
            deleted.set()
    assert "There is no such run" in values[0]
    assert hub.commits == []


# --- what the page shows --------------------------------------------------------------------------


def test_it_is_offered_where_there_is_a_model_and_closed_anew_for_another_run(
    runs: Runs, run: str
) -> None:
    part = on_the_page(runs)

    def shown() -> dict[Any, Any]:
        state = runs.look(run)
        values = part.show(Look(state, runs.folder(run), Mark.of(state)))
        return dict(zip(part.outputs, values, strict=True))

    assert shown()[part.place]["visible"]
    assert shown()[part.part] == gr.update(open=False), "whose it is, is not touched"
    assert not shown()[part.form]["visible"]
    (runs.folder(run) / BEST_FOLDER / "model.safetensors").unlink()
    assert not shown()[part.place]["visible"]
