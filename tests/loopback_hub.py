"""A Hub on this machine: the routes of a download, and the ways in which they go wrong.

It answers the real client, `huggingface_hub`, as far as the tests need it. Another route is a line
in `_ROUTES` and a method.
"""

import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_SMALL = 1000  # bytes; what is larger is kept by its SHA-256, as with Git LFS
_ROUTES = (
    (r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?", "say_what_there_is"),
    (r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "send_or_redirect"),
    (r"/cdn/(?P<repo>[^/]+/[^/]+)/(?P<file>.+)", "send"),
)


class LoopbackHub:
    """Serves `files`, {"owner/name/file": bytes}, at `url` while the `with` block lasts."""

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
        self.requests: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers

    def __enter__(self) -> "LoopbackHub":
        hub = self
        self.closed = Event()

        class Handler(_Handler):
            def do_HEAD(self) -> None:
                self.answer(hub)

            def do_GET(self) -> None:
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
                else:
                    getattr(self, name)(hub, **asked)
                return
        self.refuse(404, "")

    def say_what_there_is(self, hub: LoopbackHub, repo: str, revision: str = "main") -> None:
        files = {n.removeprefix(f"{repo}/"): n for n in hub.files if n.startswith(f"{repo}/")}
        if hub.answer is not None:
            self._send_all(hub, hub.answer, {"Content-Type": "text/html"})
        elif not files:
            self.refuse(401, "RepoNotFound")
        else:
            siblings = [hub.listed(name, file) for file, name in files.items()]
            about = {"id": repo, "modelId": repo, "sha": hub.commit, "siblings": siblings}
            about |= {"library_name": hub.library, "private": False, "tags": []}
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

    def refuse(self, status: int, code: str) -> None:
        self._say(status, {"X-Error-Code": code, "X-Repo-Commit": COMMIT})

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
