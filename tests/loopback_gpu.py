"""ZeroGPU's scheduler on this machine: what `spaces` asks before a call, and after it.

It has no GPU to lend. `spaces` is answered as if there were one, so that it forks, and tells which
process is to have it; what it then does to the GPU itself, the tests must leave out.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class LoopbackGpu:
    """Lends at `url` while the `with` block lasts, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []  # route, parameters
        self.turns_left: int | None = None  # before the quota is used up; None: it never is
        self.is_kept = False  # whether a process keeps the GPU for the next call

    def calls(self, route: str) -> list[dict[str, str]]:
        """What was asked at a route: "schedule", "allow", "release", "startup-report"."""
        return [parameters for name, parameters in self.asked if name == route]

    def answer(self, route: str) -> tuple[int, dict[str, Any]]:
        if route != "schedule":
            return 200, {}
        if self.turns_left == 0:
            return 429, {"left": 3, "wait": 3600}
        if self.turns_left is not None:
            self.turns_left -= 1
        lent = {"nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "token"}
        return 200, {"idle": self.is_kept, **lent}

    def __enter__(self) -> "LoopbackGpu":
        gpu = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                route = parts.path.strip("/")
                gpu.asked.append((route, dict(parse_qsl(parts.query))))
                status, told = gpu.answer(route)
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
