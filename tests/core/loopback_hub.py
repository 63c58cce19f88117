"""A Hub on this machine: the routes of a download, and the ways in which they go wrong."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class LoopbackHub:
    """Serves `files`, {"owner/name/file": bytes}, at `url` while the `with` block lasts."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.ignores_ranges = False
        self.cut: int | None = None  # no body is longer than so many bytes, whatever was announced
        self.wrong_range = False
        self.error: tuple[int, str] | None = None  # status and X-Error-Code of every answer
        self.anonymous = False  # answers like any web server, without X-Repo-Commit
        self.cdn: str | None = None  # where files are redirected to
        self.served = 0  # bytes of bodies
        self.requests: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers

    def __enter__(self) -> "LoopbackHub":
        hub = self

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
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def ranges(self) -> list[str]:
        """The ranges asked for, in order."""
        return [headers["range"] for *_, headers in self.requests if "range" in headers]


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0, the default: one request a connection, so a closed server answers nobody.

    def answer(self, hub: LoopbackHub) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.requests.append((self.command, self.path, headers))
        found = re.fullmatch(r"/(.+?)/resolve/[^/]+/(.+)|/cdn/(.+)", self.path)
        name = found and (found[3] or f"{found[1]}/{found[2]}")
        if hub.error:
            self._say(hub.error[0], {"X-Error-Code": hub.error[1], "X-Repo-Commit": COMMIT})
        elif name not in hub.files:
            self._say(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        elif hub.cdn and not found[3]:
            size = str(len(hub.files[name]))
            where = {"Location": f"{hub.cdn}/cdn/{name}", "X-Linked-Size": size}
            self._say(302, {**where, "X-Linked-Etag": '"large"', "X-Repo-Commit": COMMIT})
        else:
            self._send(hub, hub.files[name], headers.get("range"))

    def _send(self, hub: LoopbackHub, content: bytes, wanted: str | None) -> None:
        about = {"ETag": '"small"', "Accept-Ranges": "bytes"}
        if not hub.anonymous:
            about["X-Repo-Commit"] = COMMIT
        body, status = content, 200
        if wanted and not hub.ignores_ranges:
            first, last = map(int, wanted.removeprefix("bytes=").split("-"))
            body, status = content[first : last + 1], 206
            first += hub.wrong_range
            about["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._say(status, {**about, "Content-Length": str(len(body))})
        if self.command == "GET":
            body = body[: hub.cut]
            for start in range(0, len(body), 65536):
                piece = body[start : start + 65536]
                hub.served += len(piece)
                try:
                    self.wfile.write(piece)
                except ConnectionError:  # who asked has what they wanted
                    return

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
