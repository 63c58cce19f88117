"""A Hub on this machine: the routes of a download and of an upload, and how they go wrong.

It answers the real client, `huggingface_hub`, as far as the tests need it. Another route is a line
in `_ROUTES` and a method.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_SMALL = 1000  # bytes; what is larger is kept by its SHA-256, as with Git LFS
_KIND = r"/api/(?P<kind>models|spaces|datasets)/"
_ROUTES = (
    (r"/api/whoami-v2", "say_who"),
    (r"/api/validate-yaml", "check_card"),
    (r"/api/repos/create", "create"),
    (_KIND + r"(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?", "say_what_there_is"),
    (r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "send_or_redirect"),
    (r"/cdn/(?P<repo>[^/]+/[^/]+)/(?P<file>.+)", "send"),
    (_KIND + r"(?P<repo>[^/]+/[^/]+)/preupload/main", "say_how"),
    (r"/(?:spaces/|datasets/)?[^/]+/[^/]+\.git/info/lfs/objects/batch", "say_where"),
    (r"/api/(?:jobs|spaces)/hardware", "say_prices"),
    (r"/api/jobs/(?P<owner>[^/]+)", "start"),
    (r"/api/jobs/(?P<owner>[^/]+)/(?P<job>[^/]+)", "say_state"),
    (r"/api/jobs/[^/]+/[^/]+/logs", "say_log"),
    (r"/objects/(?P<oid>[0-9a-f]{64})", "take"),
    (r"/verify", "verify"),
    (_KIND + r"(?P<repo>[^/]+/[^/]+)/commit/main", "commit"),
    (_KIND + r"(?P<repo>[^/]+/[^/]+)/hardware", "set_hardware"),
)


class LoopbackHub:
    """Serves `files`, {"owner/name/file": bytes}, at `url` while the `with` block lasts.

    What is committed joins them: of a Space as "spaces/owner/name/file".
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.commit = COMMIT  # what every revision means
        self.revisions: set[str] | None = None  # None: whatever is asked for
        self.library: str | None = None  # of its repositories
        self.sizes: dict[str, int] = {}  # that it announces, where they are not the true ones
        self.ignores_ranges = False
        self.cut: int | None = None  # no body is longer than so many bytes, whatever was announced
        self.wrong_range = False
        self.wrong_hash = False
        self.error: tuple[int, str] | None = None  # status and X-Error-Code of every answer
        self.anonymous = False  # answers like any web server, without X-Repo-Commit
        self.answer: bytes | None = None  # what it says instead of what there is
        self.stalls = False  # sends half of every file, and then nothing until it is closed
        self.silent = False  # takes the question, and does not answer before it is closed
        self.cdn: str | None = None  # where files are redirected to
        self.served = 0  # bytes of bodies
        self.tokens = {"hf_write": "write", "hf_read": "read"}  # whose role is what
        self.refusals: dict[str, tuple[int, str]] = {}  # by method below: status, message
        self.cuts: set[str] = set()  # methods below that hang up in the middle of what is sent
        self.lost: set[str] = set()  # methods below that do it, and never say so
        self.objects: dict[str, bytes] = {}  # uploaded and not yet committed, by SHA-256
        self.private: set[str] = set()  # repositories
        self.made: list[dict[str, object]] = []  # what `create` was asked
        self.hardware: list[dict[str, object]] = []
        self.jobs: list[dict[str, object]] = []
        self.stages = ["COMPLETED"]  # of a job, one for each time it is asked; it stays at the last
        self.ending: str | None = None  # what is said of the last
        self.log: list[str] = []  # what a job prints
        self.on_state: Callable[[], object] = lambda: None  # done when a job's state is asked for
        self.commits: list[list[dict[str, dict[str, str]]]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers

    def __enter__(self) -> "LoopbackHub":
        hub = self
        self.closed = Event()

        class Handler(_Handler):
            def do_HEAD(self) -> None:
                self.answer(hub)

            def do_GET(self) -> None:
                self.answer(hub)

            def do_POST(self) -> None:
                self.answer(hub)

            def do_PUT(self) -> None:
                self.answer(hub)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # so that closing the server waits for them
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def ranges(self) -> list[str]:
        """The ranges asked for, in order."""
        return [headers["range"] for *_, headers in self.requests if "range" in headers]

    def key(self, name: str) -> str:
        """The hash by which a file is known: Git's own, or SHA-256 of what is large."""
        content = self.files[name]
        if self.wrong_hash:
            content = content[::-1]
        if len(content) > _SMALL:
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def size(self, name: str) -> int:
        return self.sizes.get(name, len(self.files[name]))

    def listed(self, name: str, file: str) -> dict[str, object]:
        """What the list of a repository's files says of one of them."""
        about: dict[str, object] = {"rfilename": file, "size": self.size(name)}
        key = self.key(name)
        if len(key) == 40:
            return {**about, "blobId": key}
        return {**about, "blobId": "f" * 40, "lfs": {"sha256": key, "size": 1, "pointerSize": 1}}


def _place(kind: str, repo: str) -> str:
    """Where a repository's files are: a model's under its name alone, as on the Hub."""
    return repo if kind == "models" else f"{kind}/{repo}"


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0, the default: one request a connection, so a closed server answers nobody.

    def answer(self, hub: LoopbackHub) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.requests.append((self.command, self.path, headers))
        if hub.silent:
            hub.closed.wait()
        if hub.error:
            self.refuse(*hub.error)
            return
        path = urlsplit(self.path).path
        for pattern, name in _ROUTES:
            if found := re.fullmatch(pattern, path):
                asked = {k: unquote(v) for k, v in found.groupdict().items() if v is not None}
                if hub.revisions is not None and asked.get("revision", COMMIT) not in (
                    *hub.revisions,
                    hub.commit,
                ):
                    self.refuse(404, "RevisionNotFound")
                elif name in hub.refusals:
                    self.body(hub)
                    status, message = hub.refusals[name]
                    self.refuse(status, "RepoNotFound" if status == 404 else "", message)
                elif name in hub.cuts:
                    self.rfile.read(1 if self.command != "GET" else 0)
                else:
                    getattr(self, name)(hub, **asked)
                return
        self.refuse(404, "")

    def say_what_there_is(
        self, hub: LoopbackHub, repo: str, revision: str = "main", kind: str = "models"
    ) -> None:
        repo = _place(kind, repo)
        files = {n.removeprefix(f"{repo}/"): n for n in hub.files if n.startswith(f"{repo}/")}
        if hub.answer is not None:
            self._send_all(hub, hub.answer, {"Content-Type": "text/html"})
        elif not files:
            self.refuse(401, "RepoNotFound")
        else:
            siblings = [hub.listed(name, file) for file, name in files.items()]
            about = {"id": repo, "modelId": repo, "sha": hub.commit, "siblings": siblings}
            about |= {"library_name": hub.library, "private": repo in hub.private, "tags": []}
            card = hub.files.get(f"{repo}/README.md", b"").decode()
            if licence := re.search(r"^license: (.+)$", card, re.MULTILINE):
                about["cardData"] = {"license": licence[1]}
            self._send_all(hub, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def send_or_redirect(self, hub: LoopbackHub, repo: str, revision: str, file: str) -> None:
        name = f"{repo}/{file}"
        if not hub.cdn or name not in hub.files:
            self.send(hub, repo, file)
            return
        where = {"Location": f"{hub.cdn}/cdn/{name}", "X-Linked-Size": str(hub.size(name))}
        linked = {**where, "X-Linked-Etag": f'"{hub.key(name)}"', "X-Repo-Commit": hub.commit}
        self._say(302, linked)

    def send(self, hub: LoopbackHub, repo: str, file: str) -> None:
        """Send a file, or the range of it that was asked for."""
        name = f"{repo}/{file}"
        if name not in hub.files:
            self.refuse(404, "EntryNotFound")
            return
        content, wanted = hub.files[name], self.headers.get("Range")
        about = {"ETag": f'"{hub.key(name)}"', "Accept-Ranges": "bytes"}
        if not hub.anonymous:
            about["X-Repo-Commit"] = hub.commit
        body, status = content, 200
        if wanted and not hub.ignores_ranges:
            first, last = (int(n or len(content)) for n in wanted.removeprefix("bytes=").split("-"))
            body, status = content[first : last + 1], 206
            first += hub.wrong_range
            about["Content-Range"] = f"bytes {first}-{last}/{hub.size(name)}"
        self._send_all(hub, body, about, status)

    # --- what is sent to it -----------------------------------------------------------------

    def body(self, hub: LoopbackHub) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(pieces)

    def role(self, hub: LoopbackHub) -> str | None:
        return hub.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def say_who(self, hub: LoopbackHub) -> None:
        if role := self.role(hub):
            auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
            self._json(hub, "say_who", {"name": "someone", "orgs": [{"name": "org"}], "auth": auth})
        else:
            self.refuse(401, "", "Invalid credentials in Authorization header")

    def check_card(self, hub: LoopbackHub) -> None:
        """Take a head with a licence that it knows, as the Hub does."""
        text = json.loads(self.body(hub))["content"]
        known = re.search(
            r"^license: (cc-by-4.0|cc-by-sa-4.0|mit|apache-2.0|other)$", text, re.MULTILINE
        )
        errors = [] if known else [{"message": '"license" must be one of [apache-2.0, ...]'}]
        self._json(hub, "check_card", {"errors": errors, "warnings": []}, 200 if known else 400)

    def create(self, hub: LoopbackHub) -> None:
        asked = json.loads(self.body(hub))
        repo = _place(f"{asked.get('type', 'model')}s", f"{asked['organization']}/{asked['name']}")
        if self.role(hub) != "write":
            self.refuse(403, "", "You don't have the rights to create a model")
        elif any(name.startswith(f"{repo}/") for name in hub.files):
            self.refuse(409, "", "You already created this repo")
        else:
            hub.made.append(asked)
            hub.files[f"{repo}/.gitattributes"] = b"*.safetensors filter=lfs"
            if asked.get("visibility") == "private":
                hub.private.add(repo)
            self._json(hub, "create", {"url": f"{hub.url}/{repo}"})

    def say_how(self, hub: LoopbackHub, kind: str, repo: str) -> None:
        def how(file: dict[str, str]) -> dict[str, object]:
            is_large = not file["path"].endswith((".md", ".json", ".py", ".txt"))
            mode = "lfs" if is_large else "regular"
            return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}

        files = json.loads(self.body(hub))["files"]
        self._json(hub, "say_how", {"files": [how(file) for file in files]})

    def say_where(self, hub: LoopbackHub) -> None:
        def where(wanted: dict[str, str]) -> dict[str, object]:
            put = {"href": f"{hub.url}/objects/{wanted['oid']}", "header": {}}
            return {**wanted, "actions": {"upload": put, "verify": {"href": f"{hub.url}/verify"}}}

        wanted = json.loads(self.body(hub))["objects"]
        self._json(hub, "say_where", {"transfer": "basic", "objects": [where(w) for w in wanted]})

    def take(self, hub: LoopbackHub, oid: str) -> None:
        content = self.body(hub)
        if hashlib.sha256(content).hexdigest() != oid:
            self.refuse(400, "", "The hash is another")
        else:
            hub.objects[oid] = content
            self._json(hub, "take", {})

    def verify(self, hub: LoopbackHub) -> None:
        asked = json.loads(self.body(hub))
        is_there = len(hub.objects.get(asked["oid"], b"")) == asked["size"]
        self._json(hub, "verify", {}, 200 if is_there else 404)

    def commit(self, hub: LoopbackHub, kind: str, repo: str) -> None:
        """Take all of a commit, or none of it."""
        body, place = self.body(hub), _place(kind, repo)
        lines = [json.loads(line) for line in body.splitlines()]
        if lines[0]["value"].get("parentCommit", hub.commit) != hub.commit:
            self.refuse(412, "", "A commit has happened since")
            return
        files = dict(hub.files)
        for line in lines[1:]:
            value, name = line["value"], f"{place}/{line['value']['path']}"
            if line["key"] == "file":
                files[name] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[name] = hub.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[name]
        hub.files, hub.commit = files, hashlib.sha1(body).hexdigest()
        hub.commits.append(lines)
        url = f"{hub.url}/{place}/commit/{hub.commit}"
        self._json(hub, "commit", {"success": True, "commitOid": hub.commit, "commitUrl": url})

    def set_hardware(self, hub: LoopbackHub, kind: str, repo: str) -> None:
        hub.hardware.append(json.loads(self.body(hub)))
        runtime = {"stage": "BUILDING", "hardware": {"current": None, "requested": "x"}}
        self._json(hub, "set_hardware", runtime)

    def say_prices(self, hub: LoopbackHub) -> None:
        about = {"prettyName": "Nvidia T4", "cpu": "4 vCPU", "ram": "15 GB", "unitLabel": "minute"}
        gpu = {"type": "gpu", "model": "T4", "quantity": "1", "vram": "16 GB"}
        gpu["manufacturer"] = "Nvidia"
        prices = {"unitCostMicroUSD": 6667, "unitCostUSD": 0.006667, "ephemeralStorage": "50 GB"}
        machine = {"name": "t4-small", "accelerator": gpu, **about, **prices}
        free = {"unitCostMicroUSD": 0, "unitCostUSD": 0.0, "accelerator": None}
        self._json(hub, "say_prices", [machine, {**machine, "name": "cpu-upgrade", **free}])

    def start(self, hub: LoopbackHub, owner: str) -> None:
        hub.jobs.append(json.loads(self.body(hub)) | {"for": owner})
        self._json(hub, "start", self.job(owner, "687fb701029421ae5549d998", "SCHEDULING"))

    def say_state(self, hub: LoopbackHub, owner: str, job: str) -> None:
        hub.on_state()
        stage = hub.stages.pop(0) if len(hub.stages) > 1 else hub.stages[0]
        message = hub.ending if stage == hub.stages[-1] else None
        self._json(hub, "say_state", self.job(owner, job, stage, message))

    def job(self, owner: str, name: str, stage: str, message: str | None = None) -> object:
        whose = {"id": "1", "name": owner, "type": "user"}
        return {"id": name, "status": {"stage": stage, "message": message}, "owner": whose}

    def say_log(self, hub: LoopbackHub) -> None:
        """All of it from the beginning, as server-sent events."""
        lines = ({"data": text, "timestamp": "2026-01-01T00:00:00Z"} for text in hub.log)
        body = "".join(f"data: {json.dumps(line)}\n\n" for line in lines).encode()
        self._send_all(hub, body, {"Content-Type": "text/event-stream"})

    def _json(self, hub: LoopbackHub, name: str, said: object, status: int = 200) -> None:
        if name not in hub.lost:
            about = {"Content-Type": "application/json"}
            body = json.dumps(said).encode()
            self._say(status, {**about, "Content-Length": str(len(body))})
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str = "") -> None:
        about = {"X-Error-Code": code, "X-Repo-Commit": COMMIT}
        self._say(status, about | ({"X-Error-Message": message} if message else {}))

    def _send_all(
        self, hub: LoopbackHub, body: bytes, about: dict[str, str], status: int = 200
    ) -> None:
        self._say(status, {**about, "Content-Length": str(len(body))})
        if self.command == "GET":
            if "ETag" in about:  # a file
                body = body[: len(body) // 2 if hub.stalls else hub.cut]
            for start in range(0, len(body), 65536):
                piece = body[start : start + 65536]
                hub.served += len(piece)
                try:
                    self.wfile.write(piece)
                except ConnectionError:  # who asked has what they wanted
                    return
            if hub.stalls and "ETag" in about:
                hub.closed.wait()

    def _say(self, status: int, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
        except ConnectionError:  # who asked has given up
            return

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
