"""Feeds on loopback whose answers a test sets: numbers, lies, failures, and no answer at all."""

import http.server
import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

HANG_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Answer:
    """What GET of one path gives: {"value": …, "time": …}, or another status, or nothing before it is released."""

    value: Any = None
    status: int = 200
    age_seconds: float = 0.0
    hangs: bool = False


class FakeFeeds:
    """Serves until it is closed. `asked` counts the requests for each path."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._changed = threading.Condition()
        self.asked: dict[str, int] = {}
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="feeds")
        self._thread.start()

    def url(self, path: str) -> str:
        """Address of a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{path}"

    def say(self, path: str, value: Any, **answer: Any) -> None:
        """From now on `path` answers with this value; what hangs is released."""
        self._set(path, Answer(value, **answer))

    def fail(self, path: str, status: int) -> None:
        """From now on `path` answers with this HTTP status."""
        self._set(path, Answer(status=status))

    def hang(self, path: str) -> None:
        """From now on `path` accepts connections and does not answer."""
        self._set(path, Answer(hangs=True))

    def close(self) -> None:
        """Stop answering, and let go of what hangs."""
        with self._changed:
            self._answers.clear()
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _set(self, path: str, answer: Answer) -> None:
        with self._changed:
            self._answers[path] = answer
            self._changed.notify_all()

    def _await(self, path: str) -> Answer:
        """The answer to give, once there is one."""
        with self._changed:
            self.asked[path] = self.asked.get(path, 0) + 1
            hanging = self._answers.get(path)
            if hanging is not None and hanging.hangs:
                self._changed.wait_for(lambda: self._answers.get(path) is not hanging, HANG_SECONDS)
            return self._answers.get(path, Answer(status=404))

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        feeds = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = feeds._await(self.path.lstrip("/"))
                document = {"value": answer.value, "time": time.time() - answer.age_seconds}
                content = json.dumps(document).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that gave up is no error here."""
