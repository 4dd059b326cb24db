"""The local HTTP feed: every number of the current step as a JSON document, stamped with the wall clock."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Mapping


class FeedServer:
    """Answers GET /NAME with {"value": number, "time": Unix seconds} until it is closed."""

    def __init__(self, values: Mapping[str, Callable[[], float]]) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(values))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="feeds")
        self._thread.start()

    @property
    def url(self) -> str:
        """Address to put a feed's name behind."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _handler(values: Mapping[str, Callable[[], float]]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            read = values.get(self.path.lstrip("/"))
            if read is None:
                self._answer(404, {"error": f"no such feed; there are {', '.join(sorted(values))}"})
            else:
                self._answer(200, {"value": read(), "time": round(time.time(), 3)})

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal belongs to the table."""

        def _answer(self, status: int, document: Mapping[str, object]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
